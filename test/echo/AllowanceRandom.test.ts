/** What the control state lets count, changing all the time, on random histories: as the naive model says, and as made from scratch. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import type { Entry, Objects } from "../../src/schema/echo/Objects.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { QueryIndex, type QueryOptions, queryAll } from "../../src/schema/echo/Query.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { canonical, StateSum, stateHash } from "../../src/schema/echo/StateHash.ts"
import type { Accepted } from "../../src/schema/halo/AcceptedPrefix.ts"
import { roles } from "../../src/schema/halo/Operation.ts"
import { type Block, blocksOf, endOf, offeredAll } from "./naive/Blocks.ts"
import { below, pick, type Random, randomFrom, randomHistory, type Written } from "./naive/History.ts"
import { NaiveObjects } from "./naive/NaiveObjects.ts"

const hash = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

const everything: Accepted = { role: roles.owner, counter: Number.POSITIVE_INFINITY }
const T = ObjectType.make("T", {
  a: Schema.optionalKey(Schema.Union([Schema.Int, Schema.String])),
  b: Schema.optionalKey(Schema.Int)
})

const asked: ReadonlyArray<QueryOptions<typeof T>> = [
  { orderBy: "b" },
  { where: { b: 1 } },
  { where: { a: "v1" } },
  { where: { a: undefined } }
]

/** What is said of each feed, and how many of its blocks lie below its freeze. */
interface Said {
  readonly accepted: ReadonlyArray<Accepted>
  readonly freezes: ReadonlyArray<number>
}

const someAccepted = (random: Random, end: number): Accepted => ({
  role: random() < 0.7 ? roles.editor : pick(random, [0, roles.reader, roles.owner] as const),
  counter: random() < 0.3 ? Number.POSITIVE_INFINITY : below(random, end + 2)
})

/** A space that is told what counts while blocks come, and made anew when what was merged does not agree. */
class Following {
  state: SpaceState
  remade = 0
  private readonly feeds: FeedTable
  private readonly blocks: ReadonlyArray<ReadonlyArray<Block>>
  private readonly random: Random
  readonly queries: QueryIndex
  /** Live queries, each with what it asks. */
  readonly live
  private said: Said

  constructor(feeds: FeedTable, blocks: ReadonlyArray<ReadonlyArray<Block>>, said: Said, random: Random) {
    this.feeds = feeds
    this.blocks = blocks
    this.said = said
    this.random = random
    this.state = this.made(blocks.map(() => 0))
    this.queries = new QueryIndex(this.state.objects)
    this.live = asked.map((options) => ({ options, subscription: this.queries.subscribe(T, options, () => {}) }))
  }

  /** A state of so many blocks of each feed. */
  private made(lengths: ReadonlyArray<number>): SpaceState {
    const state = new SpaceState(this.feeds)
    this.said.accepted.forEach((accepted, feed) => {
      assert.isTrue(state.delivery.allow(feed, accepted))
    })
    this.said.freezes.forEach((freeze, feed) => {
      if (freeze < Number.POSITIVE_INFINITY) assert.isTrue(state.delivery.freeze(feed, freeze))
    })
    const taken = offeredAll(this.blocks, lengths, this.random, (block, index) => offer(state, block, index))
    assert.deepStrictEqual(taken, lengths)
    return state
  }

  /** Takes one more block of a feed, if it may. */
  take(feed: number): void {
    const at = this.state.delivery.length(feed)
    const block = this.blocks[feed]![at]
    if (block === undefined || at >= this.said.freezes[feed]!) return
    offer(this.state, block, at)
    this.state.tell(this.queries)
  }

  takeAll(): void {
    for (let before = -1; before !== this.taken; ) {
      before = this.taken
      for (let feed = 0; feed < this.blocks.length; feed++) this.take(feed)
    }
  }

  private get taken(): number {
    return this.blocks.reduce((sum, _, feed) => sum + this.state.delivery.length(feed), 0)
  }

  hear(feed: number, accepted: Accepted): void {
    this.said = { ...this.said, accepted: this.said.accepted.with(feed, accepted) }
    if (this.state.delivery.allow(feed, accepted)) return
    this.remade++
    this.state = this.made(this.blocks.map((_, each) => this.state.delivery.length(each)))
    this.queries.rebuilt(this.state.objects)
  }
}

const offer = (state: SpaceState, { bytes, feed }: Block, index: number): boolean => {
  const { _tag } = state.deliver(feed, bytes, new Uint8Array(32).fill(index))
  assert.notStrictEqual(_tag, "Opaque")
  return _tag === "Delivered"
}

/** The model of all that lies below the freezes, folded in the order in which it was written. */
const modelOf = (feeds: FeedTable, log: ReadonlyArray<Written>, ends: ReadonlyArray<number>, said: Said): NaiveObjects => {
  const naive = new NaiveObjects(feeds)
  for (const written of log) {
    const { author, changeSet, context } = written
    const { counter, role } = said.accepted[author]!
    if (endOf(written) > ends[author]!) continue
    const isWithheld = role === 0 || endOf(written) > counter
    const isOfProfile = changeSet.mutations.every(({ counter, feed, op }) => op !== 0 && feed === author && counter === 0)
    if (!isWithheld && role === roles.reader && !isOfProfile) continue
    const seen = context.map((counter, feed) => Math.min(counter, ends[feed]!))
    naive.apply(changeSet, author, seen, isWithheld)
  }
  return naive
}

const nameOf = ({ counter, feed }: Entry): string => `${feed}.${counter}`

const compare = (objects: Objects, naive: NaiveObjects, about: string): void => {
  const here = [...objects.all()]
  assert.sameMembers(here.map(nameOf), [...naive.objects()], about)
  const sum = new StateSum()
  for (const entry of here) {
    const name = nameOf(entry)
    const at = `${about}, object ${name}`
    const bytes = naive.canonical(name)
    sum.add(bytes, hash)
    assert.deepStrictEqual(canonical(objects, entry), bytes, at)
    assert.strictEqual(entry.isDeleted, naive.isDeleted(name), at)
    assert.strictEqual(entry.kind === null, naive.isUntyped(name), at)
    assert.strictEqual(objects.findId(objects.id(entry)) === entry, naive.isThere(name), at)
    for (const key of naive.keys(name)) {
      assert.deepStrictEqual(objects.shown(entry, key), naive.shown(name, [key]), `${at}, ${key}`)
      assert.strictEqual(objects.conflicts(entry, key).length, naive.values(name, [key]), `${at}, ${key}`)
    }
  }
  assert.strictEqual(stateHash(objects, hash), sum.hex(), about)
  const orphans = naive.objects().filter((name) => naive.isUntyped(name) && naive.isThere(name))
  assert.sameMembers([...objects.orphans()].map(nameOf), orphans, about)
}

/** One history, with what is told along the way; answers what came to pass, to show that it was worth the while. */
const run = (seed: number) => {
  const random = randomFrom(seed)
  const { feeds, log } = randomHistory(random, 4, 30)
  const blocks = blocksOf(feeds, log, random)
  const freezes = blocks.map((list) => (random() < 0.1 ? below(random, list.length + 1) : Number.POSITIVE_INFINITY))
  const ends = blocks.map((list, feed) =>
    freezes[feed]! < list.length ? (list[freezes[feed]! - 1]?.end ?? 0) : (list.at(-1)?.end ?? 0)
  )
  const some = (feed: number) => someAccepted(random, blocks[feed]!.at(-1)?.end ?? 0)
  const said = { accepted: blocks.map((_, feed) => some(feed)), freezes }
  const following = new Following(feeds, blocks, { ...said, accepted: blocks.map(() => everything) }, random)
  for (let step = 0; step < 60; step++) {
    const feed = below(random, blocks.length)
    if (random() < 0.8) following.take(feed)
    else following.hear(feed, some(feed))
  }
  said.accepted.forEach((accepted, feed) => {
    following.hear(feed, accepted)
  })
  following.takeAll()
  const model = modelOf(feeds, log, ends, said)
  compare(following.state.objects, model, `seed ${seed}`)
  const { objects } = following.state
  for (const { options, subscription } of following.live) {
    assert.deepStrictEqual(subscription.result(), queryAll(objects, T, options), `seed ${seed}, ${JSON.stringify(options)}`)
  }
  blocks.forEach((_, feed) => {
    following.hear(feed, everything)
  })
  compare(
    following.state.objects,
    modelOf(feeds, log, ends, { accepted: blocks.map(() => everything), freezes }),
    `seed ${seed}, endorsed`
  )
  return { remade: following.remade, placeholders: model.heads.filter(({ isWithheld }) => isWithheld).length, log: log.length }
}

describe("Delivery.allow against the naive model", () => {
  const seeds = 400

  it(`${seeds} random histories in random orders, what counts changing on the way: the model's state, and all of it once endorsed`, () => {
    let [remade, placeholders] = [0, 0]
    for (let seed = 1; seed <= seeds; seed++) {
      const came = run(seed)
      remade += came.remade
      placeholders += came.placeholders
    }
    assert.isAbove(remade, seeds)
    assert.isAbove(placeholders, seeds * 5)
  })
})
