/**
 * Actors on other devices: the same client, who may call, and what every caller is told when the connection is not there.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { stop } from "../../src/schema/actor/Supervision.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { elapse } from "../mesh/Elapse.ts"
import { devices } from "./Devices.ts"
import { asked, failing, house, Jar, jars, passing } from "./Jar.ts"

const Watcher = Actor.make("Watcher", [Rpc.make("Watch"), Rpc.make("Get", { success: Schema.Int })])

describe("an actor on another device", () => {
  it.effect("is asked by the same client, and answers values, Effects and its typed error", () =>
    Effect.gen(function* () {
      const { here, jar, log } = yield* house
      assert.strictEqual(yield* asked(jar.Put({ amount: 3 })), 3)
      assert.strictEqual(yield* asked(jar.Put({ amount: 4 })), 7)
      assert.deepStrictEqual({ ...(yield* failing(jar.Take({ amount: 9 }))) }, { _tag: "Empty", left: 7 } as never)
      assert.strictEqual(yield* asked(jar.Slow({ millis: 100 })), "done")
      // the same one that is asked where it lives
      assert.strictEqual(yield* asked(here.Put({ amount: 1 })), 8)
      assert.deepStrictEqual(log, ["a +3", "a +4", "begins", "ends", "a +1"])
    })
  )

  it.effect("answers a stream at the asker's pace, and its typed error", () =>
    Effect.gen(function* () {
      const { jar, log } = yield* house
      const some = yield* asked(jar.Count({ to: 200 }).pipe(Stream.take(3), Stream.runCollect))
      assert.deepStrictEqual([...some], [1, 2, 3])
      assert.isBelow(log.length, 100)
      const seen: Array<number> = []
      const all = jar.Count({ to: 200 }).pipe(Stream.runForEach((n) => Effect.sync(() => seen.push(n))))
      assert.strictEqual((yield* failing(all))?._tag, "Empty")
      assert.lengthOf(seen, 200)
    })
  )

  it.effect("may be called as its Rpcs declare, and as nothing else", () =>
    Effect.gen(function* () {
      const { alice, here, jar, log } = yield* house
      assert.strictEqual((yield* failing(jar.Smash()))?._tag, "CallRefused")
      assert.deepStrictEqual(log, [])
      yield* asked(here.Smash())
      assert.deepStrictEqual(log, ["smashed"])
      assert.strictEqual((yield* failing(jar.Own()))?._tag, "CallRefused")
      assert.isTrue(yield* asked((yield* alice.run(Jar.client(alice.text))).Own()))
    })
  )

  it.effect("tells a crash without the insides of its device", () =>
    Effect.gen(function* () {
      const { jar } = yield* house
      const error = yield* failing(jar.Crash())
      assert.strictEqual(error?._tag, "ActorCrashed")
      assert.notInclude(JSON.stringify(error), "secret")
      assert.strictEqual((yield* failing(jar.Put({ amount: 1 })))?._tag, "ActorStopped")
    })
  )

  it.effect("cannot be asked while it is not connected: nothing is sent, and it is asked again later by the same client", () =>
    Effect.gen(function* () {
      const { alice, bob, jar, log } = yield* house
      yield* asked(jar.Put({ amount: 1 }))
      yield* bob.leave
      const error = yield* failing(jar.Put({ amount: 2 }))
      assert.deepInclude(error, { _tag: "ActorUnreachable", device: bob.text, reason: "disconnected", isSent: false } as never)
      assert.deepStrictEqual(log, ["a +1"])
      yield* bob.join
      yield* elapse("1 minute")
      assert.strictEqual(yield* asked(jar.Put({ amount: 3 })), 4)
      assert.strictEqual(jar.inspect().state, "elsewhere")
      assert.isString(alice.text)
    })
  )

  it.effect("whose connection is cut during a call: the call fails at once and says that it had left", () =>
    Effect.gen(function* () {
      const { bob, jar } = yield* house
      const calls = Effect.all(
        [failing(jar.Slow({ millis: 3_000 }), "2 seconds"), Effect.andThen(elapse("500 millis"), bob.leave)],
        {
          concurrency: "unbounded"
        }
      )
      const [error] = yield* calls
      assert.deepInclude(error, { _tag: "ActorUnreachable", reason: "disconnected", isSent: true } as never)
      const stream = yield* failing(Stream.runDrain(jar.Count({ to: 5 })))
      assert.deepInclude(stream, { _tag: "ActorUnreachable", isSent: false } as never)
    })
  )

  it.effect("that its device does not run is said to be absent", () =>
    Effect.gen(function* () {
      const device = yield* devices
      const [alice, bob] = [yield* device, yield* device]
      yield* alice.open(Jar.placed(() => bob.text))
      yield* alice.join
      yield* bob.join
      const jar = yield* alice.run(Jar.client("a"))
      const error = yield* failing(jar.Put({ amount: 1 }))
      assert.deepInclude(error, { _tag: "ActorUnreachable", reason: "absent", isSent: false } as never)
      yield* bob.open(jars([]))
      assert.strictEqual(yield* asked(jar.Put({ amount: 1 })), 1)
    })
  )

  it.effect("is not made a second time by a device that thinks it lives elsewhere", () =>
    Effect.gen(function* () {
      const device = yield* devices
      const [alice, bob] = [yield* device, yield* device]
      const log: Array<string> = []
      yield* bob.open(jars(log))
      yield* alice.open(Jar.placed(() => bob.text))
      yield* bob.open(Jar.placed(() => alice.text))
      yield* alice.join
      yield* bob.join
      const jar = yield* alice.run(Jar.client("a"))
      assert.deepInclude(yield* failing(jar.Put({ amount: 1 })), { _tag: "ActorStopped", reason: "unknown" } as never)
      assert.deepStrictEqual(log, [])
    })
  )

  it.effect("that takes too long: the asker is told, and what was not begun is not done", () =>
    Effect.gen(function* () {
      const { jar, log } = yield* house
      const both = Effect.all(
        [
          failing(jar.Slow({ millis: 7_000 }, { timeout: 500 }), "2 seconds"),
          failing(jar.Put({ amount: 1 }, { timeout: 500 }), "2 seconds")
        ],
        { concurrency: "unbounded" }
      )
      const [slow, put] = yield* both
      assert.deepStrictEqual([slow?._tag, put?._tag], ["AskTimeout", "AskTimeout"])
      yield* elapse("10 seconds")
      assert.deepStrictEqual(log, ["begins", "ends"])
    })
  )

  it.effect("shows what became of what it was told", () =>
    Effect.gen(function* () {
      const { bob, jar, log } = yield* house
      const told = [yield* jar.tell("Put", { amount: 1 }), jar.tellUnsafe("Smash"), jar.tellUnsafe("Take", { amount: 100 })]
      yield* elapse("1 second")
      assert.deepStrictEqual(
        told.map(({ fate }) => fate),
        ["handled", "rejected", "failed"]
      )
      assert.strictEqual(told[0]!.result, 1)
      assert.deepStrictEqual(log, ["a +1"])
      const cut = jar.tellUnsafe("Slow", { millis: 60_000 })
      yield* elapse("1 second")
      assert.strictEqual(cut.fate, "handling")
      assert.lengthOf(jar.inspect().waiting, 1)
      yield* bob.leave
      assert.strictEqual(yield* Actor.settled(cut), "unreachable")
      assert.lengthOf(jar.inspect().waiting, 0)
    })
  )

  it.effect("shows the fates of what broke it, of what it did not take any more, and of a stream that it was told", () =>
    Effect.gen(function* () {
      const { alice, jar, log } = yield* house
      const other = yield* alice.run(Jar.client("b"))
      const count = jar.tellUnsafe("Count", { to: 2 })
      yield* elapse("1 second")
      assert.deepStrictEqual([count.fate, log], ["failed", ["makes 1", "makes 2", "makes 3"]])
      const crash = jar.tellUnsafe("Crash")
      yield* elapse("1 second")
      const stopped = jar.tellUnsafe("Put", { amount: 1 })
      yield* elapse("1 second")
      assert.deepStrictEqual([crash.fate, stopped.fate], ["crashed", "stopped"])
      const many = Array.from({ length: 1_001 }, () => other.tellUnsafe("Slow", { millis: 60_000 }))
      assert.deepStrictEqual([many[999]!.fate, many[1_000]!.fate], ["waiting", "rejected"])
    })
  )

  it.effect("is not served where no Rpc lets anybody call", () =>
    Effect.gen(function* () {
      const device = yield* devices
      const [alice, bob] = [yield* device, yield* device]
      yield* bob.open(Watcher.toLayer({ Watch: () => {}, Get: () => 1 }))
      yield* alice.open(Watcher.placed(() => bob.text))
      yield* alice.join
      yield* bob.join
      const watcher = yield* alice.run(Watcher.client("w"))
      assert.deepInclude(yield* failing(watcher.Get()), { _tag: "ActorUnreachable", reason: "absent" } as never)
    })
  )

  it.effect("does not take more than a message may have, and says so", () =>
    Effect.gen(function* () {
      const { jar } = yield* house
      const much = "x".repeat(2_000_000)
      const call = jar.Text({ length: 0, text: much })
      assert.deepInclude(yield* failing(call), { _tag: "ActorUnreachable", reason: "size", isSent: false } as never)
      assert.strictEqual((yield* failing(jar.Text({ length: 2_000_000, text: "" })))?._tag, "ActorCrashed")
      assert.strictEqual(yield* asked(jar.Text({ length: 1, text: "abc" })), "3x")
    })
  )

  it.effect("answers many calls at the same time, of whatever size", () =>
    Effect.gen(function* () {
      const { jar } = yield* house
      for (const [count, size] of [
        [1_000, 10],
        [50, 100_000]
      ] as const) {
        const text = "x".repeat(size)
        const calls = Array.from({ length: count }, () => jar.Text({ length: 1, text }, { timeout: 60_000 }))
        const result = yield* passing(Effect.all(calls, { concurrency: "unbounded" }), "20 seconds")
        assert.deepStrictEqual(new Set(yield* Effect.fromResult(result)), new Set([`${size}x`]))
      }
    })
  )

  it.effect("answers others while a stream is read slowly, or not at all", () =>
    Effect.gen(function* () {
      const { jar } = yield* house
      yield* Effect.forkScoped(Stream.runForEach(jar.Count({ to: 1_000 }), () => Effect.never))
      const nested = jar.Count({ to: 40 }).pipe(Stream.mapEffect((n) => jar.Put({ amount: n })))
      const slow = Stream.runForEach(nested, () => Effect.sleep("10 millis"))
      assert.strictEqual((yield* failing(slow, "5 seconds"))?._tag, "Empty")
      // as many streams as there may be leave room for calls
      let ended = 0
      const ticking = Effect.onExit(Stream.runDrain(jar.Ticks()), () => Effect.sync(() => ended++))
      for (let i = 0; i < 600; i++) yield* Effect.forkScoped(ticking)
      assert.isNumber(yield* asked(jar.Put({ amount: 1 })))
      assert.strictEqual(ended, 0)
    })
  )

  it.effect("gives elements as they come, however many there are at once and however large", () =>
    Effect.gen(function* () {
      const { jar } = yield* house
      const ticks: Array<number> = []
      yield* Effect.forkScoped(Stream.runForEach(jar.Ticks(), (n) => Effect.sync(() => ticks.push(n))))
      yield* elapse("2500 millis")
      assert.deepStrictEqual(ticks, [0, 1, 2, 3])
      const large = yield* asked(Stream.runCollect(jar.Large()))
      assert.deepStrictEqual([large.length, large[0]?.length], [30, 100_000])
    })
  )

  it.effect("keeps what breaks it to its device, in streams and in replies that do not fit", () =>
    Effect.gen(function* () {
      const { jar } = yield* house
      for (const call of [Stream.runDrain(jar.Breaks()), jar.Lies()]) {
        const error = yield* failing(call as Effect.Effect<unknown, unknown>)
        assert.strictEqual(error?._tag, "ActorCrashed")
        assert.include(JSON.stringify(error), "told where it lives")
      }
    })
  )

  it.effect("is told of by the error when it does not answer within 5 s, and who asked goes on at once", () =>
    Effect.gen(function* () {
      const { jar } = yield* house
      yield* Effect.forkScoped(Effect.exit(jar.Slow({ millis: 60_000 }, { timeout: 60_000 })))
      yield* elapse("100 millis")
      const waiting = yield* Effect.forkChild(Effect.flip(jar.Put({ amount: 1 })), { startImmediately: true })
      yield* elapse("4900 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* elapse("200 millis")
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "AskTimeout", millis: 5_000, isBegun: true } as never)
      // all places are taken, so this one does not leave
      for (let i = 0; i < 256; i++) yield* Effect.forkScoped(Effect.exit(jar.Put({ amount: 1 }, { timeout: 60_000 })))
      yield* elapse("100 millis")
      const error = yield* failing(jar.Put({ amount: 1 }, { timeout: 500 }))
      assert.deepInclude(error, { _tag: "AskTimeout", isBegun: false } as never)
    })
  )

  it.effect("sends its own headers alone", () =>
    Effect.gen(function* () {
      const { jar, log } = yield* house
      const many = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`h${n}`, "secret"]))
      const call = RpcClient.withHeaders(jar.Put({ amount: 1 }), { ...many, address: "evil", command: "evil" })
      assert.strictEqual(yield* asked(call), 1)
      assert.strictEqual(yield* asked(call), 2)
      assert.deepStrictEqual(log, ["a +1", "a +1"])
    })
  )

  it.effect("is reached by each placement that is opened, and by none that is closed", () =>
    Effect.gen(function* () {
      const device = yield* devices
      const [alice, bob] = [yield* device, yield* device]
      yield* bob.open(jars([]))
      yield* alice.join
      yield* bob.join
      for (let i = 1; i <= 7; i++) {
        const scope = yield* Scope.make()
        yield* Scope.provide(alice.open(Jar.placed(() => bob.text)), scope)
        const jar = yield* alice.run(Jar.client("a"))
        assert.strictEqual(yield* asked(jar.Put({ amount: 1 })), i)
        const told = (yield* alice.run(Jar.client(`slow ${i}`))).tellUnsafe("Slow", { millis: 100_000 })
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* Actor.settled(told), "unreachable")
        assert.strictEqual(jar.tellUnsafe("Put", { amount: 1 }).fate, "unreachable")
        const error = yield* failing(jar.Put({ amount: 1 }))
        assert.deepInclude(error, { _tag: "ActorUnreachable", isSent: false } as never)
      }
      const again = alice.open(
        Layer.mergeAll(
          Jar.placed(() => bob.text),
          Jar.placed(() => bob.text)
        )
      )
      assert.include(String(yield* Effect.exit(again)), "placed already")
    })
  )

  it.effect("lives on a device that the placement names, and on no other by mistake", () =>
    Effect.gen(function* () {
      const device = yield* devices
      const alice = yield* device
      yield* alice.open(jars([]))
      yield* alice.open(Jar.placed((address) => (address === "gone" ? "nobody" : (undefined as never))))
      const gone = yield* alice.run(Jar.client("gone"))
      assert.deepInclude(yield* failing(gone.Put({ amount: 1 })), { reason: "disconnected", isSent: false } as never)
      assert.include(String(yield* Effect.exit(alice.run(Jar.client("b")))), "answers a device for every address")
    })
  )

  it.effect("is ended where it lives: other devices cannot, and their program is told", () =>
    Effect.gen(function* () {
      const { alice, here, jar } = yield* house
      for (const call of [jar.stop, jar.kill, jar.start, jar.ended, jar.step]) {
        const exit = yield* Effect.exit(call)
        assert.include(String(exit), "ActorElsewhere")
      }
      assert.throws(() => jar.hold(), /lives on/)
      const watcher = Watcher.toLayer(
        Effect.map(Watcher.self, (self) => Watcher.handlers({ Watch: () => self.watch(jar, () => {}), Get: () => 1 })),
        { supervision: stop }
      )
      yield* alice.open(watcher)
      const watching = yield* alice.run(Watcher.client("w"))
      yield* asked(watching.Watch())
      assert.strictEqual((yield* failing(watching.Get()))?._tag, "ActorStopped")
      yield* here.stop
      assert.strictEqual((yield* failing(jar.Put({ amount: 1 })))?._tag, "ActorStopped")
    })
  )
})
