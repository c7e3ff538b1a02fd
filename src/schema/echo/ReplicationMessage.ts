/**
 * What two devices say to each other about the feeds of a space: eight messages, one a frame.
 *
 * Read strictly and under bounds, so that a message which was read is true to its shape; whether it is true is for the machine
 * (Replication.ts) and the FeedStore. Bytes: docs/format.md#replication.
 */
import type * as Result from "effect/Result"
import { decodeWith, equalBytes, type Malformed, type Reader, Writer } from "../platform/Codec.ts"
import {
  forkProofBytesMax,
  manifestBytesMax,
  messageBytesMax,
  messageFeedsMax,
  proofNodesMax,
  rangeItemsMax,
  runBlocksMax
} from "../platform/Limits.ts"
import { type KeyRange, readRange, writeRange } from "../platform/RangeSet.ts"
import type { Run } from "./Feed.ts"

/** How many blocks of a feed somebody has stored. */
export interface FeedLength {
  readonly feed: Uint8Array
  readonly length: number
}

/** What a feed is at its length: the first 16 bytes of its root, or where a proven fork froze it. */
export type Mark = Uint8Array | number

/** One feed of a set: all that a device has stored of it that counts. */
export interface FeedItem extends FeedLength {
  readonly mark: Mark
}

export const markOf = (root: Uint8Array, frozenAt: number | null = null): Mark => frozenAt ?? root.slice(0, markBytes)

export const isSameMark = (a: Mark | null, b: Mark | null): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array ? equalBytes(a, b) : a === b

const markBytes = 16

export interface Range extends KeyRange<FeedItem> {
  readonly _tag: "Range"
}

export interface Wanted {
  readonly feed: Uint8Array
  readonly from: number
  /** null: all there are, and all that come. */
  readonly to: number | null
}

export type Message =
  | { readonly _tag: "Summary"; readonly stored: Uint8Array; readonly frontier: Uint8Array; readonly ops: Uint8Array }
  | Range
  | { readonly _tag: "Have"; readonly feeds: ReadonlyArray<FeedItem> }
  | { readonly _tag: "Want"; readonly feeds: ReadonlyArray<Wanted> }
  | { readonly _tag: "Data"; readonly run: Run }
  | { readonly _tag: "Manifest"; readonly manifest: Uint8Array }
  | { readonly _tag: "Refuse"; readonly reason: string; readonly feed: Uint8Array | null }
  | { readonly _tag: "Fork"; readonly feed: Uint8Array; readonly index: number; readonly proof: Uint8Array }

const reasonBytesMax = 64

/** `[[feed32, length, root16 | frozenAt]...]`; the null of a mark that is not known is never sent. */
export const writeItems = (to: Writer, items: ReadonlyArray<FeedLength & { readonly mark: Mark | null }>): Writer => {
  to.array(items.length)
  for (const { feed, length, mark } of items) {
    to.array(3).bytes(feed).int(length)
    if (mark === null) to.nil()
    else if (typeof mark === "number") to.int(mark)
    else to.bytes(mark)
  }
  return to
}

const writeData = (to: Writer, { feed, from, blocks, head, proof }: Run): Writer => {
  to.array(6).int(4).bytes(feed).int(from).array(blocks.length)
  for (const block of blocks) to.bytes(block)
  to.array(3).int(head.length).bytes(head.root).bytes(head.signature)
  if (proof === null) return to.nil()
  to.array(proof.length)
  for (const node of proof) to.bytes(node)
  return to
}

const write = (to: Writer, message: Message): Writer => {
  switch (message._tag) {
    case "Summary":
      return to.array(4).int(0).bytes(message.stored).bytes(message.frontier).bytes(message.ops)
    case "Range":
      writeRange(to, 0, message)
      return message.content instanceof Uint8Array ? to.bytes(message.content) : writeItems(to, message.content)
    case "Have":
      return writeItems(to.array(2).int(2), message.feeds)
    case "Want":
      to.array(2).int(3).array(message.feeds.length)
      for (const { feed, from, to: end } of message.feeds) {
        to.array(3).bytes(feed).int(from)
        if (end === null) to.nil()
        else to.int(end)
      }
      return to
    case "Data":
      return writeData(to, message.run)
    case "Manifest":
      return to.array(2).int(5).bytes(message.manifest)
    case "Refuse":
      to.array(3).int(10).text(message.reason)
      return message.feed === null ? to.nil() : to.bytes(message.feed)
    case "Fork":
      return to.array(2).int(11).raw(message.proof)
  }
}

/** The bytes of a block that a message needs besides its content. */
const roomOf = (message: Message): number =>
  message._tag === "Data" ? message.run.blocks.reduce((sum, block) => sum + block.length + 5, 512) : 256

export const encodeMessage = (message: Message): Uint8Array => write(new Writer(roomOf(message)), message).take()

const readItems = (from: Reader, max: number): ReadonlyArray<FeedItem> => {
  const feeds: Array<FeedItem> = []
  for (let n = from.array(max); n > 0; n--) {
    from.tuple(3)
    const feed = from.fixed(32)
    const length = from.uint()
    const mark = from.peek() === 2 ? from.fixed(markBytes) : from.uint()
    if (typeof mark === "number" && mark < length) from.fail("more of a feed than its freeze lets count")
    feeds.push({ feed, length, mark })
  }
  return feeds
}

const atLeastOne = <A>(from: Reader, items: ReadonlyArray<A>): ReadonlyArray<A> =>
  items.length === 0 ? from.fail("names no feed") : items

const keyOf = ({ feed }: FeedItem): Uint8Array => feed
const readListed = (from: Reader): ReadonlyArray<FeedItem> => readItems(from, rangeItemsMax)

const readWants = (from: Reader): ReadonlyArray<Wanted> => {
  const feeds: Array<Wanted> = []
  for (let n = from.array(messageFeedsMax); n > 0; n--) {
    from.tuple(3)
    const feed = from.fixed(32)
    const start = from.uint()
    const end = from.nil() ? null : from.uint()
    if (end !== null && end < start) from.fail("wants what ends before it begins")
    feeds.push({ feed, from: start, to: end })
  }
  return feeds
}

const readNodes = (from: Reader): ReadonlyArray<Uint8Array> => {
  const nodes: Array<Uint8Array> = []
  for (let n = from.array(proofNodesMax); n > 0; n--) nodes.push(from.fixed(32))
  return nodes
}

const readRun = (from: Reader): Run => {
  const feed = from.fixed(32)
  const start = from.uint()
  const blocks: Array<Uint8Array> = []
  for (let n = from.array(runBlocksMax); n > 0; n--) blocks.push(from.bytes(messageBytesMax))
  if (blocks.length === 0) from.fail("a run without blocks")
  from.tuple(3)
  const length = from.uint()
  if (length !== start + blocks.length) from.fail("a head that is not at the end of its run")
  const head = { length, root: from.fixed(32), signature: from.fixed(64) }
  return { feed, from: start, blocks, head, proof: from.nil() ? null : readNodes(from) }
}

/** A proof is read by the FeedStore; here it is only one item that names its feed and an index. */
const readFork = (from: Reader, bytes: Uint8Array): Message => {
  const start = from.at
  if (from.array(8) !== 8) from.fail("a fork proof of another shape")
  const feed = from.fixed(32)
  for (let i = 1; i < 3; i++) from.item(2)
  const index = from.uint()
  for (let i = 4; i < 8; i++) from.item(2)
  if (from.at - start > forkProofBytesMax) from.fail("a fork proof that is too large")
  return { _tag: "Fork", feed, index, proof: bytes.slice(start, from.at) }
}

const fieldsOf: ReadonlyMap<number, number> = new Map([
  [0, 4],
  [1, 6],
  [2, 2],
  [3, 2],
  [4, 6],
  [5, 2],
  [10, 3],
  [11, 2]
])

const read = (from: Reader, bytes: Uint8Array): Message => {
  const fields = from.array(6)
  const type = from.uint()
  if (fieldsOf.get(type) !== fields) from.fail(`a message of type ${type} with ${fields} fields, which version 0 does not know`)
  switch (type) {
    case 0:
      return { _tag: "Summary", stored: from.fixed(32), frontier: from.fixed(32), ops: from.fixed(32) }
    case 1:
      if (from.uint() !== 0) from.fail("a set that version 0 does not know")
      return { _tag: "Range", ...readRange(from, readListed, keyOf) }
    case 2:
      return { _tag: "Have", feeds: atLeastOne(from, readItems(from, messageFeedsMax)) }
    case 3:
      return { _tag: "Want", feeds: atLeastOne(from, readWants(from)) }
    case 4:
      return { _tag: "Data", run: readRun(from) }
    case 5:
      return { _tag: "Manifest", manifest: from.bytes(manifestBytesMax) }
    case 10:
      return { _tag: "Refuse", reason: from.text(reasonBytesMax), feed: from.nil() ? null : from.fixed(32) }
    default:
      return readFork(from, bytes)
  }
}

/** Reads one frame. Byte strings of what was read are views into it. */
export const decodeMessage = (bytes: Uint8Array): Result.Result<Message, Malformed> =>
  decodeWith(bytes, (from) => {
    if (bytes.length > messageBytesMax) from.fail(`a message of ${bytes.length} bytes exceeds ${messageBytesMax}`)
    return read(from, bytes)
  })

/** The feed that a manifest is for, unverified: `[v, space32, device32, feed32, …]`. */
export const feedOfManifest = (manifest: Uint8Array): Result.Result<Uint8Array, Malformed> =>
  decodeWith(manifest, (from) => {
    from.tuple(7)
    from.uint()
    from.fixed(32)
    from.fixed(32)
    const feed = from.fixed(32)
    for (let i = 4; i < 7; i++) from.item(1)
    return feed
  })
