/** What is on the medium, and when: levels of writes, relaxed blocks below a strict one, the order of the counts of starts, told callers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { encodeBlock } from "../../src/schema/echo/Feed.ts"
import { decodeStarts } from "../../src/schema/echo/FeedRecords.ts"
import { pendingBytesMax } from "../../src/schema/platform/Limits.ts"
import { startsKey } from "../../src/schema/platform/StorageKeys.ts"
import type { Counter } from "../../src/services/platform/BootCounter.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { alone, changeSet, dump, Forger, makeDevice, open, openIn, runOf, start, tagOf, writerOf } from "./FeedDevices.ts"

const blocksOf = (count: number, seed = 0): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, (_, i) => encodeBlock(new Uint8Array(40).fill(seed + i)))

/** A storage, and what of it is left when the machine crashes: what was written strictly, and nothing that was written before it. */
const losing = () => {
  const whole = StorageMemory.make()
  const medium = StorageMemory.make()
  const storage = Storage.make({
    ...whole,
    write: (batch, options) =>
      Effect.andThen(
        whole.write(batch, options),
        options.durability === "strict" ? medium.write(batch, { durability: "strict" }) : Effect.void
      )
  })
  return { storage, medium }
}

/** A device on such a storage, and its FeedStore, in which spaces are opened more than once. */
const started = Effect.gen(function* () {
  const { medium, storage } = losing()
  const device = yield* makeDevice(storage)
  return { device, medium, store: yield* start(device) }
})

describe("FeedStore on the medium", () => {
  it.effect("[F5] [F6] stores what comes from peers strictly: manifests, runs, and both kinds of fork proofs", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const device = yield* makeDevice()
      const bob = yield* open(device, [alice, device])
      const forger = yield* Forger.make(alice)
      const before = device.weather.writes.length
      const levels = () => device.weather.writes.slice(before).map(({ durability }) => durability)
      yield* bob.feeds.admit(forger.manifest)
      yield* bob.feeds.ingest(yield* forger.run(blocksOf(4), 0))
      assert.deepStrictEqual(levels(), ["strict", "strict"])
      yield* Effect.exit(bob.feeds.ingest(yield* forger.run(blocksOf(4, 100), 0)))
      const [proof] = yield* bob.feeds.forkProofs
      assert.deepStrictEqual(levels(), ["strict", "strict", "strict"])

      const other = yield* makeDevice()
      const carol = yield* open(other, [alice, other])
      yield* carol.feeds.admit(forger.manifest)
      yield* carol.feeds.admitFork(proof!)
      assert.deepStrictEqual(
        other.weather.writes.slice(-2).map(({ durability }) => durability),
        ["strict", "strict"]
      )
    })
  )

  it.effect("[F4] a strict flush brings the relaxed blocks below it to the medium, whatever a crash takes", () =>
    Effect.gen(function* () {
      const { medium, storage } = losing()
      const device = yield* makeDevice(storage)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* writerOf(yield* open(device, [device]))
          // so that nothing is made durable before the strict caller comes
          device.weather.failing = "strict"
          yield* writer.append([changeSet(1)], "relaxed")
          yield* writer.append([changeSet(2)], "relaxed")
          device.weather.failing = null
          const { head } = yield* writer.append([changeSet(3)], "strict")
          assert.strictEqual(head.length, 3)
          assert.strictEqual(device.weather.writes.at(-1)?.keys, 4)
        })
      )
      const crashed = { ...device, ...(yield* makeDevice(medium)), key: device.key, keyring: device.keyring }
      const again = yield* open(crashed, [device])
      const [feed] = again.feeds.list()
      assert.strictEqual(feed?.length, 3)
      assert.strictEqual((yield* runOf(again, feed!.id, 0)).blocks.length, 3)
      yield* again.feeds.audit
    })
  )

  for (const how of ["closed", "crashed"] as const) {
    it.effect(`[F1] [F4] a space that is ${how} before its relaxed blocks are strict opens again when they are`, () =>
      Effect.gen(function* () {
        const { device, medium, store } = yield* started
        yield* Effect.scoped(
          Effect.gen(function* () {
            const writer = yield* writerOf(yield* openIn(store, device, [device]))
            yield* writer.append([changeSet(1)], "strict")
            device.weather.failing = "strict"
            yield* writer.append([changeSet(2)], "relaxed")
            if (how === "closed") return
            const throwing = () => {
              throw new Error("the caller's")
            }
            writer.offer([changeSet(3)], "relaxed", throwing)
            while (writer.crash() === null) yield* Effect.yieldNow
          })
        )
        assert.strictEqual(tagOf(yield* Effect.exit(Effect.scoped(openIn(store, device, [device])))), "StorageFailed")
        device.weather.failing = null
        const again = yield* openIn(store, device, [device])
        const length = how === "closed" ? 2 : 3
        assert.strictEqual(again.feeds.list()[0]?.length, length)
        assert.strictEqual((yield* writerOf(again)).counter, length)
        assert.deepStrictEqual(yield* dump(medium), yield* dump(device.inner))
        yield* again.feeds.audit
      })
    )
  }

  it.effect("[F3] blocks that were taken back stay so when the space opens again, and their counters stay taken", () =>
    Effect.gen(function* () {
      const { device, medium, store } = yield* started
      yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* writerOf(yield* openIn(store, device, [device]))
          yield* writer.append([changeSet(1)], "strict")
          device.weather.failing = "strict"
          yield* writer.append([changeSet(2)], "relaxed")
          assert.strictEqual(tagOf(yield* Effect.exit(writer.append([changeSet(3)], "strict"))), "FlushFailed")
        })
      )
      assert.strictEqual(tagOf(yield* Effect.exit(Effect.scoped(openIn(store, device, [device])))), "StorageFailed")
      device.weather.failing = null
      const again = yield* openIn(store, device, [device])
      assert.strictEqual(again.feeds.list()[0]?.length, 1)
      assert.strictEqual((yield* writerOf(again)).counter, 3)
      assert.deepStrictEqual(yield* dump(medium), yield* dump(device.inner))
    })
  )

  it.effect("[F1] a space opens on a disk that takes nothing when all that is stored of it is strict", () =>
    Effect.gen(function* () {
      const { device, store } = yield* started
      yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* writerOf(yield* openIn(store, device, [device]))
          yield* writer.append([changeSet(1)], "relaxed")
          yield* writer.append([changeSet(2)], "strict")
          device.weather.failing = "both"
          yield* Effect.exit(writer.append([changeSet(3)], "relaxed"))
          yield* Effect.exit(writer.append([changeSet(4)], "strict"))
        })
      )
      const again = yield* openIn(store, device, [device])
      assert.strictEqual(again.feeds.list()[0]?.length, 2)
    })
  )

  it.effect("[F7] counts a start in the storage, strictly, and beside it only when that is durable", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      let beside = 6
      const seen: Array<string> = []
      const counter: Counter = {
        read: Effect.sync(() => beside),
        write: (starts) =>
          Effect.gen(function* () {
            const stored = yield* device.inner.get(startsKey)
            const inStorage = stored === null ? 0 : Result.getOrThrow(decodeStarts(stored)).starts
            seen.push(`${device.weather.writes.map(({ durability }) => durability)}: ${inStorage} before ${starts}`)
            beside = starts
          })
      }
      device.weather.failing = "strict"
      assert.strictEqual(tagOf(yield* Effect.exit(Effect.scoped(open(device, [device], counter)))), "StorageFailed")
      assert.deepStrictEqual([beside, seen], [6, []])
      device.weather.failing = null
      yield* Effect.scoped(open(device, [device], counter))
      assert.deepStrictEqual(seen, ["strict: 7 before 7"])
    })
  )

  it.effect("[F3] a failed flush is told to those, too, who wait outside the queue", () =>
    Effect.gen(function* () {
      const { device, writer } = yield* alone
      device.weather.gate.closeUnsafe()
      const each = 3 * 60_000
      const callers = Math.ceil(pendingBytesMax / each) + 5
      const appending = yield* Effect.forEach(Array.from({ length: callers }), (_, i) =>
        Effect.forkChild(writer.append([changeSet(1 + 3 * i, 3, 60_000)], "strict"), { startImmediately: true })
      )
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      assert.isBelow(writer.counter, 3 * callers)
      device.weather.failing = "both"
      yield* device.weather.gate.open
      for (let i = 0; i < 100; i++) yield* Effect.yieldNow
      const told = appending.map((fiber) => fiber.pollUnsafe())
      assert.strictEqual(told.filter((exit) => exit !== undefined).length, callers)
      for (const fiber of appending) assert.strictEqual(tagOf(yield* Fiber.await(fiber)), "FlushFailed")
      assert.strictEqual(writer.pendingBytes(), 0)
    })
  )
})
