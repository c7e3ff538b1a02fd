/**
 * The network and the disk of a world keep the contracts that those outside keep, so that what holds in it may hold elsewhere.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as World from "../../src/layers/simulation/World.ts"
import { Stream } from "../../src/schema/simulation/Seed.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { Crypto } from "../../src/services/platform/Crypto.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { signalingConformance } from "../../src/testing/Signaling.ts"
import { rules } from "../../src/testing/StorageRules.ts"
import { transportConformance } from "../../src/testing/Transport.ts"
import { networkOfWorld, worldOf } from "./worlds.ts"

const keys = new Stream(1)
const crypto = Layer.succeed(Crypto, CryptoNode.make({ random: (length) => keys.bytes(length) }))

signalingConformance("in a world", {
  network: networkOfWorld,
  layer: SignalingMemory.layer.pipe(Layer.provide(crypto)),
  line: {
    cut: Effect.flatMap(MemoryNetwork, (network) => network.cut("reset")),
    heal: Effect.flatMap(MemoryNetwork, (network) => network.heal)
  },
  within: worldOf
})

transportConformance("in a world", { network: networkOfWorld, layer: TransportMemory.layer, within: worldOf })

describe("Storage: in a world", () => {
  for (const [title, check] of rules) {
    it.live(title, () =>
      World.run({ peers: [], seed: title, limit: "24 hours" }, (world) =>
        Effect.provideService(check, Storage, world.disk("one").storage)
      )
    )
  }
})
