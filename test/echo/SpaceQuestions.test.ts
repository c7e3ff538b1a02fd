/** What queries and conflicts answer to questions that are nearly right, and to conflicts within records. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { PropertyUnknown } from "../../src/schema/echo/Query.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"

const Task = ObjectType.make("Task", {
  title: Schema.String,
  n: Schema.optionalKey(Schema.Number),
  rec: Schema.optionalKey(Schema.Struct({ a: Schema.Number, b: Schema.Number }))
})
type Bad = never

const unknown = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    assert.isTrue(Exit.isFailure(exit))
    const error = Cause.squash((exit as Exit.Failure<unknown, unknown>).cause)
    assert.instanceOf(error, PropertyUnknown)
    return (error as PropertyUnknown).message
  })

describe("a query", () => {
  it.live("for a property that is none is told so, whatever it asks of it", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home" })
      const milk = yield* home.create(Task, { title: "Milk" })
      const only = "the properties of Task are title, n, rec."
      const asking = (options: object) => unknown(home.query(Task, options as Bad).all)
      assert.strictEqual(yield* asking({ where: { nope: 1 } }), `where cannot ask for "nope": ${only}`)
      assert.strictEqual(yield* asking({ where: { nope: undefined } }), `where cannot ask for "nope": ${only}`)
      assert.strictEqual(yield* asking({ orderBy: "nope" }), `orderBy cannot ask for "nope": ${only}`)
      assert.strictEqual(
        yield* asking({ where: { id: milk.id } }),
        `where cannot ask for "id": ${only} To find an object by its id, use get(Task, id).`
      )
      assert.strictEqual(
        yield* asking({ orderBy: "id" }),
        `orderBy cannot ask for "id": ${only} Without orderBy, objects come in the order of their ids.`
      )
      const live = home.query(Task, { where: { nope: undefined } } as Bad).changes
      assert.include(yield* unknown(Stream.runHead(live)), `"nope"`)
      assert.strictEqual(yield* unknown(home.conflicts(milk, "nope" as Bad)), `conflicts cannot ask for "nope": ${only}`)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("for 0 finds −0, and for −0 finds 0, also while it lives", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home" })
      const minus = yield* home.create(Task, { title: "minus", n: -0 })
      yield* home.create(Task, { title: "plus", n: 0 })
      for (const n of [0, -0]) {
        assert.lengthOf(yield* home.query(Task, { where: { n } }).all, 2)
        const first = yield* Stream.runHead(home.query(Task, { where: { n } }).changes)
        assert.lengthOf(first._tag === "Some" ? first.value.added : [], 2)
      }
      assert.isTrue(Object.is((yield* home.get(Task, minus.id))?.n, -0))
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("conflicts", () => {
  it.live("within a record are shown by its property, and name their writer as a receipt does", () =>
    Effect.gen(function* () {
      const alice = yield* PeerMemory.open
      const bob = yield* PeerMemory.open
      const home = yield* alice.spaces.create({ name: "Home", members: [bob.device] })
      const same = yield* bob.spaces.open(home.ticket)
      const milk = yield* home.create(Task, { title: "Milk", rec: { a: 1, b: 1 } })
      const there = yield* same.query(Task).first
      assert.lengthOf(yield* home.conflicts(milk, "rec"), 1, "one when nobody disagrees")
      const network = yield* MemoryNetwork
      yield* network.cut("reset")
      const { receipt: byAlice } = yield* home.change((transaction) => transaction.update(milk, { rec: { a: 2, b: 1 } }))
      const { receipt: byBob } = yield* same.change((transaction) => transaction.update(there, { rec: { a: 3, b: 1 } }))
      yield* network.heal
      yield* home.synced(bob.device)
      yield* same.synced(alice.device)
      for (const space of [home, same]) {
        yield* space.status.pipe(
          Stream.mapEffect(() => space.conflictCount),
          Stream.filter((count) => count === 1),
          Stream.take(1),
          Stream.runDrain
        )
        const [whole, ...parts] = yield* space.conflicts(milk, "rec")
        assert.deepStrictEqual(whole?.path, ["rec"])
        assert.deepStrictEqual(
          parts.map(({ path, value }) => [path, value]).sort(([, a], [, b]) => Number(a) - Number(b)),
          [
            [["rec", "a"], 2],
            [["rec", "a"], 3]
          ]
        )
        const writers = parts.map(({ dot }) => `${dot.feed}.${dot.counter}`).sort()
        assert.deepStrictEqual(writers, [byAlice, byBob].map((receipt) => `${receipt!.feed}.${receipt!.first}`).sort())
      }
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
