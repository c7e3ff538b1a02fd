/** Spaces as applications use them: one peer alone, two that meet, and what happens when storage or the network fails. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"

const Task = ObjectType.make("Task", { title: Schema.String, done: Schema.Boolean })

const together = Effect.gen(function* () {
  const alice = yield* PeerMemory.open
  const bob = yield* PeerMemory.open
  const home = yield* alice.spaces.create({ name: "Home", members: [bob.device] })
  const same = yield* bob.spaces.open(home.ticket)
  return { alice, bob, home, same }
})

const bothWays = Effect.gen(function* () {
  const all = yield* together
  yield* all.home.synced(all.bob.device)
  yield* all.same.synced(all.alice.device)
  return all
})

describe("SpaceService", () => {
  it.live("creates, reads, updates, hides and restores objects", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home" })
      assert.strictEqual(yield* home.name, "Home")
      const milk = yield* home.create(Task, { title: "Milk", done: false })
      const bread = yield* home.create(Task, { title: "Bread", done: true })
      assert.deepStrictEqual({ ...(yield* home.get(Task, milk.id)) }, { id: milk.id, title: "Milk", done: false })
      const done = yield* home.update(milk, { done: true })
      assert.isTrue(done.done)
      assert.strictEqual((yield* home.query(Task, { where: { done: true } }).all).length, 2)
      yield* home.delete(bread)
      assert.isUndefined(yield* home.get(Task, bread.id))
      yield* home.restore(bread)
      assert.strictEqual((yield* home.get(Task, bread.id))?.title, "Bread")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("commits several objects as one change set, or none of them", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home" })
      const { value, receipt } = yield* home.change((transaction) => {
        const first = transaction.create(Task, { title: "a", done: false })
        transaction.update(first, { title: "b" })
        return [first, transaction.create(Task, { title: "c", done: false })]
      })
      assert.strictEqual(receipt?.count, 7)
      assert.deepStrictEqual(
        (yield* home.query(Task, { orderBy: "title" }).all).map((task) => task.title),
        ["b", "c"]
      )
      const stranger = { ...value[0]!, id: `${value[0]!.id}9` }
      const refused = yield* Effect.flip(
        home.change((transaction) => {
          transaction.create(Task, { title: "d", done: false })
          transaction.delete(stranger)
        })
      )
      assert.strictEqual(refused._tag, "ObjectMissing")
      assert.strictEqual((yield* home.query(Task).all).length, 2)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("tells a live query what is there, then every change", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home" })
      const milk = yield* home.create(Task, { title: "Milk", done: false })
      const seen = yield* home
        .query(Task, { where: { done: false } })
        .changes.pipe(Stream.take(2), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
      yield* Effect.yieldNow
      yield* home.update(milk, { done: true })
      const [first, second] = yield* Fiber.join(seen)
      assert.deepStrictEqual(
        first?.added.map((task) => task.title),
        ["Milk"]
      )
      assert.deepStrictEqual(
        second?.removed.map((task) => task.title),
        ["Milk"]
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("two peers see what both write, and agree", () =>
    Effect.gen(function* () {
      const { alice, bob, home, same } = yield* together
      const milk = yield* home.create(Task, { title: "Milk", done: false })
      yield* home.synced(bob.device)
      yield* same.query(Task).changes.pipe(
        Stream.filter((delta) => delta.added.some((task) => task.id === milk.id)),
        Stream.take(1),
        Stream.runDrain
      )
      yield* same.update(milk, { done: true })
      yield* same.synced(alice.device)
      yield* home.query(Task, { where: { done: true } }).changes.pipe(
        Stream.filter((delta) => delta.added.length > 0),
        Stream.take(1),
        Stream.runDrain
      )
      assert.strictEqual(yield* home.stateHash, yield* same.stateHash)
      assert.strictEqual(yield* home.frontier, yield* same.frontier)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("keeps both values of a concurrent write, and shows the same one everywhere", () =>
    Effect.gen(function* () {
      const { alice, bob, home, same } = yield* bothWays
      const milk = yield* home.create(Task, { title: "Milk", done: false })
      yield* home.synced(bob.device)
      yield* same.query(Task).changes.pipe(
        Stream.filter((delta) => delta.added.length > 0),
        Stream.take(1),
        Stream.runDrain
      )
      const network = yield* MemoryNetwork
      yield* network.cut("reset")
      yield* home.update(milk, { title: "Oat milk" })
      yield* same.update(milk, { title: "Soy milk" })
      yield* network.heal
      yield* home.synced(bob.device)
      yield* same.synced(alice.device)
      const count = (space: typeof home) =>
        space.status.pipe(
          Stream.mapEffect(() => space.conflictCount),
          Stream.filter((conflicts) => conflicts === 1),
          Stream.take(1),
          Stream.runDrain
        )
      yield* Effect.all([count(home), count(same)], { concurrency: 2 })
      const values = (yield* home.conflicts(milk, "title")).map((conflict) => conflict.value)
      assert.deepStrictEqual([...values].sort(), ["Oat milk", "Soy milk"])
      assert.deepStrictEqual(
        (yield* same.conflicts(milk, "title")).map((conflict) => conflict.value),
        values
      )
      assert.strictEqual(yield* home.stateHash, yield* same.stateHash)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("refuses a ticket that is none, and a space that does not list this device", () =>
    Effect.gen(function* () {
      const { home } = yield* together
      const stranger = yield* PeerMemory.open
      assert.strictEqual((yield* Effect.flip(stranger.spaces.open("nonsense!")))._tag, "TicketInvalid")
      assert.strictEqual((yield* Effect.flip(stranger.spaces.open(home.ticket)))._tag, "NotMember")
      assert.strictEqual((yield* Effect.flip(stranger.spaces.create({ name: "x", members: ["me"] })))._tag, "MemberInvalid")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
