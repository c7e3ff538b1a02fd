/**
 * What the parts of FeedStore share of one open space: its feeds, the order in which things arrive, its listeners, and its reads.
 *
 * The blocks stored last stay in memory up to a bound, so that delivering and sending what has just come does not go to the disk.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Manifest } from "../../schema/echo/Feed.ts"
import { type BlockRecord, blockKey, checkpointBlocks, decodeBlockRecord, type feedKeys } from "../../schema/echo/FeedRecords.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import { leafHash, Peaks } from "../../schema/echo/Merkle.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { StoredFeed } from "../../services/echo/FeedStore.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import type { Keyring } from "../../services/platform/Keyring.ts"
import { type Entry, type Storage, type StorageError, StorageFailed } from "../../services/platform/Storage.ts"
import { FeedCommands } from "./FeedCommands.ts"
import type { Growth, HeldFeed } from "./HeldFeed.ts"

export interface Platform {
  readonly storage: Storage["Service"]
  readonly crypto: Crypto["Service"]
  readonly keyring: Keyring["Service"]
  /** How often this device has started, and when it last saw that its storage had been put back. */
  readonly starts: number
  readonly rolledBackAt: number
}

export interface Options {
  readonly space: Uint8Array
  readonly device: Uint8Array
  readonly admits: (manifest: Manifest) => boolean
  readonly feedId: (index: number) => Uint8Array
}

/** Bytes of blocks that one space keeps in memory. */
const recentBytesMax = 4_194_304
/** Blocks that one read asks of the storage. */
const pageBlocksMax = 1_024
const pageEntries = 1_000

export class FeedSpace {
  readonly platform: Platform
  readonly options: Options
  readonly list: Array<HeldFeed> = []
  readonly commands = new FeedCommands()
  private readonly byText = new Map<string, HeldFeed>()
  private readonly listeners = new Set<(feed: StoredFeed) => void>()
  private readonly recent: Array<readonly [HeldFeed, number]> = []
  private recentFirst = 0
  private recentBytes = 0
  private arrivals = 0

  constructor(platform: Platform, options: Options) {
    this.platform = platform
    this.options = options
  }

  add(feed: HeldFeed): void {
    this.list.push(feed)
    this.byText.set(feed.text, feed)
    this.arrivals = Math.max(this.arrivals, feed.admitted, feed.arrival)
  }

  find(feed: Uint8Array): HeldFeed | undefined {
    return this.byText.get(feedText(feed))
  }

  /** Whatever stands in a range of the space, read page by page. */
  entries(keys: typeof feedKeys): Effect.Effect<ReadonlyArray<Entry>, StorageError> {
    return Effect.gen({ self: this }, function* () {
      const found: Array<Entry> = []
      let after: Uint8Array | null = null
      for (;;) {
        const range = { ...keys(this.options.space, after), limit: pageEntries }
        const page: ReadonlyArray<Entry> = yield* this.platform.storage.range(range)
        for (const entry of page) found.push(entry)
        if (page.length < pageEntries) return found
        after = page[page.length - 1]!.key
      }
    })
  }

  /** The next place in the order in which things come in. */
  nextArrival(): number {
    return ++this.arrivals
  }

  watch(listener: (feed: StoredFeed) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  changed(feed: HeldFeed): void {
    for (const listener of this.listeners) listener(feed)
  }

  /** What has become durable becomes visible. */
  publish(growth: Growth, closed: boolean): void {
    const { feed } = growth
    const from = feed.length
    growth.apply(closed)
    for (const { index, notes } of growth.blocks) this.commands.keep(feed, index, notes.commands)
    growth.records().forEach((record, i) => {
      feed.recent.set(from + i, record)
      this.recent.push([feed, from + i])
      this.recentBytes += record.bytes.length
    })
    this.forget()
    this.changed(feed)
  }

  private forget(): void {
    for (; this.recentBytes > recentBytesMax; this.recentFirst++) {
      const [feed, index] = this.recent[this.recentFirst]!
      this.recentBytes -= feed.recent.get(index)!.bytes.length
      feed.recent.delete(index)
    }
    if (this.recentFirst * 2 < this.recent.length) return
    this.recent.splice(0, this.recentFirst)
    this.recentFirst = 0
  }

  /** Records from `from` up to `to`: at least one if there is one, at most `maxBytes` of blocks otherwise, and perhaps fewer. */
  records(feed: HeldFeed, from: number, to: number, maxBytes: number): Effect.Effect<ReadonlyArray<BlockRecord>, StorageError> {
    const records: Array<BlockRecord> = []
    let bytes = 0
    for (let index = from; index < to; index++) {
      const record = feed.recent.get(index)
      if (record === undefined) break
      if (index > from && bytes + record.bytes.length > maxBytes) return Effect.succeed(records)
      bytes += record.bytes.length
      records.push(record)
    }
    return records.length > 0 || from >= to ? Effect.succeed(records) : this.stored(feed, from, to, maxBytes)
  }

  /** The same from the storage, whatever is in memory. */
  stored(feed: HeldFeed, from: number, to: number, maxBytes: number): Effect.Effect<ReadonlyArray<BlockRecord>, StorageError> {
    return Effect.mapError(this.page(feed, from, to, maxBytes), (error) =>
      error instanceof Rotten ? broken(feed, error.index, error.reason) : error
    )
  }

  /** What the storage holds, judged record by record. */
  page(feed: HeldFeed, from: number, to: number, maxBytes: number) {
    const { storage } = this.platform
    const { space } = this.options
    const limit = Math.max(1, Math.min(pageBlocksMax, to - from, Math.floor(maxBytes / feed.blockBytes)))
    const range = { from: blockKey(space, feed.id, from), to: blockKey(space, feed.id, to), limit }
    return Effect.flatMap(storage.range(range), (entries) => {
      const records: Array<BlockRecord> = []
      let bytes = 0
      for (const { key, value } of entries) {
        const record = decodeBlockRecord(value)
        if (Result.isFailure(record))
          return Effect.fail(new Rotten({ index: from + records.length, reason: record.failure.message }))
        if (!equalBytes(key, blockKey(space, feed.id, from + records.length))) break
        if (records.length > 0 && bytes + record.success.bytes.length > maxBytes) break
        bytes += record.success.bytes.length
        records.push(record.success)
      }
      if (records.length === 0) return Effect.fail(new Rotten({ index: from, reason: "the block is not there" }))
      feed.blockBytes = Math.ceil(bytes / records.length) + 1
      return Effect.succeed(records)
    })
  }

  record(feed: HeldFeed, index: number): Effect.Effect<BlockRecord, StorageError> {
    return Effect.map(this.records(feed, index, index + 1, 0), (records) => records[0]!)
  }

  /** The feed's root at a length that is stored; null at 0. */
  rootAt(feed: HeldFeed, length: number): Effect.Effect<Uint8Array | null, StorageError> {
    if (length === 0) return Effect.succeed(null)
    return length === feed.length ? Effect.succeed(feed.root) : Effect.map(this.record(feed, length - 1), (record) => record.root)
  }

  /** The feed's peaks at a length that is stored. */
  peaksAt(feed: HeldFeed, length: number): Effect.Effect<ReadonlyArray<Uint8Array>, StorageError> {
    if (length === feed.length) return Effect.succeed(feed.peaks.list())
    const { hash } = this.platform.crypto
    return Effect.gen({ self: this }, function* () {
      const checkpoint = length - (length % checkpointBlocks)
      const kept = checkpoint === 0 ? [] : (yield* this.record(feed, checkpoint - 1)).peaks
      if (kept === null) return yield* broken(feed, checkpoint - 1, "the peaks are not there")
      const peaks = new Peaks(checkpoint, kept)
      while (peaks.length < length) {
        for (const { bytes } of yield* this.records(feed, peaks.length, length, recentBytesMax)) {
          peaks.append(leafHash(bytes, hash), hash)
        }
      }
      return peaks.list()
    })
  }
}

/** A record of a block that is not as it was written. */
export class Rotten extends Data.TaggedError("Rotten")<{ readonly index: number; readonly reason: string }> {}

const broken = (feed: HeldFeed, index: number, reason: string): StorageError =>
  unreadable(`block ${index} of feed ${feed.text}`, reason)

/** A record is not as it was written: no other place of this storage has it. */
export const unreadable = (what: string, reason: string): StorageFailed =>
  new StorageFailed({ folder: "the storage", operation: `reading ${what}`, cause: new Error(`${reason}; ${remedy}`) })

const remedy =
  "what was written there has changed on the disk: put the folder back from a copy, or begin with a new one and let peers fill it"
