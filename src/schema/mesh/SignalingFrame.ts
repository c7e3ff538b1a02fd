/**
 * What a client and a KUBE say on a line of signaling, and the bytes of it.
 *
 * A seat is a topic joined on the line, under a number that the client chose. docs/format.md#signaling
 */
import * as Hex from "effect/encoding/Hex"
import * as Result from "effect/Result"
import type { Notice, Refusal } from "../kube/Rooms.ts"
import { decodeWith, type Reader, Writer } from "../platform/Codec.ts"
import { signalBytesMax, topicPeersMax } from "../platform/Limits.ts"

/** What a client says. */
export type Asked =
  | {
      readonly _tag: "Join"
      readonly seat: number
      readonly topic: Uint8Array
      readonly peer: string
      /** What shows the KUBE that the peer is the one that was there before: 16 bytes as hex, like the peer. */
      readonly secret: string
    }
  | { readonly _tag: "Leave"; readonly seat: number }
  | { readonly _tag: "Signal"; readonly seat: number; readonly peer: string; readonly payload: Uint8Array }
  | { readonly _tag: "Ping" }

/** What a KUBE says. */
export type Told = { readonly _tag: "Notice"; readonly seat: number; readonly notice: Notice } | { readonly _tag: "Pong" }

/** No message of signaling is longer. */
export const signalingBytesMax = 131_072

const refusals: ReadonlyArray<Refusal> = ["topic full", "too many topics", "seat taken", "peer taken", "too many seats"]
const seatMax = 0xffff

const begin = (items: number, type: number) => new Writer().array(items).int(type)
const idBytes = (id: string): Uint8Array => Result.getOrThrow(Hex.decode(id))
const readId = (from: Reader): string => Hex.encode(from.fixed(16))
/** Whether a text is the id of a peer: 16 bytes in lower case. */
export const isPeerId = (peer: string): boolean => /^[0-9a-f]{32}$/.test(peer)

export const encodeAsked = (asked: Asked): Uint8Array => {
  switch (asked._tag) {
    case "Join":
      return begin(5, 0).int(asked.seat).bytes(asked.topic).bytes(idBytes(asked.peer)).bytes(idBytes(asked.secret)).finish()
    case "Leave":
      return begin(2, 1).int(asked.seat).finish()
    case "Signal":
      return begin(4, 2).int(asked.seat).bytes(idBytes(asked.peer)).bytes(asked.payload).finish()
    case "Ping":
      return begin(1, 3).finish()
  }
}

const askedLengths = [5, 2, 4, 1]

/** Reads what a client says. */
export const decodeAsked = (bytes: Uint8Array) =>
  decodeWith(bytes, (from): Asked => {
    const length = from.array(16)
    const type = from.uint(3)
    if (length !== askedLengths[type]) from.fail("another number of items")
    if (type === 3) return { _tag: "Ping" }
    const seat = from.uint(seatMax)
    if (type === 0) return { _tag: "Join", seat, topic: from.fixed(32).slice(), peer: readId(from), secret: readId(from) }
    if (type === 1) return { _tag: "Leave", seat }
    return { _tag: "Signal", seat, peer: readId(from), payload: from.bytes(signalBytesMax) }
  })

export const encodeNotice = (seat: number, notice: Notice): Uint8Array => {
  switch (notice._tag) {
    case "Signal":
      return begin(4, 2).int(seat).bytes(idBytes(notice.peer)).bytes(notice.payload).finish()
    case "Present": {
      const to = begin(3, 5).int(seat).array(notice.peers.length)
      for (const peer of notice.peers) to.bytes(idBytes(peer))
      return to.finish()
    }
    case "Joined":
      return begin(3, 6).int(seat).bytes(idBytes(notice.peer)).finish()
    case "Left":
      return begin(3, 7).int(seat).bytes(idBytes(notice.peer)).finish()
    case "Refused":
      return begin(3, 8).int(seat).int(refusals.indexOf(notice.reason)).finish()
  }
}

export const pong = (): Uint8Array => begin(1, 4).finish()

const toldLengths = [0, 0, 4, 0, 1, 3, 3, 3, 3]

/** Reads what a KUBE says. */
export const decodeTold = (bytes: Uint8Array) =>
  decodeWith(bytes, (from): Told => {
    const length = from.array(16)
    const type = from.uint(8)
    if (length !== toldLengths[type]) from.fail("another type or number of items")
    if (type === 4) return { _tag: "Pong" }
    return { _tag: "Notice", seat: from.uint(seatMax), notice: readNotice(from, type) }
  })

const readNotice = (from: Reader, type: number): Notice => {
  if (type === 2) return { _tag: "Signal", peer: readId(from), payload: from.bytes(signalBytesMax).slice() }
  if (type === 6) return { _tag: "Joined", peer: readId(from) }
  if (type === 7) return { _tag: "Left", peer: readId(from) }
  if (type === 8) return { _tag: "Refused", reason: refusals[from.uint(255)] ?? "topic full" }
  const peers: Array<string> = []
  for (let n = from.array(topicPeersMax); n > 0; n--) peers.push(readId(from))
  return { _tag: "Present", peers }
}
