/** From lost change sets to new ones: their times and contexts, the dots that go on, what is left out, and what has no room. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import {
  type ChangeSet,
  create,
  type Dep,
  life,
  type Mutation,
  ObjectRef,
  put,
  type Value
} from "../../src/schema/echo/ChangeSet.ts"
import { decodePlain, encodePlain, feedsCited, sizeOf } from "../../src/schema/echo/ChangeSetCodec.ts"
import { Copies } from "../../src/schema/echo/Copies.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { putInProfile } from "../../src/schema/echo/Profile.ts"
import { type Again, Reappending, type Source } from "../../src/schema/echo/Reappending.ts"
import { blockFeedsMax, changeSetBytesMax, valueBytesMax } from "../../src/schema/platform/Limits.ts"

const idOf = (n: number): Uint8Array => {
  const id = new Uint8Array(32).fill(7)
  id[0] = n >> 8
  id[1] = n & 0xff
  return id
}
/** The feed that was frozen, the next one, Alice's, and any number of others. */
const [frozen, next, alice] = [0, 1, 2]
const feeds = new FeedTable()
for (let n = 0; n < 2_000; n++) feeds.intern(idOf(n))

const dep = (feed: number, counter: number): Dep => ({ feed, length: counter, counter, root16: new Uint8Array(16).fill(feed) })
const changeSet = (first: number, deps: ReadonlyArray<Dep> | null, ...mutations: ReadonlyArray<Mutation>): ChangeSet => ({
  first,
  time: 1_000 * first,
  deps,
  mutations
})

/** A block of the frozen feed as it is read. */
const block = (index: number, isCounted: boolean, ...changeSets: ReadonlyArray<ChangeSet>): Source => {
  const plain = Result.getOrThrow(decodePlain(encodePlain(changeSets, frozen, (n) => feeds.id(n))))
  const feedOf = [frozen, ...plain.feeds.map((id) => feeds.find(id))]
  return { feed: frozen, index, root: new Uint8Array(32).fill(index), isCounted, plain, feedOf }
}

const machine = (floors: ReadonlyArray<readonly [number, number]>, told: ReadonlyArray<number> = []) => {
  const copies = new Copies(new Set([frozen, next]), new Map(floors))
  return new Reappending(copies, { feed: next, next: 1, told }, (feed) => dep(feed, 99))
}

const depsOf = ({ changeSet }: Again) => changeSet.deps?.map(({ counter, feed, length }) => [feed, length, counter]) ?? null
const valueOf = (mutation: Mutation | undefined): Value => mutation?.value ?? null

describe("Reappending", () => {
  it("keeps times and contexts: that of the fork first, then what each change set had newly applied", () => {
    const reappending = machine([[frozen, 3]])
    const kept = changeSet(1, [dep(alice, 2)], create("T", 1), put(frozen, 1, ["k"], 1), put(alice, 1, ["k"], 1))
    assert.deepStrictEqual(reappending.through(block(0, true, kept)), [])
    const again = reappending.through(
      block(
        1,
        false,
        changeSet(4, null, create("T", 1), put(frozen, 4, ["k"], new ObjectRef(frozen, 4)), put(frozen, 1, ["k"], 2)),
        changeSet(7, [dep(alice, 5)], put(alice, 5, ["k"], [new ObjectRef(frozen, 4), new ObjectRef(alice, 5)])),
        changeSet(8, null, life(frozen, 4, true))
      )
    )
    assert.deepStrictEqual(
      again.map(({ changeSet: { first, time } }) => [first, time]),
      [
        [1, 4_000],
        [4, 7_000],
        [5, 8_000]
      ]
    )
    assert.deepStrictEqual(again.map(depsOf), [
      [
        [frozen, 1, 3],
        [alice, 2, 2]
      ],
      [[alice, 5, 5]],
      null
    ])
    assert.deepStrictEqual(again[0]!.changeSet.mutations, [
      create("T", 1),
      put(next, 1, ["k"], new ObjectRef(next, 1)),
      put(frozen, 1, ["k"], 2)
    ])
    assert.deepStrictEqual(again[1]!.changeSet.mutations, [
      put(alice, 5, ["k"], [new ObjectRef(next, 1), new ObjectRef(alice, 5)])
    ])
    assert.deepStrictEqual(again[2]!.changeSet.mutations, [life(next, 1, true)])
    assert.deepStrictEqual(
      again.map(({ copy }) => copy),
      [
        { feed: frozen, from: 4, to: 6, left: [], first: 1 },
        { feed: frozen, from: 7, to: 7, left: [], first: 4 },
        { feed: frozen, from: 8, to: 8, left: [], first: 5 }
      ]
    )
  })

  it("says nothing again that the feed has told already", () => {
    const reappending = machine([[frozen, 1]], [1, 0, 4])
    reappending.through(block(0, true, changeSet(1, [dep(alice, 4)], create("T", 1))))
    const again = reappending.through(block(1, false, changeSet(2, [dep(alice, 6)], create("T", 1))))
    assert.deepStrictEqual(again.map(depsOf), [[[alice, 6, 6]]])
  })

  it("writes what was in the profile of the frozen feed in that of the next", () => {
    const reappending = machine([[frozen, 1]])
    reappending.through(block(0, true, changeSet(1, null, create("T", 1))))
    const again = reappending.through(block(1, false, changeSet(2, null, putInProfile(frozen, "name", "Ann"))))
    assert.deepStrictEqual(
      again.map(({ changeSet: { mutations } }) => mutations),
      [[putInProfile(next, "name", "Ann")]]
    )
  })

  it("leaves out what names what nobody can see any more, and nothing else", () => {
    const reappending = machine([
      [frozen, 1],
      [alice, 3]
    ])
    reappending.through(block(0, true, changeSet(1, [dep(alice, 9)], create("T", 1))))
    const again = reappending.through(
      block(
        1,
        false,
        changeSet(
          2,
          null,
          put(alice, 4, ["k"], 1),
          create("T", 1),
          put(alice, 3, ["k"], { in: [new ObjectRef(alice, 8)] }),
          put(frozen, 3, ["k"], new ObjectRef(alice, 3)),
          put(frozen, 1, ["k"], new ObjectRef(frozen, 9))
        ),
        changeSet(7, null, put(alice, 7, ["k"], 1)),
        changeSet(8, null, put(frozen, 3, ["k"], 2))
      )
    )
    assert.deepStrictEqual(
      again.map(({ changeSet }) => changeSet.mutations),
      [[create("T", 1), put(next, 1, ["k"], new ObjectRef(alice, 3))], [put(next, 1, ["k"], 2)]]
    )
    assert.deepStrictEqual(again[0]!.copy, { feed: frozen, from: 2, to: 6, left: [2, 4, 6], first: 1 })
    assert.deepStrictEqual(again[1]!.copy.first, 3)
  })

  it("leaves out a value whose references have no room any more", () => {
    // 16,383 references of four bytes each, by a table in which none of them takes more
    const value = Array.from({ length: 16_383 }, () => new ObjectRef(frozen, 1))
    const reappending = machine([[frozen, 1]])
    reappending.through(block(0, true, changeSet(1, null, create("T", 1))))
    const again = reappending.through(block(1, false, changeSet(2, null, create("T", 1), put(frozen, 2, ["k"], value))))
    assert.isAbove(16_383 * 6, valueBytesMax)
    assert.deepStrictEqual(again[0]!.copy.left, [3])
  })

  it("tells as much of a context as there is room for, what is named first, and the rest with what follows", () => {
    const reappending = machine([[frozen, 4]])
    const others = Array.from({ length: 1_800 }, (_, i) => dep(3 + i, 1))
    const told = [others.slice(0, 900), others.slice(900)]
    told.forEach((deps, i) => {
      reappending.through(block(i, true, changeSet(1 + 2 * i, deps, create("T", 1), put(frozen, 1, ["k"], i))))
    })
    const last = 3 + 1_799
    const again = reappending.through(
      block(2, false, changeSet(5, null, put(last, 1, ["k"], 1)), changeSet(6, null, put(frozen, 1, ["k"], 2)))
    )
    const [first, second] = again.map(({ changeSet }) => changeSet.deps!.map(({ feed }) => feed))
    assert.strictEqual(first!.length, blockFeedsMax)
    assert.isTrue(first!.includes(last))
    assert.sameMembers([...first!, ...second!], [frozen, ...others.map(({ feed }) => feed)])
  })

  it("parts a change set that has no room with all that it names, and puts it together by the same dots", () => {
    const reappending = machine([[frozen, 1]])
    const named = Array.from({ length: 1_000 }, (_, i) => dep(3 + i, 1))
    reappending.through(block(0, true, changeSet(1, named, create("T", 1))))
    const text = "x".repeat(180)
    const puts = named.map(({ feed }) => put(feed, 1, ["k"], text))
    const lost = changeSet(2, null, create("T", 1), ...puts, put(frozen, 2, ["k"], text))
    assert.isAtMost(sizeOf(lost), changeSetBytesMax)
    const again = reappending.through(block(1, false, lost))
    assert.isAbove(again.length, 1)
    let first = 1
    const known = new Set([frozen, next])
    for (const { changeSet, copy } of again) {
      assert.strictEqual(changeSet.first, first)
      first += changeSet.mutations.length
      assert.isAtMost(sizeOf(changeSet), changeSetBytesMax)
      assert.isAtMost(feedsCited(changeSet, next), blockFeedsMax)
      for (const { feed } of changeSet.deps ?? []) known.add(feed)
      for (const { feed } of changeSet.mutations) assert.isTrue(known.has(feed))
      assert.deepStrictEqual([copy.left, copy.to - copy.from + 1], [[], changeSet.mutations.length])
      assert.strictEqual(changeSet.time, lost.time)
    }
    const all = again.flatMap(({ changeSet }) => changeSet.mutations)
    assert.deepStrictEqual(all, [create("T", 1), ...puts, put(next, 1, ["k"], text)])
    assert.strictEqual(valueOf(all.at(-1)), text)
  })
})
