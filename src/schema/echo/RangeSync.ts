/**
 * Finds where two sets of [feed, length, mark] differ, by hashes of ranges.
 *
 * A range whose hash differs is split into sixteen until at most 32 feeds are left, which are listed. So one feed among thousands is
 * found by a few messages, and equal sets cost one hash. Bytes and steps: docs/format.md#replication.
 */
import { compareBytes, equalBytes, Writer } from "../platform/Codec.ts"
import { rangeItemsMax, rangeWays } from "../platform/Limits.ts"
import { type FeedItem, type FeedLength, isSameMark, type Mark, type Range, writeItems } from "./ReplicationMessage.ts"

type Hash = (bytes: Uint8Array) => Uint8Array

const label = new TextEncoder().encode("echo/range/v0\0")

/** id("echo/range", items). A mark that is not known makes a hash that nobody else has. */
export const rangeHash = (items: ReadonlyArray<FeedLength & { readonly mark: Mark | null }>, hash: Hash): Uint8Array =>
  hash(writeItems(new Writer(64 + 56 * items.length).raw(label), items).take())

/** A feed's id as bytes and text, how long it is, and what it is there, null when that is not known. */
export interface SetItem extends FeedLength {
  readonly text: string
  readonly mark: Mark | null
}

type Held = Pick<SetItem, "length" | "mark">

/** Whether two devices have the same of a feed. */
export const isSameItem = (a: Held | undefined, b: Held): boolean =>
  a !== undefined && a.length === b.length && isSameMark(a.mark, b.mark)

/** Where a feed stands in a set, whatever its length. */
interface Place<Item> {
  item: Item
}

/** A set of feeds in the order of their keys. A length that changes moves nothing; what is new is merged in when asked for. */
export class FeedSet<Item extends SetItem = SetItem> {
  private readonly byText = new Map<string, Place<Item>>()
  private sorted: Array<Place<Item>> = []
  private fresh: Array<Place<Item>> = []
  private hashed: Uint8Array | null = null
  private readonly hash: Hash

  constructor(hash: Hash) {
    this.hash = hash
  }

  get size(): number {
    return this.byText.size
  }

  get(text: string): Item | undefined {
    return this.byText.get(text)?.item
  }

  put(item: Item): void {
    const known = this.byText.get(item.text)
    if (known !== undefined) {
      if (!isSameItem(known.item, item)) this.hashed = null
      known.item = item
      return
    }
    const place = { item }
    this.byText.set(item.text, place)
    this.fresh.push(place)
    this.hashed = null
  }

  *values(): IterableIterator<Item> {
    for (const { item } of this.byText.values()) yield item
  }

  /** Whether another set holds the same, as the hashes of both would say: at less cost, mostly by the first feed that differs. */
  isSame(other: FeedSet): boolean {
    if (this.size !== other.size) return false
    for (const item of this.values()) if (!isSameItem(other.get(item.text), item)) return false
    return true
  }

  private all(): Array<Place<Item>> {
    if (this.fresh.length > 0) {
      this.sorted = merged(
        this.sorted,
        this.fresh.sort((a, b) => compareBytes(a.item.feed, b.item.feed))
      )
      this.fresh = []
    }
    return this.sorted
  }

  /** The hash of the whole set. */
  summary(): Uint8Array {
    this.hashed ??= rangeHash(
      this.all().map(({ item }) => item),
      this.hash
    )
    return this.hashed
  }

  /** The items from one key to another, both included. */
  between(from: Uint8Array, to: Uint8Array): Array<Item> {
    const all = this.all()
    const start = lowerBound(all, from)
    let end = start
    while (end < all.length && compareBytes(all[end]!.item.feed, to) <= 0) end++
    return all.slice(start, end).map(({ item }) => item)
  }
}

/** Two sorted lists as one. */
const merged = <Item extends SetItem>(a: ReadonlyArray<Place<Item>>, b: ReadonlyArray<Place<Item>>): Array<Place<Item>> => {
  const all: Array<Place<Item>> = []
  let next = 0
  for (const place of b) {
    while (next < a.length && compareBytes(a[next]!.item.feed, place.item.feed) < 0) all.push(a[next++]!)
    all.push(place)
  }
  return all.concat(a.slice(next))
}

const lowerBound = (places: ReadonlyArray<Place<SetItem>>, key: Uint8Array): number => {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(places[middle]!.item.feed, key) < 0) low = middle + 1
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
export const splitRange = (
  set: FeedSet<FeedItem & SetItem>,
  from: Uint8Array,
  to: Uint8Array,
  hash: Hash
): ReadonlyArray<Range> => {
  const items = set.between(from, to)
  if (items.length <= rangeItemsMax)
    return [
      { _tag: "Range", from, to, count: items.length, content: items.map(({ feed, length, mark }) => ({ feed, length, mark })) }
    ]
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
