/**
 * Random histories: several writers who hear of each other late, write the same few places of the same few objects with clocks that
 * agree, differ and leap, and sometimes name what they cannot have seen. Now and then one writes in a profile, mostly his own.
 */
import {
  type ChangeSet,
  create,
  life,
  type Mutation,
  ObjectRef,
  put,
  remove,
  type Value
} from "../../../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../../../src/schema/echo/FeedTable.ts"

export type Random = () => number

/** mulberry32 */
export const randomFrom = (seed: number): Random => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const below = (random: Random, n: number): number => Math.floor(random() * n)
export const pick = <A>(random: Random, from: ReadonlyArray<A>): A => from[below(random, from.length)]!

export interface Written {
  readonly author: number
  readonly changeSet: ChangeSet
  /** What the writer had applied of each feed. */
  readonly context: ReadonlyArray<number>
}

const feedsOf = (count: number, random: Random): FeedTable => {
  const feeds = new FeedTable()
  for (let i = 0; i < count; i++) feeds.intern(Uint8Array.from({ length: 32 }, () => below(random, 256)))
  return feeds
}

const record = (entries: Record<string, Value>): Value => Object.assign(Object.create(null), entries)

const paths = [["a"], ["b"], ["a", "x"], ["a", "x", "y"], ["a", "z"], ["c", "x"], ["é"], ["𝒳"]]

const someValue = (random: Random, dots: ReadonlyArray<ObjectRef>): Value => {
  const values: ReadonlyArray<() => Value> = [
    () => below(random, 5),
    () => `v${below(random, 5)}`,
    () => random(),
    () => null,
    () => Uint8Array.of(below(random, 9)),
    () => [1, record({ deep: "opaque" }), [below(random, 3)]],
    () => record({}),
    () => record({ x: below(random, 9) }),
    () => record({ x: record({ y: below(random, 9), w: true }), z: "leaf" }),
    () => (dots.length === 0 ? 0 : pick(random, dots))
  ]
  return pick(random, values)()
}

export const randomHistory = (random: Random, writers: number, steps: number): { feeds: FeedTable; log: Array<Written> } => {
  const feeds = feedsOf(writers, random)
  const log: Array<Written> = []
  const seen = Array.from({ length: writers }, () => Array<number>(writers).fill(0))
  const dots: Array<{ ref: ObjectRef; isObject: boolean }> = []
  for (let step = 0; step < steps; step++) {
    const author = below(random, writers)
    const mine = seen[author]!
    if (random() < 0.5) hear(mine, author, log, random)
    const first = mine[author]! + 1 + (random() < 0.1 ? below(random, 5) : 0)
    const mutations: Array<Mutation> = []
    const visible = () => dots.filter(({ ref }) => ref.counter <= mine[ref.feed]!)
    const isProfile = random() < 0.1
    const time = random() < 0.1 ? 2 ** 53 - 1 - below(random, 3) : 1000 + below(random, 20)
    const count = 1 + below(random, 4)
    let counter = first
    for (let i = 0; i < count; i++, counter++) {
      const near = visible()
      const objects = near.filter(({ isObject }) => isObject || random() < 0.1).map(({ ref }) => ref)
      if (isProfile) {
        mutations.push(someMutation(random, [new ObjectRef(random() < 0.95 ? author : below(random, writers), 0)], []))
        continue
      }
      const isObject = objects.length === 0 || random() < 0.15
      mutations.push(
        isObject
          ? create("T", 1 + below(random, 2))
          : someMutation(
              random,
              objects,
              near.map(({ ref }) => ref)
            )
      )
      mine[author] = counter
      dots.push({ ref: new ObjectRef(author, counter), isObject })
    }
    const context = mine.map((counter, feed) => (feed === author ? 0 : counter))
    if (random() < 0.05) mutations.push(outside(random, mine, author, counter))
    mine[author] = first + mutations.length - 1
    log.push({ author, changeSet: { first, time, deps: null, mutations }, context })
  }
  return { feeds, log }
}

const someMutation = (random: Random, objects: ReadonlyArray<ObjectRef>, dots: ReadonlyArray<ObjectRef>): Mutation => {
  const { feed, counter } = pick(random, objects)
  const u = random()
  if (u < 0.1) return life(feed, counter, random() < 0.7)
  if (u < 0.25) return remove(feed, counter, pick(random, paths))
  return put(feed, counter, pick(random, paths), someValue(random, dots))
}

/** A mutation that names a dot beyond what its writer has seen, which makes its change set void. */
const outside = (random: Random, mine: ReadonlyArray<number>, author: number, own: number): Mutation => {
  const feed = below(random, mine.length)
  const beyond = feed === author ? own + below(random, 2) : mine[feed]! + 1 + below(random, 3)
  if (random() < 0.5) return put(feed, beyond, ["a"], 1)
  return put(author, 1, ["a"], [new ObjectRef(feed, beyond)])
}

/** The writer applies some of what it lacks, in an order that respects causes. */
const hear = (mine: Array<number>, author: number, log: ReadonlyArray<Written>, random: Random): void => {
  for (const each of log) {
    const last = each.changeSet.first + each.changeSet.mutations.length - 1
    if (each.author === author || mine[each.author]! >= last) continue
    if (random() < 0.4 && isReady(each, mine, log)) mine[each.author] = last
  }
}

const isReady = (each: Written, applied: ReadonlyArray<number>, log: ReadonlyArray<Written>): boolean => {
  const before = log.filter((other) => other.author === each.author && other.changeSet.first < each.changeSet.first).at(-1)
  const end = before === undefined ? 0 : before.changeSet.first + before.changeSet.mutations.length - 1
  return applied[each.author]! >= end && each.context.every((counter, feed) => applied[feed]! >= counter)
}

/** The history in another order that respects causes. */
export const shuffledCausally = (log: ReadonlyArray<Written>, random: Random): Array<Written> => {
  const writers = log.reduce((most, { context }) => Math.max(most, context.length), 0)
  const applied = Array<number>(writers).fill(0)
  const left = [...log]
  const order: Array<Written> = []
  while (left.length > 0) {
    const ready = left.filter((each) => isReady(each, applied, log))
    const next = pick(random, ready)
    applied[next.author] = next.changeSet.first + next.changeSet.mutations.length - 1
    left.splice(left.indexOf(next), 1)
    order.push(next)
  }
  return order
}
