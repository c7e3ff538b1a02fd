/**
 * Takes the stored blocks of a space to its state: feed by feed, in turns that their dependencies allow.
 *
 * A feed that waits keeps what was read of it, within a bound, until what it waits for has come, so that feeds which cite each other
 * block by block are read once. Between blocks other fibers have their turn. `Delivery` decides; this reads and orders.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { decodeBlock } from "../../schema/echo/Feed.ts"
import type { SpaceState } from "../../schema/echo/SpaceState.ts"
import { turnBytesMax } from "../../schema/platform/Limits.ts"
import { countedLength, type SpaceFeeds, type StoredBlock, type StoredFeed } from "../../services/echo/FeedStore.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import { type SpaceAccess, unlimited } from "./SpaceAccess.ts"

/** What is told on the way. */
export interface Told {
  /** A block of a feed was delivered or passed over. */
  readonly block: (feed: StoredFeed, number: number) => void
  /** Something was merged, and other fibers may have their turn. */
  readonly part: () => void
}

/** Bytes of blocks that all waiting feeds together keep. */
const keptBytesMax = 16_777_216
/** The least that is read of a feed at once when there are many. */
const pageBytesMin = 4_096
/** Bytes of blocks that are merged before other fibers have their turn. */
const stepBytesMax = 65_536

/** A feed with blocks that count and are not delivered yet. */
class Behind {
  readonly feed: StoredFeed
  readonly number: number
  /** What was read of it last, and which of these is the next. */
  page: ReadonlyArray<StoredBlock> = []
  at = 0
  /** Bytes of the page, when it is kept. */
  bytes = 0

  constructor(feed: StoredFeed, number: number) {
    this.feed = feed
    this.number = number
  }
}

/**
 * Tells a state how much of a feed counts: by whose right it is written, and up to where a proof froze it. False when the state has merged
 * otherwise. The feed that is written in is rolled back when it froze.
 */
export const boundAt = ({ delivery, feeds, ownFeed }: SpaceState, feed: StoredFeed, access: SpaceAccess): boolean => {
  const number = feeds.intern(feed.id)
  if (number === ownFeed) return true
  const isAllowed = delivery.allow(number, access.accepted(feed))
  return isAllowed && (feed.frozenAt === null || delivery.freeze(number, feed.frozenAt))
}

/** Delivers stored blocks until no feed can go on. */
export const deliverStored = (
  feeds: SpaceFeeds,
  state: SpaceState,
  told: Told,
  access: SpaceAccess = unlimited
): Effect.Effect<void, StorageError> => Effect.suspend(() => new SpaceDelivery(feeds, state, told, access).run)

class SpaceDelivery {
  private readonly feeds: SpaceFeeds
  private readonly state: SpaceState
  private readonly told: Told
  private readonly access: SpaceAccess
  /** Feeds that can go on. */
  private ready: Array<Behind> = []
  /** Feeds that wait, by the number of the feed that they wait for. */
  private readonly waiting = new Map<number, Array<Behind>>()
  private readonly pageBytes: number
  private keptBytes = 0
  private stepBytes = 0

  constructor(feeds: SpaceFeeds, state: SpaceState, told: Told, access: SpaceAccess) {
    this.feeds = feeds
    this.state = state
    this.told = told
    this.access = access
    const share = Math.floor(keptBytesMax / Math.max(1, feeds.list().length))
    this.pageBytes = Math.max(pageBytesMin, Math.min(turnBytesMax, share))
  }

  get run(): Effect.Effect<void, StorageError> {
    return Effect.gen({ self: this }, function* () {
      const { state } = this
      for (const feed of this.feeds.list()) boundAt(state, feed, this.access)
      for (const feed of this.feeds.list()) {
        const number = state.feeds.intern(feed.id)
        if (number !== state.ownFeed) this.sort(new Behind(feed, number))
      }
      while (this.ready.length > 0) {
        const turn = this.ready
        this.ready = []
        for (const behind of turn) yield* this.turn(behind)
      }
    })
  }

  private isBehind({ feed, number }: Behind): boolean {
    return this.state.delivery.length(number) < countedLength(feed)
  }

  /** Puts a feed where it goes on from. */
  private sort(behind: Behind): void {
    if (!this.isBehind(behind)) return
    const { delivery } = this.state
    if (delivery.isReady(behind.number)) {
      this.ready.push(behind)
      return
    }
    const on = delivery.waitsFor(behind.number)
    if (on < 0) return
    const others = this.waiting.get(on)
    if (others === undefined) this.waiting.set(on, [behind])
    else others.push(behind)
  }

  /** Delivers of one feed as much as can be, then lets those go on that waited for it. */
  private turn(behind: Behind): Effect.Effect<void, StorageError> {
    const { number } = behind
    const { delivery } = this.state
    return Effect.gen({ self: this }, function* () {
      const from = delivery.length(number)
      while (this.isBehind(behind) && delivery.isReady(number)) yield* this.deliverPage(behind)
      this.told.part()
      this.sort(behind)
      if (delivery.length(number) === from) return
      const waiting = this.waiting.get(number) ?? []
      this.waiting.delete(number)
      for (const other of waiting) this.sort(other)
    })
  }

  private deliverPage(behind: Behind): Effect.Effect<void, StorageError> {
    const { feed, number } = behind
    return Effect.gen({ self: this }, function* () {
      if (behind.at === behind.page.length) {
        behind.page = yield* this.feeds.read(feed.id, this.state.delivery.length(number), this.pageBytes)
        behind.at = 0
      }
      // a proof may come between two blocks
      while (behind.at < behind.page.length && this.isBehind(behind)) {
        const block = behind.page[behind.at]!
        const content = decodeBlock(block.bytes)
        const plain = Result.isSuccess(content) ? content.success : content.failure
        const isBeyond = this.state.delivery.isSpent(number)
        const verdict = this.state.deliver(number, plain, block.root)
        if (verdict._tag === "Waits" || verdict._tag === "Stopped") break
        behind.at++
        if (isBeyond) this.state.withheldBytes += block.bytes.length
        this.told.block(feed, number)
        this.stepBytes += block.bytes.length
        if (this.stepBytes < stepBytesMax) continue
        this.stepBytes = 0
        this.told.part()
        yield* Effect.yieldNow
      }
      this.keep(behind)
    })
  }

  /** Keeps what is left of a page, if there is room, or gives it up: then it is read again. */
  private keep(behind: Behind): void {
    const { at, page } = behind
    const isDone = at === page.length
    if (behind.bytes > 0 && !isDone) return
    let bytes = 0
    for (let i = at; i < page.length; i++) bytes += page[i]!.bytes.length
    const isKept = !isDone && this.keptBytes + bytes <= keptBytesMax
    this.keptBytes += (isKept ? bytes : 0) - behind.bytes
    behind.bytes = isKept ? bytes : 0
    if (isKept) return
    behind.page = []
    behind.at = 0
  }
}
