/**
 * How control operations travel: whatever two members hold, they come to the union of it; who is not known to be one learns nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { pastOf } from "../../src/schema/halo/ControlExchange.ts"
import type { ControlMessage } from "../../src/schema/halo/ControlMessage.ts"
import { firstKey, lastKey } from "../../src/schema/platform/RangeSet.ts"
import { keyOf, randomOf } from "../echo/ReplicationNetwork.ts"
import {
  areInside,
  areSame,
  connect,
  deviceOf,
  type End,
  Holder,
  idOf,
  spaceOf,
  subjectOf,
  talk,
  write,
  written
} from "./ControlNetwork.ts"

/** What an end was told besides what it is, and farewells. */
const learnt = ({ heard }: End): ReadonlyArray<ControlMessage> =>
  heard.filter(({ _tag }) => _tag !== "Standing" && _tag !== "Refuse")

describe("ControlSync at the entrance", () => {
  it("[C3] two members with the same operations are inside after a word each", () => {
    const { all, ann } = spaceOf("bob")
    const ends = connect(ann, all("bob"))
    talk(ends)
    areInside(...ends)
    for (const end of ends) assert.strictEqual(end.heard.length, 1)
  })

  it("[C3] whatever two members hold, they come to the union of it, however often the connection is lost, in 150 seeds", () => {
    for (let seed = 0; seed < 150; seed++) {
      const random = randomOf(seed)
      const { all, ann, proofs } = spaceOf("bob", "cy")
      const [bob, cy] = [all("bob"), all("cy")]
      const size = Math.floor(random() ** 2 * 120)
      for (let i = 0; i < size; i++) {
        const writer = [ann, bob, cy][Math.floor(random() * 3)]!
        write(writer, proofs.get(writer.name)!, i)
        if (random() < 0.1) ann.take(writer.list().map(({ bytes }) => bytes))
        if (random() < 0.1) cy.take(ann.list().map(({ bytes }) => bytes))
      }
      const union = new Set([...bob.list(), ...cy.list()].map(({ operation: { id } }) => id))
      for (let losses = Math.floor(random() * 3); losses > 0; losses--) {
        const ends = connect(bob, cy)
        talk(ends, random, Math.floor(random() * 60))
        for (const end of ends) end.leave()
      }
      const ends = connect(bob, cy)
      talk(ends, random)
      areInside(...ends)
      areSame(bob, cy)
      assert.strictEqual(bob.set.size, union.size, `seed ${seed}`)
    }
  })

  it("[C3] a member that has missed 2,000 operations is given them in their order, and few more than once", () => {
    const { ann, genesis, holder, proofs } = spaceOf("bob")
    for (let i = 0; i < 2_000; i++) write(ann, genesis, i)
    const bob = holder("bob", proofs.get("bob")!)
    const ends = connect(ann, bob)
    talk(ends)
    areInside(...ends)
    areSame(ann, bob)
    assert.strictEqual(ends[1].operationsHeard.length, 2_000)
    const words = ends.map(({ heard }) => heard.filter(({ _tag }) => _tag === "Standing").length)
    assert.isAtMost(Math.max(...words), 4)
    for (const message of ends[1].heard)
      if (message._tag === "Ops")
        assert.isAtMost(
          message.operations.reduce((sum, { length }) => sum + length, 0),
          65_536
        )
    assert.strictEqual(bob.waitingCount, 0)
  })

  it("[C1] who is a member to one alone shows by what it was let in, and is a member to both", () => {
    const { admit, all, ann } = spaceOf("bob")
    const bob = all("bob")
    write(bob, bob.membership.device(deviceOf("bob")).grants[0]!, 1)
    admit("cy")
    const cy = new Holder("cy", ann.list())
    const ends = connect(bob, cy)
    talk(ends)
    areInside(...ends)
    areSame(bob, cy)
  })

  it("[C2] before that it is told nothing of the space", () => {
    const { admit, all, ann } = spaceOf("bob")
    const bob = all("bob")
    admit("cy")
    const cy = new Holder("cy", ann.list())
    const ends = connect(bob, cy)
    while (!ends[0].heard.some(({ _tag }) => _tag === "Ops")) {
      ends[0].step({ _tag: "Writable" })
      ends[1].step({ _tag: "Writable" })
      ends[1].receive()
      ends[0].receive()
    }
    assert.deepStrictEqual(learnt(ends[1]), [])
  })

  it("[C1] two that are strangers to each other part at once", () => {
    const one = spaceOf("bob")
    const bob = one.all("bob")
    one.admit("dan")
    const cy = new Holder("cy", pastOf(one.ann, [one.genesis], []))
    const ends = connect(bob, cy)
    talk(ends)
    assert.deepStrictEqual(
      ends.map(({ closed }) => closed),
      ["neither knows the other", "neither knows the other"]
    )
    for (const end of ends) assert.deepStrictEqual(learnt(end), [])
  })

  it("[C2] a stranger that claims to know all learns nothing, and is refused", () => {
    const { all } = spaceOf("bob")
    const bob = all("bob")
    const mallory = new Holder("mallory", bob.list())
    const ends = connect(bob, mallory)
    talk(ends)
    assert.isFalse(ends[0].isInside)
    assert.deepStrictEqual(learnt(ends[1]), [])
    assert.strictEqual(bob.set.size, 2)
  })

  it("[C2] who was removed learns by what, with what that rests on, and nothing that came later", () => {
    const { all, ann, genesis, remove } = spaceOf("bob")
    const bob = all("bob")
    write(ann, genesis, 1)
    const removal = remove("bob")
    const ops = ann.set.size
    write(ann, genesis, 2)
    const ends = connect(ann, bob)
    talk(ends)
    // it has nothing more to hear, and may hand in what it wrote
    assert.strictEqual(ends[1].closed, "HandIn")
    assert.strictEqual(bob.membership.device(deviceOf("bob")).standing, "former")
    assert.isDefined(bob.find(removal))
    assert.strictEqual(bob.set.size, ops)
    for (const message of learnt(ends[1])) assert.strictEqual(message._tag, "Ops")
    for (const end of ends) assert.isFalse(end.isInside)
  })

  it("[C5] who was removed brings what it has signed since, once it has heard why, and then hands in its feeds", () => {
    const { all, ann, proofs, remove } = spaceOf("bob", "cy")
    const bob = all("bob")
    const since = [1, 2, 3].map((n) => write(bob, proofs.get("bob")!, n))
    remove("bob")
    const cy = new Holder("cy", ann.list())
    const offer = { _tag: "HandIn", feeds: [{ feed: keyOf("f"), length: 3 }] } as const
    for (let time = 1; time <= 2; time++) {
      const [here, there] = connect(cy, bob)
      talk([here, there])
      assert.deepStrictEqual([here.closed, there.closed], [null, "HandIn"])
      assert.deepStrictEqual(
        since.map((id) => cy.membership.standing(id)),
        ["quarantined", "quarantined", "quarantined"]
      )
      assert.strictEqual(cy.set.size, ann.set.size + since.length)
      here.step({ _tag: "Received", message: offer })
      here.step({ _tag: "Writable" })
      assert.strictEqual(here.closed, "TakeIn")
    }
  })

  it("[C5] late work is taken of nobody else, and not before it was told that it is out", () => {
    const { all, ann, remove } = spaceOf("bob", "cy")
    const offer = { _tag: "HandIn", feeds: [] } as const
    const held = { _tag: "Held", bytesLeft: 0, feeds: [] } as const
    const [stranger] = connect(ann, new Holder("dan"))
    const [member] = connect(ann, all("cy"))
    const [asked] = connect(ann, all("cy"))
    remove("bob")
    const [early] = connect(ann, all("bob"))
    for (const end of [stranger, member, early]) end.step({ _tag: "Received", message: offer })
    asked.step({ _tag: "Received", message: held })
    for (const end of [stranger, member, early, asked]) end.step({ _tag: "Writable" })
    for (const { closed } of [stranger, member, early])
      assert.strictEqual(closed, "it hands in late work, and is not known to be out")
    assert.strictEqual(asked.closed, "it tells what it holds, and nothing was handed in")
  })

  it("[C2] who was removed learns it, too, where that rests on what somebody did whom it has removed", () => {
    const { all, ann, genesis, proofs, remove } = spaceOf("cy")
    const proof = ann.publish(deviceOf("ann"), genesis, { type: "Admit", subject: subjectOf("bob"), role: 3 })
    const [bob, cy] = [all("bob"), all("cy")]
    const { identity } = subjectOf("cy")
    bob.publish(deviceOf("bob"), proof, { type: "Cap", identity, maxRole: 0, frontier: [], voidFrom: null })
    write(cy, proofs.get("cy")!, 1)
    ann.take(cy.list().map(({ bytes }) => bytes))
    remove("bob")
    talk(connect(ann, bob))
    assert.strictEqual(bob.membership.device(deviceOf("bob")).standing, "former")
  })

  it("[C1] who was removed and let in again shows that to whom it is still removed", () => {
    const { admit, ann, all, remove } = spaceOf("bob", "cy")
    remove("bob")
    const cy = all("cy")
    admit("bob")
    const bob = new Holder("bob", ann.list())
    const ends = connect(cy, bob)
    talk(ends)
    areInside(...ends)
    areSame(bob, cy)
  })

  it("[C6] it ends after 10 s of silence, and after 30 s in all", () => {
    const { all, ann } = spaceOf("bob")
    const clock = { now: 5_000 }
    const [here] = connect(ann, all("bob"), clock)
    here.step({ _tag: "Writable" })
    assert.strictEqual(here.sync.wakeAt, 15_000)
    clock.now = 14_999
    here.step({ _tag: "Writable" })
    assert.isNull(here.closed)
    clock.now = 15_000
    here.step({ _tag: "Writable" })
    assert.strictEqual(here.closed, "it says nothing")

    const [slow] = connect(ann, all("bob"), clock)
    for (; clock.now < 44_999; clock.now += 5_000) {
      slow.step({ _tag: "Received", message: { _tag: "Ops", operations: [ann.list()[0]!.bytes] } })
      assert.isNull(slow.closed)
    }
    clock.now = 45_000
    slow.step({ _tag: "Writable" })
    assert.strictEqual(slow.closed, "the same operations were not reached in time")
  })

  it("[C6] of who is no member yet at most 10,000 operations and 4 MiB are looked at", () => {
    const { admit, ann } = spaceOf("bob")
    const [small, large] = [ann.list()[0]!, ann.find(admit("x".repeat(300_000)))!]
    for (const [operation, most] of [
      [small, 10_000],
      [large, Math.floor(4_194_304 / large.bytes.length)]
    ] as const) {
      const [here] = connect(ann, new Holder("mallory"))
      const send = (count: number) => {
        for (let left = count; left > 0; left--)
          here.step({ _tag: "Received", message: { _tag: "Ops", operations: [operation.bytes] } })
        here.step({ _tag: "Writable" })
      }
      send(most)
      assert.isNull(here.closed)
      send(1)
      assert.strictEqual(here.closed, "it shows too much to be let in")
    }
  })

  it("[C6] the first operations of a stranger that do not count end it", () => {
    const { all, genesis } = spaceOf("bob")
    const junk = (n: number) => written({ parents: [`${n}`], by: "mallory", proof: null, deed: { type: "Leave" } })
    const spoilt = (n: number) => written({ parents: [genesis], by: "nobody", proof: `${n}`, deed: { type: "Leave" } })
    for (const make of [junk, spoilt]) {
      const bob = all("bob")
      const [here] = connect(bob, new Holder("mallory"))
      const operations = Array.from({ length: 4_000 }, (_, n) => make(n))
      here.step({ _tag: "Received", message: { _tag: "Ops", operations } })
      here.step({ _tag: "Writable" })
      assert.strictEqual(here.closed, "what it shows does not hold")
      assert.isAtMost(bob.waitingCount + bob.refused, 64)
    }
  })

  it("[C6] what a removed member goes on signing is not taken from it", () => {
    const { all, ann, proofs, remove } = spaceOf("bob", "cy")
    const bob = all("bob")
    for (let n = 0; n < 1_000; n++) write(bob, proofs.get("bob")!, n)
    remove("bob")
    const cy = new Holder("cy", ann.list())
    const size = cy.set.size
    const [here] = connect(cy, bob)
    here.step({ _tag: "Received", message: { _tag: "Ops", operations: bob.list().map(({ bytes }) => bytes) } })
    here.step({ _tag: "Writable" })
    assert.deepStrictEqual([cy.set.size, cy.waitingCount], [size, 0])
  })

  it("[C2] who asks before it is known to be a member is refused", () => {
    const { all } = spaceOf("bob")
    for (const message of [
      { _tag: "Want", ids: [keyOf("a")] },
      { _tag: "Range", from: firstKey, to: lastKey, count: 0, content: [] }
    ] as const) {
      const [here, there] = connect(all("bob"), new Holder("mallory"))
      here.step({ _tag: "Received", message })
      here.step({ _tag: "Writable" })
      assert.strictEqual(here.closed, "it asks before both are known to be members")
      there.receive()
      there.receive()
      assert.deepStrictEqual(learnt(there), [])
    }
  })

  it("[C6] frames that were spoilt on their way break nothing, and the next connection makes up for it, in 150 seeds", () => {
    for (let seed = 0; seed < 150; seed++) {
      const random = randomOf(seed)
      const { admit, all, ann, genesis } = spaceOf("bob")
      const bob = all("bob")
      for (let n = 0; n < 40; n++) write(ann, genesis, n)
      if (random() < 0.5) admit("cy")
      const [here, there] = connect(ann, bob)
      for (let turn = 0; turn < 60; turn++) {
        for (const end of [here, there]) {
          end.step({ _tag: "Writable" })
          const frame = end.inbox[Math.floor(random() * end.inbox.length)]
          if (frame !== undefined && random() < 0.3) frame[Math.floor(random() * frame.length)]! ^= 1 << Math.floor(random() * 8)
          end.receive()
        }
      }
      for (const end of [here, there]) end.leave()
      const ends = connect(ann, bob)
      talk(ends, random)
      areInside(...ends)
      areSame(ann, bob)
    }
  })

  it("[C6] what is no message, and what is no operation, ends it with a word", () => {
    const { all } = spaceOf("bob")
    const ends = () => connect(all("bob"), all("ann"))
    const [garbled, there] = ends()
    garbled.step({ _tag: "Garbled", reason: "no" })
    garbled.step({ _tag: "Writable" })
    assert.include(garbled.closed, "no message")
    talk([garbled, there])
    assert.deepStrictEqual(there.heard.at(-1), { _tag: "Refuse", reason: "malformed" })
    const [here] = ends()
    here.step({ _tag: "Received", message: { _tag: "Ops", operations: [new Uint8Array(3)] } })
    here.step({ _tag: "Writable" })
    assert.strictEqual(here.closed, "it sent what is no operation")
  })
})

describe("pastOf", () => {
  it("is what an operation rests on, parents first, but for what all of others rest on", () => {
    const { ann, genesis, proofs } = spaceOf("bob", "cy")
    const ids = pastOf(ann, [proofs.get("cy")!], [genesis]).map(({ id }) => feedText(id))
    assert.deepStrictEqual(ids, [proofs.get("bob")!, proofs.get("cy")!])
    const others = pastOf(ann, [proofs.get("cy")!], [genesis, proofs.get("bob")!]).map(({ id }) => feedText(id))
    assert.deepStrictEqual(others, ids)
    assert.isNull(idOf(new Uint8Array(2)))
  })
})
