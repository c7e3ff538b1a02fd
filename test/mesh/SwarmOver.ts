/** The swarm of a device with a key of its own, at a network in memory. */
import * as Layer from "effect/Layer"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"

export const swarmOver = (network: MemoryNetwork["Service"]) =>
  SwarmLayer.layer.pipe(
    Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)),
    Layer.provideMerge(KeyringMemory.layer),
    Layer.provide(CryptoNode.layer),
    Layer.provide(Layer.succeed(MemoryNetwork, network))
  )
