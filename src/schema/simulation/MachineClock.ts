/**
 * The clock of a simulated machine: wrong by a skew, and ever more so when it drifts. It outlives the lives of its peer.
 *
 * True time is that of the world. The monotonic clock only drifts; the wall clock drifts, is set, and jumps. Whole microseconds.
 */
const million = 1_000_000

export class MachineClock {
  private readonly epoch: number
  /** The true time at which the drift was set last, and what the monotonic clock showed. */
  private since = 0
  private shown = 0
  private driftPpm = 0
  /** What the wall clock is ahead of the monotonic one, beside the epoch. */
  private ahead = 0

  /** `epoch` is what the wall clock shows when the world begins: microseconds since 1970. */
  constructor(epoch: number) {
    this.epoch = epoch
  }

  monotonic(now: number): number {
    const passed = now - this.since
    return this.shown + passed + Math.floor((passed * this.driftPpm) / million)
  }

  wall(now: number): number {
    return this.epoch + this.monotonic(now) + this.ahead
  }

  /** How long it truly takes until this clock has moved on by so much. */
  truly(micros: number): number {
    return Math.ceil((micros * million) / (million + this.driftPpm))
  }

  /** Puts the wall clock so much ahead of true time. */
  skew(now: number, micros: number): void {
    this.ahead = now - this.monotonic(now) + micros
  }

  /** From now on it is faster by so many millionths; what it shows does not jump. */
  drift(now: number, ppm: number): void {
    if (!(ppm > -million)) throw new RangeError(`a clock that drifts by ${ppm} ppm would stand still or run backwards`)
    this.shown = this.monotonic(now)
    this.since = now
    this.driftPpm = ppm
  }

  jump(micros: number): void {
    this.ahead += micros
  }
}
