/**
 * Virtual time that passes in small steps, each of them long enough for everything that it sets off.
 *
 * `TestClock.adjust` wakes the sleepers of its span without waiting for what they set off in turn, which across several peers, queues
 * and connections takes many turns of the scheduler.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

const turns = Effect.repeat(Effect.yieldNow, { times: 40 })

export const elapse = Effect.fnUntraced(function* (duration: Duration.Input) {
  const end = Duration.toMillis(duration)
  const step = Math.min(Math.max(end / 1_000, 25), 1_000)
  yield* turns
  for (let at = 0; at < end; at += step) {
    yield* TestClock.adjust(Math.min(step, end - at))
    yield* turns
  }
})
