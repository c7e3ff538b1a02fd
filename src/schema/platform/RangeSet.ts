/**
 * A set in the order of its keys, of which two devices find where theirs differ by hashes of ranges.
 *
 * A range whose hash differs is split into sixteen until at most 32 items are left, which are listed. So one item among thousands is
 * found by a few messages, and equal sets cost one hash. Who uses it says what an item is and how a range of them is hashed.
 */
import { compareBytes, equalBytes, type Reader, type Writer } from "./Codec.ts"
import { rangeItemsMax, rangeWays } from "./Limits.ts"

/** What stands before the items of a range when they are hashed: id("echo/range", items). */
export const rangeLabel: Uint8Array = new TextEncoder().encode("echo/range/v0\0")

/** The items between two keys, both included: their hash, or all of them. */
export interface KeyRange<Item> {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly count: number
  readonly content: Uint8Array | ReadonlyArray<Item>
}

/** Writes a range up to what it holds: `[1, set, from32, to32, count, …]`. */
export const writeRange = (to: Writer, set: number, range: KeyRange<unknown>): Writer =>
  to.array(6).int(1).int(set).bytes(range.from).bytes(range.to).int(range.count)

/** Reads a range from its first key on; its items are sorted by their keys, within the range, and as many as it says. */
export const readRange = <Item>(
  from: Reader,
  readItems: (from: Reader) => ReadonlyArray<Item>,
  keyOf: (item: Item) => Uint8Array
): KeyRange<Item> => {
  const range = { from: from.fixed(32), to: from.fixed(32) }
  if (compareBytes(range.from, range.to) > 0) from.fail("a range that ends before it begins")
  const count = from.uint()
  if (from.peek() === 2) return { ...range, count, content: from.fixed(32) }
  const content = readItems(from)
  if (content.length !== count) from.fail("another count than its items")
  let least = range.from
  for (const [i, item] of content.entries()) {
    const key = keyOf(item)
    if (compareBytes(least, key) > (i === 0 ? 0 : -1)) from.fail("items that are not sorted")
    if (compareBytes(key, range.to) > 0) from.fail("items beyond their range")
    least = key
  }
  return { ...range, count, content }
}

/** What an item is called as text. */
interface Named {
  readonly text: string
}

/** How a set treats its items. */
export interface Kind<Item> {
  /** 32 bytes, by which items are sorted. */
  readonly keyOf: (item: Item) => Uint8Array
  /** Whether two items of one name are the same. */
  readonly isSame: (a: Item, b: Item) => boolean
  readonly hashOf: (items: ReadonlyArray<Item>) => Uint8Array
}

/** Where an item stands in a set, whatever else it tells. */
interface Place<Item> {
  readonly key: Uint8Array
  item: Item
}

/** An item that changes moves nothing; what is new is merged in when the order is asked for. */
export class RangeSet<Item extends Named> {
  private readonly byText = new Map<string, Place<Item>>()
  private sorted: ReadonlyArray<Place<Item>> = []
  private fresh: Array<Place<Item>> = []
  private hashed: Uint8Array | null = null
  private readonly kind: Kind<Item>

  constructor(kind: Kind<Item>) {
    this.kind = kind
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
      if (!this.kind.isSame(known.item, item)) this.hashed = null
      known.item = item
      return
    }
    const place = { key: this.kind.keyOf(item), item }
    this.byText.set(item.text, place)
    this.fresh.push(place)
    this.hashed = null
  }

  *values(): IterableIterator<Item> {
    for (const { item } of this.byText.values()) yield item
  }

  private all(): ReadonlyArray<Place<Item>> {
    if (this.fresh.length > 0) {
      this.sorted = merged(
        this.sorted,
        this.fresh.sort((a, b) => compareBytes(a.key, b.key))
      )
      this.fresh = []
    }
    return this.sorted
  }

  /** The hash of the whole set. */
  summary(): Uint8Array {
    this.hashed ??= this.kind.hashOf(this.all().map(({ item }) => item))
    return this.hashed
  }

  /** The items from one key to another, both included. */
  between(from: Uint8Array, to: Uint8Array): Array<Item> {
    const all = this.all()
    const start = lowerBound(all, from)
    let end = start
    while (end < all.length && compareBytes(all[end]!.key, to) <= 0) end++
    return all.slice(start, end).map(({ item }) => item)
  }

  /** What to say of a range whose hash differs: its items when they are few, else sixteen ranges that lie side by side. */
  split(from: Uint8Array, to: Uint8Array): ReadonlyArray<KeyRange<Item>> {
    const items = this.between(from, to)
    if (items.length <= rangeItemsMax) return [{ from, to, count: items.length, content: items }]
    const ranges: Array<KeyRange<Item>> = []
    for (let i = 0; i < rangeWays; i++) {
      const start = Math.floor((items.length * i) / rangeWays)
      const end = Math.floor((items.length * (i + 1)) / rangeWays)
      const part = items.slice(start, end)
      ranges.push({
        from: i === 0 ? from : this.kind.keyOf(part[0]!),
        to: i === rangeWays - 1 ? to : before(this.kind.keyOf(items[end]!)),
        count: part.length,
        content: this.kind.hashOf(part)
      })
    }
    return ranges
  }

  /** Whether a range of the other's, told by its hash, is the same here. */
  isSameRange({ content, count, from, to }: KeyRange<unknown>): boolean {
    if (!(content instanceof Uint8Array)) return false
    const items = this.between(from, to)
    return items.length === count && equalBytes(this.kind.hashOf(items), content)
  }
}

/** Two sorted lists as one. */
const merged = <Item>(a: ReadonlyArray<Place<Item>>, b: ReadonlyArray<Place<Item>>): ReadonlyArray<Place<Item>> => {
  const all: Array<Place<Item>> = []
  let next = 0
  for (const place of b) {
    while (next < a.length && compareBytes(a[next]!.key, place.key) < 0) all.push(a[next++]!)
    all.push(place)
  }
  return all.concat(a.slice(next))
}

const lowerBound = (places: ReadonlyArray<Place<unknown>>, key: Uint8Array): number => {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(places[middle]!.key, key) < 0) low = middle + 1
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
