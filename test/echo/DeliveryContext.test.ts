/** Contexts that only grow, and a feed that cites itself: what a writer may say of others, and never of itself. */
import { assert, describe, it } from "@effect/vitest"
import { type ChangeSet, create, type Dep, put } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { Delivery } from "../../src/schema/echo/Delivery.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"

const ids = ["a", "b", "c"].map((letter) => new Uint8Array(32).fill(letter.charCodeAt(0)))
const root = new Uint8Array(32).fill(1)
const elsewhere = 2

const dep = (feed: number, counter: number): Dep => ({ feed, length: 1, counter, root16: new Uint8Array(16) })
const made = (first: number, deps: ReadonlyArray<Dep> | null = null): ChangeSet => ({
  first,
  time: first,
  deps,
  mutations: [create("T", 1)]
})

/** Feeds 0 and 1, and the contexts in which change sets of feed 1 were merged, as far as they tell of feed 0. */
const world = () => {
  const feeds = new FeedTable()
  for (const id of ids) feeds.intern(id)
  const delivery = new Delivery(feeds)
  const contexts: Array<number> = []
  const offer = (feed: number, own: number, ...changeSets: ReadonlyArray<ChangeSet>) =>
    delivery.offer(
      feed,
      encodePlain(changeSets, own, (index) => ids[index]!),
      root,
      (_, author, context) => {
        if (author === 1) contexts.push(context[0] ?? 0)
      }
    )
  return { delivery, contexts, offer }
}

describe("Delivery", () => {
  it("never lets a context fall, within a block and from block to block, and raises it again", () => {
    const { contexts, delivery, offer } = world()
    for (const first of [1, 2, 3, 4, 5]) offer(0, 0, made(first))
    offer(1, 1, made(1, [dep(0, 4)]), made(2, [dep(0, 2)]), made(3))
    offer(1, 1, made(4, [dep(0, 1)]), made(5, [dep(0, 5)]))
    assert.deepStrictEqual(contexts, [4, 4, 4, 4, 5])
    // what the own feed would tell next: nothing of a feed that it has told of already
    assert.deepStrictEqual(
      delivery.fresh(1, () => new Set(), 1_024),
      null
    )
  })

  it("takes a block whose table names its own feed for nonsense, and flags its author", () => {
    const { delivery, offer } = world()
    offer(0, 0, made(1))
    // written as another feed would, for which the numbers of this one are a stranger's
    const citing = { ...made(2), mutations: [put(0, 1, ["k"], 1)] }
    const verdict = offer(0, elsewhere, citing)
    assert.strictEqual(verdict._tag, "Opaque")
    assert.match(verdict._tag === "Opaque" ? verdict.error.message : "", /cites itself/)
    assert.deepStrictEqual([delivery.length(0), delivery.counter(0), [...delivery.flags().values()]], [2, 1, [1]])
    assert.strictEqual(offer(1, elsewhere, { ...citing, deps: [dep(0, 1)] })._tag, "Delivered")
  })
})
