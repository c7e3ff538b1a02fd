/** Stamping and merging in one step: what a change says it has seen is what it had seen. */
import { assert, describe, it } from "@effect/vitest"
import { type ChangeSet, create, put } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"

const root = new Uint8Array(32).fill(1)
const alice = new Uint8Array(32).fill(1)
const bob = new Uint8Array(32).fill(2)

/** A state that writes in `feed`, and a way to hand its change sets to another as blocks. */
const writer = (feed: Uint8Array) => {
  const state = new SpaceState()
  state.write(feed, 0)
  const write = (mutations: Parameters<SpaceState["stamp"]>[0], wall = 1_000): ChangeSet => {
    const { changeSet } = state.stamp(mutations, wall)
    state.merge(changeSet)
    return changeSet
  }
  const block = (...changeSets: ReadonlyArray<ChangeSet>) =>
    encodePlain(changeSets, state.ownFeed, (index) => state.feeds.id(index))
  const receive = (from: Uint8Array, content: Uint8Array) => state.deliver(state.feeds.intern(from), content, root)._tag
  return { state, write, block, receive }
}

describe("SpaceState", () => {
  it("[S28] a write that arrives while a flush waits stays beside what was stamped before it", () => {
    const a = writer(alice)
    const b = writer(bob)
    const made = a.write([create("T", 1), put(a.state.ownFeed, 1, ["k"], "first")])
    b.receive(alice, a.block(made))
    const aliceAtB = b.state.feeds.find(alice)
    // Bob's change is stamped, and waits for its flush while Alice's next change arrives
    const waiting = b.write([put(aliceAtB, 1, ["k"], "bob")])
    const next = a.write([put(a.state.ownFeed, 1, ["k"], "alice")])
    b.receive(alice, a.block(next))
    a.receive(bob, b.block(waiting))
    for (const { state } of [a, b]) {
      const entry = state.objects.find(state.feeds.find(alice), 1)!
      const values = state.objects.conflicts(entry, "k").map((conflict) => conflict.value)
      assert.deepStrictEqual([...values].sort(), ["alice", "bob"])
    }
    // and Bob's next change has seen both
    const last = b.write([put(aliceAtB, 1, ["k"], "settled")])
    assert.deepStrictEqual(
      last.deps?.map((dep) => dep.counter),
      [3]
    )
    a.receive(bob, b.block(last))
    const entry = a.state.objects.find(a.state.ownFeed, 1)!
    assert.deepStrictEqual(
      a.state.objects.conflicts(entry, "k").map((conflict) => conflict.value),
      ["settled"]
    )
  })

  it("names what it changes first and of the news as much as there is room for, and says when it names too many feeds", () => {
    const { state, receive } = writer(alice)
    const ids = Array.from({ length: 1_400 }, (_, i) =>
      new Uint8Array(32)
        .fill(9)
        .fill(i >> 8, 0, 1)
        .fill(i, 1, 2)
    )
    const known = ids.map((id) => state.feeds.intern(id))
    const block = encodePlain([{ first: 1, time: 1, deps: null, mutations: [create("T", 1)] }], 0, () => alice)
    for (const id of ids.slice(0, 400)) receive(id, block)
    state.merge(state.stamp([create("T", 1)], 1_000).changeSet)
    for (const id of ids.slice(400)) receive(id, block)
    const edits = (from: number, to: number) => known.slice(from, to).map((feed) => put(feed, 1, ["k"], 1))
    // 300 feeds that it had seen before, and 100 that are new
    const mixed = state.stamp([...edits(100, 400), ...edits(1_300, 1_400)], 1_000)
    assert.strictEqual(mixed.feeds, 1_024)
    assert.isTrue(edits(1_300, 1_400).every(({ feed }) => mixed.changeSet.deps?.some((dep) => dep.feed === feed)))
    assert.strictEqual(mixed.changeSet.deps?.length, 724)
    assert.isAbove(state.stamp(edits(0, 1_100), 1_000).feeds, 1_024)
    assert.strictEqual(state.stamp(edits(0, 10), 1_000).feeds, 1_010)
  })

  it("[S17] a clock in 2248 loses to the next edit that has seen it", () => {
    const a = writer(alice)
    const b = writer(bob)
    const made = a.write([create("T", 1), put(a.state.ownFeed, 1, ["k"], "future")], Date.UTC(2248, 0, 1))
    b.receive(alice, a.block(made))
    const edit = b.write([put(b.state.feeds.find(alice), 1, ["k"], "now")], Date.UTC(2026, 0, 1))
    a.receive(bob, b.block(edit))
    assert.isBelow(edit.time, made.time)
    const entry = a.state.objects.find(a.state.ownFeed, 1)!
    assert.strictEqual(a.state.objects.shown(entry, "k"), "now")
  })

  it("[S33] a change set that names what its writer had not seen is void everywhere, alone", () => {
    const a = writer(alice)
    const b = writer(bob)
    const made = a.write([create("T", 1), put(a.state.ownFeed, 1, ["k"], 1)])
    const own = b.state.ownFeed
    const aliceAtB = b.state.feeds.intern(alice)
    const forged: ChangeSet = { first: 1, time: 5, deps: null, mutations: [put(aliceAtB, 1, ["k"], "forged")] }
    const honest: ChangeSet = { first: 2, time: 6, deps: null, mutations: [create("T", 1)] }
    const block = encodePlain([forged, honest], own, (index) => b.state.feeds.id(index))
    a.receive(bob, block)
    const entry = a.state.objects.find(a.state.ownFeed, made.first)!
    assert.strictEqual(a.state.objects.shown(entry, "k"), 1)
    assert.isDefined(a.state.objects.find(a.state.feeds.find(bob), 2))
    assert.strictEqual(a.state.delivery.counter(a.state.feeds.find(bob)), 2)
  })

  it("[S16] a change set that names what lies beyond a freeze is void, whether its writer had merged that or not", () => {
    const a = writer(alice)
    const b = writer(bob)
    const made = a.write([create("T", 1), put(a.state.ownFeed, 1, ["k"], 1)])
    const lost = a.write([create("T", 1)])
    b.receive(alice, a.block(made))
    b.receive(alice, a.block(lost))
    const aliceAtB = b.state.feeds.find(alice)
    const [voided, kept] = [b.write([put(aliceAtB, 3, ["k"], 2)]), b.write([put(aliceAtB, 1, ["k"], 3)])]
    assert.isFalse(b.state.delivery.freeze(aliceAtB, 1))
    const reader = new SpaceState()
    const [first, second] = [alice, bob].map((feed) => reader.feeds.intern(feed))
    reader.delivery.freeze(first!, 1)
    reader.deliver(first!, a.block(made), root)
    reader.deliver(second!, b.block(voided, kept), root)
    assert.isUndefined(reader.objects.find(first!, 3))
    assert.strictEqual(reader.objects.shown(reader.objects.find(first!, 1)!, "k"), 3)
    assert.strictEqual(reader.delivery.counter(second!), 2)
  })
})
