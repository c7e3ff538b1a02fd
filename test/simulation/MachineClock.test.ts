/**
 * A machine's clock is wrong as real ones are: by a skew, by a drift, by a jump, and never by more than it was told.
 */
import { assert, describe, it } from "@effect/vitest"
import { MachineClock } from "../../src/schema/simulation/MachineClock.ts"

const second = 1_000_000

describe("MachineClock", () => {
  it("is true until it is told otherwise", () => {
    const clock = new MachineClock(5)
    assert.deepStrictEqual([clock.wall(7), clock.monotonic(7), clock.truly(7)], [12, 7, 7])
  })

  it("drifts without a jump, sleeps by its drift, and is true again when it is set", () => {
    const clock = new MachineClock(0)
    clock.drift(10 * second, 20_000)
    assert.deepStrictEqual([clock.wall(10 * second), clock.monotonic(10 * second)], [10 * second, 10 * second])
    assert.strictEqual(clock.monotonic(20 * second), 20_200_000)
    assert.strictEqual(clock.truly(second), 980_393)
    clock.drift(20 * second, -500_000)
    assert.deepStrictEqual([clock.wall(20 * second), clock.monotonic(22 * second)], [20_200_000, 21_200_000])
    assert.strictEqual(clock.truly(second), 2 * second)
    clock.drift(22 * second, 0)
    clock.skew(22 * second, 0)
    assert.deepStrictEqual([clock.wall(22 * second), clock.wall(23 * second)], [22 * second, 23 * second])
    assert.strictEqual(clock.monotonic(23 * second), 22_200_000)
  })

  it("moves the wall alone when it is skewed or jumps, ahead and back", () => {
    const clock = new MachineClock(0)
    clock.skew(second, -3 * second)
    assert.strictEqual(clock.wall(5 * second), 2 * second)
    clock.jump(second)
    clock.jump(second)
    assert.deepStrictEqual([clock.wall(5 * second), clock.monotonic(5 * second)], [4 * second, 5 * second])
  })

  it("never wakes before its own time has passed, and refuses to run backwards", () => {
    for (const ppm of [1, 333, -333, 77_777, -77_777]) {
      const clock = new MachineClock(0)
      clock.drift(0, ppm)
      for (const micros of [1, 999, 123_457, 3_600 * second]) assert.isAtLeast(clock.monotonic(clock.truly(micros)), micros)
    }
    assert.throws(() => new MachineClock(0).drift(0, -1_000_000), RangeError)
  })
})
