/**
 * The routes of a KUBE in virtual time: who is silent, who waits in vain, who asks too fast.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as KubeRelay from "../../src/layers/kube/KubeRelay.ts"
import * as KubeSignaling from "../../src/layers/kube/KubeSignaling.ts"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import { encodeAsked } from "../../src/schema/mesh/SignalingFrame.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { elapse } from "../mesh/Elapse.ts"

/** A wire over a pipe in memory, and the client's end of it. */
const wired = Effect.fnUntraced(function* (name: number) {
  const network = yield* MemoryNetwork.make
  const id = new Uint8Array(16).fill(name)
  const [here, there] = yield* Effect.all([network.meet(id), network.meet(id)], { concurrency: 2 })
  const [reader, writer] = [yield* here!.reader, yield* here!.writer]
  const [clientReader, clientWriter] = [yield* there!.reader, yield* there!.writer]
  const heard: Array<Uint8Array | string> = []
  const closed = yield* clientReader.pull.pipe(
    Effect.map((frames) => heard.push(...frames)),
    Effect.forever,
    Effect.flip,
    Effect.map(({ reason }) => (reason._tag === "SocketCloseError" ? reason.code : -1)),
    Effect.forkScoped
  )
  return { wire: { pull: reader.pull, write: writer.write, gone: Effect.never }, write: clientWriter.write, heard, closed }
})
const peer = (n: number) => n.toString(16).padStart(32, "0")
const join = (seat: number, n: number, secret = n) =>
  encodeAsked({ _tag: "Join", seat, topic: new Uint8Array(32), peer: peer(n), secret: peer(secret) })

describe("KubeSignaling", () => {
  it.effect("misses a line that is silent for 60 to 90 s, and keeps one that pings", () =>
    Effect.gen(function* () {
      const { counts, serve } = KubeSignaling.make()
      const [silent, alive] = [yield* wired(1), yield* wired(2)]
      yield* Effect.forkScoped(Effect.scoped(serve(silent.wire)))
      yield* Effect.forkScoped(Effect.scoped(serve(alive.wire)))
      yield* silent.write(join(0, 1))
      yield* alive.write(join(0, 2))
      yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(Effect.sleep("30 seconds"), alive.write(encodeAsked({ _tag: "Ping" }))))
      )
      yield* elapse("59 seconds")
      assert.strictEqual(counts().lines, 2)
      yield* elapse("32 seconds")
      assert.strictEqual(yield* Fiber.join(silent.closed), 1001)
      assert.strictEqual(counts().lines, 1)
      yield* elapse("5 minutes")
      assert.strictEqual(counts().lines, 1)
      assert.isTrue(
        alive.heard.some((frame) => typeof frame !== "string" && frame[1] === 7),
        "it is told who left"
      )
    })
  )

  it.effect("reads no more than 5 joins and 50 signals a second, after a burst", () =>
    Effect.gen(function* () {
      const { serve } = KubeSignaling.make()
      const [a, b] = [yield* wired(1), yield* wired(2)]
      yield* Effect.forkScoped(Effect.scoped(serve(a.wire)))
      yield* Effect.forkScoped(Effect.scoped(serve(b.wire)))
      yield* b.write(join(0, 2))
      yield* elapse("1 second")
      for (let seat = 0; seat < 60; seat++) yield* a.write(join(seat, 100 + seat))
      const joined = () => b.heard.filter((frame) => typeof frame !== "string" && frame[1] === 6).length
      yield* elapse("100 millis")
      assert.strictEqual(joined(), 50)
      yield* elapse("1 second")
      assert.isAtMost(Math.abs(joined() - 55), 1)
      yield* elapse("1 second")
      assert.strictEqual(joined(), 60)
      const flood = yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 600 }), () =>
          a.write(encodeAsked({ _tag: "Signal", seat: 0, peer: peer(2), payload: new Uint8Array(10) }))
        )
      )
      const signals = () => b.heard.filter((frame) => typeof frame !== "string" && frame[1] === 2).length
      yield* elapse("100 millis")
      assert.isAtMost(Math.abs(signals() - 505), 5)
      yield* elapse("3 seconds")
      assert.strictEqual(signals(), 600)
      yield* Fiber.join(flood)
    })
  )
})

describe("KubeRelay", () => {
  const meeting = "ab".repeat(16)

  it.effect("an end that waits alone is closed after 30 s", () =>
    Effect.gen(function* () {
      const { counts, serve } = KubeRelay.make()
      const alone = yield* wired(1)
      yield* Effect.forkScoped(Effect.scoped(serve(alone.wire, meeting)))
      yield* elapse("29 seconds")
      assert.deepStrictEqual(counts(), { waiting: 1, paired: 0 })
      yield* elapse("2 seconds")
      assert.strictEqual(yield* Fiber.join(alone.closed), 1008)
      assert.deepStrictEqual(counts(), { waiting: 0, paired: 0 })
    })
  )

  it.effect("a pair in which nobody speaks for 90 to 120 s is closed, and one that pings is kept", () =>
    Effect.gen(function* () {
      const { counts, serve } = KubeRelay.make()
      const [a, b] = [yield* wired(1), yield* wired(2)]
      yield* Effect.forkScoped(Effect.scoped(serve(a.wire, meeting)))
      yield* Effect.forkScoped(Effect.scoped(serve(b.wire, meeting)))
      const pings = yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(Effect.sleep("30 seconds"), a.write(Uint8Array.of(1))))
      )
      yield* elapse("10 minutes")
      assert.strictEqual(counts().paired, 1)
      assert.deepStrictEqual(b.heard.slice(0, 2), [encode([0]), Uint8Array.of(1)])
      yield* Fiber.interrupt(pings)
      yield* elapse("85 seconds")
      assert.strictEqual(counts().paired, 1)
      yield* elapse("40 seconds")
      assert.strictEqual(counts().paired, 0)
      assert.strictEqual(yield* Fiber.join(b.closed), 1001)
    })
  )
})
