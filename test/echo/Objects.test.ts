/** The dot store: its rules one by one, and against a naive model of them on random histories. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import {
  type ChangeSet,
  create,
  life,
  type Mutation,
  ObjectRef,
  put,
  remove,
  type Value
} from "../../src/schema/echo/ChangeSet.ts"
import { decodePlain, encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { admissible, Changes, Objects } from "../../src/schema/echo/Objects.ts"
import { canonical, StateSum, stateHash } from "../../src/schema/echo/StateHash.ts"
import { nextTime, timeMax } from "../../src/schema/echo/Time.ts"
import { below, pick, type Random, randomFrom, randomHistory, shuffledCausally, type Written } from "./naive/History.ts"
import { NaiveObjects } from "./naive/NaiveObjects.ts"

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

/** An object made by Ann as 0.1, seen by all. */
const withObject = (...more: ReadonlyArray<readonly [ChangeSet, number, ReadonlyArray<number>]>) => {
  const objects = new Objects(feeds)
  assert.isTrue(objects.apply(set(1, 1, create("Task", 1)), ann, [], null, null))
  for (const [changeSet, author, context] of more) assert.isTrue(objects.apply(changeSet, author, context, null, null))
  return { objects, entry: objects.find(ann, 1)! }
}

const toAnn = (path: ReadonlyArray<string>, value: Value): Mutation => put(ann, 1, path, value)
const values = (objects: Objects, path: string | ReadonlyArray<string>): ReadonlyArray<unknown> =>
  objects.conflicts(objects.find(ann, 1)!, path).map(({ value }) => plain(value))

describe("Objects: registers", () => {
  it("a write replaces what its writer had seen, whatever the times", () => {
    const { objects, entry } = withObject([set(2, 900, toAnn(["a"], 1)), ann, []], [set(1, 5, toAnn(["a"], 2)), bob, [2]])
    assert.strictEqual(objects.shown(entry, "a"), 2)
    assert.deepStrictEqual(values(objects, "a"), [2])
  })

  it("concurrent writes stay side by side; the greatest time is shown, then the greater feed, with dots and times", () => {
    const { objects, entry } = withObject([set(1, 7, toAnn(["a"], "bob")), bob, [1]], [set(1, 7, toAnn(["a"], "cy")), cy, [1]])
    assert.strictEqual(objects.shown(entry, "a"), "cy")
    assert.deepStrictEqual(objects.conflicts(entry, "a"), [
      { value: "cy", dot: { feed: cy, counter: 1 }, time: 7 },
      { value: "bob", dot: { feed: bob, counter: 1 }, time: 7 }
    ])
    assert.isTrue(objects.apply(set(2, 1, toAnn(["a"], "both seen")), bob, [1, 0, 1], null, null))
    assert.deepStrictEqual(values(objects, "a"), ["both seen"])
  })

  it("a removal takes what its writer had seen and leaves what is concurrent", () => {
    const { objects, entry } = withObject(
      [set(2, 5, toAnn(["a"], 1), toAnn(["b"], 1)), ann, []],
      [set(1, 6, toAnn(["a"], 2)), bob, [1]],
      [set(1, 9, remove(ann, 1, ["a"]), remove(ann, 1, ["b"])), cy, [3]]
    )
    assert.strictEqual(objects.shown(entry, "a"), 2)
    assert.strictEqual(objects.shown(entry, "b"), undefined)
  })

  it("[S28] what arrives while a flush waits is no dependency of the change set made before: both stay", () => {
    const { objects } = withObject([set(2, 10, toAnn(["a"], "mine")), ann, []])
    assert.isTrue(objects.apply(set(1, 11, toAnn(["a"], "theirs")), bob, [1], null, null))
    assert.deepStrictEqual(values(objects, "a"), ["theirs", "mine"])
    assert.isTrue(objects.apply(set(3, 12, toAnn(["b"], 1)), ann, [0, 1], null, null))
    assert.deepStrictEqual(
      values(objects, "a"),
      ["theirs", "mine"],
      "a later change set with the dependency leaves the other place alone"
    )
  })

  it("[S33] a change set that names what its writer cannot have seen is void, all of it", () => {
    const { objects, entry } = withObject([set(2, 1, toAnn(["a"], 1)), ann, []])
    const before = stateHash(objects, hash)
    const named: ReadonlyArray<Mutation> = [
      put(ann, 9, ["a"], 2),
      put(ann, 0, ["a"], 2),
      put(bob, 2, ["a"], 2),
      put(cy, 1, ["a"], 2),
      put(77, 1, ["a"], 2),
      toAnn(["a"], new ObjectRef(cy, 1)),
      toAnn(["a"], [1, [new ObjectRef(ann, 3)]]),
      toAnn(["a"], map({ x: map({ y: new ObjectRef(bob, 2) }) })),
      life(cy, 3, true),
      remove(cy, 3, ["a"])
    ]
    for (const mutation of named) {
      const changeSet = set(1, 5, toAnn(["a"], "never"), mutation)
      assert.isFalse(admissible(changeSet, bob, [2], null))
      assert.isFalse(objects.apply(changeSet, bob, [2], null, null))
    }
    assert.strictEqual(stateHash(objects, hash), before)
    assert.strictEqual(objects.shown(entry, "a"), 1)
    assert.isTrue(admissible(set(3, 5, create("Task", 1), put(bob, 3, ["a"], new ObjectRef(bob, 1))), bob, [2], null))
  })

  it("a feed of the block's table that is not known here is outside every context", () => {
    const { objects } = withObject()
    assert.isFalse(objects.apply(set(1, 5, put(1, 1, ["a"], 1)), bob, [1], [bob, -1], null))
    assert.isTrue(objects.apply(set(1, 5, put(1, 1, ["a"], new ObjectRef(1, 1))), bob, [1], [bob, ann], null))
    assert.deepStrictEqual(objects.shown(objects.find(ann, 1)!, "a"), new ObjectRef(ann, 1))
  })

  it("[S24] __proto__ in a value reaches no prototype", () => {
    const { objects, entry } = withObject([set(1, 5, toAnn(["__proto__"], map({ polluted: true }))), bob, [1]])
    assert.strictEqual((objects.shown(entry, "__proto__") as Record<string, unknown>)["polluted"], true)
    assert.strictEqual(({} as Record<string, unknown>)["polluted"], undefined)
  })

  it("bytes and arrays of a decoded change set are kept apart from the block that they came in", () => {
    const block = Uint8Array.of(1, 2, 3)
    const { objects, entry } = withObject([set(1, 5, toAnn(["a"], block)), bob, [1]])
    objects.apply(set(2, 6, put(1, 1, ["b"], [block])), bob, [1], [bob, ann], null)
    block[0] = 9
    assert.deepStrictEqual(objects.shown(entry, "b"), [Uint8Array.of(1, 2, 3)])
  })
})

describe("Objects: nested records", () => {
  it("a put of a map writes its leaves; edits beside each other merge", () => {
    const { objects, entry } = withObject(
      [set(2, 5, toAnn(["a"], map({ x: 1, y: map({ z: 2 }) }))), ann, []],
      [set(1, 6, toAnn(["a", "x"], 10)), bob, [2]],
      [set(1, 6, toAnn(["a", "y", "z"], 20)), cy, [2]]
    )
    assert.deepStrictEqual(plain(objects.shown(entry, "a")), { x: 10, y: { z: 20 } })
  })

  it("a put of a map takes the covered heads below and leaves concurrent deeper ones", () => {
    const { objects, entry } = withObject(
      [set(2, 5, toAnn(["a"], map({ x: 1, y: 2 }))), ann, []],
      [set(1, 6, toAnn(["a", "w"], "bob")), bob, [2]],
      [set(3, 7, toAnn(["a"], map({ q: 3 }))), ann, []]
    )
    assert.deepStrictEqual(plain(objects.shown(entry, "a")), { q: 3, w: "bob" })
  })

  it("a plain value takes the record that its writer had seen", () => {
    const { objects, entry } = withObject(
      [set(2, 5, toAnn(["a"], map({ x: 1 }))), ann, []],
      [set(1, 1, toAnn(["a"], "flat")), bob, [2]]
    )
    assert.strictEqual(objects.shown(entry, "a"), "flat")
    assert.deepStrictEqual(values(objects, ["a", "x"]), [])
  })

  it("a plain value is shown over a concurrent record only with a greater stamp than all of it", () => {
    const record = set(2, 5, toAnn(["a"], map({ x: 1 })))
    const scalar = set(1, 6, toAnn(["a"], "flat"))
    const { objects, entry } = withObject([record, ann, []], [scalar, bob, [1]])
    assert.strictEqual(objects.shown(entry, "a"), "flat")
    assert.deepStrictEqual(values(objects, "a"), ["flat", { x: 1 }])
    objects.apply(set(1, 7, toAnn(["a", "y"], 2)), cy, [2], null, null)
    assert.deepStrictEqual(plain(objects.shown(entry, "a")), { x: 1, y: 2 })
    assert.deepStrictEqual(values(objects, "a"), [{ x: 1, y: 2 }, "flat"])
  })

  it("a deeper put takes the covered plain value above it and leaves the markers", () => {
    const { objects, entry } = withObject(
      [set(2, 5, toAnn(["a"], "flat")), ann, []],
      [set(1, 4, toAnn(["a", "x", "y"], 1)), bob, [2]]
    )
    assert.deepStrictEqual(plain(objects.shown(entry, "a")), { x: { y: 1 } })
    assert.lengthOf(objects.conflicts(entry, "a"), 1)
  })

  it("an empty map is a record that stays when its keys go", () => {
    const { objects, entry } = withObject([set(2, 5, toAnn(["a"], map({ x: 1 })), remove(ann, 1, ["a", "x"])), ann, []])
    assert.deepStrictEqual(plain(objects.shown(entry, "a")), {})
    objects.apply(set(4, 6, remove(ann, 1, ["a"])), ann, [], null, null)
    assert.strictEqual(objects.shown(entry, "a"), undefined)
  })

  it("a removal below a plain value takes the covered plain value too", () => {
    const { objects, entry } = withObject([set(2, 5, toAnn(["a"], "flat"), remove(ann, 1, ["a", "x"])), ann, []])
    assert.strictEqual(objects.shown(entry, "a"), undefined)
  })

  it("free keys that come and go leave nothing", () => {
    const { objects, entry } = withObject()
    for (let i = 0; i < 5000; i++) {
      objects.apply(
        set(2 + 2 * i, 5, toAnn([`k${i}`], i), ...(i > 100 ? [remove(ann, 1, [`k${i - 100}`])] : [])),
        ann,
        [],
        null,
        null
      )
    }
    assert.isAtMost(entry.cells.length, 3 * 200)
    assert.strictEqual(objects.shown(entry, "k4950"), 4950)
    assert.strictEqual(objects.shown(entry, "k4000"), undefined)
  })
})

describe("Objects: life, orphans", () => {
  it("deletion hides, concurrent edits are kept, restoring shows them", () => {
    const { objects, entry } = withObject([set(2, 5, life(ann, 1, true)), ann, []], [set(1, 6, toAnn(["a"], "late")), bob, [1]])
    assert.isTrue(entry.isDeleted)
    objects.apply(set(1, 1, life(ann, 1, false)), cy, [2], null, null)
    assert.isFalse(entry.isDeleted)
    assert.strictEqual(objects.shown(entry, "a"), "late")
  })

  it("heads of an object whose header is not here are kept and listed as an orphan", () => {
    const { objects } = withObject([set(2, 5, toAnn(["a"], 1)), ann, []])
    objects.apply(set(3, 6, put(ann, 2, ["b"], "copy me out")), ann, [], null, null)
    assert.deepStrictEqual(
      [...objects.orphans()].map((entry) => objects.shown(entry, "b")),
      ["copy me out"]
    )
    objects.apply(set(4, 6, remove(ann, 2, ["b"])), ann, [], null, null)
    assert.deepStrictEqual([...objects.orphans()], [])
    assert.strictEqual(objects.find(ann, 2), undefined)
  })
})

describe("Objects: time", () => {
  it("[S17] a clock in 2248 is not followed: the next edit wins because it saw", () => {
    const wall = Date.UTC(2026, 6, 1)
    const { objects, entry } = withObject([set(1, timeMax, toAnn(["a"], "2248")), bob, [1]])
    const time = nextTime(wall, objects.greatestTime)
    assert.strictEqual(time, (wall + 86_400_000) * 1024 + 1)
    objects.apply(set(2, time, toAnn(["a"], "next")), ann, [0, 1], null, null)
    assert.strictEqual(objects.shown(entry, "a"), "next")
  })

  it("[S40] the greatest time is an ordinary value, and the order stays total", () => {
    assert.strictEqual(nextTime(timeMax / 1024, timeMax), timeMax)
    assert.strictEqual(nextTime(5, 0), 5121)
    assert.strictEqual(nextTime(5, 5121), 5122)
    const { objects, entry } = withObject(
      [set(1, timeMax, toAnn(["a"], "bob")), bob, [1]],
      [set(1, timeMax, toAnn(["a"], "cy")), cy, [1]]
    )
    assert.strictEqual(objects.shown(entry, "a"), "cy")
  })
})

describe("Objects: what a write costs that takes little", () => {
  const keys = 3_000
  const filled = () =>
    withObject([set(2, 1, ...Array.from({ length: keys }, (_, i) => toAnn(["p", `k${i}`, "x"], i))), ann, []]).objects
  /** Bob, who saw nothing but the object, and how often was looked at what he had seen. */
  const counting = () => {
    const count = { looks: 0 }
    const context: ReadonlyArray<number> = Object.defineProperty([0], ann, {
      get: () => {
        count.looks++
        return 1
      }
    })
    return { context, count }
  }

  it("removals of what others had filled meanwhile look at it once, and not once for each", () => {
    const objects = filled()
    const { context, count } = counting()
    const removals = Array.from({ length: 1_000 }, () => remove(ann, 1, ["p"]))
    assert.isTrue(objects.apply(set(1, 1, ...removals), bob, context, null, null))
    assert.isBelow(count.looks, 3 * keys + 3 * removals.length)
    assert.strictEqual(Object.keys(objects.shown(objects.find(ann, 1)!, "p") as object).length, keys)
  })

  it("so do writes in turns with removals of what was just written", () => {
    const objects = filled()
    const { context, count } = counting()
    const turns = Array.from({ length: 2_000 }, (_, i) =>
      i % 2 === 0 ? toAnn(["p", `k${i}`, "mine"], i) : remove(ann, 1, ["p"])
    )
    assert.isTrue(objects.apply(set(1, 1, ...turns), bob, context, null, null))
    assert.isBelow(count.looks, 3 * keys + 10 * turns.length)
    assert.strictEqual(Object.keys(objects.shown(objects.find(ann, 1)!, "p") as object).length, keys)
  })
})

/** Writers who fill a record and remove what each of them has seen of it: far more keys than a search meets in vain. */
const crowdedHistory = (random: Random): ReadonlyArray<Written> => {
  const authors = [ann, bob, cy]
  const counters = [1, 0, 0]
  const contexts = authors.map(() => [1, 0, 0])
  const key = () => `k${below(random, 200)}`
  const leaf = () => below(random, 100)
  const some: ReadonlyArray<() => Mutation> = [
    ...Array.from({ length: 8 }, () => () => toAnn(["p", key()], leaf())),
    ...Array.from({ length: 8 }, () => () => toAnn(["p", key(), pick(random, ["x", "y"])], leaf())),
    () => toAnn(["p", key()], map({ x: leaf(), y: map({ z: leaf() }) })),
    () => toAnn(["p"], map(Object.fromEntries(Array.from({ length: 10 }, () => [key(), leaf()])))),
    () => remove(ann, 1, ["p"]),
    () => remove(ann, 1, ["p", key()]),
    () => toAnn(["p"], leaf())
  ]
  const fill = Array.from({ length: 150 }, (_, i) => toAnn(["p", `k${i}`], i))
  const log: Array<Written> = [{ author: ann, context: [], changeSet: set(1, 1, create("Task", 1)) }]
  for (let step = 0; step < 120; step++) {
    const author = step < 2 ? step : pick(random, authors)
    const other = pick(random, authors)
    const context = contexts[author]!
    context[other] = Math.max(context[other]!, below(random, counters[other]! + 1))
    const mutations = step < 2 ? fill : Array.from({ length: 1 + below(random, 12) }, () => pick(random, some)())
    log.push({ author, context: [...context], changeSet: set(counters[author]! + 1, below(random, 50), ...mutations) })
    counters[author]! += mutations.length
  }
  return log
}

describe("Objects against the naive model", () => {
  it("records with many keys, filled and removed by writers who have seen a part: the same heads after each change set", () => {
    let heads = 0
    for (let seed = 1; seed <= 10; seed++) {
      const naive = new NaiveObjects(feeds)
      const objects = new Objects(feeds)
      for (const [at, { author, changeSet, context }] of crowdedHistory(randomFrom(seed)).entries()) {
        const isWithheld = author === cy && at > 60
        if (isWithheld) assert.isTrue(objects.withhold(changeSet, author, context, null))
        else assert.isTrue(objects.apply(changeSet, author, context, null, null))
        assert.isTrue(naive.apply(changeSet, author, context, isWithheld))
        assert.deepStrictEqual(canonical(objects, objects.find(ann, 1)!), naive.canonical(`${ann}.1`), `seed ${seed}`)
        heads = Math.max(heads, naive.heads.length)
      }
    }
    assert.isAbove(heads, 250)
  })

  const seeds = 300

  it(`${seeds} random histories in three random orders each: same heads, same values, same hash`, () => {
    let heads = 0
    let voids = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const random = randomFrom(seed)
      const { feeds: table, log } = randomHistory(random, 4, 40)
      const naive = new NaiveObjects(table)
      const orders = [log, shuffledCausally(log, random), shuffledCausally(log, random)]
      for (const { changeSet, author, context } of log) if (!naive.apply(changeSet, author, context)) voids++
      const model = new StateSum()
      for (const object of naive.objects()) model.add(naive.canonical(object), hash)
      const expected = model.hex()
      heads += naive.heads.length
      for (const order of orders) {
        const objects = new Objects(table)
        const changes = new Changes()
        for (const written of order) {
          const { changeSet, feedOf } =
            order === log ? { changeSet: written.changeSet, feedOf: null } : throughBytes(table, written)
          objects.apply(changeSet, written.author, written.context, feedOf, changes)
        }
        compare(seed, objects, naive)
        assert.strictEqual(stateHash(objects, hash), expected, `seed ${seed}`)
      }
    }
    assert.isAbove(heads, seeds * 20)
    assert.isAbove(voids, seeds / 2)
  })
})

/** The change set as another peer decodes it. */
const throughBytes = (table: FeedTable, { author, changeSet }: Written) => {
  const bytes = encodePlain([changeSet], author, (feed) => table.id(feed))
  const plain = Result.getOrThrow(decodePlain(bytes))
  return { changeSet: plain.changeSets[0]!, feedOf: [author, ...plain.feeds.map((id) => table.find(id))] }
}

const compare = (seed: number, objects: Objects, naive: NaiveObjects): void => {
  const here = [...objects.all()]
  assert.sameMembers(
    here.map((entry) => `${entry.feed}.${entry.counter}`),
    [...naive.objects()],
    `seed ${seed}`
  )
  for (const entry of here) {
    const name = `${entry.feed}.${entry.counter}`
    assert.deepStrictEqual(canonical(objects, entry), naive.canonical(name), `seed ${seed}, object ${name}`)
    assert.strictEqual(entry.isDeleted, naive.isDeleted(name), `seed ${seed}, object ${name}`)
    assert.strictEqual(entry.kind === null, naive.isUntyped(name), `seed ${seed}, object ${name}`)
    for (const key of naive.keys(name)) {
      assert.deepStrictEqual(objects.shown(entry, key), naive.shown(name, [key]), `seed ${seed}, object ${name}, ${key}`)
    }
  }
}
