/**
 * What waits to be written to one client of signaling, parted by who caused it: a pure machine.
 *
 * A client answers for what it asked itself, and loses its line when it does not read that. What others cause never costs it the line:
 * their signals are lost when there is no room, and the changes of presence are left out and made good by telling who is there.
 */
import { outboxAnswerBytesMax, outboxPresenceBytesMax, outboxSignalBytesMax } from "../platform/Limits.ts"

/** What keeping a frame costs beside its bytes. */
const frameOverhead = 64
/** The part of the room left that one sender may have: whoever comes later still finds some. */
const senderShare = 4

interface Waiting<Sender> {
  readonly frame: Uint8Array
  readonly of: "answers" | "presence" | "signals"
  readonly sender: Sender | null
}

export class Outbox<Sender> {
  private readonly frames: Array<Waiting<Sender>> = []
  private readonly bytes = { answers: 0, presence: 0, signals: 0 }
  private readonly senders = new Map<Sender, number>()
  private readonly missed = new Set<number>()

  /** An answer to the client itself; false when it has left too many unread. */
  answer(frame: Uint8Array): boolean {
    this.push({ frame, of: "answers", sender: null })
    return this.bytes.answers <= outboxAnswerBytesMax
  }

  /** Who came to the topic of a seat, or left it. What finds no room is made good later (`nextMissed`). */
  presence(seat: number, frame: Uint8Array): void {
    if (this.missed.has(seat)) return
    if (this.bytes.presence + costOf(frame) > outboxPresenceBytesMax) this.missed.add(seat)
    else this.push({ frame, of: "presence", sender: null })
  }

  /** A signal of somebody else; lost when its sender has its share of the room already. */
  signal(sender: Sender, frame: Uint8Array): void {
    const waiting = (this.senders.get(sender) ?? 0) + costOf(frame)
    if (waiting > (outboxSignalBytesMax - this.bytes.signals) / senderShare) return
    this.senders.set(sender, waiting)
    this.push({ frame, of: "signals", sender })
  }

  next(): Uint8Array | undefined {
    const first = this.frames.shift()
    if (first === undefined) return undefined
    const cost = costOf(first.frame)
    this.bytes[first.of] -= cost
    if (first.sender !== null) {
      const left = (this.senders.get(first.sender) ?? 0) - cost
      if (left > 0) this.senders.set(first.sender, left)
      else this.senders.delete(first.sender)
    }
    return first.frame
  }

  /** A seat that was told too little, once there is nothing else to write. */
  nextMissed(): number | undefined {
    for (const seat of this.missed) {
      this.missed.delete(seat)
      return seat
    }
    return undefined
  }

  clear(): void {
    this.frames.length = this.bytes.answers = this.bytes.presence = this.bytes.signals = 0
    this.senders.clear()
    this.missed.clear()
  }

  counts(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.frames.length, bytes: this.bytes.answers + this.bytes.presence + this.bytes.signals }
  }

  private push(waiting: Waiting<Sender>): void {
    this.frames.push(waiting)
    this.bytes[waiting.of] += costOf(waiting.frame)
  }
}

const costOf = (frame: Uint8Array): number => frame.length + frameOverhead
