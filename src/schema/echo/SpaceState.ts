/**
 * The state of one open space: objects, delivery, clock and queries held together, as a pure machine.
 *
 * A local change is stamped and merged in one synchronous step, so nothing can come between what it saw and what it says it saw.
 * The layer around it stores, sends and wakes; this decides. The way of a mutation: ARCHITECTURE.md.
 */

import type { Malformed } from "../platform/Codec.ts"
import { blockFeedsMax } from "../platform/Limits.ts"
import type { ChangeSet, Mutation, Unsupported } from "./ChangeSet.ts"
import { citedFeeds, feedsCited, sizeOf } from "./ChangeSetCodec.ts"
import { Delivery, type Merge, type Verdict } from "./Delivery.ts"
import { FeedTable } from "./FeedTable.ts"
import { Changes, Objects } from "./Objects.ts"
import type { QueryIndex } from "./Query.ts"
import { nextTime } from "./Time.ts"

/** A change set before it is merged. */
export interface Stamped {
  readonly changeSet: ChangeSet
  /** What it takes in a block, at most. */
  readonly bytes: number
  /** How many other feeds it names, at most. */
  readonly feeds: number
}

export class SpaceState {
  readonly feeds: FeedTable
  readonly objects: Objects
  readonly delivery: Delivery
  /** Bytes of the blocks that were delivered and do not count. */
  withheldBytes = 0
  private readonly changes = new Changes()
  private taken = 0
  private own = -1

  constructor(feeds = new FeedTable()) {
    this.feeds = feeds
    this.objects = new Objects(feeds)
    this.delivery = new Delivery(feeds)
  }

  /** From now on changes are made in this feed, whose counters up to `taken` are used up. */
  write(feed: Uint8Array, taken: number): void {
    this.own = this.feeds.intern(feed)
    this.taken = Math.max(taken, this.delivery.counter(this.own))
  }

  /** The local number of the feed that changes are made in, or −1. */
  get ownFeed(): number {
    return this.own
  }

  /** The last counter of a local change that is merged. */
  get local(): number {
    return this.own < 0 ? 0 : this.delivery.counter(this.own)
  }

  /** The last counter that was ever taken here, by changes that were taken back as well. */
  get used(): number {
    return this.taken
  }

  /** The counter that the next local mutation will take. */
  get next(): number {
    return this.taken + 1
  }

  /** Offers the next stored block of a feed; what it merges is told to queries by `tell`. */
  deliver(feed: number, content: Uint8Array | Unsupported | Malformed, root: Uint8Array): Verdict {
    return this.delivery.offer(feed, content, root, this.mergeDelivered)
  }

  private readonly mergeDelivered: Merge = (changeSet, author, context, feedOf, isWithheld) => {
    if (isWithheld) this.objects.withhold(changeSet, author, context, feedOf)
    else this.objects.apply(changeSet, author, context, feedOf, this.changes)
  }

  /** The change set that these mutations make now, how many bytes it takes at most, and how many feeds. Nothing is changed. */
  stamp(mutations: ReadonlyArray<Mutation>, wallMilliseconds: number): Stamped {
    const time = nextTime(wallMilliseconds, this.objects.greatestTime)
    const deps = this.delivery.fresh(this.own, () => citedFeeds(mutations), blockFeedsMax)
    const changeSet = { first: this.next, time, deps, mutations }
    // none can name more feeds than there are
    const others = this.feeds.size - 1
    return { changeSet, bytes: sizeOf(changeSet), feeds: others <= blockFeedsMax ? others : feedsCited(changeSet, this.own) }
  }

  /** Merges a change set that `stamp` made. */
  merge(changeSet: ChangeSet): void {
    this.taken = changeSet.first + changeSet.mutations.length - 1
    this.delivery.wrote(this.own, changeSet.deps, this.taken)
    this.objects.apply(changeSet, this.own, this.delivery.context(this.own), null, this.changes)
  }

  /** Tells live queries what was merged since the last call. */
  tell(queries: QueryIndex): void {
    queries.changed(this.changes)
  }
}
