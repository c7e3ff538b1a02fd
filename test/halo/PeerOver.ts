/**
 * Peers over a storage that outlasts them, alone or among the others of a network in memory: for tests that restart a device, copy its
 * folder, or let its storage hang.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as Swarm from "../../src/layers/mesh/Swarm.ts"
import * as SwarmOffline from "../../src/layers/mesh/SwarmOffline.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as PeerCalling from "../../src/layers/peer/PeerCalling.ts"
import * as PeerCore from "../../src/layers/peer/PeerCore.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../../src/layers/platform/KeyringStorage.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import type { Swarm as SwarmService } from "../../src/services/mesh/Swarm.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { Storage } from "../../src/services/platform/Storage.ts"

/** Among the peers of a network in memory. */
const connected = Swarm.layer.pipe(
  Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)),
  Layer.provide(CryptoNode.layer)
)

const layerOver = <E, R>(storage: Storage["Service"], swarm: Layer.Layer<SwarmService, E, R>) =>
  PeerCore.layer({ urls: [], calling: PeerCalling.load }).pipe(
    Layer.provide(swarm),
    Layer.provide(KeyringStorage.layer),
    Layer.provide(Layer.merge(Layer.succeed(Storage, storage), CryptoNode.layer))
  )

/** A peer over a storage, which nobody else can reach, until the scope ends. */
export const aloneOver = (storage: Storage["Service"]) =>
  Effect.map(Layer.build(Layer.fresh(layerOver(storage, SwarmOffline.layer))), (services) => Context.get(services, Peer))

/** The same among others. */
export const peerOver = (storage: Storage["Service"]) =>
  Effect.map(Layer.build(Layer.fresh(layerOver(storage, connected))), (services) => Context.get(services, Peer))

/** A storage that answers nothing while its gate is closed. */
export const hanging = Effect.map(Latch.make(true), (gate) => {
  const inner = StorageMemory.make()
  const storage = Storage.make({
    getMany: (keys) => Effect.andThen(gate.await, inner.getMany(keys)),
    range: (range) => Effect.andThen(gate.await, inner.range(range)),
    write: (batch, options) => Effect.andThen(gate.await, inner.write(batch, options))
  })
  return { storage, gate }
})
