/**
 * What FeedStore knows of change sets that forks took away of this device's own feeds, and of those that were written anew.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import {
  blockOfKey,
  type CopyRecord,
  copiesKeys,
  decodeCopies,
  decodeRenewal,
  encodeFeed,
  encodeRenewal,
  feedKey,
  renewalKey,
  renewalKeys
} from "../../schema/echo/FeedRecords.ts"
import type { Renewal } from "../../services/echo/FeedStore.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import { type FeedSpace, unreadable } from "./FeedSpace.ts"
import type { HeldFeed } from "./HeldFeed.ts"

export const renewalOf = (space: FeedSpace): Renewal => ({
  made: () => space.list.filter((feed) => feed.start > 0).sort((a, b) => a.manifest.incarnation - b.manifest.incarnation),
  copies: copies(space),
  commandAt: (id, first) => {
    const feed = space.find(id)
    return feed === undefined ? null : space.commands.at(feed, first)
  },
  retire: (id) => {
    const feed = space.find(id)
    return feed === undefined ? Effect.void : feed.lock.withPermit(Effect.uninterruptible(retire(space, feed)))
  },
  renewed: (feeds) => renewed(space, feeds)
})

const copies = Effect.fnUntraced(function* (space: FeedSpace) {
  const found: Array<{ readonly into: Uint8Array; readonly copies: ReadonlyArray<CopyRecord> }> = []
  for (const { key, value } of yield* space.entries(copiesKeys)) {
    const decoded = decodeCopies(value)
    if (Result.isFailure(decoded)) return yield* unreadable("what was written anew", decoded.failure.message)
    found.push({ into: blockOfKey(key).feed, copies: decoded.success })
  }
  return found
})

const retire = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed) {
  if (feed.isClosed) return
  const record = { ...feed.record(), isClosed: true }
  const change = { key: feedKey(space.options.space, feed.id), value: encodeFeed(record) }
  yield* space.platform.storage.write([change], { durability: "strict" })
  feed.isClosed = true
  space.changed(feed)
})

const renewed = Effect.fnUntraced(function* (
  space: FeedSpace,
  feeds: ReadonlyArray<readonly [feed: Uint8Array, frozenAt: number]>
): Effect.fn.Return<void, StorageError> {
  const batch = feeds.map(([feed, frozenAt]) => ({
    key: renewalKey(space.options.space, feed),
    value: encodeRenewal(frozenAt)
  }))
  yield* space.platform.storage.write(batch, { durability: "strict" })
  for (const [id, frozenAt] of feeds) {
    const feed = space.find(id)
    if (feed !== undefined) feed.renewedAt = frozenAt
  }
})

/** Reads up to where each feed was written anew that this device has made and a fork has frozen. */
export const loadRenewals = Effect.fnUntraced(function* (space: FeedSpace) {
  if (!space.list.some((feed) => feed.start > 0 && feed.frozenAt !== null)) return
  for (const { key, value } of yield* space.entries(renewalKeys)) {
    const frozenAt = decodeRenewal(value)
    if (Result.isFailure(frozenAt)) return yield* unreadable("up to where a feed was written anew", frozenAt.failure.message)
    const feed = space.find(key.subarray(34, 66))
    if (feed !== undefined) feed.renewedAt = frozenAt.success
  }
})
