/**
 * Beside replication: what is new reaches every member once, who is out is told so, and nobody makes others work without end.
 */
import { assert, describe, it } from "@effect/vitest"
import type { HeldOperation } from "../../src/schema/halo/ControlExchange.ts"
import { firstKey, lastKey } from "../../src/schema/platform/RangeSet.ts"
import { keyOf } from "../echo/ReplicationNetwork.ts"
import { areInside, areSame, connect, deviceOf, type Holder, spaceOf, talk, write, written } from "./ControlNetwork.ts"

describe("ControlSync inside", () => {
  const inside = (a: Holder, b: Holder, clock = { now: 0 }) => {
    const ends = connect(a, b, clock)
    talk(ends)
    areInside(...ends)
    return ends
  }

  it("[C4] what is new goes to who has not brought it, and among three crosses at most once on each line", () => {
    const { all, ann, genesis, proofs } = spaceOf("bob", "cy")
    const [bob, cy] = [all("bob"), all("cy")]
    const pair = inside(ann, bob)
    write(ann, genesis, 1)
    talk(pair)
    areSame(ann, bob)
    assert.deepStrictEqual(
      pair.map((end) => end.operationsHeard.length),
      [0, 1]
    )
    const pairs = [pair, inside(bob, cy), inside(ann, cy)]
    const sent = () => pairs.flat().reduce((sum, end) => sum + end.operationsHeard.length, 0)
    const before = sent()
    write(cy, proofs.get("cy")!, 2)
    for (let i = 0; i < 3; i++) for (const ends of pairs) talk(ends)
    areSame(ann, bob)
    areSame(ann, cy)
    assert.isAtMost(sent() - before, 4)
  })

  it("[C4] what was lost on its way is found by the next hash that differs", () => {
    const { all, ann, genesis } = spaceOf("bob")
    const bob = all("bob")
    const clock = { now: 0 }
    const ends = inside(ann, bob, clock)
    write(ann, genesis, 1)
    ends[0].step({ _tag: "Writable" })
    assert.strictEqual(ends[1].inbox.splice(0).length, 1)
    clock.now = 30_000
    ends[1].step({ _tag: "Summed", ops: ann.set.summary() })
    ends[0].step({ _tag: "Summed", ops: bob.set.summary() })
    clock.now = 31_000
    talk(ends)
    areSame(ann, bob)
  })

  it("[C4] waits for what was asked for, and does not ask to be woken before it has come", () => {
    const { all, ann } = spaceOf("bob")
    const clock = { now: 0 }
    const [here] = inside(ann, all("bob"), clock)
    const content = [keyOf("unknown")]
    here.step({ _tag: "Received", message: { _tag: "Range", from: firstKey, to: lastKey, count: 1, content } })
    here.step({ _tag: "Summed", ops: keyOf("other") })
    here.step({ _tag: "Writable" })
    clock.now = 2_000
    here.step({ _tag: "Writable" })
    assert.isAbove(here.sync.wakeAt, clock.now)
  })

  it("[C4] a difference that stays is compared ever more rarely", () => {
    const { all, ann } = spaceOf("bob")
    const clock = { now: 0 }
    const [here] = inside(ann, all("bob"), clock)
    const at: Array<number> = []
    for (; clock.now < 200_000; clock.now += 500) {
      here.step({ _tag: "Summed", ops: keyOf("other") })
      const before = here.other.inbox.length
      here.step({ _tag: "Writable" })
      if (here.other.inbox.length > before) at.push(clock.now)
    }
    assert.isAtMost(at.length, 9)
    assert.isAtLeast(at.length, 7)
  })

  it("[C5] a member that is removed is told by what, and nothing else, and the connection ends", () => {
    const { all, ann, genesis, remove } = spaceOf("bob", "cy")
    const [bob, cy] = [all("bob"), all("cy")]
    const [here, there] = inside(ann, bob)
    write(cy, cy.membership.device(deviceOf("cy")).grants[0]!, 1)
    remove("bob")
    write(ann, genesis, 2)
    ann.take(cy.list().map(({ bytes }) => bytes))
    talk([here, there])
    assert.strictEqual(here.closed, "it is no member any more")
    assert.strictEqual(bob.membership.device(deviceOf("bob")).standing, "former")
    assert.strictEqual(there.operationsHeard.length, 1)
    assert.isNotNull(there.closed)
  })

  it("[C5] who leaves tells it, and the connection ends", () => {
    const { all, ann, proofs } = spaceOf("bob")
    const bob = all("bob")
    const ends = inside(ann, bob)
    bob.publish(deviceOf("bob"), proofs.get("bob")!, { type: "Leave" })
    talk(ends)
    assert.strictEqual(ann.membership.device(deviceOf("bob")).standing, "former")
    for (const { closed } of ends) assert.isNotNull(closed)
  })

  it("[C6] who sends more than 100 operations a minute that do not hold is cut off", () => {
    const { all, ann } = spaceOf("bob")
    const clock = { now: 0 }
    const [here] = inside(ann, all("bob"), clock)
    const spoilt = (n: number) =>
      written({ parents: [], by: "nobody", proof: null, deed: { type: "AdmitFeed", feed: `${n}`, device: "" } })
    const send = (from: number, to: number) => {
      for (let n = from; n < to; n++) here.step({ _tag: "Received", message: { _tag: "Ops", operations: [spoilt(n)] } })
      here.step({ _tag: "Writable" })
    }
    send(0, 100)
    clock.now = 60_000
    send(100, 200)
    assert.isNull(here.closed)
    send(200, 201)
    assert.strictEqual(here.closed, "it goes on sending operations that do not hold")
  })

  it("[C6] who goes on sending operations without their parents is cut off, after 10,000", () => {
    const { all, ann } = spaceOf("bob")
    const [here] = inside(ann, all("bob"))
    const orphans = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) =>
        written({ parents: ["missing"], by: "bob", proof: `${from + n}`, deed: { type: "Leave" } })
      )
    const send = (from: number, to: number) => {
      here.step({ _tag: "Received", message: { _tag: "Ops", operations: orphans(from, to) } })
      here.step({ _tag: "Writable" })
    }
    send(0, 4_000)
    send(4_000, 8_000)
    send(8_000, 10_000)
    assert.isNull(here.closed)
    send(10_000, 10_001)
    assert.strictEqual(here.closed, "it goes on sending operations without what comes before them")
  })

  it("[C6] who sends, asks or compares the same without end is cut off", () => {
    const { all, ann } = spaceOf("bob")
    const known = ann.list()[0]!
    const all4096 = Array.from({ length: 4_096 }, () => known.id)
    for (const [message, times, closed] of [
      [{ _tag: "Ops", operations: [known.bytes] }, 100_000, "it goes on sending operations that are here"],
      [{ _tag: "Want", ids: all4096 }, 3, "it goes on asking for operations that it was given"],
      [{ _tag: "Range", from: firstKey, to: lastKey, count: 9, content: keyOf("h") }, 5_000, "it compares operations without end"]
    ] as const) {
      const [here] = inside(ann, all("bob"))
      for (let left = times; left > 0; left--) here.step({ _tag: "Received", message })
      here.step({ _tag: "Writable" })
      assert.strictEqual(here.closed, closed)
    }
  })

  it("[C6] a flood of one device is passed on at 60 a minute beyond 1,000, but for what others have built upon", () => {
    const { all, ann, genesis, proofs } = spaceOf("bob", "cy")
    const [bob, cy] = [all("bob"), all("cy")]
    const clock = { now: 0 }
    const ends = inside(ann, bob, clock)
    const passed = () => {
      talk(ends)
      return ends[1].operationsHeard.length
    }
    let flood: ReadonlyArray<HeldOperation> = []
    for (let n = 0; n < 1_300; n++) {
      write(cy, proofs.get("cy")!, n)
      if (n % 100 === 99) flood = cy.list()
    }
    ann.take(flood.map(({ bytes }) => bytes))
    assert.strictEqual(passed(), 1_000)
    clock.now = 60_000
    assert.strictEqual(passed(), 1_060)
    write(ann, genesis, 1)
    assert.strictEqual(passed(), 1_301)
    areSame(ann, bob)
  })
})
