/**
 * What two devices say to each other about the control operations of a space, and of late work: seven messages, one a frame.
 *
 * They go on the channel of replication, before it begins and beside it. Read strictly and under bounds, so that a message which was
 * read is true to its shape; whether it is true is for the machine (ControlSync.ts). Bytes: docs/format.md#control-operations-on-the-wire.
 */
import type * as Result from "effect/Result"
import { Unsupported } from "../echo/ChangeSet.ts"
import { feedText } from "../echo/FeedTable.ts"
import { decodeWith, Malformed, Reader, Writer } from "../platform/Codec.ts"
import {
  deviceFeedsMax,
  lateBytesMax,
  messageBytesMax,
  messageOperationBytesMax,
  messageOperationsMax,
  rangeItemsMax
} from "../platform/Limits.ts"
import { type KeyRange, readRange, writeRange } from "../platform/RangeSet.ts"
import type { DeviceStanding } from "./Membership.ts"
import { operationId, readSigned, readVersionedFrame } from "./OperationFrame.ts"

const standings: ReadonlyArray<DeviceStanding> = ["stranger", "member", "former"]

/** The ids between two keys, both included: their hash, or all of them. */
export interface OperationRange extends KeyRange<Uint8Array> {
  readonly _tag: "Range"
}

/** How far a device has a feed, in blocks. */
export interface FeedLength {
  readonly feed: Uint8Array
  readonly length: number
}

export type ControlMessage =
  /** What the receiver is to the sender, and the hash of the operations from which that follows. */
  | { readonly _tag: "Standing"; readonly standing: DeviceStanding; readonly ops: Uint8Array }
  | OperationRange
  /** Operations as they were signed. */
  | { readonly _tag: "Ops"; readonly operations: ReadonlyArray<Uint8Array> }
  | { readonly _tag: "Want"; readonly ids: ReadonlyArray<Uint8Array> }
  | { readonly _tag: "Refuse"; readonly reason: string }
  /** Who is a member no more has written these. */
  | { readonly _tag: "HandIn"; readonly feeds: ReadonlyArray<FeedLength> }
  /** How far these are at the receiver of late work, and how many bytes it takes yet. */
  | { readonly _tag: "Held"; readonly bytesLeft: number; readonly feeds: ReadonlyArray<FeedLength> }

const reasonBytesMax = 64

const writeAll = (to: Writer, items: ReadonlyArray<Uint8Array>): Writer => {
  to.array(items.length)
  for (const item of items) to.bytes(item)
  return to
}

const writeFeeds = (to: Writer, feeds: ReadonlyArray<FeedLength>): Writer => {
  to.array(feeds.length)
  for (const { feed, length } of feeds) to.array(2).bytes(feed).int(length)
  return to
}

const write = (to: Writer, message: ControlMessage): Writer => {
  switch (message._tag) {
    case "Standing":
      return to.array(3).int(12).int(standings.indexOf(message.standing)).bytes(message.ops)
    case "Range":
      writeRange(to, 1, message)
      return message.content instanceof Uint8Array ? to.bytes(message.content) : writeAll(to, message.content)
    case "Ops":
      return writeAll(to.array(2).int(6), message.operations)
    case "Want":
      return writeAll(to.array(2).int(14), message.ids)
    case "Refuse":
      return to.array(3).int(10).text(message.reason).nil()
    case "HandIn":
      return writeFeeds(to.array(2).int(13), message.feeds)
    case "Held":
      return writeFeeds(to.array(3).int(15).int(message.bytesLeft), message.feeds)
  }
}

export const encodeControl = (message: ControlMessage): Uint8Array => write(new Writer(), message).take()

/** What an operation takes in a message besides its own bytes, at most. */
export const operationRoom = 5

const readIds = (from: Reader, max: number): ReadonlyArray<Uint8Array> => {
  const ids: Array<Uint8Array> = []
  for (let n = from.array(max); n > 0; n--) ids.push(from.fixed(32))
  return ids
}

const readListed = (from: Reader): ReadonlyArray<Uint8Array> => readIds(from, rangeItemsMax)
const idOf = (id: Uint8Array): Uint8Array => id

const readFeeds = (from: Reader): ReadonlyArray<FeedLength> => {
  const feeds: Array<FeedLength> = []
  for (let n = from.array(deviceFeedsMax); n > 0; n--) {
    from.tuple(2)
    feeds.push({ feed: from.fixed(32), length: from.uint() })
  }
  return feeds
}

const readOperations = (from: Reader): ReadonlyArray<Uint8Array> => {
  const operations: Array<Uint8Array> = []
  let bytes = 0
  for (let n = from.array(messageOperationsMax); n > 0; n--) {
    const operation = from.bytes(messageOperationBytesMax)
    bytes += operation.length
    operations.push(operation)
  }
  return bytes > messageOperationBytesMax ? from.fail("more operations than one message carries") : operations
}

const atLeastOne = (from: Reader, items: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> =>
  items.length === 0 ? from.fail("names no operation") : items

const fieldsOf: ReadonlyMap<number, number> = new Map([
  [1, 6],
  [6, 2],
  [10, 3],
  [12, 3],
  [13, 2],
  [14, 2],
  [15, 3]
])

const read = (from: Reader): ControlMessage => {
  const fields = from.array(6)
  const type = from.uint()
  if (fieldsOf.get(type) !== fields) from.fail(`a message of type ${type} with ${fields} fields, which is not about operations`)
  switch (type) {
    case 1:
      if (from.uint() !== 1) from.fail("a range that is not of operations")
      return { _tag: "Range", ...readRange(from, readListed, idOf) }
    case 6:
      return { _tag: "Ops", operations: atLeastOne(from, readOperations(from)) }
    case 10: {
      const reason = from.text(reasonBytesMax)
      return from.nil() ? { _tag: "Refuse", reason } : from.fail("refuses a feed, and not the channel")
    }
    case 12:
      return { _tag: "Standing", standing: standings[from.uint(standings.length - 1)]!, ops: from.fixed(32) }
    case 13:
      return { _tag: "HandIn", feeds: readFeeds(from) }
    case 15:
      return { _tag: "Held", bytesLeft: from.uint(lateBytesMax), feeds: readFeeds(from) }
    default:
      return { _tag: "Want", ids: atLeastOne(from, readIds(from, messageOperationsMax)) }
  }
}

/** Reads one frame. Byte strings of what was read are views into it. */
export const decodeControl = (bytes: Uint8Array): Result.Result<ControlMessage, Malformed> =>
  decodeWith(bytes, (from) => {
    if (bytes.length > messageBytesMax) from.fail(`a message of ${bytes.length} bytes exceeds ${messageBytesMax}`)
    return read(from)
  })

/** Whether a frame, unless it is garbled, is about operations or late work; a Refuse of the whole channel is about neither. */
export const isControl = ([, type, set]: Uint8Array): boolean =>
  type === 6 || (type !== undefined && type >= 12 && type <= 15) || (type === 1 && set === 1)

/** The id of an operation as it was signed, and who says that he signed it; null of what is no operation. */
export const signedBy = (
  bytes: Uint8Array,
  hash: (bytes: Uint8Array) => Uint8Array
): { readonly id: Uint8Array; readonly by: string } | null => {
  try {
    const outer = new Reader(bytes)
    const { op } = readSigned(outer)
    outer.finish()
    return { id: operationId(op, hash), by: feedText(readVersionedFrame(new Reader(op)).by) }
  } catch (error) {
    if (error instanceof Malformed || error instanceof Unsupported) return null
    throw error
  }
}
