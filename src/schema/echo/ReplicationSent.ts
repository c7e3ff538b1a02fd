/**
 * What was sent to a peer on one connection: which blocks are sent anew and to be charged, and what was taken back and may still come.
 *
 * What was sent of a feed may be sent anew twice over, for a search for a fork asks for no more; and again so after a pause, for a frame
 * may have been spoiled, and a disk full. The pause is shorter than that after which honest peers ask again (docs/format.md, "Refusing"),
 * and doubles as theirs does, until the peer has more of the feed than ever.
 */

/** How often what was sent of a feed may be sent anew before it is charged. */
const timesMax = 2
const againPause = 20_000
const againPauseMax = 1_800_000
/** Spans of blocks that are told apart: honest peers make two or three, and of more the gaps count as sent. */
const spansMax = 8
/** How long what was taken back may still be on its way. */
const returnPause = 2_000

interface Span {
  readonly from: number
  readonly to: number
}

/** What was sent of one feed. */
export class Sent {
  private spans: ReadonlyArray<Span> = []
  /** Bytes that were sent for the first time; and those that were sent anew since it last became free of charge. */
  bytes = 0
  private again = 0
  private freeAt = 0
  private pauses = 0
  private reached = 0

  has(index: number): boolean {
    return this.spans.some(({ from, to }) => from <= index && index < to)
  }

  /** Blocks from one index up to another were sent. */
  add(from: number, to: number): void {
    const apart = this.spans.filter((span) => span.to < from || to < span.from)
    const joined = this.spans.filter((span) => !apart.includes(span))
    const all = [...apart, joined.reduce(hull, { from, to })].sort((a, b) => a.from - b.from)
    this.spans = all.length > spansMax ? [hull(all[0]!, all[1]!), ...all.slice(2)] : all
  }

  /** Counts bytes as sent, and answers how many of them are to be charged. */
  count(fresh: number, anew: number, now: number): number {
    this.bytes += fresh
    if (anew === 0) return 0
    const free = timesMax * this.bytes
    if (this.again + anew > free && now >= this.freeAt) {
      this.again = 0
      this.freeAt = now + Math.min(againPause * 2 ** this.pauses++, againPauseMax)
    }
    const over = Math.max(0, this.again + anew - free)
    this.again += anew
    return Math.min(anew, over)
  }

  /** The peer has stored the feed up to a length. */
  acknowledged(length: number): void {
    // by more than was sent nothing is proved
    const reached = Math.min(length, this.spans[this.spans.length - 1]?.to ?? 0)
    if (reached <= this.reached) return
    this.reached = reached
    this.pauses = 0
  }
}

const hull = (a: Span, b: Span): Span => ({ from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) })

/** Bytes that are not waited for any more, or that nobody will acknowledge: until a time they count as under way. */
export class Returned {
  private parts: Array<{ readonly bytes: number; readonly until: number }> = []
  bytes = 0
  /** When the next part counts no more. */
  next = Number.POSITIVE_INFINITY

  add(bytes: number, sentAt: number): void {
    const until = sentAt + returnPause
    this.parts.push({ bytes, until })
    this.bytes += bytes
    this.next = Math.min(this.next, until)
  }

  pass(now: number): void {
    if (this.next > now) return
    this.parts = this.parts.filter(({ until }) => until > now)
    this.bytes = this.parts.reduce((sum, { bytes }) => sum + bytes, 0)
    this.next = this.parts.reduce((at, { until }) => Math.min(at, until), Number.POSITIVE_INFINITY)
  }
}
