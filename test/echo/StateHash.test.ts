/** Canonical objects and the state hash: bytes as docs/format.md has them, a sum that knows no order, and the price of it all. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { create, life, type Mutation, ObjectRef, put, type Value } from "../../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { Objects } from "../../src/schema/echo/Objects.ts"
import {
  canonical,
  canonicalEntries,
  encodeObject,
  StateSum,
  stateHash,
  stateHashSteps
} from "../../src/schema/echo/StateHash.ts"
import { decode } from "../../src/schema/platform/Codec.ts"

const hash = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()
const feeds = new FeedTable()
// the later feed has the smaller bytes: local numbers must not show
const zoe = feeds.intern(new Uint8Array(32).fill(9))
const ann = feeds.intern(new Uint8Array(32).fill(1))

const spaceOf = (...changeSets: ReadonlyArray<readonly [number, number, ReadonlyArray<Mutation>]>) => {
  const objects = new Objects(feeds)
  const seen = [0, 0]
  for (const [author, time, mutations] of changeSets) {
    const first = seen[author]! + 1
    assert.isTrue(objects.apply({ first, time, deps: null, mutations }, author, [...seen], null, null))
    seen[author] = first + mutations.length - 1
  }
  return objects
}

const record = (entries: Record<string, Value>): Value => Object.assign(Object.create(null), entries)

describe("StateHash", () => {
  it("an object is [feeds, id, entries, texts], everything sorted", () => {
    const objects = spaceOf(
      [zoe, 5, [create("Task", 2), put(zoe, 1, ["b"], record({ z: new ObjectRef(zoe, 1), a: 1 }))]],
      [ann, 6, [put(zoe, 1, ["a"], "x"), life(zoe, 1, true)]]
    )
    const bytes = canonical(objects, objects.find(zoe, 1)!)
    assert.deepStrictEqual(Result.getOrThrow(decode(bytes)), [
      [feeds.id(ann), feeds.id(zoe)],
      [1, 1],
      [
        [0, [], null, [[1, 1, 5, [0, "Task", 2]]]],
        [1, [], null, [[1, 1, 5, [0, null, Uint8Array.of(0x80)]]]],
        [2, [], null, [[0, 2, 6, true]]],
        [3, ["a"], null, [[0, 1, 6, "x"]]],
        [3, ["b"], null, [[1, 2, 5, Object.create(null)]]],
        [3, ["b", "a"], null, [[1, 2, 5, 1]]],
        [3, ["b", "z"], null, [[1, 2, 5, [1, 1, 1]]]]
      ],
      []
    ])
  })

  it("the canonical bytes do not depend on the order in which heads are given", () => {
    const objects = spaceOf([zoe, 5, [create("T", 1), put(zoe, 1, ["𝒳"], 1), put(zoe, 1, ["\uffff"], 2), put(zoe, 1, ["a"], 3)]])
    const entry = objects.find(zoe, 1)!
    const entries = canonicalEntries(entry)
    assert.deepStrictEqual(encodeObject(feeds, entry, [...entries].reverse()), canonical(objects, entry))
  })

  it("the sum carries over 256 bits and ignores what is beyond", () => {
    const sum = new StateSum()
    const ones = new Uint8Array(32).fill(0xff)
    for (let i = 0; i < 3; i++) sum.add(new Uint8Array(1), () => ones)
    // 3 × (2^256 − 1) mod 2^256 = 2^256 − 3
    assert.strictEqual(sum.hex(), `${"f".repeat(63)}d`)
  })

  it("in steps it is the same, and begins again when the objects change in between", () => {
    const objects = spaceOf([zoe, 5, Array.from({ length: 50 }, () => create("T", 1))])
    const steps = stateHashSteps(objects, hash, 10)
    steps.next()
    objects.apply({ first: 51, time: 6, deps: null, mutations: [create("T", 1)] }, zoe, [], null, null)
    let count = 0
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) count++
    assert.isAtLeast(count, 5)
    assert.strictEqual(step.value, stateHash(objects, hash))
  })

  it("a writer who never stops cannot keep it from ending", () => {
    const objects = spaceOf([zoe, 5, Array.from({ length: 50 }, () => create("T", 1))])
    const steps = stateHashSteps(objects, hash, 10)
    let first = 51
    while (steps.next().done !== true) {
      objects.apply({ first, time: 6, deps: null, mutations: [create("T", 1)] }, zoe, [], null, null)
      assert.isBelow(first++, 200)
    }
  })
})
