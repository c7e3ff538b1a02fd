/** What is withheld leaves placeholders: nobody is shown any, whoever has seen them replaces them, and nothing else changes. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { type ChangeSet, create, life, type Mutation, put, remove, type Value } from "../../src/schema/echo/ChangeSet.ts"
import { differences } from "../../src/schema/echo/Differences.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { Objects } from "../../src/schema/echo/Objects.ts"
import { conflictedPaths } from "../../src/schema/echo/Shown.ts"
import { canonical, stateHash } from "../../src/schema/echo/StateHash.ts"
import { decode } from "../../src/schema/platform/Codec.ts"

const hash = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

const feeds = new FeedTable()
const [ann, bob, cy] = [1, 2, 3].map((byte) => feeds.intern(new Uint8Array(32).fill(byte))) as [number, number, number]

const set = (first: number, time: number, ...mutations: ReadonlyArray<Mutation>): ChangeSet => ({
  first,
  time,
  deps: null,
  mutations
})
const map = (entries: Record<string, Value>): Value => Object.assign(Object.create(null), entries)
const plain = (value: Value | undefined): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)))

/** An object made by Ann as 0.1; Bob is the one who was removed. */
const withObject = (...more: ReadonlyArray<Mutation>) => {
  const objects = new Objects(feeds)
  assert.isTrue(objects.apply(set(1, 1, create("Task", 1), ...more), ann, [], null, null))
  return { objects, entry: objects.find(ann, 1)! }
}

const toAnn = (path: ReadonlyArray<string>, value: Value): Mutation => put(ann, 1, path, value)
const shown = (objects: Objects, key = "a"): unknown => plain(objects.shown(objects.find(ann, 1)!, key))
const values = (objects: Objects, ...path: ReadonlyArray<string>): ReadonlyArray<unknown> =>
  objects.conflicts(objects.find(ann, 1)!, path).map(({ value }) => plain(value))

describe("Withheld mutations", () => {
  it("show nothing and take nothing, and a place with nothing else is absent", () => {
    const { entry, objects } = withObject(toAnn(["a"], "kept"), toAnn(["b"], "kept"))
    const late = set(1, 99, toAnn(["a"], "late"), remove(ann, 1, ["b"]), toAnn(["c"], map({ x: 1 })), life(ann, 1, true))
    assert.isTrue(objects.withhold(late, bob, [3], null))
    assert.deepStrictEqual(
      ["a", "b", "c"].map((key) => shown(objects, key)),
      ["kept", "kept", undefined]
    )
    assert.deepStrictEqual([values(objects, "a"), values(objects, "c"), values(objects, "c", "x")], [["kept"], [], []])
    assert.deepStrictEqual([...conflictedPaths(entry)], [])
    assert.isFalse(entry.isDeleted)
  })

  it("[S30] leave what was written beside them, whatever the times", () => {
    const { objects } = withObject(toAnn(["a"], "kept"))
    objects.withhold(set(1, 99, toAnn(["a"], "late"), toAnn(["r"], map({ x: 1, y: 1 }))), bob, [2], null)
    objects.apply(set(1, 5, toAnn(["a"], "beside"), toAnn(["r"], map({ x: 2 }))), cy, [2], null, null)
    assert.deepStrictEqual([shown(objects), shown(objects, "r")], ["beside", { x: 2 }])
  })

  it("[S30] are replaced by what was written after them, and leave no trace then", () => {
    const { entry, objects } = withObject()
    objects.withhold(set(1, 99, toAnn(["a"], "late"), toAnn(["b"], 1)), bob, [1], null)
    objects.apply(set(1, 5, toAnn(["a"], "after"), remove(ann, 1, ["b"])), cy, [1, 2], null, null)
    const { entry: other, objects: untouched } = withObject()
    untouched.apply(set(1, 5, toAnn(["a"], "after")), cy, [1], null, null)
    assert.deepStrictEqual(canonical(objects, entry), canonical(untouched, other))
  })

  it("[S30] of a record stay as its marker under what was written within it, which is shown alone", () => {
    const { entry, objects } = withObject()
    objects.withhold(set(1, 9, toAnn(["r"], map({ x: 1, y: 2 }))), bob, [1], null)
    objects.apply(set(1, 5, toAnn(["r", "x"], "after")), cy, [1, 1], null, null)
    assert.deepStrictEqual(shown(objects, "r"), { x: "after" })
    objects.apply(set(2, 6, remove(ann, 1, ["r", "x"])), cy, [1, 1], null, null)
    assert.isUndefined(shown(objects, "r"), "a marker that is withheld makes no record")
    assert.deepStrictEqual(Result.getOrThrow(decode(canonical(objects, entry))), [
      [feeds.id(ann), feeds.id(bob)],
      [0, 1],
      [
        [0, [], null, [[0, 1, 1, [0, "Task", 1]]]],
        [1, [], null, [[0, 1, 1, [0, null, Uint8Array.of(0x80)]]]],
        [3, ["r"], null, [[1, 1, 9, []]]],
        [3, ["r", "y"], null, [[1, 1, 9]]]
      ],
      []
    ])
  })

  it("of a life do not delete, and are replaced by the next", () => {
    const { entry, objects } = withObject()
    objects.withhold(set(1, 9, life(ann, 1, true)), bob, [1], null)
    objects.apply(set(1, 5, life(ann, 1, true)), cy, [1], null, null)
    assert.isTrue(entry.isDeleted)
    objects.apply(set(2, 6, life(ann, 1, false)), cy, [1, 1], null, null)
    assert.isFalse(entry.isDeleted)
    assert.strictEqual(entry.life.length, 1)
  })

  it("of a create make no object, and what others put into it is an orphan's", () => {
    const objects = new Objects(feeds)
    objects.withhold(set(1, 9, create("Task", 1), put(bob, 1, ["a"], "late")), bob, [], null)
    const id = `${feeds.text(bob)}.1`
    assert.isUndefined(objects.findId(id))
    assert.deepStrictEqual([...objects.ofType("Task"), ...objects.orphans()], [])
    objects.apply(set(1, 5, put(bob, 1, ["b"], "after")), cy, [0, 2], null, null)
    const orphan = objects.findId(id)!
    assert.deepStrictEqual([...objects.orphans()], [orphan])
    assert.isNull(orphan.kind)
    assert.deepStrictEqual([objects.shown(orphan, "a"), objects.shown(orphan, "b")], [undefined, "after"])
    objects.apply(set(2, 5, remove(bob, 1, ["b"]), remove(bob, 1, ["a"])), cy, [0, 2], null, null)
    assert.strictEqual(objects.find(bob, 1), orphan, "its create is withheld and not gone")
    assert.deepStrictEqual(Result.getOrThrow(decode(canonical(objects, orphan))), [
      [feeds.id(bob)],
      [0, 1],
      [
        [0, [], null, [[0, 1, 9]]],
        [1, [], null, [[0, 1, 9]]]
      ],
      []
    ])
  })

  it("are void when they name what their writer cannot have seen", () => {
    const { objects } = withObject()
    const before = stateHash(objects, hash)
    assert.isFalse(objects.withhold(set(1, 9, toAnn(["a"], 1), put(cy, 1, ["a"], 1)), bob, [1], null))
    assert.strictEqual(stateHash(objects, hash), before)
  })

  it("are nothing that an update of a record would have to write over", () => {
    const { entry, objects } = withObject(toAnn(["r"], map({ x: 1, y: 2 })))
    objects.withhold(set(1, 9, toAnn(["r", "x"], 5), toAnn(["r", "z"], 5), toAnn(["q"], map({ x: 1 }))), bob, [2], null)
    assert.deepStrictEqual(differences(entry, "r", map({ x: 1, y: 3 })), [{ path: ["r", "y"], value: 3 }])
    assert.isNull(differences(entry, "q", map({ x: 1 })), "there is no record whose leaves could be written")
  })
})
