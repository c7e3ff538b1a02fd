/**
 * What two peers of a topic signal to each other before they connect: an offer and its answer, under the id of a meeting.
 *
 * The peer with the smaller id offers and the other never does, so two offers cannot cross. docs/format.md#signaling
 */
import { decodeWith, Writer } from "../platform/Codec.ts"
import { signalBytesMax } from "../platform/Limits.ts"

export type MeetingSignal =
  | { readonly _tag: "Offer"; readonly meeting: Uint8Array }
  | { readonly _tag: "Accept"; readonly meeting: Uint8Array }
  | { readonly _tag: "Decline"; readonly meeting: Uint8Array; readonly reason: number }
  /** A transport's own signal. */
  | { readonly _tag: "Inner"; readonly meeting: Uint8Array; readonly payload: Uint8Array }

const begin = (items: number, type: number, meeting: Uint8Array) => new Writer().array(items).int(type).bytes(meeting)

export const encodeMeeting = (signal: MeetingSignal): Uint8Array => {
  switch (signal._tag) {
    case "Offer":
      return begin(2, 0, signal.meeting).finish()
    case "Accept":
      return begin(2, 1, signal.meeting).finish()
    case "Decline":
      return begin(3, 2, signal.meeting).int(signal.reason).finish()
    case "Inner":
      return begin(3, 3, signal.meeting).bytes(signal.payload).finish()
  }
}

/** Reads a signal of a meeting. */
export const decodeMeeting = (bytes: Uint8Array) =>
  decodeWith(bytes, (from): MeetingSignal => {
    const length = from.array(3)
    const type = from.uint(3)
    const meeting = from.fixed(16).slice()
    if (length !== (type < 2 ? 2 : 3)) from.fail("another number of items")
    if (type === 0) return { _tag: "Offer", meeting }
    if (type === 1) return { _tag: "Accept", meeting }
    return type === 2
      ? { _tag: "Decline", meeting, reason: from.uint(255) }
      : { _tag: "Inner", meeting, payload: from.bytes(signalBytesMax).slice() }
  })

/** Whether this peer is the one that offers. */
export const offers = (self: string, other: string): boolean => self < other

/** The topic of a space in version 0: id("halo/topic", [space]). */
export const topicOf = (space: Uint8Array, hash: (bytes: Uint8Array) => Uint8Array): Uint8Array => {
  const label = new TextEncoder().encode("halo/topic/v0\0")
  return hash(new Uint8Array([...label, ...new Writer().array(1).bytes(space).finish()]))
}
