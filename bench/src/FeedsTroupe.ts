/**
 * Troupe's FeedStore over LevelDB: an entry is one change set with 200 bytes of payload. Without `isStrict` nothing is synced, as in
 * hypercore; with it every flush and every run is, as in a Peer. A second store takes everything run by run, verified before it is stored.
 */
import * as path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import * as StorageSealed from "../../src/layers/platform/StorageSealed.ts"
import { type ChangeSet, put } from "../../src/schema/echo/ChangeSet.ts"
import { decodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock, encodeManifest } from "../../src/schema/echo/Feed.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { turnBytesMax } from "../../src/schema/platform/Limits.ts"
import { FeedStore, type FeedWriter, type SpaceFeeds, type StoredFeed } from "../../src/services/echo/FeedStore.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { Sealing } from "../../src/services/platform/Sealing.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { type Asked, answer, digesting, entriesOf, sizeOf, temporary } from "./FeedsWork.ts"

const space = new Uint8Array(32).fill(7)

/** LevelDB that is never asked to sync. */
const unsynced = (storage: Storage["Service"]): Storage["Service"] =>
  Storage.make({ ...storage, write: (batch) => storage.write(batch, { durability: "relaxed" }) })

const sealing = Layer.succeed(Sealing, { by: "file", unlock: () => Effect.succeed(new Uint8Array(32).fill(1)) })

const open = (folder: string, isStrict: boolean, isSealed: boolean) =>
  Effect.gen(function* () {
    const level = Layer.effect(
      Storage,
      Effect.map(StorageLevel.make({ folder }), (storage) => (isStrict ? storage : unsynced(storage)))
    )
    const sealed = StorageSealed.layer.pipe(Layer.provide(Layer.merge(level, sealing)))
    const platform = KeyringMemory.layer.pipe(Layer.provideMerge(isSealed ? sealed : level), Layer.provideMerge(CryptoNode.layer))
    const services = yield* Layer.build(Layer.fresh(Layer.provideMerge(FeedStoreLayer.layer, platform)))
    const table = new FeedTable()
    const device = yield* Context.get(services, Keyring).generate("device")
    const feedId = (index: number) => table.id(index)
    const feeds = yield* Context.get(services, FeedStore).open({ space, device, admits: () => true, feedId })
    return { feeds, table }
  })

const keyPath = ["text"]

const append = (writer: FeedWriter, entries: ReadonlyArray<Uint8Array>, { batch, callers }: Asked) => {
  let next = 0
  const changeSetAt = (entry: number): ChangeSet => {
    const first = writer.counter + 1 + entry - next
    return { first, time: first * 1_024, deps: null, mutations: [put(0, 1, keyPath, entries[entry]!)] }
  }
  const call = Effect.suspend(() => {
    const changeSets: Array<ChangeSet> = []
    const end = Math.min(next + batch, entries.length)
    for (let entry = next; entry < end; entry++) changeSets.push(changeSetAt(entry))
    next = end
    return writer.append(changeSets, "strict")
  })
  const caller = Effect.gen(function* () {
    while (next < entries.length) yield* call
  })
  return Effect.forEach(
    Array.from({ length: callers }, () => caller),
    (effect) => effect,
    { concurrency: "unbounded", discard: true }
  )
}

/** The feeds take turns, as when several are behind. */
const take = (from: ReadonlyArray<SpaceFeeds>, feeds: ReadonlyArray<StoredFeed>, to: SpaceFeeds) =>
  Effect.gen(function* () {
    const taken = yield* Effect.forEach(feeds, (feed) => to.admit(encodeManifest(feed.manifest)))
    while (taken.some((feed, i) => feed.length < feeds[i]!.length)) {
      for (const [i, feed] of taken.entries()) {
        const run = yield* from[i]!.run(feed.id, feed.length, turnBytesMax, false)
        if (run !== null) yield* to.ingest(run)
      }
    }
  })

const digestOf = (feeds: SpaceFeeds, list: ReadonlyArray<StoredFeed>) =>
  Effect.gen(function* () {
    const digest = digesting()
    for (const feed of list) {
      for (let index = 0; index < feed.length; ) {
        for (const { bytes } of yield* feeds.read(feed.id, index, turnBytesMax)) {
          const plain = Result.getOrThrow(decodePlain(Result.getOrThrow(decodeBlock(bytes))))
          for (const { mutations } of plain.changeSets) digest.add(mutations[0]!.value as Uint8Array)
          index++
        }
      }
    }
    return digest.end()
  })

const seconds = (start: number): number => (performance.now() - start) / 1_000

await answer(async (asked) => {
  const folder = temporary()
  const { entries, feeds: count, isSealed = false, isStrict, work } = asked
  const measured = await Effect.gen(function* () {
    const written: Array<{ readonly feeds: SpaceFeeds; readonly feed: StoredFeed }> = []
    const lists = Array.from({ length: count }, (_, i) => entriesOf(entries / count, i + 1))
    let spent = 0
    for (const [i, list] of lists.entries()) {
      const { feeds, table } = yield* open(path.join(folder, `written-${i}`), isStrict && work === "append", isSealed)
      const writer = yield* feeds.writer
      table.intern(writer.feed.id)
      const start = performance.now()
      yield* append(writer, list, asked)
      spent += seconds(start)
      written.push({ feeds, feed: writer.feed })
    }
    const all = written.map(({ feed }) => feed)
    if (work === "append") {
      const start = performance.now()
      const digest = yield* digestOf(written[0]!.feeds, all)
      return { seconds: spent, digest, readSeconds: seconds(start) }
    }
    const { feeds } = yield* open(path.join(folder, "taken"), isStrict, isSealed)
    const start = performance.now()
    yield* take(
      written.map(({ feeds }) => feeds),
      all,
      feeds
    )
    return { seconds: seconds(start), digest: yield* digestOf(feeds, feeds.list()) }
  }).pipe(Effect.scoped, Effect.runPromise)
  return { ...measured, bytes: sizeOf(path.join(folder, work === "ingest" ? "taken" : "written-0")) }
})
