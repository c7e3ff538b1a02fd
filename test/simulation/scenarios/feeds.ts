/**
 * The feeds of a space as a disk holds them, read from their records, without any of the services that keep them.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { changeOf } from "../../../demo/change.ts"
import type { Change } from "../../../demo/naive.ts"
import type { ChangeSet } from "../../../src/schema/echo/ChangeSet.ts"
import { decodePlain } from "../../../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../../../src/schema/echo/Feed.ts"
import { blockKey, decodeBlockRecord, decodeFeed, feedKeys } from "../../../src/schema/echo/FeedRecords.ts"
import { checksum, checksumBytes } from "../../../src/schema/platform/Checksum.ts"
import type { Storage } from "../../../src/services/platform/Storage.ts"

type Disk = Storage["Service"]

interface Held {
  /** Blocks that are stored, and those of them that count: a freeze voids what is at or beyond it. */
  readonly length: number
  readonly counted: number
  readonly isFrozen: boolean
}

const feedsOn = (disk: Disk, space: Uint8Array) =>
  Effect.map(disk.range({ ...feedKeys(space, null), limit: 100_000 }), (entries) => {
    const feeds = new Map<string, Held>()
    for (const { key, value } of entries) {
      const { frozenAt, length } = Result.getOrThrow(decodeFeed(value))
      const counted = frozenAt === null ? length : Math.min(length, frozenAt)
      feeds.set(Base64Url.encode(key.subarray(34)), { length, counted, isFrozen: frozenAt !== null })
    }
    return feeds
  })

/** The lengths of all feeds, by their ids as text; those of frozen ones, which count no more, only when they are asked for. */
export const lengthsOn = (disk: Disk, space: Uint8Array, withFrozen = false) =>
  Effect.map(feedsOn(disk, space), (feeds) => {
    const lengths = new Map<string, number>()
    for (const [feed, { isFrozen, length }] of feeds)
      if (withFrozen || !isFrozen) lengths.set(feed, isFrozen ? Number.POSITIVE_INFINITY : length)
    return lengths
  })

const blockOn = Effect.fnUntraced(function* (disk: Disk, space: Uint8Array, feed: string, index: number) {
  const record = yield* disk.get(blockKey(space, Result.getOrThrow(Base64Url.decode(feed)), index))
  if (record === null) throw new Error(`feed ${feed} has no block ${index}`)
  const { bytes } = Result.getOrThrow(decodeBlockRecord(record))
  return Result.getOrThrow(decodePlain(Result.getOrThrow(decodeBlock(bytes))))
})

/** A block that is stored as its checksum does not have it, told apart from how records are read; undefined when there is none. */
export const rottenOn = Effect.fnUntraced(function* (disk: Disk, space: Uint8Array) {
  for (const [feed, { length }] of yield* feedsOn(disk, space))
    for (let index = 0; index < length; index++) {
      const record = yield* disk.get(blockKey(space, Result.getOrThrow(Base64Url.decode(feed)), index))
      if (record === null) continue
      // the sum is the last field, of a byte that says its length and four more
      const sum = checksum(record, 0, record.length - 1 - checksumBytes)
      if (sum.some((byte, at) => byte !== record[record.length - checksumBytes + at])) return `block ${index} of ${feed}`
    }
  return undefined
})

/** The last counter of a feed; 0 of one that is not there. */
export const counterOn = Effect.fnUntraced(function* (disk: Disk, space: Uint8Array, feed: string) {
  const length = (yield* feedsOn(disk, space)).get(feed)?.length ?? 0
  if (length === 0) return 0
  const { changeSets } = yield* blockOn(disk, space, feed, length - 1)
  return Math.max(...changeSets.map(({ first, mutations }) => first + mutations.length - 1))
})

/** A block as its feed has it. */
export interface Block {
  /** The other feeds that it cites, in their positions from 1 on. */
  readonly feeds: ReadonlyArray<Uint8Array>
  readonly changeSets: ReadonlyArray<ChangeSet>
}

export interface HeldBlocks {
  readonly id: Uint8Array
  readonly blocks: ReadonlyArray<Block>
  readonly isFrozen: boolean
}

/** All blocks that no fork has frozen, feed by feed, by their ids as text. */
export const blocksOn = Effect.fnUntraced(function* (disk: Disk, space: Uint8Array) {
  const found = new Map<string, HeldBlocks>()
  for (const [feed, { counted, isFrozen }] of yield* feedsOn(disk, space)) {
    const id = Result.getOrThrow(Base64Url.decode(feed))
    const blocks: Array<Block> = []
    for (let index = 0; index < counted; index++) blocks.push(yield* blockOn(disk, space, feed, index))
    found.set(feed, { id, blocks, isFrozen })
  }
  return found
})

export interface Found {
  /** The change sets that count, feed by feed, in their order. */
  readonly changes: ReadonlyArray<Change>
  /** Of feeds that are frozen, the last counter that counts. */
  readonly floors: ReadonlyMap<string, number>
  /** Orphans: objects of which the change set that made them counts no more, since it names what is void. */
  readonly voids: ReadonlySet<string>
}

export const changesOn = Effect.fnUntraced(function* (disk: Disk, space: Uint8Array) {
  const changes: Array<Change> = []
  const floors = new Map<string, number>()
  for (const [feed, { counted, isFrozen }] of yield* feedsOn(disk, space)) {
    let last = 0
    for (let index = 0; index < counted; index++) {
      const plain = yield* blockOn(disk, space, feed, index)
      const feedOf = (position: number): string => (position === 0 ? feed : Base64Url.encode(plain.feeds[position - 1]!))
      for (const changeSet of plain.changeSets) {
        changes.push(changeOf(feed, changeSet, feedOf))
        last = changeSet.first + changeSet.mutations.length - 1
      }
    }
    if (isFrozen) floors.set(feed, last)
  }
  return counting(changes, floors)
})

/** Whether an object is void: its feed was frozen before it, or what made it names what is void. */
export const isVoid = (object: string, { floors, voids }: Pick<Found, "floors" | "voids">): boolean =>
  voids.has(object) || isBeyond(object, floors)

const isBeyond = (object: string, floors: Found["floors"]): boolean => {
  const [feed, counter] = object.split(".")
  return Number(counter) > (floors.get(feed!) ?? Number.POSITIVE_INFINITY)
}

/**
 * A change set that names what lies beyond a freeze changes nothing, alone: what was written later to an object that it made is an orphan's.
 * What it had seen, its feed has seen.
 */
const counting = (changes: ReadonlyArray<Change>, floors: Found["floors"]): Found => {
  const voids = new Set<string>()
  const counted = changes.map((change) => {
    const { feed, first, mutations } = change
    if (!mutations.some((mutation) => "object" in mutation && isBeyond(mutation.object, floors))) return change
    mutations.forEach((mutation, i) => mutation.op === "create" && voids.add(`${feed}.${first + i}`))
    return { ...change, mutations: [] }
  })
  return { changes: counted, floors, voids }
}
