/** The naive model of the demo: its rules one by one, and against the product on histories that chance makes. */

import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Base64Url from "effect/encoding/Base64Url"
import { type Change, type Mutation, Naive } from "../../demo/naive.ts"
import * as ChangeSet from "../../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { Objects } from "../../src/schema/echo/Objects.ts"
import { conflictedPaths } from "../../src/schema/echo/Shown.ts"
import { stateHash } from "../../src/schema/echo/StateHash.ts"

const feedId = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const feed = (n: number): string => Base64Url.encode(feedId(n))
const hash = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()
const alice = feed(1)
const bob = feed(2)
const task = `${alice}.1`

const change = (
  of: string,
  first: number,
  time: number,
  mutations: ReadonlyArray<Mutation>,
  seen: Change["deps"] = []
): Change => ({
  feed: of,
  first,
  time,
  deps: seen,
  mutations
})
const created = change(alice, 1, 10, [
  { op: "create", type: "Task", version: 1 },
  { op: "put", object: task, path: ["title"], value: "Milk" }
])
const put = (value: ChangeSet.Value, ...path: ReadonlyArray<string>): Mutation => ({ op: "put", object: task, path, value })

describe("Naive", () => {
  it("counts what was not seen as a conflict, and what was seen as replaced", () => {
    const a = change(alice, 3, 20, [put("Oat milk", "title")])
    const unseeing = change(bob, 1, 15, [put("Soy milk", "title")], [{ feed: alice, counter: 2 }])
    const seeing = change(bob, 1, 15, [put("Soy milk", "title")], [{ feed: alice, counter: 3 }])
    assert.strictEqual(new Naive([created, a, unseeing]).outcome().conflicts, 1)
    assert.strictEqual(new Naive([created, a, seeing]).outcome().conflicts, 0)
    assert.strictEqual(new Naive([created, a, unseeing]).headsAt(task, "title"), 2)
    assert.strictEqual(new Naive([created, a, seeing]).headsAt(task, "title"), 1)
    assert.strictEqual(new Naive([created]).headsAt(task, "done"), 0)
  })

  it("does not care in which order change sets are given", () => {
    const a = change(alice, 3, 20, [put({ lat: 1, lng: 2 }, "spot")])
    const b = change(bob, 1, 15, [put("here", "spot"), put(true, "done")], [{ feed: alice, counter: 2 }])
    assert.deepStrictEqual(new Naive([b, a, created]).outcome(), new Naive([created, a, b]).outcome())
    assert.strictEqual(new Naive([b, a, created]).outcome().conflicts, 1)
  })

  it("sums what a feed has seen over all its change sets", () => {
    const first = change(bob, 1, 15, [put(1, "a")], [{ feed: alice, counter: 2 }])
    const later = change(bob, 2, 16, [put("Soy milk", "title")])
    assert.strictEqual(new Naive([created, first, later]).outcome().conflicts, 0)
  })

  it("hides what was deleted, shows what was restored, and keeps both in the hash", () => {
    const gone = change(alice, 3, 20, [{ op: "life", object: task, isDeleted: true }])
    const back = change(bob, 1, 21, [{ op: "life", object: task, isDeleted: false }], [{ feed: alice, counter: 3 }])
    assert.deepStrictEqual(new Naive([created, gone]).outcome().objects, {})
    assert.deepStrictEqual(new Naive([created, gone, back]).outcome().objects, { Task: 1 })
    assert.notStrictEqual(new Naive([created, gone, back]).outcome().stateHash, new Naive([created]).outcome().stateHash)
  })

  it("refuses to know an object that nobody made", () => {
    assert.throws(() => new Naive([change(alice, 1, 10, [put(1, "a")])]), /knows no object/)
  })

  it("keeps what is written to an object whose making is void, without counting the object", () => {
    const later = change(alice, 3, 20, [put("Soy milk", "title")])
    const { objects, stateHash: hashed } = new Naive([{ ...created, mutations: [] }, later], [task]).outcome()
    const feeds = new FeedTable()
    const product = new Objects(feeds)
    const one = feeds.intern(feedId(1))
    const put1 = ChangeSet.put(one, 1, ["title"], "Soy milk")
    assert.isTrue(product.apply({ first: 3, time: 20, deps: null, mutations: [put1] }, one, [0], null, null))
    assert.strictEqual(hashed, stateHash(product, hash))
    assert.deepStrictEqual(objects, {})
    assert.strictEqual(new Naive([], [task]).outcome().stateHash, new Naive([]).outcome().stateHash)
  })

  it("comes to the state of the product, whatever three writers do and see", () => {
    let conflicts = 0
    for (let seed = 1; seed <= 150; seed++) {
      const { changes, product } = history(seed)
      const outcome = new Naive(changes).outcome()
      assert.strictEqual(outcome.stateHash, stateHash(product, hash), `seed ${seed}`)
      let contested = 0
      for (const entry of product.all()) for (const _ of conflictedPaths(entry)) contested++
      assert.strictEqual(outcome.conflicts, contested, `seed ${seed}`)
      conflicts += contested
    }
    assert.isAbove(conflicts, 100)
  })
})

const toProduct = (mutation: Mutation, feeds: FeedTable): ChangeSet.Mutation => {
  if (mutation.op === "create") return ChangeSet.create(mutation.type, mutation.version)
  const [of, counter] = mutation.object.split(".") as [string, string]
  const number = feeds.findText(of)
  if (mutation.op === "life") return ChangeSet.life(number, Number(counter), mutation.isDeleted)
  return mutation.op === "put"
    ? ChangeSet.put(number, Number(counter), mutation.path, mutation.value)
    : ChangeSet.remove(number, Number(counter), mutation.path)
}

const record = (lat: number): ChangeSet.Value => Object.assign(Object.create(null), { lat, lng: -lat })

/** Three writers, each with its own view of the others that grows now and then; one replica that is told of all in turn. */
const history = (seed: number): { readonly changes: ReadonlyArray<Change>; readonly product: Objects } => {
  let state = seed * 7919
  const draw = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
  const feeds = new FeedTable()
  for (const n of [1, 2, 3]) feeds.intern(feedId(n))
  const product = new Objects(feeds)
  const counters = [0, 0, 0]
  const views = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0]
  ]
  const changes: Array<Change> = []
  const made: Array<{ readonly id: string; readonly feed: number; readonly counter: number }> = []
  for (let round = 0; round < 60; round++) {
    const author = draw(3)
    const view = views[author]!
    const deps: Array<{ readonly feed: string; readonly counter: number }> = []
    for (let other = 0; other < 3; other++) {
      if (other === author || counters[other] === view[other] || draw(3) > 0) continue
      // whoever sees a writer sees what that writer had seen
      for (let third = 0; third < 3; third++) {
        const reached = third === other ? counters[other]! : third === author ? 0 : views[other]![third]!
        if (reached <= view[third]!) continue
        view[third] = reached
        deps.push({ feed: feeds.text(third), counter: reached })
      }
    }
    view[author] = counters[author]!
    const first = counters[author]! + 1
    const known = made.filter((object) => object.counter <= view[object.feed]!)
    const object = known[draw(Math.max(1, known.length))]
    const mutations: Array<Mutation> = []
    if (object === undefined || draw(6) === 0) {
      const id = `${feeds.text(author)}.${first}`
      made.push({ id, feed: author, counter: first })
      mutations.push({ op: "create", type: "Thing", version: 1 }, { op: "put", object: id, path: ["a"], value: round })
    } else {
      const paths = [["a"], ["b"], ["spot"], ["spot", "lat"]]
      const path = paths[draw(paths.length)]!
      const kind = draw(8)
      if (kind === 0) mutations.push({ op: "remove", object: object.id, path })
      else if (kind === 1) mutations.push({ op: "life", object: object.id, isDeleted: draw(2) === 0 })
      else if (kind === 2) mutations.push({ op: "put", object: object.id, path: ["spot"], value: record(round) })
      else mutations.push({ op: "put", object: object.id, path, value: `${round}` })
    }
    const done = { feed: feeds.text(author), first, time: 100 + draw(40), deps, mutations }
    changes.push(done)
    const plain = { first, time: done.time, deps: null, mutations: mutations.map((each) => toProduct(each, feeds)) }
    assert.isTrue(product.apply(plain, author, [...view], null, null))
    counters[author] = first + mutations.length - 1
  }
  return { changes, product }
}
