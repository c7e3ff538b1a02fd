/**
 * Writes anew what forks took away of a device's own feeds: from the lost change sets to those of its next feed, as a pure machine.
 *
 * It is shown the blocks of the feeds that lost something, in their order. A new change set has the time of the lost one, and as its
 * context what the lost one's writer had applied, no more: what was concurrent stays so, and nothing that others wrote since is
 * overruled. Objects that were made in what is lost go on by the dots of their copies; mutations that name what nobody can see any more
 * are left out. docs/format.md#written-anew
 */
import { Writer } from "../platform/Codec.ts"
import { blockFeedsMax, changeSetBytesMax, valueBytesMax } from "../platform/Limits.ts"
import { type ChangeSet, type Dep, type Dot, Mutation, ObjectRef, opCreate, type Plain, type Value } from "./ChangeSet.ts"
import { citedFeeds, sizeOf } from "./ChangeSetCodec.ts"
import { type Copies, type Copy, namesAny } from "./Copies.ts"
import { profileCounter } from "./Profile.ts"
import { writeValue } from "./ValueCodec.ts"

/** A block of an own feed that lost something. */
export interface Source {
  readonly feed: number
  readonly index: number
  /** The feed's root with this block. */
  readonly root: Uint8Array
  /** Whether the block is below the freeze. */
  readonly isCounted: boolean
  readonly plain: Plain
  /** The local numbers of the feeds that the block cites. */
  readonly feedOf: ReadonlyArray<number>
}

/** A lost change set, or a part of one, as it is written anew. */
export interface Again {
  readonly changeSet: ChangeSet
  readonly copy: Copy
}

/** Where the new change sets go. */
export interface Target {
  readonly feed: number
  /** The next counter. */
  readonly next: number
  /** By feed, what change sets that stand there already have told of. */
  readonly told: ReadonlyArray<number>
}

/** The change set with the numbers of the space instead of positions in its block; of its dependencies nothing is said. */
export const localChangeSet = ({ first, mutations, time }: ChangeSet, feedOf: ReadonlyArray<number>): ChangeSet => {
  const dotOf = (feed: number, counter: number): Dot => ({ feed: feedOf[feed]!, counter })
  const local = ({ counter, feed, name, number, op, path, value }: Mutation): Mutation =>
    new Mutation(op, feedOf[feed]!, counter, path, renewedValue(value, dotOf), name, number)
  return { first, time, deps: null, mutations: mutations.map((each) => (each.op === opCreate ? each : local(each))) }
}

/** The dot that goes on for another; null when there is none. */
type DotOf = (feed: number, counter: number) => Dot | null

/** A mutation by the dots that go on; null when one does not, or when the value would have no room any more. */
const renewedMutation = ({ counter, feed, name, number, op, path, value }: Mutation, dotOf: DotOf): Mutation | null => {
  const dot = dotOf(feed, counter)
  if (dot === null) return null
  if (!namesAny(value, any)) return new Mutation(op, dot.feed, dot.counter, path, value, name, number)
  if (namesAny(value, (...named) => dotOf(...named) === null)) return null
  const again = renewedValue(value, dotOf)
  scratch.reset()
  writeValue(scratch, again, mostBytes)
  return scratch.length > valueBytesMax ? null : new Mutation(op, dot.feed, dot.counter, path, again, name, number)
}

const any = (): boolean => true
const scratch = new Writer()
/** A position in the table of a block that takes as many bytes as any. */
const mostBytes = (): number => blockFeedsMax

const renewedValue = (value: Value, dotOf: DotOf): Value => {
  if (!namesAny(value, any)) return value
  if (value instanceof ObjectRef) {
    const { counter, feed } = dotOf(value.feed, value.counter)!
    return new ObjectRef(feed, counter)
  }
  if (Array.isArray(value)) return (value as ReadonlyArray<Value>).map((each) => renewedValue(each, dotOf))
  const record = Object.create(null) as { [key: string]: Value }
  for (const [key, each] of Object.entries(value as { readonly [key: string]: Value })) record[key] = renewedValue(each, dotOf)
  return record
}

/** At most how many bytes a dependency takes, with its feed in the table. */
const depBytes = 80

export class Reappending {
  private readonly copies: Copies
  private readonly target: number
  private next: number
  private readonly told: Array<number>
  /** What the writer of what is read had applied, its own feeds included. */
  private readonly context = new Map<number, Dep>()
  private readonly appliedTo: (feed: number) => Dep

  /** `appliedTo` tells how far a feed is applied here: the evidence for copies that lost change sets refer to now. */
  constructor(copies: Copies, { feed, next, told }: Target, appliedTo: (feed: number) => Dep) {
    this.copies = copies
    this.target = feed
    this.next = next
    this.told = [...told]
    this.appliedTo = appliedTo
  }

  /** Goes through the next block: what of it was lost, as it is written anew. */
  through(source: Source): ReadonlyArray<Again> {
    const { feed, feedOf, index, isCounted, plain, root } = source
    const again: Array<Again> = []
    const root16 = root.slice(0, 16)
    for (const stored of plain.changeSets) {
      const last = stored.first + stored.mutations.length - 1
      for (const dep of stored.deps ?? []) this.raise({ ...dep, feed: feedOf[dep.feed]! })
      const lost = this.copies.lost(feed, stored.first, last)
      if (lost.length > 0) {
        const changeSet = localChangeSet(stored, feedOf)
        for (const [from, to] of lost) this.write(changeSet, feed, from, to, again)
      }
      if (isCounted) this.raise({ feed, length: index + 1, counter: last, root16 })
    }
    return again
  }

  private raise(dep: Dep): void {
    if ((this.context.get(dep.feed)?.counter ?? 0) < dep.counter) this.context.set(dep.feed, dep)
  }

  /** Writes some dots of a change set anew, in two parts when they have no room in one. */
  private write(changeSet: ChangeSet, feed: number, from: number, to: number, again: Array<Again>): void {
    const { left, mutations } = this.renewed(changeSet, feed, from, to)
    if (mutations.length === 0) return
    const bare = { first: this.next, time: changeSet.time, deps: null, mutations }
    const deps = this.depsFor(bare)
    if (deps === null) {
      const middle = Math.floor((from + to) / 2)
      this.write(changeSet, feed, from, middle, again)
      this.write(changeSet, feed, middle + 1, to, again)
      return
    }
    const copy = { feed, from, to, left, first: this.next }
    for (const { counter, feed: on } of deps) this.told[on] = counter
    this.next += mutations.length
    this.copies.add(this.target, copy)
    again.push({ changeSet: { ...bare, deps: deps.length === 0 ? null : deps }, copy })
  }

  /** The mutations of some dots of a change set as they go on, without those that name what nobody can see. */
  private renewed(changeSet: ChangeSet, feed: number, from: number, to: number) {
    const mutations: Array<Mutation> = []
    const left: Array<number> = []
    const dotOf = (named: number, counter: number): Dot | null => {
      if (counter === profileCounter) return named === feed ? { feed: this.target, counter } : null
      if (named !== feed || counter < from) return this.visible(named, counter)
      const before = left.filter((each) => each < counter).length
      const isHere = counter < from + mutations.length + left.length && !left.includes(counter)
      return isHere ? { feed: this.target, counter: this.next + counter - from - before } : null
    }
    for (let own = from; own <= to; own++) {
      const mutation = changeSet.mutations[own - changeSet.first]!
      const again = mutation.op === opCreate ? mutation : renewedMutation(mutation, dotOf)
      if (again === null) left.push(own)
      else mutations.push(again)
    }
    return { mutations, left }
  }

  /** The dot that goes on for one that a lost change set names, or null. */
  private visible(feed: number, counter: number): Dot | null {
    const dot = this.copies.now(feed, counter)
    if (dot === null || dot.feed === this.target || this.knows(dot)) return dot
    // nobody may name what he has not seen; but what a feed of this device holds anew, the writer had seen before
    if (dot.feed === feed && dot.counter === counter) return null
    this.raise({ ...this.appliedTo(dot.feed), counter: dot.counter })
    return dot
  }

  private knows({ counter, feed }: Dot): boolean {
    return Math.max(this.told[feed] ?? 0, this.context.get(feed)?.counter ?? 0) >= counter
  }

  /** What has not been told of the context yet: what the change set names first, then as much as there is room for; null when not even that fits. */
  private depsFor(bare: ChangeSet): ReadonlyArray<Dep> | null {
    const cited = citedFeeds(bare.mutations)
    cited.delete(this.target)
    const untold = [...this.context.values()].filter(
      (dep) => dep.feed !== this.target && dep.counter > (this.told[dep.feed] ?? 0)
    )
    const news = new Set(untold.map(({ feed }) => feed))
    const needed = untold.filter(({ feed }) => cited.has(feed)).length
    const feedsLeft = blockFeedsMax - [...cited].filter((feed) => !news.has(feed)).length
    const room = Math.min(feedsLeft, Math.floor((changeSetBytesMax - sizeOf(bare)) / depBytes))
    if (room < needed && bare.mutations.length > 1) return null
    const sorted = untold.sort((a, b) => Number(cited.has(b.feed)) - Number(cited.has(a.feed)))
    return sorted.slice(0, Math.max(room, needed))
  }
}
