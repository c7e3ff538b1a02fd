/**
 * The routes of a KUBE in virtual time: who is silent, who waits in vain, who asks too fast.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
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
  const wire = { address: `10.0.0.${name}`, pull: reader.pull, write: writer.write, gone: Effect.never }
  return { wire, write: clientWriter.write, heard, closed }
})
const peer = (n: number) => n.toString(16).padStart(32, "0")
const join = (seat: number, n: number, topic = 0) =>
  encodeAsked({ _tag: "Join", seat, topic: new Uint8Array(32).fill(topic), peer: peer(n), secret: peer(n) })

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
      for (let seat = 0; seat < 60; seat++) yield* a.write(join(seat, 100 + seat, seat))
      const joined = () => a.heard.filter((frame) => typeof frame !== "string" && frame[1] === 5).length
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

describe("KubeSignaling, and a client that reads slowly or not at all", () => {
  const signal = (to: number, length: number) =>
    encodeAsked({ _tag: "Signal", seat: 0, peer: peer(to), payload: new Uint8Array(length) })
  const isOf = (type: number) => (frame: Uint8Array | string) => typeof frame !== "string" && frame[1] === type

  it.effect("strangers who send it all they can do not cost it the line, and their signals are lost", () =>
    Effect.gen(function* () {
      const { counts, serve } = KubeSignaling.make()
      const bob = yield* wired(1)
      const gate = yield* Deferred.make<void>()
      yield* Effect.forkScoped(Effect.scoped(serve({ ...bob.wire, write: (frame) => slowly(gate, bob.wire.write(frame)) })))
      yield* bob.write(join(0, 1))
      yield* elapse("100 millis")
      const strangers = yield* Effect.forEach([2, 3, 4, 5, 6, 7, 8, 9], wired)
      for (const [i, eve] of strangers.entries()) {
        yield* Effect.forkScoped(Effect.scoped(serve(eve.wire)))
        yield* eve.write(join(0, 100 + i))
      }
      yield* elapse("100 millis")
      for (const eve of strangers)
        yield* Effect.forkScoped(Effect.forEach(Array.from({ length: 100 }), () => eve.write(signal(1, 60_000))))
      yield* elapse("5 seconds")
      assert.strictEqual(counts().lines, 9)
      yield* bob.write(encodeAsked({ _tag: "Ping" }))
      yield* Deferred.succeed(gate, undefined)
      yield* elapse("5 seconds")
      assert.strictEqual(counts().lines, 9)
      assert.lengthOf(bob.heard.filter(isOf(4)), 1, "its Ping is answered")
      const heard = bob.heard.filter(isOf(2)).length
      assert.isAtLeast(heard, 8)
      assert.isAtMost(heard, 24)
      yield* strangers[0]!.write(signal(1, 3))
      yield* elapse("1 second")
      assert.lengthOf(bob.heard.filter(isOf(2)), heard + 1)
    })
  )

  it.effect("of strangers who come and go it is told the outcome, when there were too many to tell of each", () =>
    Effect.gen(function* () {
      const { serve } = KubeSignaling.make()
      const bob = yield* wired(1)
      const gate = yield* Deferred.make<void>()
      yield* Effect.forkScoped(Effect.scoped(serve({ ...bob.wire, write: (frame) => slowly(gate, bob.wire.write(frame)) })))
      yield* bob.write(join(0, 1))
      for (let n = 2; n < 62; n++) {
        const eve = yield* wired(n)
        yield* Effect.forkScoped(Effect.scoped(serve(eve.wire)))
        for (let i = 0; i < 50; i++) {
          yield* eve.write(join(0, 1_000 * n + i))
          if (i < 49) yield* eve.write(encodeAsked({ _tag: "Leave", seat: 0 }))
        }
        yield* elapse("100 millis")
      }
      yield* Deferred.succeed(gate, undefined)
      yield* elapse("1 second")
      const told = bob.heard.filter((frame) => typeof frame !== "string")
      assert.isBelow(told.length, 4_000)
      assert.deepStrictEqual(told.slice(-1), [
        encode([5, 0, Array.from({ length: 60 }, (_, i) => idBytes(1_000 * (i + 2) + 49))])
      ])
    })
  )

  it.effect("who takes nothing for 60 to 90 s is dropped, and so is who does not read its own answers", () =>
    Effect.gen(function* () {
      const { counts, serve } = KubeSignaling.make()
      const [deaf, greedy] = [yield* wired(1), yield* wired(2)]
      const never = { write: () => Effect.never }
      yield* Effect.forkScoped(Effect.scoped(serve({ ...deaf.wire, ...never })))
      yield* deaf.write(join(0, 1))
      const ping = encodeAsked({ _tag: "Ping" })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("20 seconds"), deaf.write(ping))))
      yield* elapse("55 seconds")
      assert.strictEqual(counts().lines, 1)
      yield* elapse("40 seconds")
      assert.strictEqual(counts().lines, 0)
      yield* Effect.forkScoped(Effect.scoped(serve({ ...greedy.wire, ...never })))
      yield* greedy.write(join(0, 2, 1))
      yield* elapse("1 second")
      assert.strictEqual(counts().lines, 1)
      yield* Effect.forkScoped(Effect.forEach(Array.from({ length: 20_000 }), () => greedy.write(ping)))
      yield* elapse("3 seconds")
      assert.strictEqual(counts().lines, 0)
    })
  )

  it.effect("one address has its share of a topic, and the next one the rest", () =>
    Effect.gen(function* () {
      const { serve } = KubeSignaling.make({ addressSeatsMax: 6 })
      const eves = [yield* wired(1), yield* wired(2)]
      for (const [n, eve] of eves.entries()) {
        yield* Effect.forkScoped(Effect.scoped(serve({ ...eve.wire, address: "10.0.0.1" })))
        for (let seat = 0; seat < 5; seat++) yield* eve.write(join(seat, 10 * n + seat))
        yield* elapse("100 millis")
      }
      assert.deepStrictEqual(
        eves.map((eve) => eve.heard.filter(isOf(8))),
        [[encode([8, 4, 4])], [encode([8, 2, 4]), encode([8, 3, 4]), encode([8, 4, 4])]]
      )
      const dave = yield* wired(3)
      yield* Effect.forkScoped(Effect.scoped(serve(dave.wire)))
      yield* dave.write(join(0, 99))
      yield* elapse("100 millis")
      assert.lengthOf(dave.heard.filter(isOf(5)), 1)
    })
  )
})

const idBytes = (n: number) => Uint8Array.from(Buffer.from(peer(n), "hex"))
const slowly = <A, E>(gate: Deferred.Deferred<void>, write: Effect.Effect<A, E>) => Effect.andThen(Deferred.await(gate), write)

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
