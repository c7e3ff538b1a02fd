/**
 * A token bucket: so many at once, so many a second on average, and how long the next has to wait.
 */
export class Bucket {
  private tokens: number
  private at: number
  private readonly perSecond: number
  private readonly burst: number

  constructor(perSecond: number, burst: number, now: number) {
    this.perSecond = perSecond
    this.burst = burst
    this.tokens = burst
    this.at = now
  }

  /** Takes one token, and answers the milliseconds after which it is due. */
  take(now: number): number {
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.at) * this.perSecond) / 1_000)
    this.at = now
    this.tokens--
    return this.tokens >= 0 ? 0 : (-this.tokens * 1_000) / this.perSecond
  }
}
