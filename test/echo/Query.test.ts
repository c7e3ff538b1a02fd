/** Queries and live queries: what is maintained equals what asking anew would find. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { create, life, type Mutation, put, type Value } from "../../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { Changes, Objects } from "../../src/schema/echo/Objects.ts"
import { creating, ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { type Delta, PropertyUnknown, QueryIndex, type QueryOptions, queryAll } from "../../src/schema/echo/Query.ts"
import { below, pick, type Random, randomFrom } from "./naive/History.ts"

const Task = ObjectType.make("Task", {
  title: Schema.String,
  done: Schema.Boolean,
  group: Schema.Int,
  note: Schema.optionalKey(Schema.Struct({ text: Schema.String }))
})
type Options = QueryOptions<typeof Task>

/** A space with one writer and its live queries. */
const world = () => {
  const feeds = new FeedTable()
  const ann = feeds.intern(new Uint8Array(32).fill(1))
  const changes = new Changes()
  let objects = new Objects(feeds)
  const queries = new QueryIndex(objects)
  let next = 1
  const log: Array<ReadonlyArray<Mutation>> = []
  const merge = (into: Objects, first: number, mutations: ReadonlyArray<Mutation>) =>
    assert.isTrue(into.apply({ first, time: first, deps: null, mutations }, ann, [], null, changes))
  const apply = (...mutations: ReadonlyArray<Mutation>) => {
    log.push(mutations)
    merge(objects, next, mutations)
    next += mutations.length
    queries.changed(changes)
  }
  return {
    queries,
    apply,
    objects: () => objects,
    add: (title: string, done: boolean, group = 0) => {
      const counter = next
      const mutations: Array<Mutation> = []
      assert.isNull(creating(Task, { title, done, group }, ann, counter, mutations))
      apply(...mutations)
      return counter
    },
    set: (counter: number, key: string, value: Value) => apply(put(ann, counter, [key], value)),
    setDeleted: (counter: number, isDeleted: boolean) => apply(life(ann, counter, isDeleted)),
    /** What a failed flush leaves: the state without the newest change sets. */
    loseLast: (count: number) => {
      objects = new Objects(feeds)
      log.length -= Math.min(count, log.length)
      next = 1
      for (const mutations of log) {
        merge(objects, next, mutations)
        next += mutations.length
      }
      changes.clear()
      queries.rebuilt(objects)
    },
    live: (options: Options) => {
      let wakes = 0
      const subscription = queries.subscribe(Task, options, () => wakes++)
      return { ...subscription, wakes: () => wakes }
    }
  }
}

const titles = (objects: ReadonlyArray<{ readonly title: string }>): ReadonlyArray<string> => objects.map(({ title }) => title)
const told = (delta: Delta<{ readonly title: string }> | null) =>
  delta === null ? null : { added: titles(delta.added), updated: titles(delta.updated), removed: titles(delta.removed) }

describe("Query", () => {
  it("finds by equality, by predicate, in order, without the deleted", () => {
    const { add, objects, setDeleted } = world()
    add("c", false, 2)
    add("a", false, 1)
    add("b", true, 2)
    setDeleted(add("gone", false), true)
    const find = (options: Options) => titles(queryAll(objects(), Task, options).objects)
    assert.deepStrictEqual(find({}), ["c", "a", "b"])
    assert.deepStrictEqual(find({ orderBy: "title" }), ["a", "b", "c"])
    assert.deepStrictEqual(find({ where: { done: false }, orderBy: "title" }), ["a", "c"])
    assert.deepStrictEqual(find({ where: { done: false, group: 2 } }), ["c"])
    assert.deepStrictEqual(find({ where: (task) => task.group === 2, orderBy: "group" }), ["c", "b"])
    assert.deepStrictEqual(find({ where: { note: undefined, title: "a" } }), ["a"])
    assert.deepStrictEqual(find({ where: { group: 1.5 } }), [], "no object can hold it")
  })

  it("a property that the type does not have is a typed refusal", () => {
    const { objects } = world()
    assert.throws(() => queryAll(objects(), Task, { where: { dnoe: true } as object }), PropertyUnknown)
    assert.throws(() => queryAll(objects(), Task, { orderBy: "nope" as "title" }), PropertyUnknown)
  })

  it("what does not fit the type is listed beside the result, and comes back when it fits", () => {
    const { add, live, set } = world()
    const task = add("a", false)
    const open = live({ where: { done: false } })
    open.take()
    set(task, "title", 5)
    assert.deepStrictEqual(told(open.take()), { added: [], updated: [], removed: ["a"] })
    assert.match(open.result().invalid[0]!.reason, /title/)
    set(task, "title", "b")
    assert.deepStrictEqual(told(open.take()), { added: ["b"], updated: [], removed: [] })
    assert.lengthOf(open.result().invalid, 0)
  })
})

describe("LiveQuery", () => {
  it("first tells the whole result, then deltas, waking once until they are taken", () => {
    const { add, live, set } = world()
    const milk = add("milk", false)
    const open = live({ where: { done: false } })
    assert.strictEqual(open.wakes(), 1)
    assert.deepStrictEqual(told(open.take()), { added: ["milk"], updated: [], removed: [] })
    assert.isNull(open.take())
    const bread = add("bread", false)
    set(milk, "title", "oat milk")
    set(milk, "done", true)
    set(bread, "group", 3)
    assert.strictEqual(open.wakes(), 2)
    assert.deepStrictEqual(told(open.take()), { added: ["bread"], updated: [], removed: ["milk"] })
  })

  it("a change of an object in the result is told, whatever the property; one outside it is not", () => {
    const { add, live, set } = world()
    const inside = add("in", false)
    const outside = add("out", true)
    const open = live({ where: { done: false } })
    open.take()
    set(outside, "title", "still out")
    assert.strictEqual(open.wakes(), 1)
    set(inside, "title", "still in")
    assert.deepStrictEqual(told(open.take()), { added: [], updated: ["still in"], removed: [] })
  })

  it("what comes and goes before it is taken is not told, and is not kept", () => {
    const { add, live, setDeleted } = world()
    const open = live({})
    open.take()
    for (let i = 0; i < 50; i++) setDeleted(add("flash", false), true)
    assert.isNull(open.take())
  })

  it("equal queries share one result", () => {
    const { add, live } = world()
    const one = live({ where: { done: false, group: 0 }, orderBy: "title" })
    const two = live({ where: { group: 0, done: false }, orderBy: "title" })
    add("a", false)
    assert.strictEqual(one.result().objects, two.result().objects)
    one.close()
    add("b", false)
    assert.deepStrictEqual(titles(two.result().objects), ["a", "b"])
  })

  it("a predicate that throws fails its own subscribers only", () => {
    const { add, live } = world()
    const well = live({})
    const ill = live({
      where: (task) => {
        if (task.title === "bad") throw new Error("my own bug")
        return true
      }
    })
    ill.take()
    add("bad", false)
    assert.throws(() => ill.take(), /my own bug/)
    assert.deepStrictEqual(titles(well.result().objects), ["bad"])
  })

  it("[S42] when the newest changes are lost, what was told of them is retracted", () => {
    const { add, live, loseLast, set } = world()
    const kept = add("kept", false)
    const open = live({ where: { done: false } })
    open.take()
    set(kept, "title", "changed")
    add("lost", false)
    open.take()
    add("never told", false)
    loseLast(3)
    assert.deepStrictEqual(told(open.take()), { added: [], updated: ["kept"], removed: ["lost"] })
    add("on", false)
    assert.deepStrictEqual(told(open.take()), { added: ["on"], updated: [], removed: [] })
  })

  it("incremental results equal full scans, and deltas add up to them, on 60 random runs", () => {
    for (let seed = 1; seed <= 60; seed++) randomRun(seed)
  })
})

const optionsOf = (random: Random): Options => {
  const where = pick(random, [
    undefined,
    { done: false },
    { done: true, group: 1 },
    { group: below(random, 3) },
    { note: { text: "x" } },
    { note: undefined },
    evenGroup
  ])
  const orderBy = pick(random, [undefined, "title", "group", "done", "note"] as const)
  return { where, orderBy }
}

const evenGroup = (task: { readonly group: number }): boolean => task.group % 2 === 0

const randomRun = (seed: number): void => {
  const random = randomFrom(seed)
  const { add, apply, live, loseLast, objects, set, setDeleted } = world()
  const tasks: Array<number> = []
  const watched: Array<{ options: Options; query: ReturnType<typeof live>; view: Map<string, unknown> }> = []
  for (let step = 0; step < 120; step++) {
    const u = random()
    const task = tasks.length === 0 ? 0 : pick(random, tasks)
    if (u < 0.08) {
      const options = optionsOf(random)
      watched.push({ options, query: live(options), view: new Map() })
    } else if (u < 0.3 || task === 0) tasks.push(add(`t${below(random, 9)}`, random() < 0.5, below(random, 4)))
    else if (u < 0.4) setDeleted(task, random() < 0.6)
    else if (u < 0.5) set(task, "title", pick(random, [5, "x", `t${below(random, 9)}`]))
    else if (u < 0.6)
      set(task, "note", pick<Value>(random, ["unfit", Object.assign(Object.create(null), { text: pick(random, ["x", "y"]) })]))
    else if (u < 0.7) set(task, "done", random() < 0.5)
    else if (u < 0.95) set(task, "group", below(random, 4))
    else if (u < 0.97 && step > 60) {
      loseLast(2)
      tasks.length = 0
      for (const entry of objects().ofType("Task")) tasks.push(entry.counter)
    } else apply(create("Other", 1))
    for (const { options, query, view } of watched) {
      if (random() < 0.3) assert.deepStrictEqual(query.result(), queryAll(objects(), Task, options), `seed ${seed} step ${step}`)
      if (random() < 0.2) follow(view, query.take())
    }
  }
  for (const { options, query, view } of watched) {
    follow(view, query.take())
    const expected = queryAll(objects(), Task, options)
    assert.deepStrictEqual(query.result(), expected, `seed ${seed}`)
    assert.sameDeepMembers([...view.values()], [...expected.objects], `seed ${seed}`)
    query.close()
  }
}

const follow = (view: Map<string, unknown>, delta: Delta<{ readonly id: string }> | null): void => {
  if (delta === null) return
  for (const object of delta.removed) assert.isTrue(view.delete(object.id))
  for (const object of delta.updated) assert.isTrue(view.has(object.id) && view.set(object.id, object) === view)
  for (const object of delta.added) assert.isTrue(!view.has(object.id) && view.set(object.id, object) === view)
}
