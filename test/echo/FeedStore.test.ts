/**
 * Reading, opening again, and rollbacks: rules F7, F9 and F10 of FeedStore (src/layers/echo/FeedStore.ts).
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { checkpointBlocks, decodeFeed } from "../../src/schema/echo/FeedRecords.ts"
import { deviceFeedsMax } from "../../src/schema/platform/Limits.ts"
import type { FeedWriter, StoredFeed } from "../../src/services/echo/FeedStore.ts"
import {
  alone,
  appendBlocks,
  changeSet,
  copyOf,
  type Device,
  dump,
  Forger,
  makeDevice,
  naiveLeaf,
  naivePeaks,
  naiveRoot,
  open,
  runOf,
  starts,
  tagOf,
  writerOf
} from "./FeedDevices.ts"

/** Restarts a device on the same storage: another FeedStore, the space opened again. */
const reopened = <A, E>(
  device: Device,
  use: (opened: Effect.Success<ReturnType<typeof open>>) => Effect.Effect<A, E, Scope.Scope>
) => Effect.scoped(Effect.flatMap(open(device, [device]), use))

describe("FeedStore", () => {
  it.effect("[F7] goes on with the next incarnation when the storage is older than the count beside it", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const beside = starts()
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const opened = yield* open(device, [device], beside)
          const writer = yield* writerOf(opened)
          yield* appendBlocks(writer, 2)
          return writer.feed
        })
      )
      const old = { ...device, ...(yield* restored(device)) }
      // a restart of the storage itself is no rollback
      yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* writerOf(yield* open(device, [device], beside))
          assert.strictEqual(writer.feed.text, first.text)
          yield* appendBlocks(writer, 1)
        })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { feeds } = yield* open(old, [device], beside)
          const writer = yield* Effect.orDie(feeds.writer)
          assert.strictEqual(writer.feed.manifest.incarnation, 2)
          assert.strictEqual(writer.counter, 0)
          assert.strictEqual(feeds.find(first.id)?.length, 2)
        })
      )
      // and it stays so, although both counts are equal again
      const again = yield* Effect.scoped(Effect.flatMap(open(old, [device], beside), writerOf))
      assert.strictEqual(again.feed.manifest.incarnation, 2)
    })
  )

  it.effect("[F7] takes a storage that is ahead of the count beside it for what it is", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const texts: Array<string> = []
      for (const beside of [starts(), starts(), undefined]) {
        const writer = yield* Effect.scoped(Effect.flatMap(open(device, [device], beside), writerOf))
        texts.push(writer.feed.text)
      }
      assert.strictEqual(new Set(texts).size, 1)
    })
  )

  it.effect("[F7] keeps what a peer knows more of its own feed, and begins the next incarnation", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const bob = yield* makeDevice()
      const there = yield* open(bob, [alice, bob])
      const { old, text } = yield* Effect.scoped(
        Effect.gen(function* () {
          const opened = yield* open(alice, [alice, bob])
          const writer = yield* writerOf(opened)
          yield* appendBlocks(writer, 3)
          const old = { ...alice, ...(yield* restored(alice)) }
          yield* appendBlocks(writer, 2)
          yield* there.feeds.admit(manifestIn(yield* dump(alice.inner), writer.feed))
          yield* there.feeds.ingest(yield* runOf(opened, writer.feed.id, 0))
          return { old, text: writer.feed.text }
        })
      )
      const here = yield* open(old, [alice, bob])
      const writer = yield* writerOf(here)
      assert.deepStrictEqual([writer.feed.text, writer.feed.length], [text, 3])
      old.weather.gate.closeUnsafe()
      const pending = yield* Effect.forkChild(
        Effect.forEach([4, 5], (first) => writer.append([changeSet(first)], "strict"), { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      const run = yield* runOf(there, writer.feed.id, 3)
      const ingesting = yield* Effect.forkChild(here.feeds.ingest(run), { startImmediately: true })
      yield* old.weather.gate.open
      assert.strictEqual(yield* Fiber.join(ingesting), 2)
      assert.strictEqual(tagOf(yield* Fiber.await(pending)), "FeedRolledBack")
      assert.isTrue(writer.isRolledBack())
      assert.strictEqual(tagOf(yield* Effect.exit(writer.append([changeSet(20)], "strict"))), "FeedRolledBack")
      const next = yield* writerOf(here)
      assert.notStrictEqual(next.feed.text, text)
      assert.deepStrictEqual([next.feed.manifest.incarnation, next.counter], [2, 0])
      yield* appendBlocks(next, 1)
      assert.strictEqual(here.feeds.find(writer.feed.id)?.length, 5)
      yield* here.feeds.audit
    })
  )

  it.effect("[F9] opens again what was stored, as it was, and writes on", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const before = yield* reopened(device, (opened) =>
        Effect.gen(function* () {
          const writer = yield* writerOf(opened)
          yield* appendBlocks(writer, 70)
          yield* writer.append([changeSet(writer.counter + 10)], "strict")
          return { feed: shown(writer.feed), blocks: yield* opened.feeds.read(writer.feed.id, 0, 1_000_000) }
        })
      )
      yield* reopened(device, (opened) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(opened.feeds.list().map(shown), [before.feed])
          const [feed] = opened.feeds.list()
          assert.deepStrictEqual(yield* readAll(opened.feeds, feed!), before.blocks)
          const writer = yield* writerOf(opened)
          assert.deepStrictEqual([writer.feed.text, writer.counter], [before.feed.text, 80])
          yield* appendBlocks(writer, 1)
          const audit = yield* opened.feeds.audit
          assert.deepStrictEqual(audit, { feeds: 1, blocks: 72, signatures: 74 })
        })
      )
    })
  )

  it.effect("[F9] an audit finds every byte that was changed in a block, its record or a feed's", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      yield* reopened(device, (opened) => Effect.flatMap(writerOf(opened), (writer) => appendBlocks(writer, 3)))
      const entries = (yield* dump(device.inner)).filter(({ key }) => key[0] === 3)
      assert.strictEqual(entries.length, 4)
      for (const { key, value } of entries) {
        // places in the order of arrival, a counter and a start are this device's own and signed by nobody
        for (let at = 4; at < value.length; at += 7) {
          const changed = value.slice()
          changed[at] = changed[at]! ^ 0x10
          yield* device.inner.write([{ key, value: changed }], { durability: "strict" })
          const exit = yield* Effect.exit(reopened(device, ({ feeds }) => feeds.audit))
          const isLocal = key[33] === 0 && (at === 241 || at === 242 || at >= value.length - 4)
          if (!isLocal) assert.isTrue(Exit.isFailure(exit), `byte ${at} of ${value.length}, kind ${key[33]}`)
        }
        yield* device.inner.write([{ key, value }], { durability: "strict" })
      }
    })
  )

  it.effect("[F9] flushes what is pending when the space closes, and refuses what comes after", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const scope = yield* Scope.make()
      const opened = yield* Scope.provide(open(device, [device]), scope)
      const writer = yield* Scope.provide(writerOf(opened), scope)
      const pending = yield* Effect.forkChild(writer.append([changeSet(1)], "relaxed"), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(pending)).head.length, 1)
      assert.strictEqual(writer.feed.length, 1)
      assert.strictEqual(tagOf(yield* Effect.exit(writer.append([changeSet(2)], "strict"))), "FlushFailed")
    })
  )

  it.effect("[F9] lets one hold a space at a time", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const first = yield* Scope.make()
      const opened = yield* Scope.provide(open(device, [device]), first)
      const same = yield* Effect.all([writerOf(opened), writerOf(opened)])
      assert.strictEqual(same[0], same[1])
      yield* Scope.close(first, Exit.void)
    })
  )

  it.effect("[F10] ends a run at a signed head within the bytes asked for, and proves where it begins", () =>
    Effect.gen(function* () {
      const opened = yield* alone
      const { feeds, writer } = opened
      yield* appendBlocks(writer, 150, 100)
      const blocks = (yield* feeds.read(writer.feed.id, 0, 10_000_000)).map(({ bytes }) => bytes)
      assert.strictEqual(blocks.length, 150)
      const leaves = blocks.map(naiveLeaf)
      for (const from of [0, 1, 63, 64, 65, 128, 149]) {
        const run = yield* runOf(opened, writer.feed.id, from, true, 1_000)
        assert.isAtMost(
          run.blocks.reduce((sum, block) => sum + block.length, 0),
          1_000
        )
        assert.strictEqual(run.head.length, from + run.blocks.length)
        assert.deepStrictEqual(Buffer.from(run.head.root), naiveRoot(leaves.slice(0, run.head.length)))
        assert.deepStrictEqual(
          run.proof?.map((node) => Buffer.from(node)),
          naivePeaks(leaves.slice(0, from)).map(({ node }) => Buffer.from(node))
        )
      }
      const one = yield* runOf(opened, writer.feed.id, 7, false, 0)
      assert.deepStrictEqual([one.blocks.length, one.proof], [1, null])
      assert.isNull(yield* feeds.run(writer.feed.id, 150, 1_000, true))
      assert.isAbove(150, 2 * checkpointBlocks)
      const arrivals = yield* Effect.forEach([0, 1, 149, 150], (index) => feeds.arrival(writer.feed.id, index))
      assert.isTrue(arrivals[0]! < arrivals[1]! && arrivals[1]! < arrivals[2]!)
      assert.isNull(arrivals[3])
    })
  )

  it.effect("[F7] makes no feed more when the device has made very many, and says what to do", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const opened = yield* open(device, [device])
      for (let i = 1; i <= deviceFeedsMax; i++) yield* opened.feeds.admit((yield* Forger.make(device, i)).manifest)
      const error = yield* Effect.flip(opened.feeds.writer)
      assert.strictEqual(error._tag, "TooManyFeeds")
      assert.include(error.message, "another device")
    })
  )

  it.effect("[F10] reads the same from memory and from the storage", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const blocks = yield* reopened(device, (opened) =>
        Effect.gen(function* () {
          const writer = yield* writerOf(opened)
          for (let i = 0; i < 30; i++) yield* writer.append([changeSet(1 + 3 * i, 3, 60_000)], "strict")
          // more than memory keeps
          const read = yield* readAll(opened.feeds, writer.feed)
          assert.strictEqual(read.length, 30)
          return read
        })
      )
      yield* reopened(device, (opened) =>
        Effect.gen(function* () {
          const [feed] = opened.feeds.list()
          assert.deepStrictEqual(yield* readAll(opened.feeds, feed!), blocks)
          const run = yield* runOf(opened, feed!.id, 10, true)
          assert.deepStrictEqual(
            run.blocks,
            blocks.slice(10, 10 + run.blocks.length).map(({ bytes }) => bytes)
          )
        })
      )
    })
  )
})

const shown = ({ frozenAt, id, length, manifest, root, text }: StoredFeed) => ({ frozenAt, id, length, manifest, root, text })

const readAll = (feeds: Effect.Success<ReturnType<typeof open>>["feeds"], feed: StoredFeed) =>
  Effect.gen(function* () {
    const blocks: Array<Effect.Success<ReturnType<typeof feeds.read>>[number]> = []
    while (blocks.length < feed.length) blocks.push(...(yield* feeds.read(feed.id, blocks.length, 300_000)))
    return blocks
  })

/** The device with a copy of its storage, as it is now. */
const restored = (device: Device) =>
  Effect.gen(function* () {
    const { inner, weather } = yield* makeDevice(yield* copyOf(device.inner))
    return { inner, weather }
  })

/** The manifest in the record of a feed, as the storage holds it. */
const manifestIn = (entries: Effect.Success<ReturnType<typeof dump>>, feed: FeedWriter["feed"]): Uint8Array => {
  const record = entries.find(({ key }) => key[0] === 3 && key[33] === 0 && Buffer.compare(key.subarray(34), feed.id) === 0)
  return Result.getOrThrow(decodeFeed(record!.value)).manifest
}
