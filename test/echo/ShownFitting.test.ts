/** What is read where concurrent writes, each of which fits its type, leave what does not: the greatest value that fits. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import { create, type Mutation, put, remove, type Value } from "../../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { Changes, Objects } from "../../src/schema/echo/Objects.ts"
import { creating, ObjectInvalid, ObjectType, read, unfitCount, updating } from "../../src/schema/echo/ObjectType.ts"
import { QueryIndex, queryAll } from "../../src/schema/echo/Query.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"

const feeds = new FeedTable()
const [ann, bob] = [feeds.intern(new Uint8Array(32).fill(1)), feeds.intern(new Uint8Array(32).fill(2))]

const Pair = Schema.Struct({ a: Schema.Number, b: Schema.Number })

interface Case {
  readonly type: ObjectType
  readonly first: unknown
  readonly leaf: unknown
  readonly whole: unknown
  readonly shown: unknown
}

const caseOf = (
  schema: Schema.ConstraintCodec<unknown, unknown>,
  wrap: (pair: object) => unknown,
  whole: unknown,
  shown: unknown
): Case => ({
  type: ObjectType.make("T", { v: schema }),
  first: wrap({ a: 1, b: 1 }),
  leaf: wrap({ a: 2, b: 1 }),
  whole,
  shown
})

class Point extends Schema.Class<Point>("Point")({ a: Schema.Number, b: Schema.Number }) {}
interface Tree {
  readonly a: number
  readonly b: number
  readonly left?: Tree
}
const Tree: Schema.Codec<Tree> = Schema.Struct({
  a: Schema.Number,
  b: Schema.Number,
  left: Schema.optionalKey(Schema.suspend((): Schema.Codec<Tree> => Tree))
})
const nothing = Symbol("nothing")

/** One writes a leaf, the other replaces the record: what is left of it, {a: 2}, fits nowhere. */
const cases: Record<string, Case> = {
  optional: caseOf(Schema.optionalKey(Pair), (pair) => pair, undefined, nothing),
  nullable: caseOf(Schema.NullOr(Pair), (pair) => pair, null, null),
  union: caseOf(Schema.Union([Schema.String, Pair]), (pair) => pair, "s", "s"),
  inner: caseOf(Schema.Struct({ x: Schema.optionalKey(Pair) }), (x) => ({ x }), {}, {}),
  "free keys": caseOf(Schema.Record(Schema.String, Pair), (k) => ({ k }), {}, {}),
  deeper: caseOf(Schema.Record(Schema.String, Schema.NullOr(Pair)), (k) => ({ k }), { k: null }, { k: null }),
  recursive: caseOf(
    Schema.Record(Schema.String, Tree),
    (left) => ({ k: { a: 0, b: 0, left } }),
    { k: { a: 0, b: 0 } },
    { k: { a: 0, b: 0 } }
  ),
  class: caseOf(Schema.optionalKey(Point), (pair) => new Point(pair as Point), undefined, nothing)
}

/** The objects after both have written, in either order of times and of arrival. */
const merged = ({ first, leaf, type, whole }: Case, isLeafLater: boolean, isLeafFirst: boolean) => {
  const objects = new Objects(feeds)
  const changes = new Changes()
  const queries = new QueryIndex(objects)
  const apply = (
    author: number,
    at: number,
    time: number,
    context: ReadonlyArray<number>,
    mutations: ReadonlyArray<Mutation>
  ) => {
    assert.isTrue(objects.apply({ first: at, time, deps: null, mutations }, author, context, null, changes))
    queries.changed(changes)
  }
  const made: Array<Mutation> = []
  assert.isNull(creating(type, { v: first }, ann, 1, made))
  apply(ann, 1, 1, [], made)
  const entry = objects.find(ann, 1)!
  const [byAnn, byBob]: [Array<Mutation>, Array<Mutation>] = [[], []]
  assert.isNull(updating(type, ann, 1, entry, { v: leaf }, byAnn))
  assert.isNull(updating(type, ann, 1, entry, { v: whole } as object, byBob))
  const both = [
    () => apply(ann, 10, isLeafLater ? 9 : 8, [made.length], byAnn),
    () => apply(bob, 1, isLeafLater ? 8 : 9, [made.length], byBob)
  ]
  const live = queries.subscribe(type, { where: { v: undefined } } as object, () => {})
  for (const write of isLeafFirst ? both : both.reverse()) write()
  return { objects, entry, apply, live }
}

const everyOrder = [true, false].flatMap((isLeafLater) => [true, false].map((isLeafFirst) => [isLeafLater, isLeafFirst] as const))

describe("reading what concurrent writes left", () => {
  for (const [name, each] of Object.entries(cases)) {
    it(`shows the greatest value that fits, whatever came first: ${name}`, () => {
      for (const [isLeafLater, isLeafFirst] of everyOrder) {
        const { entry, objects } = merged(each, isLeafLater, isLeafFirst)
        const object = read(each.type, objects, entry) as { readonly v?: unknown }
        assert.notInstanceOf(object, ObjectInvalid)
        if (each.shown === nothing) assert.isFalse("v" in object)
        else assert.deepStrictEqual(object.v, each.shown)
        assert.isAbove(objects.conflicts(entry, "v").length, 0, "conflicts show all")
      }
    })
  }

  it("queries ask for what is read, not for what does not fit", () => {
    const { type } = cases.optional!
    for (const [isLeafLater, isLeafFirst] of everyOrder) {
      const absent = merged(cases.optional!, isLeafLater, isLeafFirst)
      assert.lengthOf(queryAll(absent.objects, type, { where: { v: undefined } } as object).objects, 1)
      assert.lengthOf(absent.live.result().objects, 1, "a live one too")
      const text = merged(cases.union!, isLeafLater, isLeafFirst)
      assert.lengthOf(queryAll(text.objects, cases.union!.type, { where: { v: "s" } } as object).objects, 1)
    }
  })

  it("live queries follow a value that comes to be shown because a greater one does not fit", () => {
    const { type } = cases.union!
    const objects = new Objects(feeds)
    const [changes, queries] = [new Changes(), new QueryIndex(objects)]
    const live = queries.subscribe(type, { where: { v: "s" } } as object, () => {})
    const write = (
      author: number,
      first: number,
      time: number,
      context: ReadonlyArray<number>,
      mutations: ReadonlyArray<Mutation>
    ) => {
      objects.apply({ first, time, deps: null, mutations }, author, context, null, changes)
      queries.changed(changes)
      return live.result().objects.length
    }
    const record = Object.assign(Object.create(null), { a: 1, b: 1 }) as Value
    assert.strictEqual(write(ann, 1, 1, [], [create("T", 1), put(ann, 1, ["v"], record)]), 0)
    assert.strictEqual(write(bob, 1, 2, [2], [put(ann, 1, ["v"], "s")]), 1)
    assert.strictEqual(write(ann, 10, 3, [2], [put(ann, 1, ["v", "a"], 2)]), 1, "a greater record that does not fit")
    assert.strictEqual(write(ann, 11, 4, [10], [put(ann, 1, ["v", "b"], 2)]), 0, "it fits now")
  })

  it("what does not fit an optional property is absent, and what does not fit a required one makes the object invalid", () => {
    const objects = new Objects(feeds)
    objects.apply({ first: 1, time: 1, deps: null, mutations: [create("T", 1), put(ann, 1, ["v"], 5)] }, ann, [], null, null)
    const entry = objects.find(ann, 1)!
    assert.deepStrictEqual(Object.keys(read(ObjectType.make("T", { v: Schema.optionalKey(Schema.String) }), objects, entry)), [
      "id"
    ])
    const invalid = read(ObjectType.make("T", { v: Schema.String }), objects, entry)
    assert.instanceOf(invalid, ObjectInvalid)
    assert.strictEqual((invalid as ObjectInvalid).property, "v")
    assert.match((invalid as ObjectInvalid).message, /Update it with a value for v that fits/)
    assert.strictEqual(unfitCount(objects), 1)
    objects.apply({ first: 3, time: 2, deps: null, mutations: [put(ann, 1, ["v"], "fits")] }, ann, [], null, null)
    assert.strictEqual(unfitCount(objects), 0)
  })

  it("a deep record and a Schema with many ways to hold itself cost what they hold", () => {
    interface Many {
      readonly n?: Many
    }
    const again = Schema.suspend((): Schema.Codec<Many> => Many as Schema.Codec<Many>)
    const Many: Schema.Codec<Many> = Schema.Union(
      ["p", "q", "r", "s", "t"].map((key) => Schema.Struct({ [key]: Schema.String, n: Schema.optionalKey(again) }))
    ) as never
    const type = ObjectType.make("T", { v: Schema.optionalKey(Many) })
    const objects = new Objects(feeds)
    const path = ["v", ...Array.from({ length: 15 }, () => "n")]
    const mutations = [create("T", 1), ...path.map((_, i) => put(ann, 1, [...path.slice(0, i + 1), "x"].slice(0, 16), 1))]
    assert.isTrue(objects.apply({ first: 1, time: 1, deps: null, mutations }, ann, [], null, null))
    const before = performance.now()
    assert.deepStrictEqual(Object.keys(read(type, objects, objects.find(ann, 1)!)), ["id"])
    assert.isBelow(performance.now() - before, 2_000)
  })

  it("a removed leaf of a record that stays does not take the object away", () => {
    const Wide = ObjectType.make("T", { v: Schema.Struct({ a: Schema.optionalKey(Schema.Number), b: Schema.Number }) })
    const objects = new Objects(feeds)
    const v = Object.assign(Object.create(null), { a: 1, b: 1 }) as Value
    objects.apply({ first: 1, time: 1, deps: null, mutations: [create("T", 1), put(ann, 1, ["v"], v)] }, ann, [], null, null)
    objects.apply({ first: 1, time: 2, deps: null, mutations: [remove(ann, 1, ["v", "b"])] }, bob, [2], null, null)
    const invalid = read(Wide, objects, objects.find(ann, 1)!)
    assert.instanceOf(invalid, ObjectInvalid, "b is required, and nobody has a value for it")
  })
})

describe("objects that do not fit", () => {
  const Old = ObjectType.make("Note", { text: Schema.String })
  const New = ObjectType.make("Note", { text: Schema.Number }, { version: 2 })

  it.live("are named by their query with the reason, counted in the status, and mended by an update", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home" })
      const note = yield* home.create(Old, { text: "one" })
      assert.deepStrictEqual(yield* home.query(New).all, [])
      const [invalid] = yield* home.query(New).invalid
      assert.strictEqual(invalid?.id, note.id)
      assert.match(
        invalid!.message,
        /does not fit the type Note: text: expected a number, got "one"\. Update it with a value for text/
      )
      const invalidNow = Effect.map(Stream.runHead(home.status), (status) => (status._tag === "Some" ? status.value.invalid : -1))
      assert.strictEqual(yield* invalidNow, 1)
      const mended = yield* home.update(invalid!, { text: 1 })
      assert.strictEqual(mended.text, 1)
      assert.deepStrictEqual(yield* home.query(New).invalid, [])
      assert.strictEqual(yield* invalidNow, 0)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("no object vanishes on two peers that edit a record and remove it at once", () =>
    Effect.gen(function* () {
      const Task = ObjectType.make("Task", { v: Schema.optionalKey(Pair) })
      const alice = yield* PeerMemory.open
      const bob = yield* PeerMemory.open
      const home = yield* alice.spaces.create({ name: "Home", members: [bob.device] })
      const same = yield* bob.spaces.open(home.ticket)
      const task = yield* home.create(Task, { v: { a: 1, b: 1 } })
      const here = yield* same.query(Task).first
      const network = yield* MemoryNetwork
      yield* network.cut("reset")
      yield* home.update(task, { v: { a: 2, b: 1 } })
      yield* same.update(here, { v: undefined })
      yield* network.heal
      const met = (space: Space, other: Space) =>
        space.status.pipe(
          Stream.mapEffect(() => Effect.zip(space.frontier, other.frontier)),
          Stream.filter(([a, b]) => a === b),
          Stream.take(1),
          Stream.runDrain
        )
      yield* home.synced(bob.device)
      yield* same.synced(alice.device)
      yield* Effect.race(met(home, same), met(same, home))
      assert.deepStrictEqual(yield* home.get(Task, task.id), yield* same.get(Task, task.id))
      assert.lengthOf(yield* home.query(Task).all, 1)
      assert.isFalse("v" in (yield* home.get(Task, task.id))!)
      assert.lengthOf(yield* home.conflicts(task, "v"), 1)
      yield* home.update(task, { v: { a: 2, b: 1 } })
      assert.deepStrictEqual((yield* home.get(Task, task.id))?.v, { a: 2, b: 1 })
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
