/** Bells: who rings never runs who waits, and no ring is lost. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Bell from "../../src/services/platform/Bell.ts"

describe("Bell", () => {
  it.effect("wakes who waits, and not inside the step that rings", () =>
    Effect.gen(function* () {
      const bell = yield* Bell.make
      let heard = 0
      const waits = Effect.andThen(
        bell.rung,
        Effect.sync(() => heard++)
      )
      const fiber = yield* Effect.forkChild(waits, { startImmediately: true })
      bell.ring()
      assert.strictEqual(heard, 0)
      yield* Fiber.await(fiber)
      assert.strictEqual(heard, 1)
    })
  )

  it.effect("what was rung before anybody waited is heard once, however often it was rung", () =>
    Effect.gen(function* () {
      const bell = yield* Bell.make
      bell.ring()
      bell.ring()
      yield* bell.rung
      const fiber = yield* Effect.forkChild(bell.rung, { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(fiber.pollUnsafe())
      bell.ring()
      assert.isTrue(bell.hush())
      assert.isFalse(bell.hush())
      yield* Effect.yieldNow
      assert.isUndefined(fiber.pollUnsafe())
      bell.ring()
      yield* Fiber.await(fiber)
    })
  )

  it.effect("a ring wakes one of those who wait, and another when the first does not go on", () =>
    Effect.gen(function* () {
      const bell = yield* Bell.make
      const fork = Effect.forkChild(bell.rung, { startImmediately: true })
      const [first, second, third] = [yield* fork, yield* fork, yield* fork]
      yield* Fiber.interrupt(first)
      bell.ring()
      yield* Fiber.await(second)
      yield* Effect.yieldNow
      assert.isUndefined(third.pollUnsafe())
      bell.ring()
      yield* Fiber.interrupt(third)
      // it was woken and did not go on: the ring is left for who comes next
      yield* bell.rung
    })
  )

  it.effect("a ring is heard wherever in its waiting the fiber has given way to others", () =>
    Effect.gen(function* () {
      for (const ops of [3, 4, 5, 6, 7]) {
        for (let turns = 0; turns < 12; turns++) {
          const bell = yield* Bell.make
          const waits = Effect.provideService(bell.rung, Scheduler.MaxOpsBeforeYield, ops)
          const fiber = yield* Effect.forkChild(waits, { startImmediately: true })
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          bell.ring()
          for (let turn = 0; turn < 24; turn++) yield* Effect.yieldNow
          assert.isDefined(fiber.pollUnsafe(), `a turn of ${ops} operations, rung after ${turns} turns`)
        }
      }
    })
  )
})
