/**
 * Signaling and Transport in memory keep their contracts, and a cut network behaves as one.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { signalingConformance } from "../../src/testing/Signaling.ts"
import { transportConformance } from "../../src/testing/Transport.ts"

signalingConformance("Memory", {
  network: MemoryNetworkLayer.layer,
  layer: SignalingMemory.layer.pipe(Layer.provide(CryptoNode.layer)),
  line: {
    cut: Effect.flatMap(MemoryNetwork, (network) => network.cut("reset")),
    heal: Effect.flatMap(MemoryNetwork, (network) => network.heal)
  }
})

transportConformance("Memory", { network: MemoryNetworkLayer.layer, layer: TransportMemory.layer })

const id = (n: number) => new Uint8Array(16).fill(n)

describe("MemoryNetwork", () => {
  it.effect("a silent cut holds back what is written, ends nothing, and loses nothing", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const [a, b] = yield* Effect.all([network.meet(id(1)), network.meet(id(1))], { concurrency: 2 })
      const writer = yield* a!.writer
      const reader = yield* b!.reader
      yield* network.cut("silent")
      yield* writer.write(Uint8Array.of(1))
      const pulling = yield* Effect.forkChild(reader.pull)
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(pulling.pollUnsafe())
      yield* network.heal
      assert.deepStrictEqual(yield* Fiber.join(pulling), [Uint8Array.of(1)])
    })
  )

  it.effect("a reset ends every connection and lets nobody meet until it heals", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const [a] = yield* Effect.all([network.meet(id(1)), network.meet(id(1))], { concurrency: 2 })
      const reader = yield* a!.reader
      yield* network.cut("reset")
      assert.strictEqual((yield* Effect.flip(reader.pull)).message, "1006")
      assert.strictEqual((yield* Effect.flip(network.meet(id(2))))._tag, "ConnectFailed")
      yield* network.heal
      yield* Effect.all([network.meet(id(3)), network.meet(id(3))], { concurrency: 2 })
    })
  )

  it.effect("whom nobody meets is told so after 30 s, and the id is free again", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const alone = yield* Effect.forkChild(Effect.flip(Effect.scoped(network.meet(id(1)))))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(alone))._tag, "ConnectFailed")
      yield* Effect.all([network.meet(id(1)), network.meet(id(1))], { concurrency: 2 })
    })
  )

  it.effect("nothing stays open when everybody has gone", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      yield* Effect.scoped(
        Effect.gen(function* () {
          const place = yield* network.join(id(9), "a")
          yield* network.join(id(9), "b")
          yield* Queue.take(place.events)
          yield* Effect.all([network.meet(id(1)), network.meet(id(1))], { concurrency: 2 })
          assert.strictEqual(yield* network.open, 4)
        })
      )
      assert.strictEqual(yield* network.open, 0)
    })
  )
})
