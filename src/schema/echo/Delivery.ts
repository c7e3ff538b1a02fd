/**
 * Decides which stored blocks of a space may be merged, in which context, and which must wait: a pure machine.
 *
 * A block is delivered whole when every dependency of its change sets is applied. What cannot be read as a writer would have
 * written it is passed over by the same rule everywhere (opaque); what a newer version wrote stops its feed, visibly; neither stops
 * another feed. Of a feed that forked the blocks before the proven place are delivered and no others; what the control state does not let
 * count is delivered and withheld (Allowance.ts). So what is merged depends on what is stored below the freezes, on these, and on the
 * control state alone. Blocks that wait stay in storage, so waiting costs no memory.
 * docs/format.md#delivery
 */
import * as Result from "effect/Result"
import type { Accepted } from "../halo/AcceptedPrefix.ts"
import type { Malformed } from "../platform/Codec.ts"
import { Allowance } from "./Allowance.ts"
import type { ChangeSet, Dep, Plain, Unsupported } from "./ChangeSet.ts"
import { decodePlain } from "./ChangeSetCodec.ts"
import type { FeedTable } from "./FeedTable.ts"

/** Why a feed does not go on: it waits for other feeds, or needs a newer version. */
export type Stuck =
  | { readonly reason: "deps"; readonly feed: string; readonly on: string; readonly counter: number }
  | { readonly reason: "version"; readonly feed: string; readonly what: string }

/** How a block was answered. */
export type Verdict =
  | { readonly _tag: "Delivered" }
  | { readonly _tag: "Opaque"; readonly error: Malformed | { readonly message: string } }
  | { readonly _tag: "Waits" }
  | { readonly _tag: "Stopped" }

/**
 * Merges one change set, or its placeholders when it is withheld: `feedOf` turns its feed numbers into local ones, `context` is what
 * its writer had applied.
 */
export type Merge = (
  changeSet: ChangeSet,
  author: number,
  context: ReadonlyArray<number>,
  feedOf: ReadonlyArray<number>,
  isWithheld: boolean
) => void

interface Cursor {
  /** Blocks of the feed that were delivered or passed over. */
  length: number
  /** The last counter that was applied. */
  counter: number
  /**
   * For each local feed, the counter that this feed's writer had applied. Of feeds that the writer never named there is a hole, and
   * where most are holes the engine keeps what is there alone: with many feeds, all as long as the list would be quadratic memory.
   */
  readonly context: Array<number>
  root16: Uint8Array
  stuck: Stuck | null
  waitsFor: { readonly feed: number; readonly counter: number } | null
  /** Where a proof froze the feed: blocks from there on do not count. */
  frozenAt: number | null
  readonly allowance: Allowance
}

/** Whether everything that counts of a frozen feed is delivered. Its counter is then its floor. */
const isAtFreeze = ({ frozenAt, length }: Cursor): boolean => frozenAt !== null && length >= frozenAt

const noRoot = new Uint8Array(16)

export class Delivery {
  private readonly cursors: Array<Cursor> = []
  private readonly flagged = new Map<string, number>()
  private readonly feeds: FeedTable

  constructor(feeds: FeedTable) {
    this.feeds = feeds
  }

  private cursor(feed: number): Cursor {
    while (this.cursors.length <= feed) {
      const start = { length: 0, counter: 0, root16: noRoot, stuck: null, waitsFor: null, frozenAt: null }
      this.cursors.push({ ...start, context: [], allowance: new Allowance() })
    }
    return this.cursors[feed]!
  }

  /** Blocks of a feed that are behind us. */
  length(feed: number): number {
    return this.cursor(feed).length
  }

  counter(feed: number): number {
    return this.cursor(feed).counter
  }

  /** What the feed's writer had applied, by local feed number; the next change set of the own feed is merged in it. */
  context(feed: number): ReadonlyArray<number> {
    return this.cursor(feed).context
  }

  /** Whether the feed could go on now, as far as this machine knows. */
  isReady(feed: number): boolean {
    const { stuck, waitsFor } = this.cursor(feed)
    if (waitsFor !== null) return this.has(waitsFor.feed, waitsFor.counter)
    return stuck === null
  }

  /** The feed that this one waits for, or −1. */
  waitsFor(feed: number): number {
    return this.cursor(feed).waitsFor?.feed ?? -1
  }

  /** Whether a dependency is applied; of a frozen feed no more will ever be than what lies below the freeze. */
  private has(feed: number, counter: number): boolean {
    const cursor = this.cursor(feed)
    return cursor.counter >= counter || isAtFreeze(cursor)
  }

  /**
   * A proof froze the feed: its blocks from `length` on do not count. Answers whether that is so here. When it is not, more was
   * delivered already, and everything has to be delivered anew, in a new state.
   */
  freeze(feed: number, length: number): boolean {
    const cursor = this.cursor(feed)
    if (cursor.length > length) return false
    cursor.frozenAt = Math.min(length, cursor.frozenAt ?? length)
    if (isAtFreeze(cursor)) cursor.stuck = cursor.waitsFor = null
    return true
  }

  /**
   * The control state says what of the feed counts, or says it anew; of a feed of which it says nothing all does. Answers whether that
   * is so here. When it is not, something merged would be judged otherwise now, and everything has to be delivered anew, in a new state.
   */
  allow(feed: number, accepted: Accepted): boolean {
    return this.cursor(feed).allowance.allow(accepted)
  }

  /** Whether of a feed everything is delivered that counts, and what is stored beyond that would be withheld. */
  isSpent(feed: number): boolean {
    const { allowance, counter } = this.cursor(feed)
    return allowance.isSpentAt(counter)
  }

  /** How far a feed is applied, as a dependency on it says; of one of which nothing is, it says nothing. */
  appliedTo(feed: number): Dep {
    const { counter, length, root16 } = this.cursor(feed)
    return { feed, length, counter, root16 }
  }

  /** The last counter that counts of a frozen feed; null when it is not frozen, or not delivered up to there yet. */
  floor(feed: number): number | null {
    const cursor = this.cursor(feed)
    return isAtFreeze(cursor) ? cursor.counter : null
  }

  stuck(): ReadonlyArray<Stuck> {
    return this.cursors.flatMap((cursor) => (cursor.stuck === null ? [] : [cursor.stuck]))
  }

  /** Feeds whose author signed nonsense, and how often. */
  flags(): ReadonlyMap<string, number> {
    return this.flagged
  }

  /** [feed id, last applied counter] of every feed that has applied anything. */
  applied(): ReadonlyArray<readonly [Uint8Array, number]> {
    return this.cursors.flatMap((cursor, feed) => (cursor.counter > 0 ? [[this.feeds.id(feed), cursor.counter] as const] : []))
  }

  /** [feed id, last counter that counts] of every frozen feed that is delivered up to its freeze. */
  floors(): ReadonlyArray<readonly [Uint8Array, number]> {
    return this.cursors.flatMap((cursor, feed) => (isAtFreeze(cursor) ? [[this.feeds.id(feed), cursor.counter] as const] : []))
  }

  /**
   * Offers the next block of a feed, which is one before the freeze. `content` is its plain content, or what stands in the way of it (an unknown version or suite).
   * `root` is the feed's root with this block.
   */
  offer(feed: number, content: Uint8Array | Unsupported | Malformed, root: Uint8Array, merge: Merge): Verdict {
    const cursor = this.cursor(feed)
    const plain = content instanceof Uint8Array ? decodePlain(content) : Result.fail(content)
    if (Result.isFailure(plain)) {
      if (plain.failure._tag === "Malformed") return this.passOver(feed, cursor, root, plain.failure)
      cursor.stuck = { reason: "version", feed: this.feeds.text(feed), what: plain.failure.what }
      return { _tag: "Stopped" }
    }
    const reused = this.nonsense(feed, plain.success, cursor)
    if (reused !== null) return this.passOver(feed, cursor, root, { message: reused })
    const { feeds, changeSets } = plain.success
    const feedOf = [feed, ...feeds.map((id) => this.feeds.find(id))]
    if (!this.isCovered(feed, cursor, changeSets, feedOf, feeds)) return { _tag: "Waits" }
    for (const changeSet of changeSets) {
      this.raise(cursor.context, changeSet.deps, feedOf)
      const judgement = cursor.allowance.judge(changeSet)
      if (judgement !== "void") merge(changeSet, feed, cursor.context, feedOf, judgement === "withheld")
      cursor.counter = changeSet.first + changeSet.mutations.length - 1
    }
    cursor.length++
    cursor.root16 = root.slice(0, 16)
    cursor.stuck = cursor.waitsFor = null
    return { _tag: "Delivered" }
  }

  private nonsense(feed: number, plain: Plain, cursor: Cursor): string | null {
    if (plain.firstCounter <= cursor.counter) return `counter ${plain.firstCounter} was taken before`
    return plain.feeds.some((id) => this.feeds.find(id) === feed) ? "a feed cites itself in its table" : null
  }

  private passOver(feed: number, cursor: Cursor, root: Uint8Array, error: Malformed | { readonly message: string }): Verdict {
    cursor.length++
    cursor.root16 = root.slice(0, 16)
    cursor.stuck = cursor.waitsFor = null
    const text = this.feeds.text(feed)
    this.flagged.set(text, (this.flagged.get(text) ?? 0) + 1)
    return { _tag: "Opaque", error }
  }

  private isCovered(
    feed: number,
    cursor: Cursor,
    changeSets: ReadonlyArray<ChangeSet>,
    feedOf: ReadonlyArray<number>,
    table: ReadonlyArray<Uint8Array>
  ): boolean {
    for (const { deps } of changeSets) {
      if (deps === null) continue
      for (const dep of deps) {
        const known = feedOf[dep.feed]!
        if (known >= 0 && this.has(known, dep.counter)) continue
        // a feed is given its number when it is waited for, so that its arrival can be noticed
        const on = known >= 0 ? known : this.feeds.intern(table[dep.feed - 1]!)
        cursor.waitsFor = { feed: on, counter: dep.counter }
        cursor.stuck = { reason: "deps", feed: this.feeds.text(feed), on: this.feeds.text(on), counter: dep.counter }
        return false
      }
    }
    return true
  }

  /**
   * What was newly applied of other feeds since the own feed's last change set; null when nothing. A change set may name `max` feeds:
   * those in `cited`, which it changes, come first, and of the others as many as there is room for; the rest is told with the next.
   */
  fresh(own: number, cited: () => ReadonlySet<number>, max: number): ReadonlyArray<Dep> | null {
    const { context } = this.cursor(own)
    const deps: Array<Dep> = []
    for (let feed = 0; feed < this.cursors.length; feed++) {
      const other = this.cursors[feed]!
      if (feed === own || other.counter <= (context[feed] ?? 0)) continue
      deps.push({ feed, length: other.length, counter: other.counter, root16: other.root16 })
    }
    if (deps.length === 0) return null
    if (this.feeds.size <= max + 1) return deps
    const first = cited()
    const news = new Set(deps.map(({ feed }) => feed))
    const room = max - [...first].filter((feed) => feed !== own && !news.has(feed)).length
    const told = deps.sort((a, b) => Number(first.has(b.feed)) - Number(first.has(a.feed))).slice(0, Math.max(0, room))
    return told.length === 0 ? null : told
  }

  /** The own feed's writer made a change set with these dependencies, merged before it is stored; its last counter is `counter`. */
  wrote(own: number, deps: ReadonlyArray<Dep> | null, counter: number): void {
    const cursor = this.cursor(own)
    this.raise(cursor.context, deps, null)
    cursor.counter = counter
    cursor.allowance.wrote(counter)
  }

  /** The own feed's blocks up to `length` are stored; they were merged when they were made. */
  stored(own: number, length: number, root: Uint8Array): void {
    const cursor = this.cursor(own)
    cursor.length = length
    cursor.root16 = root.slice(0, 16)
  }
  /**
   * Raises a context by dependencies, at most to what is applied: what lies beyond a frozen feed's floor nobody has seen.
   */
  private raise(context: Array<number>, deps: ReadonlyArray<Dep> | null, feedOf: ReadonlyArray<number> | null): void {
    if (deps === null) return
    for (const dep of deps) {
      const feed = feedOf === null ? dep.feed : feedOf[dep.feed]!
      const counter = Math.min(dep.counter, this.counter(feed))
      if ((context[feed] ?? 0) < counter) context[feed] = counter
    }
  }
}
