/**
 * Finds where two sets of [feed, length] differ, by hashes of ranges.
 *
 * A range whose hash differs is split into sixteen until at most 32 feeds are left, which are listed. So one feed among thousands is
 * found by a few messages, and equal sets cost one hash. Bytes and steps: docs/format.md#replication.
 */
import { compareBytes, equalBytes, Writer } from "../platform/Codec.ts"
import { rangeItemsMax, rangeWays } from "../platform/Limits.ts"
import type { FeedLength, Range } from "./ReplicationMessage.ts"

type Hash = (bytes: Uint8Array) => Uint8Array

const label = new TextEncoder().encode("echo/range/v0\0")

/** id("echo/range", [[feed32, length]...]). */
export const rangeHash = (items: ReadonlyArray<FeedLength>, hash: Hash): Uint8Array => {
  const to = new Writer(64 + 40 * items.length).raw(label).array(items.length)
  for (const { feed, length } of items) to.array(2).bytes(feed).int(length)
  return hash(to.finish())
}

/** A feed's id as bytes and text, and how long it is. */
export interface SetItem extends FeedLength {
  readonly text: string
}

/** A set of feed lengths in the order of the feeds' keys. */
export class FeedSet<Item extends SetItem = SetItem> {
  private readonly byText = new Map<string, Item>()
  private sorted: Array<Item> | null = []
  private hashed: Uint8Array | null = null
  private readonly hash: Hash

  constructor(hash: Hash) {
    this.hash = hash
  }

  get size(): number {
    return this.byText.size
  }

  get(text: string): Item | undefined {
    return this.byText.get(text)
  }

  put(item: Item): void {
    this.byText.set(item.text, item)
    // sorted again when it is next asked for: many lengths change between two comparisons
    this.sorted = null
    this.hashed = null
  }

  values(): IterableIterator<Item> {
    return this.byText.values()
  }

  clear(): void {
    this.byText.clear()
    this.sorted = null
    this.hashed = null
  }

  private all(): Array<Item> {
    this.sorted ??= [...this.byText.values()].sort((a, b) => compareBytes(a.feed, b.feed))
    return this.sorted
  }

  /** The hash of the whole set. */
  summary(): Uint8Array {
    this.hashed ??= rangeHash(this.all(), this.hash)
    return this.hashed
  }

  /** The items from one key to another, both included. */
  between(from: Uint8Array, to: Uint8Array): Array<Item> {
    const all = this.all()
    const start = lowerBound(all, from)
    let end = start
    while (end < all.length && compareBytes(all[end]!.feed, to) <= 0) end++
    return all.slice(start, end)
  }
}

const lowerBound = (items: ReadonlyArray<SetItem>, key: Uint8Array): number => {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(items[middle]!.feed, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The range of all keys. */
export const firstKey: Uint8Array = new Uint8Array(32)
export const lastKey: Uint8Array = new Uint8Array(32).fill(255)

/** The key before a key that is not the first. */
const before = (key: Uint8Array): Uint8Array => {
  const result = key.slice()
  for (let i = result.length - 1; i >= 0; i--) {
    result[i] = (result[i]! - 1) & 255
    if (result[i] !== 255) break
  }
  return result
}

/** What to say of a range whose hash differs: its feeds when they are few, else sixteen ranges that lie side by side. */
export const splitRange = (set: FeedSet, from: Uint8Array, to: Uint8Array, hash: Hash): ReadonlyArray<Range> => {
  const items = set.between(from, to)
  if (items.length <= rangeItemsMax)
    return [{ _tag: "Range", from, to, count: items.length, content: items.map(({ feed, length }) => ({ feed, length })) }]
  const ranges: Array<Range> = []
  for (let i = 0; i < rangeWays; i++) {
    const start = Math.floor((items.length * i) / rangeWays)
    const end = Math.floor((items.length * (i + 1)) / rangeWays)
    const part = items.slice(start, end)
    ranges.push({
      _tag: "Range",
      from: i === 0 ? from : part[0]!.feed,
      to: i === rangeWays - 1 ? to : before(items[end]!.feed),
      count: part.length,
      content: rangeHash(part, hash)
    })
  }
  return ranges
}

/** Whether a range of the other's, told by its hash, is the same here. */
export const isSameRange = (set: FeedSet, range: Range, hash: Hash): boolean => {
  if (!(range.content instanceof Uint8Array)) return false
  const items = set.between(range.from, range.to)
  return items.length === range.count && equalBytes(rangeHash(items, hash), range.content)
}
