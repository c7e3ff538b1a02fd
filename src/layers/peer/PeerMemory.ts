/**
 * A Peer that keeps nothing and reaches the peers of its own process: for tests, benches, and programs that try something out.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MemoryNetwork } from "../../services/mesh/MemoryNetwork.ts"
import { Peer, type PeerServices } from "../../services/peer/Peer.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import * as Connection from "../mesh/Connection.ts"
import * as SignalingMemory from "../mesh/SignalingMemory.ts"
import * as Swarm from "../mesh/Swarm.ts"
import * as TransportMemory from "../mesh/TransportMemory.ts"
import * as CryptoNode from "../platform/CryptoNode.ts"
import * as KeyringMemory from "../platform/KeyringMemory.ts"
import * as StorageMemory from "../platform/StorageMemory.ts"
import * as PeerCalling from "./PeerCalling.ts"
import * as PeerCore from "./PeerCore.ts"

/** A Peer in memory, and actors beside it. Peers that share a `MemoryNetwork` find each other. */
export const layer: Layer.Layer<PeerServices, StorageError, MemoryNetwork> = PeerCore.layer({
  urls: [],
  calling: PeerCalling.load
}).pipe(
  Layer.provide(Swarm.layer),
  Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)),
  Layer.provide(KeyringMemory.layer),
  Layer.provide(Layer.merge(StorageMemory.layer, CryptoNode.layer))
)

/** Such a Peer as a scoped value, without actors, for a program that holds several peers. */
export const open: Effect.Effect<Peer["Service"], StorageError, MemoryNetwork | Scope.Scope> = Effect.map(
  Layer.build(Layer.fresh(layer)),
  (services) => Context.get(services, Peer)
)
