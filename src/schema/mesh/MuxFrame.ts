/**
 * The frames of a connection: what each says, and its bytes.
 *
 * Arrays with positions, sizes checked before anything is taken. What they mean together: Mux.ts. docs/format.md#mux
 */
import { type Reader, Writer } from "../platform/Codec.ts"
import { channelNameBytesMax, frameBytesMax } from "../platform/Limits.ts"

/** Why a channel or a connection ends; the index is what is sent. */
export const reasons = [
  "done",
  "no such channel",
  "not a member",
  "protocol error",
  "failed",
  "another connection stays",
  "silent",
  "unknown frame type",
  "too many channels"
] as const
export type Reason = (typeof reasons)[number]

export type Frame =
  | {
      readonly _tag: "Open"
      readonly channel: number
      readonly name: string
      readonly version: number
      readonly space: Uint8Array
    }
  | { readonly _tag: "Data"; readonly channel: number; readonly bytes: Uint8Array; readonly isLast: boolean }
  | { readonly _tag: "Credit"; readonly channel: number; readonly bytes: number }
  | { readonly _tag: "Close"; readonly channel: number; readonly reason: Reason; readonly text: string }
  | { readonly _tag: "Ping" }
  | { readonly _tag: "Pong" }
  | { readonly _tag: "End"; readonly reason: Reason; readonly text: string }
  | { readonly _tag: "Unknown"; readonly type: number }

const textBytesMax = 256
/** The most that one Data or Part carries, so that the frame stays within the transport's limit. */
export const chunkBytesMax = frameBytesMax - 16
/** The least that a part carries: a message cut into crumbs would cost its receiver more than its bytes. */
export const partBytesMin = 16_384
/** What any Data or Part costs beside its bytes, so that empty messages are not free. */
export const chunkCost = 64

const lengths = [5, 3, 3, 3, 4, 1, 1, 3]

/** Reads one frame; throws `Malformed`. */
export const readFrame = (from: Reader): Frame => {
  const length = from.array(16)
  const type = from.uint(255)
  if (type >= lengths.length) {
    for (let n = length; n > 1; n--) from.item()
    return { _tag: "Unknown", type }
  }
  if (length !== lengths[type]) from.fail(`expected ${lengths[type]} items`)
  if (type === 5) return { _tag: "Ping" }
  if (type === 6) return { _tag: "Pong" }
  if (type === 7) return { _tag: "End", reason: reasonOf(from), text: from.text(textBytesMax) }
  const channel = from.uint(0xffff_ffff)
  if (type === 1) return { _tag: "Data", channel, bytes: from.bytes(chunkBytesMax), isLast: true }
  if (type === 2) return { _tag: "Data", channel, bytes: readPart(from), isLast: false }
  if (type === 3) return { _tag: "Credit", channel, bytes: readCredit(from) }
  if (type === 4) return { _tag: "Close", channel, reason: reasonOf(from), text: from.text(textBytesMax) }
  return { _tag: "Open", channel, name: from.text(channelNameBytesMax), version: from.uint(0xffff), space: from.fixed(32) }
}

const readPart = (from: Reader): Uint8Array => {
  const bytes = from.bytes(chunkBytesMax)
  return bytes.length < partBytesMin ? from.fail(`a part of ${bytes.length}`) : bytes
}

const readCredit = (from: Reader): number => {
  const bytes = from.uint()
  return bytes === 0 ? from.fail("a credit of nothing") : bytes
}

/** A reason of a newer version reads as a failure. */
const reasonOf = (from: Reader): Reason => reasons[from.uint(255)] ?? "failed"

const writer = new Writer(frameBytesMax)
const begin = (items: number, type: number) => {
  writer.reset()
  return writer.array(items).int(type)
}

export const openFrame = (channel: number, name: string, version: number, space: Uint8Array): Uint8Array =>
  begin(5, 0).int(channel).text(name).int(version).bytes(space).finish()
export const dataFrame = (channel: number, bytes: Uint8Array, isLast: boolean): Uint8Array =>
  begin(3, isLast ? 1 : 2)
    .int(channel)
    .bytes(bytes)
    .finish()
export const creditFrame = (channel: number, bytes: number): Uint8Array => begin(3, 3).int(channel).int(bytes).finish()
export const closeFrame = (channel: number, reason: Reason, text: string): Uint8Array =>
  begin(4, 4).int(channel).int(reasons.indexOf(reason)).text(clip(text)).finish()
export const pingFrame = (): Uint8Array => begin(1, 5).finish()
export const pongFrame = (): Uint8Array => begin(1, 6).finish()
export const endFrame = (reason: Reason, text: string): Uint8Array =>
  begin(3, 7).int(reasons.indexOf(reason)).text(clip(text)).finish()

/** At most 84 characters have at most 256 bytes. */
const clip = (text: string): string => text.toWellFormed().slice(0, 84).toWellFormed()

/** What a WebSocket adds to a frame: a client masks what it sends. The same is counted on every transport. */
export const webSocketOverhead = (length: number, isMasked: boolean): number =>
  2 + (length < 126 ? 0 : length < 65_536 ? 2 : 8) + (isMasked ? 4 : 0)
