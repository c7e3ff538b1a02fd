/**
 * Actors: one message at a time, what becomes of every message, and what every asker is told.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { restart } from "../../src/schema/actor/Supervision.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { Counter, counted, listening, settle } from "./Counter.ts"

const tagOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.mapError(effect, (error) => error as { readonly _tag: string })), ({ _tag }) => _tag)

describe("Actor", () => {
  counted("answers values and Effects, and keeps its state between messages", {}, () =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      assert.strictEqual(yield* counter.Add({ by: 2 }), 2)
      assert.strictEqual(yield* counter.Add({ by: 3 }), 5)
      assert.strictEqual(yield* counter.Get(), 5)
      const other = yield* Counter.client("b")
      assert.strictEqual(yield* other.Get(), 0)
      assert.strictEqual(yield* (yield* Counter.client("a")).Get(), 5)
    })
  )

  counted("fails with the handler's own error, which is a reply and no crash", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      yield* counter.Add({ by: 1 })
      assert.strictEqual(yield* tagOf(counter.Add({ by: 100 })), "TooMuch")
      assert.strictEqual(yield* counter.Get(), 1)
      assert.deepStrictEqual(log, ["a on", "a 1"])
    })
  )

  counted("handles one message at a time, in their order, also while a handler waits", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      yield* counter.tell("Slow", { millis: 100 })
      yield* counter.tell("Add", { by: 1 })
      yield* counter.tell("Slow", { millis: 100 })
      yield* settle
      assert.deepStrictEqual(log, ["a on", "a begins"])
      yield* TestClock.adjust(100)
      yield* settle
      assert.deepStrictEqual(log, ["a on", "a begins", "a ends", "a 1", "a begins"])
      yield* TestClock.adjust(100)
      yield* settle
      assert.strictEqual(log.at(-1), "a ends")
    })
  )

  counted("shows the sender what became of a message", {}, () =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const [add, much, broken] = [
        yield* counter.tell("Add", { by: 1 }),
        yield* counter.tell("Add", { by: 100 }),
        yield* counter.tell("Break")
      ]
      assert.strictEqual(add.fate, "waiting")
      assert.strictEqual(yield* Actor.settled(add), "handled")
      assert.strictEqual(add.result, 1)
      assert.strictEqual(yield* Actor.settled(much), "failed")
      assert.strictEqual(yield* Actor.settled(broken), "crashed")
      assert.strictEqual(yield* Actor.settled(broken), "crashed")
    })
  )

  counted("tells who asked for a turn that it crashed, and keeps what waits behind it", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const asked = yield* Effect.forkChild(tagOf(counter.Break()), { startImmediately: true })
      const behind = yield* Effect.forkChild(counter.Add({ by: 1 }), { startImmediately: true })
      assert.strictEqual(yield* Fiber.join(asked), "ActorCrashed")
      assert.strictEqual(yield* Fiber.join(behind), 1)
      assert.deepStrictEqual(log, ["a on", "a off", "a on", "a 1"])
    })
  )

  counted("ends an ask at its timeout, to the millisecond, and says whether its turn had begun", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const begun = yield* Effect.forkChild(Effect.flip(counter.Slow({ millis: 10_000 })), { startImmediately: true })
      const waits = yield* Effect.forkChild(Effect.flip(counter.Slow({ millis: 1 }, { timeout: 1_000 })), {
        startImmediately: true
      })
      const patient = yield* Effect.forkChild(counter.Get(undefined, { timeout: 20_000 }), { startImmediately: true })
      yield* settle
      assert.lengthOf(counter.inspect().waiting, 2)
      yield* TestClock.adjust(999)
      yield* settle
      assert.isUndefined(waits.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepInclude(yield* Fiber.join(waits), { _tag: "AskTimeout", millis: 1_000, isBegun: false })
      assert.lengthOf(counter.inspect().waiting, 1)
      yield* TestClock.adjust(4_000)
      assert.deepInclude(yield* Fiber.join(begun), { _tag: "AskTimeout", millis: 5_000, isBegun: true })
      yield* TestClock.adjust(5_000)
      assert.strictEqual(yield* Fiber.join(patient), 0)
      // the turn whose asker had gone went on, the one that had not begun was not done
      assert.deepStrictEqual(log, ["a on", "a begins", "a ends"])
    })
  )

  counted("gives up what an interrupted asker asked, unless it has begun", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      yield* counter.tell("Slow", { millis: 10 })
      const asked = yield* Effect.forkChild(counter.Add({ by: 1 }), { startImmediately: true })
      yield* settle
      yield* Fiber.interrupt(asked)
      assert.deepStrictEqual(counter.inspect().waiting, [])
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* counter.Get(), 0)
      assert.deepStrictEqual(log, ["a on", "a begins", "a ends"])
    })
  )

  counted("streams at the pace of the one who asked, beside the turns", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const first = yield* counter.Count({ to: 1_000 }).pipe(Stream.take(3), Stream.runCollect)
      assert.deepStrictEqual(first, [1, 2, 3])
      assert.isAtMost(log.filter((line) => line.startsWith("counted")).length, 4)
      const slow = counter.Count({ to: 3 }).pipe(Stream.tap(() => Effect.sleep(10)))
      const pulled = yield* Effect.forkChild(Stream.runCollect(slow), { startImmediately: true })
      yield* settle
      assert.strictEqual(yield* counter.Add({ by: 1 }), 1)
      for (let i = 0; i < 3; i++) {
        yield* TestClock.adjust(10)
        yield* settle
      }
      assert.deepStrictEqual(yield* Fiber.join(pulled), [1, 2, 3])
    })
  )

  counted("fails a stream when the life that it came from ends", {}, () =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const stream = counter.Count({ to: 1_000 }).pipe(
        Stream.tap(() => Effect.sleep(10)),
        Stream.runDrain
      )
      const pulled = yield* Effect.forkChild(tagOf(stream), { startImmediately: true })
      yield* settle
      yield* counter.tell("Break")
      // one element had been pulled ahead
      for (let i = 0; i < 3; i++) {
        yield* settle
        yield* TestClock.adjust(10)
      }
      assert.strictEqual(yield* Fiber.join(pulled), "ActorStopped")
    })
  )

  counted("ends after the turn under way: what waits and what comes later are dead letters, and all are told", {}, (log) =>
    Effect.gen(function* () {
      const { letters } = yield* listening
      const counter = yield* Counter.client("a")
      const ended = yield* Effect.forkChild(counter.ended, { startImmediately: true })
      const under = yield* Effect.forkChild(counter.Slow({ millis: 10 }), { startImmediately: true })
      yield* settle
      const waits = yield* Effect.forkChild(tagOf(counter.Add({ by: 1 })), { startImmediately: true })
      const stopping = yield* Effect.forkChild(counter.stop, { startImmediately: true })
      yield* settle
      assert.isUndefined(stopping.pollUnsafe())
      yield* TestClock.adjust(10)
      yield* Fiber.join(stopping)
      assert.strictEqual(yield* Fiber.join(under), 0)
      assert.strictEqual(yield* Fiber.join(waits), "ActorStopped")
      assert.strictEqual(yield* Fiber.join(ended), "stopped")
      assert.strictEqual(yield* counter.ended, "stopped")
      assert.strictEqual(yield* tagOf(counter.Get()), "ActorStopped")
      assert.strictEqual((yield* counter.tell("Get")).fate, "stopped")
      assert.deepStrictEqual(log, ["a on", "a begins", "a ends", "a off"])
      yield* settle
      assert.deepStrictEqual(
        letters.map((letter) => `${letter.address} ${letter.tag} ${letter.fate}`),
        ["a Add stopped", "a Get stopped", "a Get stopped"]
      )
      yield* counter.start
      assert.strictEqual(yield* counter.Get(), 0)
      assert.strictEqual(yield* (yield* Counter.client("a")).Add({ by: 1 }), 1)
    })
  )

  counted("interrupts the turn under way when it is killed", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const under = yield* Effect.forkChild(tagOf(counter.Slow({ millis: 10 })), { startImmediately: true })
      yield* settle
      yield* counter.kill
      assert.strictEqual(yield* Fiber.join(under), "ActorCrashed")
      assert.deepStrictEqual(log, ["a on", "a begins", "a off"])
    })
  )

  counted(
    "leaves memory after its idle time and not before, and comes back with the next message",
    { passivateAfter: 1_000 },
    (log) =>
      Effect.gen(function* () {
        const [a, b] = [yield* Counter.client("a"), yield* Counter.client("b")]
        yield* a.Add({ by: 1 })
        yield* TestClock.adjust(600)
        yield* settle
        yield* b.Add({ by: 1 })
        yield* a.Add({ by: 1 })
        yield* TestClock.adjust(999)
        yield* settle
        assert.deepStrictEqual([a.inspect().state, b.inspect().state], ["idle", "idle"])
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual([a.inspect().state, b.inspect().state], ["absent", "absent"])
        assert.deepStrictEqual(log.slice(-2), ["b off", "a off"])
        assert.strictEqual(yield* a.Add({ by: 5 }), 5)
      })
  )

  counted("still tells who watches after it was passivated", { passivateAfter: 1_000 }, () =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      yield* counter.Get()
      const ended = yield* Effect.forkChild(counter.ended, { startImmediately: true })
      yield* TestClock.adjust(1_000)
      yield* settle
      assert.strictEqual(counter.inspect().state, "absent")
      yield* counter.stop
      assert.strictEqual(yield* Fiber.join(ended), "stopped")
    })
  )

  counted("answers for a name that nobody runs", {}, () =>
    Effect.gen(function* () {
      const { letters } = yield* listening
      const nobody = yield* Actor.make("Nobody", []).client("a")
      assert.strictEqual(nobody.inspect().state, "absent")
      yield* nobody.stop
      assert.deepStrictEqual(letters, [])
    })
  )

  counted(
    "gives a message that a crash left waiting to the next life, and none to an actor that was given up",
    { supervision: restart({ times: 1 }) },
    () =>
      Effect.gen(function* () {
        const { letters, told } = yield* listening
        const counter = yield* Counter.client("a")
        const [first, add, second, last] = [
          yield* counter.tell("Break"),
          yield* counter.tell("Add", { by: 1 }),
          yield* counter.tell("Break"),
          yield* counter.tell("Add", { by: 1 })
        ]
        assert.deepStrictEqual(yield* Effect.forEach([first, add, second, last], Actor.settled), [
          "crashed",
          "handled",
          "crashed",
          "stopped"
        ])
        assert.strictEqual(yield* counter.ended, "crashed")
        yield* settle
        assert.deepStrictEqual(told(), ["Started a", "Crashed a", "Restarted a", "Crashed a", "Stopped a"])
        assert.lengthOf(letters, 1)
      })
  )
})
