/**
 * A Peer in a simulated world: the same layers as anywhere, over the world's disk, network and cryptography.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MemoryNetwork } from "../../services/mesh/MemoryNetwork.ts"
import { BootCounter, type Counter } from "../../services/platform/BootCounter.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { Storage, type StorageError } from "../../services/platform/Storage.ts"
import type { Lying } from "../../services/simulation/Lying.ts"
import type { LifeServices } from "../../services/simulation/World.ts"
import * as ActorCalling from "../actor/ActorCalling.ts"
import * as Connection from "../mesh/Connection.ts"
import * as SignalingMemory from "../mesh/SignalingMemory.ts"
import * as Swarm from "../mesh/Swarm.ts"
import * as TransportMemory from "../mesh/TransportMemory.ts"
import * as KeyringStorage from "../platform/KeyringStorage.ts"
import * as PeerCore from "./PeerCore.ts"

export interface Options {
  readonly storage: Storage["Service"]
  readonly starts: Counter
  readonly network: MemoryNetwork["Service"]
  readonly crypto: Crypto["Service"]
  readonly lying: Lying | null
}

export const layer = ({ crypto, lying, network, starts, storage }: Options): Layer.Layer<LifeServices, StorageError> =>
  PeerCore.layer({ urls: [], calling: Effect.succeed(ActorCalling), ...(lying === null ? {} : { lying }) }).pipe(
    Layer.provide(Swarm.layer),
    Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)),
    Layer.provideMerge(KeyringStorage.layer),
    Layer.provideMerge(
      Layer.mergeAll(
        Layer.succeed(Storage, storage),
        Layer.succeed(BootCounter, starts),
        Layer.succeed(Crypto, crypto),
        Layer.succeed(MemoryNetwork, network)
      )
    )
  )
