/**
 * The feeds of a space as a disk holds them, read from their records, without any of the services that keep them.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { changeOf } from "../../../demo/change.ts"
import type { Change, Mutation } from "../../../demo/naive.ts"
import { decodePlain } from "../../../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../../../src/schema/echo/Feed.ts"
import { blockKey, decodeBlockRecord, decodeFeed, feedKeys } from "../../../src/schema/echo/FeedRecords.ts"
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

/** The lengths of all feeds that are not frozen, by their ids as text. */
export const lengthsOn = (disk: Disk, space: Uint8Array) =>
  Effect.map(feedsOn(disk, space), (feeds) => {
    const lengths = new Map<string, number>()
    for (const [feed, { isFrozen, length }] of feeds) if (!isFrozen) lengths.set(feed, length)
    return lengths
  })

export interface Found {
  /** The change sets that count, feed by feed, in their order. */
  readonly changes: ReadonlyArray<Change>
  /** Of feeds that are frozen, the last counter that counts. */
  readonly floors: ReadonlyMap<string, number>
}

export const changesOn = Effect.fnUntraced(function* (disk: Disk, space: Uint8Array) {
  const changes: Array<Change> = []
  const floors = new Map<string, number>()
  for (const [feed, { counted, isFrozen }] of yield* feedsOn(disk, space)) {
    const id = Result.getOrThrow(Base64Url.decode(feed))
    let last = 0
    for (let index = 0; index < counted; index++) {
      const record = yield* disk.get(blockKey(space, id, index))
      if (record === null) throw new Error(`feed ${feed} has no block ${index} of ${counted}`)
      const { bytes } = Result.getOrThrow(decodeBlockRecord(record))
      const plain = Result.getOrThrow(decodePlain(Result.getOrThrow(decodeBlock(bytes))))
      const feedOf = (position: number): string => (position === 0 ? feed : Base64Url.encode(plain.feeds[position - 1]!))
      for (const changeSet of plain.changeSets) {
        changes.push(changeOf(feed, changeSet, feedOf))
        last = changeSet.first + changeSet.mutations.length - 1
      }
    }
    if (isFrozen) floors.set(feed, last)
  }
  return { changes: changes.map((change) => withoutVoid(change, floors)), floors }
})

/** Whether what a dot made is void, since its feed was frozen before it. */
export const isVoid = (object: string, floors: Found["floors"]): boolean => {
  const [feed, counter] = object.split(".")
  return Number(counter) > (floors.get(feed!) ?? Number.POSITIVE_INFINITY)
}

/** What is done to an object that is void changes nothing; its counter is taken all the same. */
const withoutVoid = (change: Change, floors: Found["floors"]): Change => {
  const isIdle = (mutation: Mutation) => "object" in mutation && isVoid(mutation.object, floors)
  if (!change.mutations.some(isIdle)) return change
  return { ...change, mutations: change.mutations.map((mutation) => (isIdle(mutation) ? { op: "void" } : mutation)) }
}
