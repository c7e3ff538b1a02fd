/**
 * The clock of a simulated machine: wrong by a skew, and ever more so when it drifts. It outlives the lives of its peer.
 *
 * True time is that of the world. The monotonic clock only drifts; the wall clock drifts, is set, and jumps. Whole microseconds.
 */
const million = 1_000_000

export class MachineClock {
  /** How often somebody was shown that it is wrong. */
  readonly touched = { skewed: 0, drifted: 0, jumped: 0 }
  private readonly epoch: number
  /** The true time at which the drift was set last, and what the monotonic clock showed. */
  private since = 0
  private shown = 0
  private driftPpm = 0
  /** What the wall clock is ahead of the monotonic one, beside the epoch. */
  private ahead = 0
  /** What of that it was set to, and by what it has jumped since. */
  private skewed = 0
  private jumped = 0

  /** `epoch` is what the wall clock shows when the world begins: microseconds since 1970. */
  constructor(epoch: number) {
    this.epoch = epoch
  }

  monotonic(now: number): number {
    const shown = this.shownAt(now)
    if (shown !== this.shown + now - this.since) this.touched.drifted++
    return shown
  }

  private shownAt(now: number): number {
    const passed = now - this.since
    return this.shown + passed + Math.floor((passed * this.driftPpm) / million)
  }

  wall(now: number): number {
    if (this.skewed !== 0) this.touched.skewed++
    if (this.jumped !== 0) this.touched.jumped++
    return this.epoch + this.monotonic(now) + this.ahead
  }

  /** How long it truly takes until this clock has moved on by so much. */
  truly(micros: number): number {
    const truly = Math.ceil((micros * million) / (million + this.driftPpm))
    if (truly !== micros) this.touched.drifted++
    return truly
  }

  /** Puts the wall clock so much ahead of true time. */
  skew(now: number, micros: number): void {
    this.ahead = now - this.shownAt(now) + micros
    this.skewed = micros
    this.jumped = 0
  }

  /** From now on it is faster by so many millionths; what it shows does not jump. */
  drift(now: number, ppm: number): void {
    if (!(ppm > -million)) throw new RangeError(`a clock that drifts by ${ppm} ppm would stand still or run backwards`)
    this.shown = this.shownAt(now)
    this.since = now
    this.driftPpm = ppm
  }

  jump(micros: number): void {
    this.ahead += micros
    this.jumped += micros
  }
}
