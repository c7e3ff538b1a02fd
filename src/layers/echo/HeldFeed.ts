/**
 * A feed as an open space holds it in memory, and how it grows: blocks are hashed onto its peaks, stored in one batch, then visible.
 *
 * Nothing changes in a `HeldFeed` before Storage has said that it is durable. A `Growth` holds what is to be stored until then, and is
 * dropped when that fails.
 */
import * as Semaphore from "effect/Semaphore"
import type { Manifest } from "../../schema/echo/Feed.ts"
import {
  type BlockRecord,
  BlockSlot,
  blockKey,
  checkpointBlocks,
  commandsKey,
  copiesKey,
  encodeCommands,
  encodeCopies,
  encodeFeed,
  type FeedRecord,
  feedKey
} from "../../schema/echo/FeedRecords.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import { type Hash, Peaks } from "../../schema/echo/Merkle.ts"
import type { MadeFeed, Notes } from "../../services/echo/FeedStore.ts"
import type { Change } from "../../services/platform/Storage.ts"

export class HeldFeed implements MadeFeed {
  readonly id: Uint8Array
  readonly text: string
  readonly manifest: Manifest
  readonly admitted: number
  /** The start of this device in which it made the feed; 0 for a feed that it did not make. */
  readonly start: number
  /** Whoever reads the length in order to change it holds this. */
  readonly lock = Semaphore.makeUnsafe(1)
  /** Blocks that were stored lately, by index. */
  readonly recent = new Map<number, BlockRecord>()
  length: number
  root: Uint8Array
  peaks: Peaks
  arrival: number
  counter: number
  isClosed: boolean
  frozenAt: number | null
  /** Records of blocks that were given up may stand in storage up to here. */
  staleEnd = 0
  /** Blocks that are stored relaxed and visible to nobody. */
  open: Growth | null = null
  /** Up to which freeze all that it had lost was written anew, or null. */
  renewedAt: number | null = null
  /** Whether storage may show of it what is merely relaxed: blocks that are open, or were given up. */
  isRelaxed = false
  /** What a block of this feed takes in storage, as last seen. */
  blockBytes = 32_768
  private readonly manifestBytes: Uint8Array

  constructor(manifest: Manifest, record: FeedRecord) {
    this.id = manifest.feed
    this.text = feedText(manifest.feed)
    this.manifest = manifest
    this.manifestBytes = record.manifest
    this.admitted = record.admitted
    this.start = record.start
    this.length = record.length
    this.root = record.root
    this.peaks = new Peaks(record.length, record.peaks)
    this.arrival = record.arrival
    this.counter = record.counter
    this.isClosed = record.isClosed
    this.frozenAt = record.frozenAt
  }

  record(): FeedRecord {
    const { admitted, arrival, counter, frozenAt, isClosed, length, root, start } = this
    const peaks = this.peaks.list()
    return { manifest: this.manifestBytes, admitted, arrival, length, root, peaks, counter, start, isClosed, frozenAt }
  }

  /** Gives the open blocks up. */
  drop(): void {
    this.open?.drop()
    this.open = null
  }

  /** What makes storage show nothing but what is durable, once written strictly: open blocks become so, and those given up go. */
  settling(space: Uint8Array): ReadonlyArray<Change> {
    if (this.isClosed) this.drop()
    if (!this.isRelaxed) return []
    if (this.open !== null) return this.open.batch(space, 0, false)
    return [...this.removals(space, this.length), { key: feedKey(space, this.id), value: encodeFeed(this.record()) }]
  }

  /** Removes what was given up from `length` on. */
  removals(space: Uint8Array, length: number): ReadonlyArray<Change> {
    const batch: Array<Change> = []
    for (let i = length; i < this.staleEnd; i++) {
      for (const key of [blockKey, commandsKey, copiesKey]) batch.push({ key: key(space, this.id, i), value: null })
    }
    return batch
  }
}

/** A block that is about to be stored. */
export interface GrownBlock {
  readonly index: number
  readonly slot: BlockSlot
  readonly root: Uint8Array
  readonly peaks: ReadonlyArray<Uint8Array> | null
  readonly arrival: number
  readonly notes: Notes
  signature: Uint8Array | null
}

const noNotes: Notes = { commands: [], copies: [] }

/** Blocks on top of what a feed has stored. */
export class Growth {
  readonly feed: HeldFeed
  readonly blocks: Array<GrownBlock> = []
  readonly peaks: Peaks
  /** The counter that the feed's writer will have taken. */
  counter: number
  private readonly values: Array<Uint8Array> = []
  private readonly hash: Hash

  constructor(feed: HeldFeed, hash: Hash) {
    this.feed = feed
    this.peaks = feed.peaks.copy()
    this.counter = feed.counter
    this.hash = hash
  }

  get root(): Uint8Array {
    return this.blocks.at(-1)?.root ?? this.feed.root
  }

  /** Adds a block, given in parts; it is copied. */
  add(parts: ReadonlyArray<Uint8Array>, arrival: number, notes = noNotes): GrownBlock {
    const { hash, peaks } = this
    const index = peaks.length
    const isCheckpoint = (index + 1) % checkpointBlocks === 0
    const slot = new BlockSlot(parts, isCheckpoint)
    peaks.append(slot.leaf(hash), hash)
    const checkpoint = isCheckpoint ? peaks.list() : null
    const block = { index, slot, root: peaks.root(hash), peaks: checkpoint, arrival, notes, signature: null }
    this.blocks.push(block)
    return block
  }

  /** The batch that stores the blocks from the `first`-th on, and the feed's record. A feed that is `closed` stays so. */
  batch(space: Uint8Array, first: number, closed: boolean): ReadonlyArray<Change> {
    const { blocks, feed, values } = this
    const batch: Array<Change> = []
    for (let i = first; i < blocks.length; i++) {
      const { index, notes } = blocks[i]!
      const { commands, copies } = notes
      values[i] ??= blocks[i]!.slot.record(blocks[i]!)
      batch.push({ key: blockKey(space, feed.id, index), value: values[i]! })
      if (commands.length > 0) batch.push({ key: commandsKey(space, feed.id, index), value: encodeCommands(commands) })
      else if (index < feed.staleEnd) batch.push({ key: commandsKey(space, feed.id, index), value: null })
      if (copies.length > 0) batch.push({ key: copiesKey(space, feed.id, index), value: encodeCopies(copies) })
      else if (index < feed.staleEnd) batch.push({ key: copiesKey(space, feed.id, index), value: null })
    }
    for (const removal of feed.removals(space, this.peaks.length)) batch.push(removal)
    const { counter, root } = this
    const grown = { length: this.peaks.length, root, peaks: this.peaks.list(), counter, arrival: blocks.at(-1)!.arrival }
    batch.push({ key: feedKey(space, feed.id), value: encodeFeed({ ...feed.record(), ...grown, isClosed: closed }) })
    return batch
  }

  /** Makes what has become durable the feed's own. */
  apply(closed: boolean): void {
    const { feed } = this
    feed.length = this.peaks.length
    feed.root = this.root
    feed.peaks = this.peaks
    feed.counter = this.counter
    feed.arrival = this.blocks.at(-1)!.arrival
    feed.isClosed = closed
    feed.staleEnd = 0
    feed.isRelaxed = false
  }

  /** The records as stored. */
  records(): ReadonlyArray<BlockRecord> {
    return this.blocks.map(({ arrival, peaks, root, signature, slot }) => ({
      arrival,
      root,
      signature,
      peaks,
      bytes: slot.bytes
    }))
  }

  /**
   * Gives the blocks up, but not the counters that they took. What of them may stand in storage is removed or overwritten by the next
   * batch; when there is none before the space closes, by the first one of its next opening (`HeldFeed.settling`).
   */
  drop(): void {
    this.feed.staleEnd = Math.max(this.feed.staleEnd, this.peaks.length)
    this.feed.counter = Math.max(this.feed.counter, this.counter)
  }
}
