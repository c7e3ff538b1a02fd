/** Change sets as bytes: one spelling, nothing lost, everything else refused. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { type ChangeSet, create, life, ObjectRef, type Plain, put, remove, type Value } from "../../src/schema/echo/ChangeSet.ts"
import { decodePlain, encodePlain, sizeOf } from "../../src/schema/echo/ChangeSetCodec.ts"
import { Writer } from "../../src/schema/platform/Codec.ts"

const feeds = Array.from({ length: 4 }, (_, i) => new Uint8Array(32).fill(9 - i))
const feedId = (index: number) => feeds[index]!
const root16 = new Uint8Array(16).fill(7)

const record = (fields: Record<string, Value>): Value => Object.assign(Object.create(null), fields)

const sample: ReadonlyArray<ChangeSet> = [
  {
    first: 5,
    time: 1024,
    deps: null,
    mutations: [create("Task", 1), put(0, 5, ["title"], "Mïlk 🥛"), put(0, 5, ["n"], -3.5)]
  },
  {
    first: 8,
    time: 2048,
    deps: [
      { feed: 1, length: 2, counter: 9, root16 },
      { feed: 3, length: 1, counter: 4, root16 }
    ],
    mutations: [
      put(3, 4, ["a", "b"], record({ list: [1, null, new ObjectRef(1, 2)], bytes: Uint8Array.of(1, 2), yes: true })),
      life(1, 2, true),
      remove(0, 5, ["title"])
    ]
  }
]

const decoded = (bytes: Uint8Array): Plain => {
  const plain = decodePlain(bytes)
  if (Result.isFailure(plain)) throw plain.failure
  return plain.success
}

/** Positions are fed back as numbers of a table that has the block's own feed first. */
const encodedAgain = (plain: Plain): Uint8Array => {
  const ids = [new Uint8Array(32), ...plain.feeds]
  return encodePlain(plain.changeSets, 0, (index) => ids[index]!)
}

/** A block of one change set of one mutation, written by hand. */
const content = (mutation: (to: Writer) => Writer) =>
  mutation(new Writer().array(5).int(0).int(1).array(0).array(0).array(1).array(3).int(0).nil().array(1)).finish()

const verdict = (bytes: Uint8Array) => {
  const plain = decodePlain(bytes)
  return Result.isFailure(plain) ? plain.failure._tag : "accepted"
}

describe("ChangeSetCodec", () => {
  it("keeps every change, and names feeds by their place in the sorted table", () => {
    const plain = decoded(encodePlain(sample, 0, feedId))
    assert.deepStrictEqual(plain.feeds, [feeds[3]!, feeds[1]!])
    assert.strictEqual(plain.firstCounter, 5)
    assert.deepStrictEqual(plain.changeSets[0], sample[0])
    const second = plain.changeSets[1]!
    assert.strictEqual(second.first, 8)
    const deps = second.deps?.map((dep) => [dep.feed, dep.counter])
    assert.deepStrictEqual(deps, [
      [1, 4],
      [2, 9]
    ])
    const objects = second.mutations.map((mutation) => mutation.feed)
    assert.deepStrictEqual(objects, [1, 2, 0])
    const value = record({ bytes: Uint8Array.of(1, 2), list: [1, null, new ObjectRef(2, 2)], yes: true })
    assert.deepStrictEqual(second.mutations[0]!.value, value)
  })

  it("estimates never less than a change set takes, and not much more", () => {
    const values: ReadonlyArray<Value> = [
      ...[0, -0, -1, 23, 24, -25, 255, 256, 65_535, 65_536, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, 0.5, Number.NaN, null, true],
      ...["", "a".repeat(23), "a".repeat(24), "é".repeat(12), "🥛".repeat(100), "x".repeat(40_000)],
      ...[new Uint8Array(300), new ObjectRef(0, 70_000), [1, "two", [null]], record({ a: 1, b: record({ c: "ü" }) })]
    ]
    // the head of a block around its change sets
    const blockHead = 14
    for (const value of values) {
      for (const path of [["k"], ["long key ".repeat(20), "ü"]]) {
        const changeSet = { first: 1, time: 2 ** 50, deps: null, mutations: [put(0, 70_000, path, value)] }
        const bytes = encodePlain([changeSet], 0, feedId).length
        assert.isAtLeast(sizeOf(changeSet), bytes - blockHead)
        assert.isAtMost(sizeOf(changeSet), bytes + 64 + bytes)
      }
    }
    for (const changeSet of sample) assert.isAtLeast(sizeOf(changeSet), encodePlain([changeSet], 0, feedId).length - blockHead)
  })

  it("accepts a flipped bit only where it spells another block, and never throws", () => {
    const bytes = encodePlain(sample, 0, feedId)
    let refused = 0
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const mutant = bytes.slice()
      mutant[bit >> 3] = mutant[bit >> 3]! ^ (1 << (bit & 7))
      const plain = decodePlain(mutant)
      if (Result.isFailure(plain)) refused++
      else assert.deepStrictEqual(encodedAgain(plain.success), mutant)
    }
    assert.isAbove(refused, bytes.length)
  })

  it("refuses every truncation", () => {
    const bytes = encodePlain(sample, 0, feedId)
    for (let length = 0; length < bytes.length; length++) {
      assert.strictEqual(verdict(bytes.subarray(0, length)), "Malformed")
    }
  })

  it("refuses a dependency on nothing, on which replicas would disagree who know the feed and who do not", () => {
    const dep = { feed: 1, length: 1, counter: 1, root16: new Uint8Array(16) }
    const on = (each: typeof dep) => encodePlain([{ first: 1, time: 1, deps: [each], mutations: [create("T", 1)] }], 0, feedId)
    assert.strictEqual(verdict(on(dep)), "accepted")
    assert.strictEqual(verdict(on({ ...dep, counter: 0 })), "Malformed")
    assert.strictEqual(verdict(on({ ...dep, length: 0 })), "Malformed")
  })

  it("tells what a newer version wrote from nonsense", () => {
    const put = (value: (to: Writer) => Writer, key = "n", feed = 0) =>
      content((to) => value(to.array(4).int(3).array(2).int(feed).int(1).array(1).text(key)))
    assert.strictEqual(
      verdict(content((to) => to.array(4).int(7).array(2).int(0).int(1).array(1).text("n").int(2))),
      "Unsupported"
    )
    assert.strictEqual(verdict(put((to) => to.array(3).int(9).int(1).int(1))), "Unsupported")
    assert.strictEqual(verdict(put((to) => to.int(1), "__proto__")), "Malformed")
    assert.strictEqual(verdict(put((to) => to.int(1), "n", 1)), "Malformed")
    assert.strictEqual(verdict(put((to) => to.int(1))), "accepted")
  })
})
