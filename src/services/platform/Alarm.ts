/**
 * Wakes many, each at a time of its own, with one fiber that sleeps for all of them.
 *
 * It stands in place of a race between a bell and a sleep, which makes two fibers for each wait.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"
import { elapsedMillis } from "./Elapsed.ts"

export interface Alarm {
  /**
   * Rings at this time (`elapsedMillis`) at the latest. It may ring earlier, for a time that was set before: who is woken looks what is due
   * and sets it again.
   */
  readonly set: (at: number) => void
}

export interface Alarms {
  /** An alarm for as long as the scope. */
  readonly alarm: (ring: () => void) => Effect.Effect<Alarm, never, Scope.Scope>
}

interface Sleeper {
  at: number
  readonly ring: () => void
}

export const make: Effect.Effect<Alarms, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const run = yield* FiberHandle.makeRuntime<never>()
  const sleepers = new Set<Sleeper>()
  let target = Number.POSITIVE_INFINITY
  const sleepUntil = (at: number) => {
    if (at >= target) return
    target = at
    run(Effect.andThen(Effect.sleep(Math.max(0, at - elapsedMillis(clock))), woken))
  }
  const woken = Effect.sync(() => {
    const now = Math.max(target, elapsedMillis(clock))
    target = Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    for (const sleeper of sleepers) {
      if (sleeper.at <= now) {
        sleeper.at = Number.POSITIVE_INFINITY
        sleeper.ring()
      } else next = Math.min(next, sleeper.at)
    }
    sleepUntil(next)
  })
  return {
    alarm: (ring) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            const sleeper: Sleeper = { at: Number.POSITIVE_INFINITY, ring }
            sleepers.add(sleeper)
            return sleeper
          }),
          (sleeper) => Effect.sync(() => sleepers.delete(sleeper))
        ),
        (sleeper) => ({
          set: (at) => {
            sleeper.at = Math.min(sleeper.at, at)
            sleepUntil(at)
          }
        })
      )
  }
})
