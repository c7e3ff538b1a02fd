/** Alarms: many times, one fiber that sleeps. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Alarm from "../../src/services/platform/Alarm.ts"

describe("Alarm", () => {
  it.effect("each rings at its time, whoever was set first, and once", () =>
    Effect.gen(function* () {
      const alarms = yield* Alarm.make
      const rung: Array<string> = []
      const late = yield* alarms.alarm(() => rung.push("late"))
      const soon = yield* alarms.alarm(() => rung.push("soon"))
      late.set(3_000)
      soon.set(1_000)
      soon.set(2_000)
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(rung, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(rung, ["soon"])
      soon.set(2_500)
      yield* TestClock.adjust(1_500)
      assert.deepStrictEqual(rung, ["soon", "soon"])
      yield* TestClock.adjust(60_000)
      assert.deepStrictEqual(rung, ["soon", "soon", "late"])
    })
  )

  it.effect("rings no more when its scope has ended, and the others do", () =>
    Effect.gen(function* () {
      const alarms = yield* Alarm.make
      const rung: Array<string> = []
      const scope = yield* Scope.make()
      const gone = yield* Scope.provide(
        alarms.alarm(() => rung.push("gone")),
        scope
      )
      const left = yield* alarms.alarm(() => rung.push("left"))
      gone.set(1_000)
      left.set(2_000)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(5_000)
      assert.deepStrictEqual(rung, ["left"])
    })
  )
})
