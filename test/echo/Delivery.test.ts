/** Which blocks may be merged, in which context, and which wait, are passed over, or stop their feed. */
import { assert, describe, it } from "@effect/vitest"
import { type ChangeSet, create, type Dep, put, Unsupported } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { Delivery } from "../../src/schema/echo/Delivery.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"

const ids = ["a", "b", "c"].map((letter) => new Uint8Array(32).fill(letter.charCodeAt(0)))
const root = new Uint8Array(32).fill(1)

/** A delivery that notes what was merged, with three feeds numbered 0 to 2. */
const world = () => {
  const feeds = new FeedTable()
  for (const id of ids) feeds.intern(id)
  const delivery = new Delivery(feeds)
  const merged: Array<{ author: number; first: number; context: ReadonlyArray<number> }> = []
  const offer = (feed: number, content: Uint8Array | Unsupported) =>
    delivery.offer(feed, content, root, (changeSet, author, context) => {
      merged.push({ author, first: changeSet.first, context: [...context] })
    })._tag
  return { delivery, merged, offer }
}

const dep = (feed: number, counter: number): Dep => ({ feed, length: 1, counter, root16: new Uint8Array(16) })
const changeSet = (first: number, deps: ReadonlyArray<Dep> | null = null): ChangeSet => ({
  first,
  time: first,
  deps,
  mutations: [create("T", 1), put(0, first, ["k"], first)]
})
/** A block of feed `own`, whose own objects are cited as feed `own`. */
const block = (own: number, ...changeSets: ReadonlyArray<ChangeSet>) =>
  encodePlain(
    changeSets.map((each) => ({ ...each, mutations: [create("T", 1), put(own, each.first, ["k"], 1)] })),
    own,
    (index) => ids[index]!
  )

describe("Delivery", () => {
  it("merges a block whose dependencies are applied, each change set in the context of its own", () => {
    const { merged, offer } = world()
    assert.strictEqual(offer(0, block(0, changeSet(1))), "Delivered")
    assert.strictEqual(offer(1, block(1, changeSet(1), changeSet(3, [dep(0, 2)]))), "Delivered")
    assert.deepStrictEqual(
      merged.map(({ author, context }) => [author, context[0] ?? 0]),
      [
        [0, 0],
        [1, 0],
        [1, 2]
      ]
    )
  })

  it("lets a block wait, says for what, and goes on when that came", () => {
    const { delivery, merged, offer } = world()
    const late = block(1, changeSet(1, [dep(0, 2)]))
    assert.strictEqual(offer(1, late), "Waits")
    assert.isFalse(delivery.isReady(1))
    assert.deepStrictEqual(
      delivery.stuck().map((stuck) => stuck.reason),
      ["deps"]
    )
    offer(0, block(0, changeSet(1)))
    assert.isTrue(delivery.isReady(1))
    assert.strictEqual(offer(1, late), "Delivered")
    assert.deepStrictEqual(delivery.stuck(), [])
    assert.strictEqual(merged.length, 2)
  })

  it("waits for a feed that it has never heard of, without giving up", () => {
    const feeds = new FeedTable()
    feeds.intern(ids[0]!)
    const delivery = new Delivery(feeds)
    const cited = encodePlain([{ ...changeSet(1, [dep(1, 5)]), mutations: [create("T", 1)] }], 0, (index) => ids[index]!)
    assert.strictEqual(delivery.offer(0, cited, root, () => {})._tag, "Waits")
    assert.strictEqual(feeds.find(ids[1]!), 1)
    assert.isFalse(delivery.isReady(0))
  })

  it("keeps of a writer's context what it named, and not a place for every feed of the space", () => {
    const feeds = new FeedTable()
    const many = Array.from({ length: 3_000 }, (_, i) =>
      new Uint8Array(32)
        .fill(7)
        .fill(i >> 8, 0, 1)
        .fill(i, 1, 2)
    )
    for (const id of many) feeds.intern(id)
    const delivery = new Delivery(feeds)
    const plain = (deps: ReadonlyArray<Dep> | null) =>
      encodePlain([{ ...changeSet(1, deps), mutations: [create("T", 1)] }], 0, (index) => many[index]!)
    delivery.offer(2_999, plain(null), root, () => {})
    for (let feed = 0; feed < 10; feed++) delivery.offer(feed, plain([dep(2_999, 1)]), root, () => {})
    assert.deepStrictEqual(Object.entries(delivery.context(9)), [["2999", 1]])
  })

  it("passes over nonsense, flags its author, and goes on with the next block of the feed", () => {
    const { delivery, merged, offer } = world()
    offer(0, block(0, changeSet(1)))
    assert.strictEqual(offer(0, Uint8Array.of(0xff)), "Opaque")
    assert.strictEqual(offer(0, block(0, changeSet(2))), "Opaque", "counter 2 was taken")
    assert.strictEqual(offer(0, block(0, changeSet(7))), "Delivered", "a gap is no nonsense")
    assert.strictEqual(delivery.length(0), 4)
    assert.deepStrictEqual([...delivery.flags().values()], [2])
    assert.strictEqual(merged.length, 2)
  })

  it("stops a feed, and that feed only, at what a newer version wrote, without a flag", () => {
    const { delivery, offer } = world()
    assert.strictEqual(offer(0, new Unsupported({ what: "block version 9" })), "Stopped")
    assert.isFalse(delivery.isReady(0))
    assert.strictEqual(offer(1, block(1, changeSet(1))), "Delivered")
    assert.deepStrictEqual(
      delivery.stuck().map((stuck) => stuck.reason),
      ["version"]
    )
    assert.strictEqual(delivery.flags().size, 0)
  })

  it("takes a dependency beyond a freeze for applied once the feed is delivered up to there, and lets nobody have seen more", () => {
    const { delivery, merged, offer } = world()
    const late = block(1, changeSet(1, [dep(0, 6)]))
    assert.strictEqual(offer(1, late), "Waits")
    offer(0, block(0, changeSet(1)))
    assert.isTrue(delivery.freeze(0, 2))
    assert.isFalse(delivery.isReady(1), "one block below the freeze is not here yet")
    assert.deepStrictEqual(delivery.floors(), [])
    offer(0, block(0, changeSet(3)))
    assert.isTrue(delivery.isReady(1))
    assert.strictEqual(offer(1, late), "Delivered")
    assert.strictEqual(merged.at(-1)?.context[0], 4)
    assert.deepStrictEqual(delivery.floors(), [[ids[0]!, 4]])
    assert.isFalse(delivery.freeze(0, 1), "more was merged than counts")
  })

  it("waits for nothing at a freeze, not even for a newer version", () => {
    const { delivery, offer } = world()
    offer(0, block(0, changeSet(1)))
    assert.strictEqual(offer(0, new Unsupported({ what: "block version 9" })), "Stopped")
    assert.strictEqual(offer(1, block(1, changeSet(1, [dep(2, 1)]))), "Waits")
    assert.isTrue(delivery.freeze(0, 1))
    assert.isTrue(delivery.freeze(1, 0))
    assert.deepStrictEqual(delivery.stuck(), [])
  })

  const none = () => new Set<number>()

  it("tells what the own feed has newly applied, once", () => {
    const { delivery, offer } = world()
    offer(0, block(0, changeSet(1)))
    offer(1, block(1, changeSet(1)))
    const deps = delivery.fresh(2, none, 1_024)
    assert.deepStrictEqual(
      deps?.map(({ feed, counter, length }) => [feed, counter, length]),
      [
        [0, 2, 1],
        [1, 2, 1]
      ]
    )
    assert.deepStrictEqual(
      delivery.fresh(2, () => new Set([1]), 1)?.map(({ feed }) => feed),
      [1],
      "beyond the limit what is cited comes first"
    )
    delivery.wrote(2, deps, 2)
    assert.isNull(delivery.fresh(2, none, 1_024))
    offer(0, block(0, changeSet(3)))
    assert.deepStrictEqual(
      delivery.fresh(2, none, 1_024)?.map(({ feed, counter }) => [feed, counter]),
      [[0, 4]]
    )
  })
})
