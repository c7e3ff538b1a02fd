/**
 * The feeds of a space as a disk holds them, read from their records, without any of the services that keep them.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { changeOf } from "../../../demo/change.ts"
import type { Change } from "../../../demo/naive.ts"
import { decodePlain } from "../../../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../../../src/schema/echo/Feed.ts"
import { blockKey, decodeBlockRecord, decodeFeed, feedKeys } from "../../../src/schema/echo/FeedRecords.ts"
import type { Storage } from "../../../src/services/platform/Storage.ts"

type Disk = Storage["Service"]

/** The lengths of all feeds, by their ids as text. */
export const lengthsOn = (disk: Disk, space: Uint8Array) =>
  Effect.map(disk.range({ ...feedKeys(space, null), limit: 100_000 }), (entries) => {
    const lengths = new Map<string, number>()
    for (const { key, value } of entries)
      lengths.set(Base64Url.encode(key.subarray(34)), Result.getOrThrow(decodeFeed(value)).length)
    return lengths
  })

/** All change sets, feed by feed, in their order. */
export const changesOn = Effect.fnUntraced(function* (disk: Disk, space: Uint8Array) {
  const changes: Array<Change> = []
  for (const [feed, length] of yield* lengthsOn(disk, space)) {
    const id = Result.getOrThrow(Base64Url.decode(feed))
    for (let index = 0; index < length; index++) {
      const record = yield* disk.get(blockKey(space, id, index))
      if (record === null) throw new Error(`feed ${feed} has no block ${index} of ${length}`)
      const { bytes } = Result.getOrThrow(decodeBlockRecord(record))
      const plain = Result.getOrThrow(decodePlain(Result.getOrThrow(decodeBlock(bytes))))
      const feedOf = (position: number): string => (position === 0 ? feed : Base64Url.encode(plain.feeds[position - 1]!))
      for (const changeSet of plain.changeSets) changes.push(changeOf(feed, changeSet, feedOf))
    }
  }
  return changes
})
