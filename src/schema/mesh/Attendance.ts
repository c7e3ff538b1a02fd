/**
 * What a peer still has to be told about a topic: who is there, who has left, and the signals that came, in an order it can use.
 *
 * A consumer may be slow, and a line may go down and come back. Instead of queueing each change, this keeps who is there and who was
 * told of, so that what waits is bounded by the peers of a topic, and nobody is missed: only signals are dropped, the oldest stay.
 */
import { topicPeersMax } from "../platform/Limits.ts"

export type Attended =
  | { readonly _tag: "Joined"; readonly peer: string }
  | { readonly _tag: "Left"; readonly peer: string }
  | { readonly _tag: "Signal"; readonly peer: string; readonly payload: Uint8Array }

const signalsMax = 256

export class Attendance {
  private readonly present = new Set<string>()
  private readonly told = new Set<string>()
  private readonly leaving = new Set<string>()
  private readonly joining = new Set<string>()
  private readonly signals: Array<{ readonly peer: string; readonly payload: Uint8Array }> = []

  /** A line is up and these are there. All of them are told again, so that whoever waits for one tries anew. */
  reset(peers: Iterable<string>): void {
    const now = new Set(peers)
    for (const peer of this.present) if (!now.has(peer)) this.left(peer)
    for (const peer of now) this.joined(peer)
  }

  joined(peer: string): void {
    if (this.present.size >= topicPeersMax && !this.present.has(peer)) return
    this.present.add(peer)
    this.joining.add(peer)
    this.leaving.delete(peer)
  }

  left(peer: string): void {
    this.present.delete(peer)
    this.joining.delete(peer)
    if (this.told.has(peer)) this.leaving.add(peer)
  }

  signal(peer: string, payload: Uint8Array): void {
    if (this.present.has(peer) && this.signals.length < signalsMax) this.signals.push({ peer, payload })
  }

  /** The next event to tell, if any. */
  next(): Attended | null {
    for (const peer of this.leaving) {
      this.leaving.delete(peer)
      this.told.delete(peer)
      return { _tag: "Left", peer }
    }
    for (const peer of this.joining) {
      this.joining.delete(peer)
      this.told.add(peer)
      return { _tag: "Joined", peer }
    }
    for (let signal = this.signals.shift(); signal !== undefined; signal = this.signals.shift()) {
      if (this.told.has(signal.peer)) return { _tag: "Signal", ...signal }
    }
    return null
  }
}
