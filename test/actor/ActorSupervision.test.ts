/**
 * What becomes of actors when one crashes: resumed, restarted, stopped or escalated, alone or together.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { escalate, restart, resume, stop } from "../../src/schema/actor/Supervision.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { elapse } from "../mesh/Elapse.ts"
import { Counter, counted, counting, type Log, listening, settle, system } from "./Counter.ts"

/** Two counters at 1, of which "a" breaks. */
const broken = Effect.gen(function* () {
  const [a, b] = [yield* Counter.client("a"), yield* Counter.client("b")]
  yield* a.Add({ by: 1 })
  yield* b.Add({ by: 1 })
  yield* Actor.settled(yield* a.tell("Break"))
  yield* settle
  return { a, b }
})

describe("actors under supervision", () => {
  counted("restart: the one that crashed begins anew, the other keeps its state", {}, () =>
    Effect.gen(function* () {
      const { a, b } = yield* broken
      assert.deepStrictEqual([yield* a.Get(), yield* b.Get()], [0, 1])
    })
  )

  counted("resume: the one that crashed goes on with its state", { supervision: resume }, (log) =>
    Effect.gen(function* () {
      const { a, b } = yield* broken
      for (let i = 0; i < 9; i++) yield* a.tell("Break")
      assert.deepStrictEqual([yield* a.Get(), yield* b.Get()], [1, 1])
      assert.notInclude(log, "a off")
    })
  )

  counted("stop: the one that crashed ends, and says so to who watches", { supervision: stop }, () =>
    Effect.gen(function* () {
      const { a, b } = yield* broken
      assert.deepStrictEqual([yield* a.ended, yield* b.Get()], ["crashed", 1])
      assert.deepInclude(yield* Effect.flip(a.Get()), { _tag: "ActorStopped", reason: "crashed" })
    })
  )

  counted(
    "all for one: all begin anew, those in the middle of a turn as well, and none that was not there",
    { strategy: "all-for-one" },
    (log) =>
      Effect.gen(function* () {
        const [a, b, c] = [yield* Counter.client("a"), yield* Counter.client("b"), yield* Counter.client("c")]
        yield* a.Add({ by: 1 })
        yield* b.Add({ by: 1 })
        const under = yield* Effect.forkChild(Effect.flip(b.Slow({ millis: 10 })), { startImmediately: true })
        yield* settle
        yield* a.tell("Break")
        yield* settle
        assert.deepInclude(yield* Fiber.join(under), { _tag: "ActorCrashed" })
        assert.deepStrictEqual([yield* a.Get(), yield* b.Get()], [0, 0])
        assert.deepStrictEqual(log.slice(-4), ["b off", "a off", "a on", "b on"])
        assert.strictEqual(c.inspect().state, "absent")
      })
  )

  counted("escalate: everything below the system begins anew", { supervision: escalate }, () =>
    Effect.gen(function* () {
      const { told } = yield* listening
      const { a, b } = yield* broken
      assert.deepStrictEqual([yield* a.Get(), yield* b.Get()], [0, 0])
      assert.include(told(), "Escalated a")
    })
  )

  counted(
    "escalate without end: the actors of that name are ended, everybody is told, and no other actor is touched",
    { supervision: escalate },
    () =>
      Effect.gen(function* () {
        const other = Actor.make("Other", [Rpc.make("Ask", { success: Schema.Number }), Rpc.make("Break")])
        let asked = 0
        yield* Layer.build(other.toLayer({ Ask: () => ++asked, Break: () => Effect.die("broken") }))
        const apart = yield* other.client("x")
        yield* apart.Ask()
        const { a, b } = yield* broken
        for (let i = 0; i < 3; i++) {
          yield* a.tell("Break")
          yield* settle
        }
        assert.deepInclude(yield* Effect.flip(a.Get()), { _tag: "ActorStopped", reason: "escalated" })
        assert.strictEqual(yield* b.ended, "escalated")
        assert.strictEqual(yield* apart.Ask(), 2)
        yield* Effect.flip(apart.Break())
        assert.strictEqual(yield* apart.Ask(), 3)
        yield* a.start
        assert.strictEqual(yield* a.Get(), 0)
      })
  )

  counted(
    "waits before it restarts, and messages wait with it",
    { supervision: restart({ backoff: { first: "1 second" } }) },
    () =>
      Effect.gen(function* () {
        const { a } = yield* broken
        const asked = yield* Effect.forkChild(a.Add({ by: 3 }), { startImmediately: true })
        yield* TestClock.adjust(999)
        yield* settle
        assert.strictEqual(a.inspect().state, "down")
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* Fiber.join(asked), 3)
      })
  )

  counted(
    "all for one: who crashes while another crash is mended begins anew, too",
    { strategy: "all-for-one", supervision: restart({ backoff: { first: "1 second" } }) },
    (log) =>
      Effect.gen(function* () {
        const [a, b] = [yield* Counter.client("a"), yield* Counter.client("b")]
        yield* a.tell("Break")
        yield* settle
        yield* b.Add({ by: 1 })
        yield* b.tell("Break")
        const asked = yield* Effect.forkChild(b.Get(), { startImmediately: true })
        yield* elapse("10 seconds")
        assert.strictEqual(yield* Fiber.join(asked), 0)
        assert.isAbove(log.lastIndexOf("b on"), log.indexOf("b 1"))
      })
  )

  let answer: "restart" | "escalate" = "restart"
  counted(
    "a restart that others have overtaken does not shorten the pause of the next",
    { supervision: restart({ backoff: { first: "1 second" }, decide: () => answer }) },
    () =>
      Effect.gen(function* () {
        const [a, b] = [yield* Counter.client("a"), yield* Counter.client("b")]
        const breaking = Effect.fnUntraced(function* (counter: typeof a, how: typeof answer) {
          answer = how
          yield* counter.tell("Break")
          yield* settle
        })
        yield* breaking(a, "restart")
        yield* elapse("500 millis")
        yield* breaking(b, "escalate")
        assert.strictEqual(yield* a.Get(), 0)
        yield* breaking(a, "restart")
        yield* elapse("1900 millis")
        assert.strictEqual(a.inspect().state, "down")
        yield* elapse("200 millis")
        assert.strictEqual(yield* a.Get(), 0)
      })
  )

  counted(
    "decides by the defect",
    { supervision: restart({ decide: (defect) => (String(defect).includes("broken") ? "resume" : "restart") }) },
    () =>
      Effect.gen(function* () {
        const { a } = yield* broken
        assert.strictEqual(yield* a.Get(), 1)
      })
  )

  it.effect("an actor that cannot be built is restarted, then given up, and its askers are told", () => {
    let built = 0
    const failing = Counter.toLayer(
      Effect.suspend(() => {
        built++
        return Effect.fail("no luck")
      }),
      { supervision: restart({ times: 2 }) }
    )
    return Effect.provide(
      Effect.gen(function* () {
        const counter = yield* Counter.client("a")
        assert.deepInclude(yield* Effect.flip(counter.Get()), { _tag: "ActorStopped", reason: "crashed" })
        assert.strictEqual(built, 3)
      }),
      Layer.provideMerge(failing, system)
    )
  })

  it.effect("actors end with the scope of their layer, and nothing is left running", () =>
    Effect.gen(function* () {
      const log: Log = []
      const left = yield* Effect.provide(
        Effect.gen(function* () {
          const counter = yield* Counter.client("a")
          yield* counter.tell("Slow", { millis: 10 })
          yield* settle
          return { told: yield* counter.tell("Get"), counter }
        }),
        Layer.provideMerge(counting(log), system)
      )
      assert.strictEqual(left.told.fate, "stopped")
      assert.deepInclude(yield* Effect.flip(left.counter.Get()), { _tag: "ActorStopped" })
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual(log, ["a on", "a begins", "a off"])
    })
  )
})
