/**
 * Numbers from a seed, for what the suites draw: the same seed, the same numbers, on every machine.
 */

/** Answers an integer from 0 to `below - 1` at each call (mulberry32). */
export const numbersFrom = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
