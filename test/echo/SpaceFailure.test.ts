/** What a space does when its storage fails: callers are told, live queries take back what they showed, and work goes on. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SupervisorLayer from "../../src/layers/actor/Supervisor.ts"
import * as FeedStore from "../../src/layers/echo/FeedStore.ts"
import { OpenSpace } from "../../src/layers/echo/OpenSpace.ts"
import * as Replicator from "../../src/layers/echo/Replicator.ts"
import { SpaceHandle } from "../../src/layers/echo/SpaceHandle.ts"
import * as SpaceService from "../../src/layers/echo/SpaceService.ts"
import * as Entrance from "../../src/layers/halo/Entrance.ts"
import * as IdentityServiceLayer from "../../src/layers/halo/IdentityService.ts"
import * as IdentityStore from "../../src/layers/halo/IdentityStore.ts"
import * as OperationStore from "../../src/layers/halo/OperationStore.ts"
import * as SwarmOffline from "../../src/layers/mesh/SwarmOffline.ts"
import * as Device from "../../src/layers/peer/Device.ts"
import * as PeerLayer from "../../src/layers/peer/Peer.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { encodeManifest } from "../../src/schema/echo/Feed.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { TooManyFeeds } from "../../src/services/echo/FeedStore.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { type Backend, Storage, StorageFull } from "../../src/services/platform/Storage.ts"
import { appendBlocks, makeDevice, open, runOf, writerOf } from "./FeedDevices.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

/** A memory storage that can be full, and the peer on it. */
const fragile = Effect.gen(function* () {
  const memory = StorageMemory.make()
  const state = { isFull: false, broken: (_key: Uint8Array) => false }
  const backend: Backend = {
    ...memory,
    getMany: (keys) => (keys.some(state.broken) ? Effect.die(new Error("the disk is gone")) : memory.getMany(keys)),
    range: (range) => (state.broken(range.from) ? Effect.die(new Error("the disk is gone")) : memory.range(range)),
    write: (batch, options) =>
      Effect.suspend(() => {
        return state.isFull ? Effect.fail(new StorageFull({ folder: "./data" })) : memory.write(batch, options)
      })
  }
  const layer = PeerLayer.layer.pipe(
    Layer.provide(Layer.provideMerge(IdentityServiceLayer.layer({ urls: [] }), SpaceService.layer({ urls: [] }))),
    Layer.provide(Layer.merge(Entrance.layer, Layer.provideMerge(IdentityStore.layer, OperationStore.layer))),
    Layer.provide(Layer.mergeAll(FeedStore.layer, Replicator.layer, SwarmOffline.layer, SupervisorLayer.layer)),
    Layer.provide(Device.layer),
    Layer.provide(KeyringMemory.layer),
    Layer.provide(Layer.merge(Layer.succeed(Storage, Storage.make(backend)), CryptoNode.layer))
  )
  const services = yield* Layer.build(Layer.fresh(layer))
  return { peer: Context.get(services, Peer), state }
})

describe("a space on failing storage", () => {
  it.live("tells every pending caller, takes the changes back, and never uses their counters again", () =>
    Effect.gen(function* () {
      const { peer, state } = yield* fragile
      const home = yield* peer.spaces.create({ name: "Home" })
      const kept = yield* home.change((transaction) => transaction.create(Task, { title: "kept" }))
      const seen: Array<string> = []
      const watching = yield* home.query(Task).changes.pipe(
        Stream.tap((delta) =>
          Effect.sync(() => {
            for (const task of delta.added) seen.push(`+${task.title}`)
            for (const task of delta.removed) seen.push(`-${task.title}`)
          })
        ),
        Stream.takeUntil((delta) => delta.added.some((task) => task.title === "after")),
        Stream.runDrain,
        Effect.forkChild({ startImmediately: true })
      )
      state.isFull = true
      const failures = yield* Effect.forEach(["lost", "lost too"], (title) => Effect.flip(home.create(Task, { title })), {
        concurrency: 2
      })
      assert.deepStrictEqual(
        failures.map((failure) => failure._tag),
        ["FlushFailed", "FlushFailed"]
      )
      state.isFull = false
      // nothing that was taken back is waited for
      const [settled] = yield* home.status.pipe(
        Stream.filter((status) => status.local === kept.receipt!.first + kept.receipt!.count - 1),
        Stream.take(1),
        Stream.runCollect
      )
      assert.strictEqual(settled?.durable, settled?.local)
      const after = yield* home.change((transaction) => transaction.create(Task, { title: "after" }))
      yield* Fiber.join(watching)
      assert.deepStrictEqual(
        (yield* home.query(Task, { orderBy: "title" }).all).map((task) => task.title),
        ["after", "kept"]
      )
      assert.strictEqual(seen.filter((line) => line === "+lost").length, seen.filter((line) => line === "-lost").length)
      assert.deepStrictEqual([seen[0], seen[seen.length - 1]], ["+kept", "+after"])
      // the create and the put of each lost task took two counters
      assert.isAtLeast(after.receipt!.first, kept.receipt!.first + kept.receipt!.count + 4)
    })
  )

  it.live("keeps the status honest: local runs ahead, durable follows", () =>
    Effect.gen(function* () {
      const { peer } = yield* fragile
      const home = yield* peer.spaces.create({ name: "Home" })
      const { receipt } = yield* home.change((transaction) => transaction.create(Task, { title: "a" }))
      const [status] = yield* home.status.pipe(Stream.take(1), Stream.runCollect)
      assert.strictEqual(status?.local, receipt!.first + receipt!.count - 1)
      assert.strictEqual(status?.durable, status?.local)
      assert.deepStrictEqual([status?.sent, status?.connected, status?.stuck, status?.readOnly], [0, [], [], null])
    })
  )

  it.live("closes the space that cannot be restarted, with the reason, and no other", () =>
    Effect.gen(function* () {
      const { peer, state } = yield* fragile
      const lost = yield* peer.spaces.create({ name: "Lost" })
      const other = yield* peer.spaces.create({ name: "Other" })
      // more than the blocks that are kept in memory, so that rebuilding must read the disk
      const long = "x".repeat(60_000)
      yield* Effect.forEach(Array.from({ length: 90 }), () => lost.create(Task, { title: long }), { concurrency: 8 })
      const id = Result.getOrThrow(Base64Url.decode(lost.id))
      state.broken = (key) => key.length > 33 && id.every((byte, i) => key[i + 1] === byte)
      state.isFull = true
      assert.strictEqual((yield* Effect.flip(lost.create(Task, { title: "x" })))._tag, "FlushFailed")
      state.isFull = false
      const closed = yield* Effect.flip(lost.closed)
      assert.include(closed.message, "the disk is gone")
      assert.strictEqual((yield* Effect.flip(lost.query(Task).all))._tag, "SpaceClosed")
      assert.strictEqual((yield* Effect.flip(lost.create(Task, { title: "y" })))._tag, "SpaceClosed")
      assert.strictEqual((yield* other.create(Task, { title: "z" })).title, "z")
      state.broken = () => false
      const again = yield* peer.spaces.open(lost.ticket)
      assert.strictEqual(yield* again.name, "Lost")
    })
  )

  it.live("is read and not written when its device may make no feed more", () =>
    Effect.gen(function* () {
      const [alice, bob] = [yield* makeDevice(), yield* makeDevice()]
      const theirs = yield* open(alice, [alice, bob])
      const writer = yield* writerOf(theirs)
      yield* appendBlocks(writer, 2)
      const ours = yield* open(bob, [alice, bob])
      yield* ours.feeds.admit(encodeManifest(writer.feed.manifest))
      yield* ours.feeds.ingest(yield* runOf(theirs, writer.feed.id, 0))
      const feeds = { ...ours.feeds, writer: Effect.fail(new TooManyFeeds({ feeds: 1_000, feedsMax: 1_000 })) }
      const space = new OpenSpace(new SpaceHandle("space"), feeds, new SpaceState(), yield* Clock.Clock)
      yield* space.load
      assert.deepStrictEqual(
        space.frontier().applied.map(([, counter]) => counter),
        [2]
      )
      const refused = yield* Effect.flip(
        space.commit((transaction) => transaction.create(Task, { title: "a" }), { durability: "strict" })
      )
      assert.strictEqual(refused._tag, "SpaceReadOnly")
      assert.include(refused.message, "write with another device")
    })
  )

  it.live("closes when asked, and opens again with all that was written", () =>
    Effect.gen(function* () {
      const { peer } = yield* fragile
      const home = yield* peer.spaces.create({ name: "Home" })
      const milk = yield* home.create(Task, { title: "Milk" })
      yield* home.close
      yield* home.closed
      assert.strictEqual((yield* Effect.flip(home.name))._tag, "SpaceClosed")
      const again = yield* peer.spaces.open(home.ticket)
      assert.strictEqual((yield* again.get(Task, milk.id))?.title, "Milk")
    })
  )
})
