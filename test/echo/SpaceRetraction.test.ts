/** [S42] Who is told that a change was taken back reads none of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SupervisorLayer from "../../src/layers/actor/Supervisor.ts"
import * as FeedStore from "../../src/layers/echo/FeedStore.ts"
import * as Replicator from "../../src/layers/echo/Replicator.ts"
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
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { Storage, StorageFull } from "../../src/services/platform/Storage.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

/** A peer whose storage can be full, and can take its time to read. */
const fragile = Effect.gen(function* () {
  const memory = StorageMemory.make()
  const state = { isFull: false, readsNever: false }
  const whenRead = <A, E>(read: Effect.Effect<A, E>) => Effect.suspend(() => (state.readsNever ? Effect.never : read))
  const storage = Storage.make({
    getMany: (keys) => whenRead(memory.getMany(keys)),
    range: (range) => whenRead(memory.range(range)),
    write: (batch, options) =>
      Effect.suspend(() => (state.isFull ? Effect.fail(new StorageFull({ folder: "./data" })) : memory.write(batch, options)))
  })
  const layer = PeerLayer.layer.pipe(
    Layer.provide(Layer.provideMerge(IdentityServiceLayer.layer({ urls: [] }), SpaceService.layer({ urls: [] }))),
    Layer.provide(Layer.merge(Entrance.layer, Layer.provideMerge(IdentityStore.layer, OperationStore.layer))),
    Layer.provide(Layer.mergeAll(FeedStore.layer, Replicator.layer, SwarmOffline.layer, SupervisorLayer.layer)),
    Layer.provide(Device.layer),
    Layer.provide(KeyringMemory.layer),
    Layer.provide(Layer.merge(Layer.succeed(Storage, storage), CryptoNode.layer))
  )
  const peer = Context.get(yield* Layer.build(Layer.fresh(layer)), Peer)
  return { home: yield* peer.spaces.create({ name: "Home" }), state }
})

describe("a change that could not be stored", () => {
  it.live("[S42] has been taken back when its Effect fails: no read shows it any more", () =>
    Effect.gen(function* () {
      const { home, state } = yield* fragile
      yield* Effect.forEach(Array.from({ length: 500 }), (_, i) => home.create(Task, { title: `${i}` }), { concurrency: 500 })
      state.isFull = true
      const attempt = (title: string) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip(home.create(Task, { title })))._tag, "FlushFailed")
          return yield* home.query(Task, { where: { title } }).all
        })
      assert.deepStrictEqual(yield* Effect.forEach(["lost", "lost too"], attempt, { concurrency: 2 }), [[], []])
      assert.deepStrictEqual(yield* attempt("lost again"), [])
      assert.lengthOf(yield* home.query(Task).all, 500)
    })
  )

  it.live("[S42] fails also when the space is closed before the change is taken back", () =>
    Effect.gen(function* () {
      const { home, state } = yield* fragile
      // more than the blocks that are kept in memory, so that the state anew must read the disk
      const long = "x".repeat(60_000)
      yield* Effect.forEach(Array.from({ length: 90 }), () => home.create(Task, { title: long }), { concurrency: 8 })
      state.isFull = true
      state.readsNever = true
      const failing = yield* Effect.forkChild(Effect.flip(home.create(Task, { title: "lost" })), { startImmediately: true })
      yield* Effect.sleep("50 millis")
      assert.isUndefined(failing.pollUnsafe(), "it waits for the state anew")
      yield* home.close
      assert.strictEqual((yield* Fiber.join(failing))._tag, "FlushFailed")
    })
  )
})
