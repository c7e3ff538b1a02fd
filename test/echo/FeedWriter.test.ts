/**
 * The writer of a feed: rules F1 to F4 of FeedStore (src/layers/echo/FeedStore.ts).
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import { put } from "../../src/schema/echo/ChangeSet.ts"
import { decodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../../src/schema/echo/Feed.ts"
import { blockKey } from "../../src/schema/echo/FeedRecords.ts"
import { pendingBytesMax } from "../../src/schema/platform/Limits.ts"
import { alone, changeSet, dump, spaceId, tagOf } from "./FeedDevices.ts"

/** The change sets that a block holds. */
const contentOf = (block: Uint8Array) => Result.getOrThrow(decodePlain(Result.getOrThrow(decodeBlock(block))))

describe("FeedWriter", () => {
  it.effect("[F1] shows a block when it is durable, and neither before nor when the write failed", () =>
    Effect.gen(function* () {
      const { device, feeds, writer } = yield* alone
      const told: Array<number> = []
      yield* feeds.watch((feed) => told.push(feed.length))
      device.weather.gate.closeUnsafe()
      const appending = yield* Effect.forkChild(writer.append([changeSet(1)], "strict"), { startImmediately: true })
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      assert.strictEqual(writer.feed.length, 0)
      assert.isNull(yield* feeds.run(writer.feed.id, 0, 1_000, false))
      assert.deepStrictEqual(told, [])
      yield* device.weather.gate.open
      const { counter, head } = yield* Fiber.join(appending)
      assert.deepStrictEqual([head.length, counter, writer.feed.length, told], [1, 1, 1, [1]])
      assert.deepStrictEqual(writer.feed.root, head.root)

      device.weather.failing = "both"
      const before = yield* dump(device.inner)
      assert.strictEqual(tagOf(yield* Effect.exit(writer.append([changeSet(2)], "strict"))), "FlushFailed")
      assert.deepStrictEqual(yield* dump(device.inner), before)
      assert.deepStrictEqual([writer.feed.length, told], [1, [1]])
    })
  )

  it.effect("[F2] puts 256 concurrent changes into few blocks, each in one block and in order", () =>
    Effect.gen(function* () {
      const { device, feeds, writer } = yield* alone
      const writes = device.weather.writes.length
      const appended = yield* Effect.forEach(
        Array.from({ length: 256 }, (_, i) => i + 1),
        (first) => writer.append([changeSet(first, 1, 200)], "strict"),
        { concurrency: "unbounded" }
      )
      assert.isAtMost(writer.feed.length, 4)
      assert.strictEqual(device.weather.writes.length - writes, writer.feed.length)
      assert.strictEqual(appended.at(-1)!.counter, 256)
      const blocks = yield* feeds.read(writer.feed.id, 0, 10_000_000)
      const firsts = blocks.flatMap(({ bytes }) => contentOf(bytes).changeSets.map((each) => each.first))
      assert.deepStrictEqual(
        firsts,
        Array.from({ length: 256 }, (_, i) => i + 1)
      )
      for (const { head } of appended) assert.deepStrictEqual(blocks[head.length - 1]!.root, head.root)
    })
  )

  it.effect("[F2] parts a flush by the limits of a block, and where counters skip", () =>
    Effect.gen(function* () {
      const { device, feeds, writer } = yield* alone
      yield* writer.append([changeSet(1)], "strict")
      const writes = device.weather.writes.length
      const big = Array.from({ length: 10 }, (_, i) => changeSet(2 + i, 1, 60_000))
      const { counter, head } = yield* writer.append(big, "strict")
      assert.deepStrictEqual([head.length, counter, device.weather.writes.length - writes], [4, 11, 1])
      const many = Array.from({ length: 5_000 }, (_, i) => changeSet(12 + i, 1, 0))
      assert.strictEqual((yield* writer.append(many, "strict")).head.length, 6)
      yield* writer.append([changeSet(6_000), changeSet(6_005)], "strict")
      const contents = (yield* feeds.read(writer.feed.id, 0, 10_000_000)).map(({ bytes }) => contentOf(bytes))
      const packed = 4_096
      assert.deepStrictEqual(
        contents.map(({ firstCounter }) => firstCounter),
        [1, 2, 6, 10, 12, 12 + packed, 6_000, 6_005]
      )
      assert.deepStrictEqual(
        contents.map(({ changeSets }) => changeSets.length),
        [1, 4, 4, 2, packed, 5_000 - packed, 1, 1]
      )
    })
  )

  it.effect("[F2] refuses a change set that no block can hold, and nothing else", () =>
    Effect.gen(function* () {
      const { writer } = yield* alone
      const tooLarge = Array.from({ length: 5 }, () => changeSet(1, 1, 60_000).mutations[0]!)
      const exit = yield* Effect.exit(writer.append([{ ...changeSet(1), mutations: tooLarge }], "strict"))
      assert.strictEqual(tagOf(exit), "ChangeSetTooLarge")
      const fits = { ...changeSet(1), mutations: tooLarge.slice(0, 3) }
      assert.strictEqual((yield* writer.append([fits], "strict")).counter, 3)
    })
  )

  it.effect("[F2] refuses a change set that names more feeds than a block may, alone, and flushes those beside it", () =>
    Effect.gen(function* () {
      const { table, writer } = yield* alone
      for (let i = 1; i <= 1_025; i++) table.intern(new Uint8Array(32).fill(i >> 8).fill(i, 1, 2))
      const wide = (first: number, feeds: number) => ({
        ...changeSet(first),
        mutations: Array.from({ length: feeds }, (_, i) => put(i + 1, 1, ["text"], "n"))
      })
      const all = [changeSet(1), wide(2, 1_025), wide(2_000, 1_024), changeSet(4_000)]
      const exits = yield* Effect.all(
        all.map((each) => Effect.exit(writer.append([each], "strict"))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(exits.map(tagOf), ["it went well", "ChangeSetTooWide", "it went well", "it went well"])
    })
  )

  it.effect("[F2] keeps the change set of a caller who was interrupted while he waited", () =>
    Effect.gen(function* () {
      const { device, feeds, writer } = yield* alone
      device.weather.gate.closeUnsafe()
      const appending = yield* Effect.forkChild(writer.append([changeSet(1)], "strict"), { startImmediately: true })
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      yield* Fiber.interrupt(appending)
      yield* device.weather.gate.open
      yield* writer.append([changeSet(2)], "strict")
      const blocks = yield* feeds.read(writer.feed.id, 0, 10_000_000)
      assert.deepStrictEqual(
        blocks.map(({ bytes }) => contentOf(bytes).firstCounter),
        [1, 2]
      )
    })
  )

  it.effect("[F2] lets callers wait when much is pending, in their order, and bounds what a flush takes", () =>
    Effect.gen(function* () {
      const { device, writer } = yield* alone
      device.weather.gate.closeUnsafe()
      const each = 3 * 60_000
      const callers = Math.ceil(pendingBytesMax / each) + 20
      const appending = yield* Effect.forEach(Array.from({ length: callers }), (_, i) =>
        Effect.forkChild(writer.append([changeSet(1 + 3 * i, 3, 60_000)], "relaxed"), { startImmediately: true })
      )
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      assert.isAtLeast(writer.pendingBytes(), pendingBytesMax)
      assert.isAtMost(writer.pendingBytes(), pendingBytesMax + 2 * each)
      assert.isBelow(writer.counter, callers * 3)
      yield* device.weather.gate.open
      const appended = yield* Effect.forEach(appending, Fiber.join)
      assert.strictEqual(appended.at(-1)!.counter, callers * 3)
      assert.strictEqual(writer.pendingBytes(), 0)
    })
  )

  it.effect("[F3] fails everybody who waits on a failed flush, and writes on with other counters", () =>
    Effect.gen(function* () {
      const { device, feeds, writer } = yield* alone
      yield* writer.append([changeSet(1)], "strict")
      device.weather.failing = "both"
      device.weather.gate.closeUnsafe()
      const first = yield* Effect.forkChild(writer.append([changeSet(2)], "strict"), { startImmediately: true })
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      const behind = yield* Effect.forkChild(writer.append([changeSet(3)], "relaxed"), { startImmediately: true })
      yield* device.weather.gate.open
      for (const fiber of [first, behind]) assert.strictEqual(tagOf(yield* Fiber.await(fiber)), "FlushFailed")
      assert.strictEqual(writer.pendingBytes(), 0)
      device.weather.failing = null
      assert.strictEqual(writer.counter, 3)
      const again = yield* Effect.exit(writer.append([changeSet(3)], "strict"))
      assert.isTrue(Exit.isFailure(again) && Cause.hasDies(again.cause))
      const { head } = yield* writer.append([changeSet(4)], "strict")
      assert.strictEqual(head.length, 2)
      yield* feeds.audit
      const kept = (yield* feeds.read(writer.feed.id, 0, 1_000_000)).map(({ bytes }) => contentOf(bytes).firstCounter)
      assert.deepStrictEqual(kept, [1, 4])
    })
  )

  it.effect("[F3] takes no counter twice, none that descends, and nothing that is empty", () =>
    Effect.gen(function* () {
      const { writer } = yield* alone
      yield* writer.append([changeSet(5, 3)], "strict")
      for (const bad of [[changeSet(7)], [changeSet(8), changeSet(8)], [changeSet(8, 0)], []]) {
        const exit = yield* Effect.exit(writer.append(bad, "strict"))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      }
      assert.strictEqual((yield* writer.append([changeSet(8)], "strict")).counter, 8)
    })
  )

  it.effect("[F4] tells a relaxed caller early, and peers when the block is strict", () =>
    Effect.gen(function* () {
      const { device, feeds, writer } = yield* alone
      const told: Array<number> = []
      yield* feeds.watch((feed) => told.push(feed.length))
      device.weather.failing = "strict"
      const { head } = yield* writer.append([changeSet(1)], "relaxed")
      assert.strictEqual(head.length, 1)
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      assert.deepStrictEqual([writer.feed.length, told], [0, []])
      assert.isNull(yield* feeds.run(writer.feed.id, 0, 1_000, false))
      device.weather.failing = null
      yield* TestClock.adjust("1 second")
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      assert.deepStrictEqual([writer.feed.length, told], [1, [1]])
      assert.deepStrictEqual(writer.feed.root, head.root)
      // stored again as a whole: a storage may lose an earlier relaxed write and keep a later strict one
      assert.deepStrictEqual(device.weather.writes.at(-1), { durability: "strict", keys: 2 })
    })
  )

  it.effect("[F4] a strict caller takes relaxed blocks along, and a failed one drops them", () =>
    Effect.gen(function* () {
      const { device, feeds, writer } = yield* alone
      device.weather.failing = "strict"
      yield* writer.append([changeSet(1)], "relaxed")
      yield* writer.append([changeSet(2)], "relaxed")
      assert.strictEqual(tagOf(yield* Effect.exit(writer.append([changeSet(3)], "strict"))), "FlushFailed")
      device.weather.failing = null
      yield* writer.append([changeSet(4)], "strict")
      assert.strictEqual(writer.feed.length, 1)
      // of the blocks that were dropped nothing is left behind
      const keys = (yield* dump(device.inner)).map(({ key }) => Buffer.from(key).toString("hex"))
      const second = Buffer.from(blockKey(spaceId, writer.feed.id, 1)).toString("hex")
      assert.isFalse(keys.includes(second))
      yield* feeds.audit
    })
  )

  it.effect("[F4] does not let relaxed callers put off strictness for ever", () =>
    Effect.gen(function* () {
      const { device, writer } = yield* alone
      for (let i = 0; i < 20; i++) yield* writer.append([changeSet(writer.counter + 1, 3, 60_000)], "relaxed")
      const strict = device.weather.writes.filter(({ durability }) => durability === "strict").length
      assert.isAbove(strict, 2)
      assert.isAbove(writer.feed.length, 10)
    })
  )
})
