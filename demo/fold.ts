/**
 * The feeds of a folder folded anew, from their first block, and held against the receipts of the journals.
 *
 * Every end is one that is said: a block that waits for others, one that this version cannot read, one that is nonsense. No peer of a
 * run of the demo writes the last two, so each is a problem and never a crash.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ChangeSet, Plain } from "../src/schema/echo/ChangeSet.ts"
import { decodePlain } from "../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../src/schema/echo/Feed.ts"
import { feedText } from "../src/schema/echo/FeedTable.ts"
import type { SpaceState } from "../src/schema/echo/SpaceState.ts"
import type { SpaceFeeds, StoredFeed } from "../src/services/echo/FeedStore.ts"
import type { Receipt } from "../src/services/echo/SpaceService.ts"
import { changeOf, depsOf } from "./change.ts"
import type { Entry } from "./journal.ts"
import type { Change } from "./naive.ts"

/** Receipts by the place that they claim. */
export class Receipts {
  private readonly open = new Map<string, Receipt>()
  readonly uncovered: Array<Change> = []
  changes = 0

  constructor(entries: ReadonlyArray<Entry>) {
    for (const { done } of entries) {
      if (done !== null && done !== undefined) this.open.set(`${done.feed} ${done.first}`, done)
    }
  }

  /** A change set that a feed holds. Its receipt must tell the same. */
  meet(feed: string, changeSet: ChangeSet, plain: Plain): void {
    this.changes++
    const place = `${feed} ${changeSet.first}`
    const receipt = this.open.get(place)
    const feedOf = (position: number): string => (position === 0 ? feed : feedText(plain.feeds[position - 1]!))
    if (receipt === undefined) this.uncovered.push(changeOf(feed, changeSet, feedOf))
    else if (isBorneOut(receipt, changeSet, depsOf(changeSet, feedOf))) this.open.delete(place)
  }

  /** Receipts that no feed bears out. */
  get missing(): ReadonlyArray<string> {
    return [...this.open.keys()]
  }
}

const isBorneOut = (receipt: Receipt, { mutations, time }: ChangeSet, deps: Change["deps"]): boolean => {
  const lines = (each: Change["deps"]) =>
    each
      .map(({ counter, feed }) => `${feed} ${counter}`)
      .sort()
      .join()
  return receipt.count === mutations.length && receipt.time === time && lines(receipt.deps) === lines(deps)
}

/** Folds all feeds of a space, one after the other as far as each can go. Answers what is wrong with them. */
export const fold = Effect.fnUntraced(function* (feeds: SpaceFeeds, state: SpaceState, receipts: Receipts | null) {
  const problems = new Set<string>()
  const step = Effect.fnUntraced(function* (feed: StoredFeed, number: number) {
    const blocks = yield* feeds.read(feed.id, state.delivery.length(number), 1_048_576)
    let count = 0
    for (const { bytes, index, root } of blocks) {
      const decoded = decodeBlock(bytes)
      const content = Result.isSuccess(decoded) ? decoded.success : decoded.failure
      const verdict = state.deliver(number, content, root)
      if (verdict._tag === "Waits") break
      if (verdict._tag === "Stopped") {
        problems.add(`feed ${feed.text} cannot be read from block ${index} on: a newer version wrote it`)
        break
      }
      count++
      if (verdict._tag === "Opaque") problems.add(`block ${index} of feed ${feed.text} is nonsense: ${verdict.error.message}`)
      if (verdict._tag === "Opaque" || receipts === null || !(content instanceof Uint8Array)) continue
      const plain = Result.getOrThrow(decodePlain(content))
      for (const changeSet of plain.changeSets) receipts.meet(feed.text, changeSet, plain)
    }
    return count
  })
  for (let moved = true; moved; ) {
    moved = false
    for (const feed of feeds.list()) {
      const number = state.feeds.intern(feed.id)
      while (state.delivery.length(number) < feed.length && (yield* step(feed, number)) > 0) moved = true
    }
  }
  return [...problems]
})
