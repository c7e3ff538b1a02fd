/**
 * What every Peer has, over the platform and the swarm that its assembly gives: spaces, and actors that other devices reach.
 */
import * as Layer from "effect/Layer"
import type { IdentityStore as Identities } from "../../services/halo/IdentityStore.ts"
import type { OperationStore as Operations } from "../../services/halo/OperationStore.ts"
import type { Swarm } from "../../services/mesh/Swarm.ts"
import type { PeerServices } from "../../services/peer/Peer.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import type { Keyring } from "../../services/platform/Keyring.ts"
import type { Storage, StorageError } from "../../services/platform/Storage.ts"
import * as Supervisor from "../actor/Supervisor.ts"
import * as FeedStore from "../echo/FeedStore.ts"
import * as Replicator from "../echo/Replicator.ts"
import * as SpaceService from "../echo/SpaceService.ts"
import * as Entrance from "../halo/Entrance.ts"
import * as IdentityService from "../halo/IdentityService.ts"
import * as IdentityStore from "../halo/IdentityStore.ts"
import * as OperationStore from "../halo/OperationStore.ts"
import * as Device from "./Device.ts"
import * as PeerLayer from "./Peer.ts"
import * as PeerActors from "./PeerActors.ts"

export interface Options extends SpaceService.Options {
  /** Loads the module `ActorCalling`. */
  readonly calling: Parameters<typeof PeerActors.layerConnected>[0]
}

export const layer = (
  options: Options
): Layer.Layer<PeerServices | Identities | Operations, StorageError, Swarm | Storage | Crypto | Keyring> =>
  PeerLayer.layer.pipe(
    Layer.provide(Layer.provideMerge(IdentityService.layer(options), SpaceService.layer(options))),
    Layer.provide(Layer.mergeAll(FeedStore.layer, Replicator.layer, Supervisor.layer)),
    Layer.provide(Entrance.layer),
    Layer.provideMerge(Layer.provideMerge(IdentityStore.layer, OperationStore.layer)),
    Layer.merge(PeerActors.layerConnected(options.calling)),
    Layer.provide(Device.layer)
  )
