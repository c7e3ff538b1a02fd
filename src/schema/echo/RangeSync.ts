/**
 * The set of [feed, length, mark] that a device has stored, as two devices compare it by hashes of ranges.
 *
 * How a range is split and where it differs: schema/platform/RangeSet.ts. Bytes and steps: docs/format.md#replication.
 */
import { Writer } from "../platform/Codec.ts"
import { RangeSet, rangeLabel } from "../platform/RangeSet.ts"
import { type FeedItem, type FeedLength, isSameMark, type Mark, type Range, writeItems } from "./ReplicationMessage.ts"

type Hash = (bytes: Uint8Array) => Uint8Array

/** id("echo/range", items). A mark that is not known makes a hash that nobody else has. */
export const rangeHash = (items: ReadonlyArray<FeedLength & { readonly mark: Mark | null }>, hash: Hash): Uint8Array =>
  hash(writeItems(new Writer(64 + 56 * items.length).raw(rangeLabel), items).take())

/** A feed's id as bytes and text, how long it is, and what it is there, null when that is not known. */
export interface SetItem extends FeedLength {
  readonly text: string
  readonly mark: Mark | null
}

type Held = Pick<SetItem, "length" | "mark">

/** Whether two devices have the same of a feed. */
export const isSameItem = (a: Held | undefined, b: Held): boolean =>
  a !== undefined && a.length === b.length && isSameMark(a.mark, b.mark)

/** A set of feeds in the order of their keys. */
export class FeedSet<Item extends SetItem = SetItem> extends RangeSet<Item> {
  constructor(hash: Hash) {
    super({ keyOf: ({ feed }) => feed, isSame: isSameItem, hashOf: (items) => rangeHash(items, hash) })
  }

  /** Whether another set holds the same, as the hashes of both would say: at less cost, mostly by the first feed that differs. */
  isSame(other: FeedSet): boolean {
    if (this.size !== other.size) return false
    for (const item of this.values()) if (!isSameItem(other.get(item.text), item)) return false
    return true
  }
}

/** What to say of a range whose hash differs. */
export const splitRange = <Item extends FeedItem & SetItem>(
  set: FeedSet<Item>,
  from: Uint8Array,
  to: Uint8Array
): ReadonlyArray<Range> =>
  set.split(from, to).map(({ content, ...range }) => ({
    _tag: "Range",
    ...range,
    content: content instanceof Uint8Array ? content : content.map(({ feed, length, mark }) => ({ feed, length, mark }))
  }))
