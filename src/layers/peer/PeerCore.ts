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
import type { Lying } from "../../services/simulation/Lying.ts"
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
  /** Of a peer of a simulated world that lies: what stands around its services. */
  readonly lying?: Lying
}

export const layer = (
  options: Options
): Layer.Layer<PeerServices | Identities | Operations, StorageError, Swarm | Storage | Crypto | Keyring> => {
  const { lying } = options
  const operations = lying ? Layer.provide(lying.operations, OperationStore.layer) : OperationStore.layer
  const entrance = lying ? Layer.provide(lying.entrance, Entrance.layer) : Entrance.layer
  const replicator = lying ? Layer.provide(lying.replicator, Replicator.layer) : Replicator.layer
  return PeerLayer.layer.pipe(
    Layer.provide(Layer.provideMerge(IdentityService.layer(options), SpaceService.layer(options))),
    Layer.provide(Layer.mergeAll(FeedStore.layer, replicator, Supervisor.layer)),
    Layer.provide(entrance),
    Layer.provideMerge(Layer.provideMerge(IdentityStore.layer, operations)),
    Layer.merge(PeerActors.layerConnected(options.calling)),
    Layer.provide(Device.layer)
  )
}
