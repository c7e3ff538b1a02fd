/**
 * Wakes somebody at a time, in place of a race between a bell and a sleep, which makes two fibers for each wait.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import { elapsedMillis } from "./Elapsed.ts"

export interface Alarm {
  /**
   * Rings at this time (`elapsedMillis`) at the latest. It may ring earlier, for a time that was set before: who is woken looks what is due
   * and sets it again.
   */
  readonly set: (at: number) => Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* (ring: () => void) {
  const clock = yield* Clock.Clock
  const sleeper = yield* FiberHandle.make<void>()
  let target = Number.POSITIVE_INFINITY
  const rung = Effect.sync(() => {
    target = Number.POSITIVE_INFINITY
    ring()
  })
  const alarm: Alarm = {
    set: (at) => {
      if (at >= target) return Effect.void
      target = at
      return Effect.asVoid(FiberHandle.run(sleeper, Effect.andThen(Effect.sleep(Math.max(0, at - elapsedMillis(clock))), rung)))
    }
  }
  return alarm
})
