/** What the control state lets count of a feed: what lies beyond is delivered and withheld, and what a reader writes is void. */
import { assert, describe, it } from "@effect/vitest"
import { type ChangeSet, create, type Dep, put } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { Delivery } from "../../src/schema/echo/Delivery.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import type { Role } from "../../src/schema/halo/Operation.ts"

const ids = ["a", "b"].map((letter) => new Uint8Array(32).fill(letter.charCodeAt(0)))
const root = new Uint8Array(32).fill(1)
const forever = Number.POSITIVE_INFINITY

/** A delivery that notes how what was merged of feed 0 was, and change sets of two mutations each. */
const world = () => {
  const feeds = new FeedTable()
  for (const id of ids) feeds.intern(id)
  const delivery = new Delivery(feeds)
  const merged: Array<string> = []
  const offer = (feed: number, ...changeSets: ReadonlyArray<ChangeSet>) =>
    delivery.offer(
      feed,
      encodePlain(changeSets, feed, (index) => ids[index]!),
      root,
      ({ first }, author, _context, _feedOf, isWithheld) => {
        merged.push(`${author}.${first} ${isWithheld ? "withheld" : "counts"}`)
      }
    )._tag
  return { delivery, merged, offer }
}

const changeSet = (first: number, deps: ReadonlyArray<Dep> | null = null): ChangeSet => ({
  first,
  time: first,
  deps,
  mutations: [create("T", 1), create("T", 1)]
})
const dep = (feed: number, counter: number): Dep => ({ feed, length: 1, counter, root16: new Uint8Array(16) })
const upTo = (counter: number, role: Role | 0 = 2) => ({ role, counter })

describe("Delivery.allow", () => {
  it("counts a block up to the last whole change set before the counter, and withholds the rest", () => {
    const { delivery, merged, offer } = world()
    assert.isTrue(delivery.allow(0, upTo(5)))
    offer(0, changeSet(1), changeSet(3), changeSet(5), changeSet(7))
    assert.deepStrictEqual(merged, ["0.1 counts", "0.3 counts", "0.5 withheld", "0.7 withheld"])
  })

  it("takes what is withheld for applied: others' blocks go on, and the frontier holds it", () => {
    const { delivery, merged, offer } = world()
    delivery.allow(0, upTo(0))
    assert.strictEqual(offer(1, changeSet(1, [dep(0, 2)])), "Waits")
    offer(0, changeSet(1))
    assert.strictEqual(offer(1, changeSet(1, [dep(0, 2)])), "Delivered")
    assert.deepStrictEqual(merged, ["0.1 withheld", "1.1 counts"])
    assert.strictEqual(delivery.context(1)[0], 2)
    assert.deepStrictEqual(delivery.applied(), [
      [ids[0]!, 2],
      [ids[1]!, 2]
    ])
  })

  it("withholds all of a writer without a role, whatever the counter", () => {
    const { delivery, merged, offer } = world()
    delivery.allow(0, upTo(forever, 0))
    offer(0, changeSet(1))
    assert.deepStrictEqual(merged, ["0.1 withheld"])
  })

  it("[S59] merges nothing of what a reader wrote, except in his own profile alone", () => {
    const { delivery, merged, offer } = world()
    delivery.allow(0, upTo(forever, 1))
    offer(0, changeSet(1))
    offer(0, { ...changeSet(3), mutations: [put(0, 0, ["name"], "Ann")] })
    offer(0, { ...changeSet(4), mutations: [put(0, 0, ["name"], "Ann"), create("T", 1)] })
    assert.deepStrictEqual(merged, ["0.3 counts"])
    assert.strictEqual(delivery.counter(0), 5, "the counters are taken all the same")
  })

  it("agrees to whatever leaves what was merged as it is", () => {
    const { delivery, offer } = world()
    delivery.allow(0, upTo(2))
    offer(0, changeSet(1), changeSet(3))
    assert.isTrue(delivery.allow(0, upTo(3)), "the change set up to 4 is not whole")
    assert.isTrue(delivery.allow(0, upTo(2, 4)))
    assert.isFalse(delivery.allow(0, upTo(4)))
    assert.isFalse(delivery.allow(0, upTo(1)))
    assert.isFalse(delivery.allow(0, upTo(2, 1)))
    assert.isFalse(delivery.allow(0, upTo(2, 0)))
    assert.isTrue(delivery.allow(0, upTo(2)), "what was refused changed nothing")
  })

  it("agrees to any counter beyond what is delivered, and withholds from there on", () => {
    const { delivery, merged, offer } = world()
    offer(0, changeSet(1))
    assert.isTrue(delivery.allow(0, upTo(9)))
    assert.isTrue(delivery.allow(0, upTo(2)))
    offer(0, changeSet(3))
    assert.deepStrictEqual(merged, ["0.1 counts", "0.3 withheld"])
  })

  it("does not mind another role when nothing counted yet", () => {
    const { delivery, offer } = world()
    delivery.allow(0, upTo(0, 1))
    offer(0, changeSet(1))
    assert.isTrue(delivery.allow(0, upTo(1, 3)))
    assert.isTrue(delivery.allow(0, upTo(forever, 0)))
    assert.isFalse(delivery.allow(0, upTo(forever, 3)))
  })

  it("knows what the own feed wrote", () => {
    const { delivery } = world()
    delivery.wrote(0, null, 4)
    assert.isTrue(delivery.allow(0, upTo(4)))
    assert.isFalse(delivery.allow(0, upTo(3)))
  })

  it("leaves a freeze as it is: what lies beyond is not delivered at all", () => {
    const { delivery, merged, offer } = world()
    delivery.allow(0, upTo(2))
    delivery.freeze(0, 2)
    offer(0, changeSet(1))
    offer(0, changeSet(3))
    assert.deepStrictEqual(merged, ["0.1 counts", "0.3 withheld"])
    assert.deepStrictEqual(delivery.floors(), [[ids[0]!, 4]])
  })
})
