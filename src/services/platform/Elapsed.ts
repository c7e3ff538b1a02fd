/**
 * How much time has passed: for pauses, silence and deadlines, which somebody who sets the clock of a device must not stretch.
 *
 * The wall clock is for stamps alone (docs/format.md#time); `test/tidy.test.ts` holds that.
 */
import type * as Clock from "effect/Clock"

/** Milliseconds since some moment before the process began, by a clock that only goes forward. */
export const elapsedMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
