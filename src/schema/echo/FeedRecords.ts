/**
 * Feeds as a Storage holds them: keys and records, all of one space in one range.
 *
 * A block's record and its feed's are always written in one batch, so a feed is never found half grown. Every block keeps its root,
 * because dependencies cite it; it keeps its signature where one is known, and the peaks at every 64th length, so that a run from
 * anywhere is proved by reading at most 63 blocks. Every record ends with a checksum, since no signature covers all of it. Bytes:
 * docs/format.md#storage-keys.
 */
import type * as Result from "effect/Result"
import { checksum, checksumBytes } from "../platform/Checksum.ts"
import { decodeWith, equalBytes, type Malformed, type Reader, Writer } from "../platform/Codec.ts"
import {
  blockChangeSetsMax,
  changeSetMutationsMax,
  commandBytesMax,
  manifestBytesMax,
  proofNodesMax
} from "../platform/Limits.ts"
import { feedRange } from "../platform/StorageKeys.ts"
import { envelopeBytesMax } from "./Feed.ts"
import { type Hash, leafHashAt, putU64 } from "./Merkle.ts"

/** What is kept of a feed besides its blocks. */
export interface FeedRecord {
  readonly manifest: Uint8Array
  /** Its place in the order in which things came into this space: this feed, and its last block. */
  readonly admitted: number
  readonly arrival: number
  readonly length: number
  readonly root: Uint8Array
  readonly peaks: ReadonlyArray<Uint8Array>
  /** The last counter that the writer took, in a feed of this device. */
  readonly counter: number
  /** The start of this device in which it made the feed; 0 for a feed of another. */
  readonly start: number
  /** Whether nothing may be appended here any more, because a peer knew more of it. */
  readonly isClosed: boolean
  readonly frozenAt: number | null
}

/** A block as it is kept. `bytes` may be a view into what was read. */
export interface BlockRecord {
  readonly arrival: number
  readonly root: Uint8Array
  readonly signature: Uint8Array | null
  /** The peaks with this block as the last, after every 64th. */
  readonly peaks: ReadonlyArray<Uint8Array> | null
  readonly bytes: Uint8Array
}

/** A change that the application has named, so that it is made once: the name, and the first counter of its change set. */
export interface CommandRecord {
  readonly command: string
  readonly first: number
}

/** A change set, or a part of one, that a fork had taken away, as it was written anew: where its dots were first, and the copy's first one. */
export interface CopyRecord {
  readonly feed: Uint8Array
  readonly from: number
  readonly to: number
  /** Counters of dots that were left out. */
  readonly left: ReadonlyArray<number>
  readonly first: number
}

/** How often this device has started, and in which start it last saw that its storage had been put back (0 never). */
export interface Starts {
  readonly starts: number
  readonly rolledBackAt: number
}

/** Blocks from one whose record has the peaks to the next. */
export const checkpointBlocks = 64

const feedKind = 0x00
const blockKind = 0x01
const forkKind = 0x02
const commandsKind = 0x03
const copiesKind = 0x04
const renewalKind = 0x05

const keyOf = (space: Uint8Array, kind: number, feed: Uint8Array, room = 0): Uint8Array => {
  const key = new Uint8Array(66 + room)
  key[0] = feedRange
  key.set(space, 1)
  key[33] = kind
  key.set(feed, 34)
  return key
}

const noFeed = new Uint8Array(32)

/** The keys of one kind in a space; `after` is the last one that is known already. */
const rangeOf = (space: Uint8Array, kind: number, after: Uint8Array | null) => ({
  from: after === null ? keyOf(space, kind, noFeed) : Uint8Array.of(...after, 0),
  to: keyOf(space, kind + 1, noFeed)
})

export const feedKey = (space: Uint8Array, feed: Uint8Array): Uint8Array => keyOf(space, feedKind, feed)
export const forkKey = (space: Uint8Array, feed: Uint8Array): Uint8Array => keyOf(space, forkKind, feed)
export const feedKeys = (space: Uint8Array, after: Uint8Array | null) => rangeOf(space, feedKind, after)
export const forkKeys = (space: Uint8Array, after: Uint8Array | null) => rangeOf(space, forkKind, after)

export const commandsKeys = (space: Uint8Array, after: Uint8Array | null) => rangeOf(space, commandsKind, after)

const indexedKey = (space: Uint8Array, kind: number, feed: Uint8Array, index: number): Uint8Array => {
  const key = keyOf(space, kind, feed, 8)
  putU64(key, 66, index)
  return key
}

export const blockKey = (space: Uint8Array, feed: Uint8Array, index: number): Uint8Array =>
  indexedKey(space, blockKind, feed, index)
/** Of the commands in a block. */
export const commandsKey = (space: Uint8Array, feed: Uint8Array, index: number): Uint8Array =>
  indexedKey(space, commandsKind, feed, index)
/** Whether a key of the storage is that of a block, in whichever space. */
export const isBlockKey = (key: Uint8Array): boolean => key[0] === feedRange && key[33] === blockKind
/** Of the change sets in a block that were written anew. */
export const copiesKey = (space: Uint8Array, feed: Uint8Array, index: number): Uint8Array =>
  indexedKey(space, copiesKind, feed, index)
export const copiesKeys = (space: Uint8Array, after: Uint8Array | null) => rangeOf(space, copiesKind, after)

export const renewalKey = (space: Uint8Array, feed: Uint8Array): Uint8Array => keyOf(space, renewalKind, feed)
export const renewalKeys = (space: Uint8Array, after: Uint8Array | null) => rangeOf(space, renewalKind, after)

/** All keys of a space. */
export const spaceKeys = (space: Uint8Array) => ({ from: keyOf(space, feedKind, noFeed), to: keyOf(space, 0xff, noFeed) })

/** The feed that a key of any kind names. */
export const feedOfKey = (key: Uint8Array): Uint8Array => key.subarray(34, 66)

/** The feed and the block that such a key names. */
export const blockOfKey = (key: Uint8Array): { readonly feed: Uint8Array; readonly index: number } => ({
  feed: feedOfKey(key),
  index: Number(new DataView(key.buffer, key.byteOffset + 66, 8).getBigUint64(0))
})

const writeNodes = (to: Writer, nodes: ReadonlyArray<Uint8Array>): Writer => {
  to.array(nodes.length)
  for (const node of nodes) to.bytes(node)
  return to
}

const readNodes = (from: Reader): ReadonlyArray<Uint8Array> => {
  const nodes: Array<Uint8Array> = []
  for (let n = from.array(proofNodesMax); n > 0; n--) nodes.push(from.fixed(32))
  return nodes
}

/** Reused, so that a record costs one buffer. */
const scratch = new Writer()

/** A record, once the checksum of all that was written has been put at its end. */
const summed = (to: Writer): Uint8Array => to.bytes(checksum(to.take(), 0, to.length)).finish()

/** Reads a record of so many fields, the last of which is the checksum. */
const decodeSummed = <A>(bytes: Uint8Array, fields: number, read: (from: Reader) => A): Result.Result<A, Malformed> =>
  decodeWith(bytes, (from) => {
    from.tuple(fields)
    const record = read(from)
    const end = from.at
    if (!equalBytes(from.fixed(checksumBytes), checksum(bytes, 0, end))) from.fail("a record whose checksum is another")
    return record
  })

export const encodeFeed = (record: FeedRecord): Uint8Array => {
  scratch.reset()
  const to = scratch.array(12).int(0).bytes(record.manifest).int(record.admitted).int(record.arrival)
  writeNodes(to.int(record.length).bytes(record.root), record.peaks).int(record.counter).int(record.start).bool(record.isClosed)
  return summed(record.frozenAt === null ? to.nil() : to.int(record.frozenAt))
}

const readFeed = (from: Reader): FeedRecord => {
  if (from.uint() !== 0) from.fail("a feed's record of another version")
  return {
    manifest: from.bytes(manifestBytesMax),
    admitted: from.uint(),
    arrival: from.uint(),
    length: from.uint(),
    root: from.fixed(32),
    peaks: readNodes(from),
    counter: from.uint(),
    start: from.uint(),
    isClosed: from.bool(),
    frozenAt: from.nil() ? null : from.uint()
  }
}

export const decodeFeed = (bytes: Uint8Array): Result.Result<FeedRecord, Malformed> => decodeSummed(bytes, 12, readFeed)

/** The head of a byte string that holds a checksum. */
const checksumStart = 0x40 | checksumBytes

/** What stands before a block in its record at most: lengths, arrival, root and signature, and at a checkpoint the peaks. */
const recordStartBytes = 128
const peaksBytes = 54 * 34

/**
 * A block in the buffer of its record-to-be: it is copied there once, and then hashed, stored and kept in place.
 */
export class BlockSlot {
  private readonly buffer: Uint8Array
  private readonly at: number
  private readonly end: number

  /** For a block that consists of these parts. */
  constructor(parts: ReadonlyArray<Uint8Array>, isCheckpoint: boolean) {
    this.at = recordStartBytes + (isCheckpoint ? peaksBytes : 0)
    let end = this.at
    for (const part of parts) end += part.length
    this.end = end
    this.buffer = new Uint8Array(end + 1 + checksumBytes)
    end = this.at
    for (const part of parts) {
      this.buffer.set(part, end)
      end += part.length
    }
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(this.at, this.end)
  }

  leaf(hash: Hash): Uint8Array {
    return leafHashAt(this.buffer, this.at, this.end - this.at, hash)
  }

  record({ arrival, peaks, root, signature }: Omit<BlockRecord, "bytes">): Uint8Array {
    scratch.reset()
    const to = scratch.array(6).int(arrival).bytes(root)
    if (signature === null) to.nil()
    else to.bytes(signature)
    if (peaks === null) to.nil()
    else writeNodes(to, peaks)
    const start = to.bytesStart(this.end - this.at).finish()
    const from = this.at - start.length
    this.buffer.set(start, from)
    this.buffer[this.end] = checksumStart
    this.buffer.set(checksum(this.buffer, from, this.end), this.end + 1)
    return this.buffer.subarray(from)
  }
}

const readBlockRecord = (from: Reader): BlockRecord => ({
  arrival: from.uint(),
  root: from.fixed(32),
  signature: from.nil() ? null : from.fixed(64),
  peaks: from.nil() ? null : readNodes(from),
  bytes: from.bytes(envelopeBytesMax)
})

export const decodeBlockRecord = (bytes: Uint8Array): Result.Result<BlockRecord, Malformed> =>
  decodeSummed(bytes, 6, readBlockRecord)

/** The commands of one block, in the order of their change sets. */
export const encodeCommands = (commands: ReadonlyArray<CommandRecord>): Uint8Array => {
  const to = new Writer().array(3).int(0).array(commands.length)
  for (const { command, first } of commands) to.array(2).text(command).int(first)
  return summed(to)
}

export const decodeCommands = (bytes: Uint8Array): Result.Result<ReadonlyArray<CommandRecord>, Malformed> =>
  decodeSummed(bytes, 3, (from) => {
    if (from.uint() !== 0) from.fail("commands of another version")
    const commands: Array<CommandRecord> = []
    for (let n = from.array(blockChangeSetsMax); n > 0; n--) {
      from.tuple(2)
      commands.push({ command: from.text(commandBytesMax), first: from.uint() })
    }
    return commands
  })

/** The copies in one block, in the order of their counters. */
export const encodeCopies = (copies: ReadonlyArray<CopyRecord>): Uint8Array => {
  const to = new Writer().array(3).int(0).array(copies.length)
  for (const { feed, first, from, left, to: last } of copies) {
    to.array(5).bytes(feed).int(from).int(last).array(left.length)
    for (const counter of left) to.int(counter)
    to.int(first)
  }
  return summed(to)
}

export const decodeCopies = (bytes: Uint8Array): Result.Result<ReadonlyArray<CopyRecord>, Malformed> =>
  decodeSummed(bytes, 3, (reader) => {
    if (reader.uint() !== 0) reader.fail("copies of another version")
    const copies: Array<CopyRecord> = []
    for (let n = reader.array(blockChangeSetsMax); n > 0; n--) {
      reader.tuple(5)
      const [feed, from, to] = [reader.fixed(32).slice(), reader.uint(), reader.uint()]
      const left: Array<number> = []
      for (let m = reader.array(changeSetMutationsMax); m > 0; m--) left.push(reader.uint())
      copies.push({ feed, from, to, left, first: reader.uint() })
    }
    return copies
  })

/** Up to which freeze a feed of this device was written anew. */
export const encodeRenewal = (frozenAt: number): Uint8Array => summed(new Writer(16).array(3).int(0).int(frozenAt))

export const decodeRenewal = (bytes: Uint8Array): Result.Result<number, Malformed> =>
  decodeSummed(bytes, 3, (from) => {
    if (from.uint() !== 0) from.fail("a renewal of another version")
    return from.uint()
  })

export const encodeStarts = ({ rolledBackAt, starts }: Starts): Uint8Array =>
  new Writer(32).array(2).int(starts).int(rolledBackAt).finish()

export const decodeStarts = (bytes: Uint8Array): Result.Result<Starts, Malformed> =>
  decodeWith(bytes, (from) => {
    from.tuple(2)
    return { starts: from.uint(), rolledBackAt: from.uint() }
  })
