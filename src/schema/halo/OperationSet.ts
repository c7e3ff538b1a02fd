/**
 * The ids of the control operations of a space that a device holds, in their order, as two devices compare them.
 *
 * How a range is split and where it differs: schema/platform/RangeSet.ts. Bytes: docs/format.md#control-operations-on-the-wire.
 */
import { feedText } from "../echo/FeedTable.ts"
import { Writer } from "../platform/Codec.ts"
import { firstKey, type KeyRange, lastKey, RangeSet, rangeLabel } from "../platform/RangeSet.ts"

type Hash = (bytes: Uint8Array) => Uint8Array

/** id("echo/range", ids): what two devices compare. */
export const idsHash = (ids: ReadonlyArray<Uint8Array>, hash: Hash): Uint8Array => {
  const to = new Writer(64 + 34 * ids.length).raw(rangeLabel).array(ids.length)
  for (const id of ids) to.bytes(id)
  return hash(to.take())
}

interface Held {
  readonly id: Uint8Array
  readonly text: string
}

const idOf = ({ id }: Held): Uint8Array => id

/** Ids are of 32 bytes, and kept as given: they must not be changed, nor be views into something larger. */
export class OperationSet {
  private readonly held: RangeSet<Held>

  constructor(hash: Hash) {
    this.held = new RangeSet({
      keyOf: idOf,
      isSame: () => true,
      hashOf: (items) => idsHash(items.map(idOf), hash)
    })
  }

  get size(): number {
    return this.held.size
  }

  has(id: Uint8Array): boolean {
    return this.held.get(feedText(id)) !== undefined
  }

  add(id: Uint8Array): void {
    this.held.put({ id, text: feedText(id) })
  }

  /** The hash of all. */
  summary(): Uint8Array {
    return this.held.summary()
  }

  /** The ids from one to another, both included, sorted. */
  between(from: Uint8Array = firstKey, to: Uint8Array = lastKey): ReadonlyArray<Uint8Array> {
    return this.held.between(from, to).map(idOf)
  }

  /** What to say of a range that differs: its ids when they are few, else sixteen ranges by their hashes. */
  split(from: Uint8Array = firstKey, to: Uint8Array = lastKey): ReadonlyArray<KeyRange<Uint8Array>> {
    return this.held.split(from, to).map(({ content, ...range }) => ({
      ...range,
      content: content instanceof Uint8Array ? content : content.map(idOf)
    }))
  }

  /** Whether a range of the other's, told by its hash, is the same here. */
  isSameRange(range: KeyRange<Uint8Array>): boolean {
    return this.held.isSameRange(range)
  }
}
