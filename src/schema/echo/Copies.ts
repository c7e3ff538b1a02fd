/**
 * Which of a device's own dots count, and by which others they go on: what forks took away was written anew in later feeds.
 *
 * A change set that was written anew stays the one that it was: a copy says where it was written first, whichever copy of it was lost
 * before. So what is still to be written anew follows from what is stored, after any crash: what counts neither where it was written
 * first nor in a copy. docs/format.md#written-anew
 */
import type { ChangeSet, Dot, Value } from "./ChangeSet.ts"
import { ObjectRef } from "./ChangeSet.ts"

/** A change set, or a part of one, that was written anew; feeds are numbers of the space's table. */
export interface Copy {
  /** Where it was written first: its dots there, from the first to the last. */
  readonly feed: number
  readonly from: number
  readonly to: number
  /** Counters of those that were left out, ascending: they name what nobody can see. */
  readonly left: ReadonlyArray<number>
  /** The first counter of the copy. */
  readonly first: number
}

/** The copies in one feed of what was written first in one other, in the order of both. */
interface Copied {
  readonly feed: number
  readonly into: number
  readonly copies: Array<Copy>
}

/** How many dots a copy has. */
export const countOf = ({ from, left, to }: Copy): number => to - from + 1 - left.length

/** The counter by which a dot goes on in a copy of it; 0 when it was left out. */
const counterIn = ({ first, from, left }: Copy, counter: number): number => {
  let skipped = 0
  for (const each of left) {
    if (each === counter) return 0
    if (each < counter) skipped++
  }
  return first + counter - from - skipped
}

/** The counter that a dot of a copy had first. */
const counterBefore = ({ first, from, left }: Copy, counter: number): number => {
  let before = from + counter - first
  for (const each of left) if (each <= before) before++
  return before
}

/** The last of a list in ascending order whose key is at most `key`; undefined when there is none. */
const lastUpTo = <A>(list: ReadonlyArray<A>, key: number, keyOf: (each: A) => number): A | undefined => {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keyOf(list[middle]!) <= key) low = middle + 1
    else high = middle
  }
  return list[low - 1]
}

const fromOf = ({ from }: Copy): number => from
const firstOf = ({ first }: Copy): number => first
const startOf = ([start]: readonly [number, number]): number => start

export class Copies {
  /** Feeds that this device has made, by number. */
  private readonly own: ReadonlySet<number>
  /** The last counter that counts, of each feed that a fork froze. */
  private readonly floors: ReadonlyMap<number, number>
  private readonly all: Array<Copied> = []
  /** Dots below the freeze that count nowhere, since their change set names one that does not: from the first to the last. */
  private readonly voided = new Map<number, Array<readonly [number, number]>>()

  constructor(own: ReadonlySet<number>, floors: ReadonlyMap<number, number>) {
    this.own = own
    this.floors = floors
  }

  /** A change set stands anew in the feed `into`. Those of one feed are added in their order. */
  add(into: number, copy: Copy): void {
    let copied = this.all.find((each) => each.into === into && each.feed === copy.feed)
    if (copied === undefined) this.all.push((copied = { feed: copy.feed, into, copies: [] }))
    copied.copies.push(copy)
  }

  /** The last copy in a feed, or null. */
  last(into: number): Copy | null {
    let last: Copy | null = null
    for (const copied of this.all) {
      const copy = copied.copies[copied.copies.length - 1]!
      if (copied.into === into && (last === null || copy.first > last.first)) last = copy
    }
    return last
  }

  /**
   * Looks at a change set below the freeze, feeds in the order in which they were made: it is void when it names a dot of this device
   * that does not count.
   */
  judge(feed: number, { first, mutations }: ChangeSet): void {
    const isVoid = (named: number, counter: number) => this.own.has(named) && !this.counts(named, counter)
    const names = mutations.some(
      ({ counter, feed: named, value }) => (counter > 0 && isVoid(named, counter)) || namesAny(value, isVoid)
    )
    if (!names) return
    const spans = this.voided.get(feed)
    const span = [first, first + mutations.length - 1] as const
    if (spans === undefined) this.voided.set(feed, [span])
    else spans.push(span)
  }

  /** Whether any change set of a feed was judged void. */
  hasVoid(feed: number): boolean {
    return this.voided.has(feed)
  }

  /** Whether a dot is one that everybody can see. */
  counts(feed: number, counter: number): boolean {
    const floor = this.floors.get(feed)
    if (floor !== undefined && counter > floor) return false
    const span = lastUpTo(this.voided.get(feed) ?? [], counter, startOf)
    return span === undefined || counter > span[1]
  }

  /** The dot that an object goes on by; null when nobody can see it any more. */
  now(feed: number, counter: number): Dot | null {
    if (this.counts(feed, counter)) return { feed, counter }
    const origin = this.origin(feed, counter)
    if (this.counts(origin.feed, origin.counter)) return origin
    const found = this.living(origin.feed, origin.counter)
    const at = found === null ? 0 : counterIn(found.copy, origin.counter)
    return at === 0 ? null : { feed: found!.into, counter: at }
  }

  /** Of dots written first here, those that are to be written anew: ranges from the first to the last. */
  lost(feed: number, from: number, to: number): ReadonlyArray<readonly [number, number]> {
    if (this.counts(feed, from) || this.copyAt(feed, from) !== null) return []
    const lost: Array<readonly [number, number]> = []
    for (let counter = from; counter <= to; ) {
      const found = this.living(feed, counter)
      if (found !== null) counter = found.copy.to + 1
      else {
        const open = lost[lost.length - 1]
        if (open === undefined || open[1] + 1 < counter) lost.push([counter, counter])
        else lost[lost.length - 1] = [open[0], counter]
        counter++
      }
    }
    return lost
  }

  /** Everywhere where the change set that begins with this dot has stood: here first. */
  instances(feed: number, first: number): ReadonlyArray<Dot> {
    const copies = this.all.flatMap((copied) => {
      const copy = copied.feed === feed ? lastUpTo(copied.copies, first, fromOf) : undefined
      return copy?.from === first ? [{ feed: copied.into, counter: copy.first }] : []
    })
    return [{ feed, counter: first }, ...copies]
  }

  private origin(feed: number, counter: number): Dot {
    const copy = this.copyAt(feed, counter)
    return copy === null ? { feed, counter } : { feed: copy.feed, counter: counterBefore(copy, counter) }
  }

  /** The copy that a dot is a part of, or null. */
  private copyAt(feed: number, counter: number): Copy | null {
    for (const copied of this.all) {
      const copy = copied.into === feed ? lastUpTo(copied.copies, counter, firstOf) : undefined
      if (copy !== undefined && counter < copy.first + countOf(copy)) return copy
    }
    return null
  }

  /** The copy of a dot that counts, or null. */
  private living(feed: number, counter: number): { readonly into: number; readonly copy: Copy } | null {
    for (const { copies, feed: from, into } of this.all) {
      const copy = from === feed ? lastUpTo(copies, counter, fromOf) : undefined
      if (copy !== undefined && counter <= copy.to && this.counts(into, copy.first)) return { into, copy }
    }
    return null
  }
}

/** Whether a value refers to an object that the test holds for. */
export const namesAny = (value: Value, test: (feed: number, counter: number) => boolean): boolean => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false
  if (value instanceof ObjectRef) return test(value.feed, value.counter)
  const values: ReadonlyArray<Value> = Array.isArray(value) ? value : Object.values(value)
  return values.some((each) => namesAny(each, test))
}
