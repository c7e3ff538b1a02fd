/**
 * What a life of a space has seen of feeds, as revocations and endorsements say it, and what it holds that does not count.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ChangeSet } from "../../schema/echo/ChangeSet.ts"
import { decodePlain } from "../../schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../../schema/echo/Feed.ts"
import { millisOf } from "../../schema/echo/Time.ts"
import type { SeenFeed } from "../../schema/halo/Payload.ts"
import { frontierFeedsMax, turnBytesMax } from "../../schema/platform/Limits.ts"
import { countedLength, type StoredFeed } from "../../services/echo/FeedStore.ts"
import type { HeldIdentity } from "../../services/halo/IdentityStore.ts"
import type { SpaceOperations } from "../../services/halo/OperationStore.ts"
import type { OwnDevice, Withheld } from "../../services/halo/SpaceMembership.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import type { OpenSpace } from "./OpenSpace.ts"

/** How far a feed is delivered, whether that counts or not; null when nothing of it is. */
export const seenOf = ({ state }: OpenSpace, { id }: StoredFeed): SeenFeed | null => {
  const { counter, length, root16 } = state.delivery.appliedTo(state.feeds.intern(id))
  return length === 0 || counter === 0 ? null : { feed: id, length, counter, root16: root16.slice() }
}

/**
 * The same of all feeds of some devices, as far as they count: what somebody else has cut off already is not brought back by it. With
 * `since` only what was written before that time, by what its writer says of it.
 */
export const frontierOf = Effect.fnUntraced(function* (space: OpenSpace, devices: ReadonlySet<string>, since: number | null) {
  const { access, feeds } = space
  const frontier: Array<SeenFeed> = []
  for (const feed of feeds.list()) {
    if (!devices.has(access.operations?.deviceOf(feed.text) ?? "")) continue
    const seen = seenOf(space, feed)
    if (seen === null) continue
    const counted = Math.min(seen.counter, access.accepted(feed).counter)
    const counter = since === null ? counted : Math.min(counted, yield* counterBefore(space, feed, since))
    if (counter > 0) frontier.push({ ...seen, counter })
  }
  return fitting(frontier)
})

/** What a revocation has room for: whoever made more feeds than that is still removed, and keeps those of which most counts. */
export const fitting = (frontier: ReadonlyArray<SeenFeed>): ReadonlyArray<SeenFeed> =>
  [...frontier].sort((a, b) => b.counter - a.counter).slice(0, frontierFeedsMax)

/** The last counter of the feed that its writer says to have taken before a time. */
const counterBefore = Effect.fnUntraced(function* (space: OpenSpace, feed: StoredFeed, since: number) {
  let counter = 0
  yield* eachChange(space, feed, 0, ({ first, mutations, time }) => {
    if (millisOf(time) >= since) return false
    counter = first + mutations.length - 1
    return true
  })
  return counter
})

/** Looks at the change sets of a feed from a block on, in their order, until it is told that it is enough. */
const eachChange = Effect.fnUntraced(function* (
  { feeds }: OpenSpace,
  feed: StoredFeed,
  start: number,
  look: (changeSet: ChangeSet) => boolean
): Effect.fn.Return<void, StorageError> {
  const end = countedLength(feed)
  for (let from = start; from < end; ) {
    const blocks = yield* feeds.read(feed.id, from, turnBytesMax)
    for (const { bytes } of blocks) {
      const plain = Result.flatMap(decodeBlock(bytes), decodePlain)
      if (Result.isFailure(plain)) continue
      for (const changeSet of plain.success.changeSets) if (!look(changeSet)) return
    }
    from += blocks.length
  }
})

const feedsBy = ({ access, feeds }: OpenSpace, device: string): ReadonlyArray<StoredFeed> =>
  feeds.list().filter(({ text }) => access.operations?.deviceOf(text) === device)

/** How many change sets a device wrote since a time, as it says. */
export const changesBy = Effect.fnUntraced(function* (space: OpenSpace, device: string, since: number) {
  let count = 0
  for (const feed of feedsBy(space, device))
    yield* eachChange(space, feed, 0, ({ time }) => {
      if (millisOf(time) >= since) count++
      return true
    })
  return count
})

/** When a device last wrote here, as it says, and not later than now: by the last block of each of its feeds. */
const lastSeen = Effect.fnUntraced(function* (space: OpenSpace, device: string) {
  let last: number | null = null
  for (const feed of feedsBy(space, device))
    yield* eachChange(space, feed, Math.max(0, countedLength(feed) - 1), ({ time }) => {
      last = Math.min(space.now(), Math.max(last ?? 0, millisOf(time)))
      return true
    })
  return last
})

/** The devices of this device's own person. */
export const ownDevices = Effect.fnUntraced(function* (
  space: OpenSpace,
  { list, membership }: SpaceOperations,
  self: HeldIdentity
) {
  const online = space.peers.progress.online()
  const own = membership.rightOf(self.deviceText)
  const addedAt = (device: string) =>
    Math.min(space.now(), list().find(({ operation }) => membership.holder(operation.id, device) === self.text)?.time ?? 0)
  const rows: Array<OwnDevice> = []
  for (const device of membership.member(self.text)?.devices ?? []) {
    const isBelow = device === self.deviceText || (own?.rank ?? 0) > (membership.rightOf(device)?.rank ?? 0)
    const isOnline = device === self.deviceText || online.includes(device)
    rows.push({ device, isBelow, isOnline, addedAt: addedAt(device), lastSeen: yield* lastSeen(space, device) })
  }
  return rows
})

/** What is here of feeds and lies beyond what counts. */
export const withheldOf = (space: OpenSpace): ReadonlyArray<Withheld> => {
  const { operations } = space.access
  if (operations === null) return []
  return space.feeds.list().flatMap((feed) => {
    const { counter, role } = space.access.accepted(feed)
    const counted = role === 0 ? 0 : counter
    const to = seenOf(space, feed)?.counter ?? 0
    const device = operations.deviceOf(feed.text)
    if (to <= counted || device === undefined) return []
    const identity = operations.membership.ownerOf(feed.text) ?? ""
    return [{ feed: feed.text, device, identity, from: counted + 1, to }]
  })
}
