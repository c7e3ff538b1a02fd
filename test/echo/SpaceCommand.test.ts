/** Changes that are named by a command: made once, however often, in whichever life of the process, and by whatever it was lost. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { commandsKeys, decodeCommands } from "../../src/schema/echo/FeedRecords.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { spaceCommandsMax } from "../../src/schema/platform/Limits.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { elapse } from "../mesh/Elapse.ts"
import { alone, changeSet } from "./FeedDevices.ts"
import { bytesOf, reach } from "./ReachedPeer.ts"

const Task = ObjectType.make("Task", { title: Schema.String, done: Schema.optionalKey(Schema.Boolean) })

const Note = ObjectType.make("Note", { title: Schema.String })
const Point = Schema.Struct({ x: Schema.Number, y: Schema.Number })
const Place = ObjectType.make("Place", { at: Point, size: Point })

const titles = (space: Space) =>
  Effect.map(space.query(Task, { orderBy: "title" }).all, (tasks) => tasks.map(({ title }) => title))

/** One peer on a disk that outlasts it. `again` closes it and starts it anew. */
const lasting = Effect.gen(function* () {
  const disk = StorageMemory.make()
  const first = yield* reach({ disk })
  const home = yield* first.peer.spaces.create({ name: "Home" })
  const again = Effect.gen(function* () {
    const next = yield* reach({ disk })
    return { ...next, home: yield* next.peer.spaces.open(home.ticket) }
  })
  const records = Effect.orDie(disk.range({ ...commandsKeys(bytesOf(home.id), null), limit: 10_000 }))
  return { ...first, home, again, records }
})

const defectOf = <A, E>(exit: Exit.Exit<A, E>): string =>
  Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "it went well"

describe("a change with a command", () => {
  it.effect("is made once, and a repetition is answered as the first was", () =>
    Effect.gen(function* () {
      const { home } = yield* lasting
      const old = yield* home.create(Task, { title: "old" })
      // #region command
      const both = home.change(
        (transaction) => {
          transaction.update(old, { done: true })
          return [transaction.create(Task, { title: "a" }), transaction.create(Task, { title: "b" })] as const
        },
        { command: "two tasks" }
      )
      const first = yield* both
      const second = yield* both
      // #endregion command
      assert.deepStrictEqual(second, first)
      assert.deepStrictEqual(yield* titles(home), ["a", "b", "old"])
      assert.strictEqual((yield* home.get(Task, second.value[1].id))?.title, "b")
      // each kind of write takes one
      yield* home.update(old, { title: "new" }, { command: "rename" })
      yield* home.update(old, { title: "newest" })
      assert.strictEqual((yield* home.update(old, { title: "new" }, { command: "rename" })).title, "newest")
      yield* home.delete(old, { command: "delete" })
      yield* home.restore(old)
      yield* home.delete(old, { command: "delete" })
      assert.deepStrictEqual(yield* titles(home), ["a", "b", "newest"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is made once when it is repeated before the first is durable", () =>
    Effect.gen(function* () {
      const { home, weather } = yield* lasting
      weather.gate.closeUnsafe()
      const milk = home.change((transaction) => transaction.create(Task, { title: "milk" }), { command: "milk" })
      const all = yield* Effect.forkChild(Effect.all([milk, milk, milk], { concurrency: 3 }), { startImmediately: true })
      yield* elapse("10 millis")
      assert.deepStrictEqual(yield* titles(home), ["milk"])
      yield* weather.gate.open
      const [first, second, third] = yield* Fiber.join(all)
      assert.deepStrictEqual([second, third], [first, first])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is made when it is repeated because it was not stored", () =>
    Effect.gen(function* () {
      const { home, weather } = yield* lasting
      const milk = home.create(Task, { title: "milk" }, { command: "milk" })
      weather.failing = "both"
      assert.strictEqual((yield* Effect.flip(milk))._tag, "FlushFailed")
      weather.failing = null
      assert.deepStrictEqual(yield* titles(home), [])
      yield* milk
      yield* milk
      assert.deepStrictEqual(yield* titles(home), ["milk"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is made once across a restart of the process, relaxed or not", () =>
    Effect.gen(function* () {
      const { again, home } = yield* lasting
      const milk = (space: Space) => space.create(Task, { title: "milk" }, { command: "milk" })
      const bread = (space: Space) => space.create(Task, { title: "bread" }, { command: "bread", durability: "relaxed" })
      const ids = [(yield* milk(home)).id, (yield* bread(home)).id]
      yield* home.close
      const { home: next } = yield* again
      assert.deepStrictEqual([(yield* milk(next)).id, (yield* bread(next)).id], ids)
      assert.deepStrictEqual(yield* titles(next), ["bread", "milk"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is not taken for made when its block was relaxed and dropped, and another stands in its place", () =>
    Effect.gen(function* () {
      const { again, home, records, weather } = yield* lasting
      weather.failing = "strict"
      yield* home.create(Task, { title: "milk" }, { command: "milk", durability: "relaxed" })
      assert.strictEqual((yield* records).length, 1)
      assert.strictEqual((yield* Effect.flip(home.create(Task, { title: "lost" })))._tag, "FlushFailed")
      weather.failing = null
      yield* home.create(Task, { title: "bread" })
      assert.deepStrictEqual(yield* records, [])
      yield* home.close
      const { home: next } = yield* again
      assert.deepStrictEqual(yield* titles(next), ["bread"])
      yield* next.create(Task, { title: "milk" }, { command: "milk" })
      assert.deepStrictEqual(yield* titles(next), ["bread", "milk"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is forgotten after so many others, on the disk as well", () =>
    Effect.gen(function* () {
      const { again, home, records } = yield* lasting
      const one = (space: Space, n: number) => space.create(Task, { title: `${n}` }, { command: `${n}` })
      const [each, all] = [100, 2 * spaceCommandsMax]
      for (let n = 0; n < all; n += each) {
        yield* Effect.forEach(Array.from({ length: each }), (_, i) => one(home, n + i), { concurrency: each })
      }
      const count = (space: Space) => Effect.map(space.query(Task).all, ({ length }) => length)
      assert.strictEqual(yield* count(home), all)
      const remembered = (yield* records).reduce((sum, { value }) => sum + Result.getOrThrow(decodeCommands(value)).length, 0)
      assert.isAtLeast(remembered, spaceCommandsMax)
      assert.isBelow(remembered, spaceCommandsMax + 2 * each)
      yield* home.close
      const { home: next } = yield* again
      yield* Effect.forEach([all - spaceCommandsMax, all - 1], (n) => one(next, n))
      assert.strictEqual(yield* count(next), all)
      yield* one(next, 0)
      assert.strictEqual(yield* count(next), all + 1)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is not forgotten for others whose relaxed blocks were dropped", () =>
    Effect.gen(function* () {
      const { again, home, weather } = yield* lasting
      const all = (space: Space, kind: string, durability: "strict" | "relaxed") =>
        Effect.forEach(
          Array.from({ length: spaceCommandsMax }, (_, i) => `${kind} ${i}`),
          (title) => space.create(Task, { title }, { command: title, durability }),
          { concurrency: 100 }
        )
      const first = yield* all(home, "strict", "strict")
      weather.failing = "strict"
      yield* all(home, "relaxed", "relaxed")
      assert.strictEqual((yield* Effect.flip(home.create(Task, { title: "lost" })))._tag, "FlushFailed")
      weather.failing = null
      yield* home.close
      const { home: next } = yield* again
      assert.deepStrictEqual(yield* all(next, "strict", "strict"), first)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is not taken for made by a restart of the space when its block was taken back before", () =>
    Effect.gen(function* () {
      const { home, peer, weather } = yield* lasting
      weather.failing = "strict"
      yield* home.create(Task, { title: "milk" }, { command: "milk", durability: "relaxed" })
      assert.strictEqual((yield* Effect.flip(home.create(Task, { title: "lost" })))._tag, "FlushFailed")
      yield* home.close
      weather.failing = null
      const next = yield* peer.spaces.open(home.ticket)
      assert.deepStrictEqual(yield* titles(next), [])
      yield* next.create(Task, { title: "milk" }, { command: "milk" })
      assert.deepStrictEqual(yield* titles(next), ["milk"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("does not count once its block lies beyond a fork", () =>
    Effect.gen(function* () {
      const { feeds, writer } = yield* alone
      const flushed = Latch.makeUnsafe(false)
      writer.offer([changeSet(1)], "strict", () => flushed.openUnsafe(), "milk")
      yield* flushed.await
      assert.deepStrictEqual(feeds.command("milk"), { feed: writer.feed, index: 0, first: 1 })
      Object.assign(writer.feed, { frozenAt: 0 })
      assert.isNull(feeds.command("milk"))
    })
  )

  it.effect("is refused where its command has named another, and what was made stands", () =>
    Effect.gen(function* () {
      const { home } = yield* lasting
      const milk = yield* home.create(Task, { title: "milk" }, { command: "milk" })
      const old = yield* home.create(Task, { title: "old" })
      const two = ["a", "b"] as const
      yield* home.change((transaction) => two.map((title) => transaction.create(Task, { title })), { command: "two" })
      yield* home.update(milk, { title: "Milk" }, { command: "rename" })
      yield* home.delete(old, { command: "delete" })
      const before = yield* home.stateHash
      const others: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        home.create(Note, { title: "milk" }, { command: "milk" }),
        home.create(Task, { title: "milk", done: true }, { command: "milk" }),
        home.delete(milk, { command: "milk" }),
        home.update(milk, { title: "bread" }, { command: "milk" }),
        home.change(() => "nothing", { command: "milk" }),
        home.change((transaction) => transaction.create(Task, { title: "a" }), { command: "two" }),
        home.change((transaction) => [...two, "c"].map((title) => transaction.create(Task, { title })), { command: "two" }),
        home.update(old, { title: "Milk" }, { command: "rename" }),
        home.update(milk, { done: true }, { command: "rename" }),
        home.restore(old, { command: "delete" }),
        home.delete(milk, { command: "delete" })
      ]
      for (const other of others) assert.match(defectOf(yield* Effect.exit(other)), /names another change already/)
      assert.strictEqual(yield* home.stateHash, before)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("answers what is stored, whatever a repetition gives", () =>
    Effect.gen(function* () {
      const { again, home } = yield* lasting
      const milk = yield* home.create(Task, { title: "milk" }, { command: "milk" })
      const second = yield* home.create(Task, { title: "bread" }, { command: "milk" })
      assert.deepStrictEqual([second.id, second.title], [milk.id, "milk"])
      yield* home.update(milk, { title: "Milk" }, { command: "rename" })
      assert.strictEqual((yield* home.update(milk, { title: "bread" }, { command: "rename" })).title, "Milk")
      yield* home.close
      const { home: next } = yield* again
      const one = next.change((transaction) => transaction.create(Task, { title: "bread" }).title, { command: "milk" })
      assert.strictEqual((yield* one).value, "Milk")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is known again by the records that it wrote, of which nothing differs by now", () =>
    Effect.gen(function* () {
      const { home } = yield* lasting
      const place = yield* home.create(Place, { at: { x: 1, y: 1 }, size: { x: 1, y: 1 } })
      const move = (x: number, command: string) => home.update(place, { at: { x, y: 1 }, size: { x: 1, y: 1 } }, { command })
      yield* move(2, "move")
      yield* move(2, "move")
      yield* home.update(place, { at: { x: 3, y: 3 } })
      assert.deepStrictEqual((yield* move(2, "move")).at, { x: 3, y: 3 })
      const other = home.update(place, { size: { x: 2, y: 2 } }, { command: "move" })
      assert.match(defectOf(yield* Effect.exit(other)), /names another change already/)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("cannot have a command that is no name", () =>
    Effect.gen(function* () {
      const { home } = yield* lasting
      yield* home.create(Task, { title: "milk" }, { command: "once" })
      for (const command of ["", "x".repeat(257), "\ud800", 7 as unknown as string]) {
        assert.match(defectOf(yield* Effect.exit(home.create(Task, { title: "x" }, { command }))), /command/)
      }
      assert.deepStrictEqual(yield* titles(home), ["milk"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
