/**
 * What a fork does to a space: what lies beyond the proven place counts nowhere, and everything else goes on. How the device of the feed
 * writes its lost blocks anew: SpaceRenewal.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
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
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as Swarm from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as Device from "../../src/layers/peer/Device.ts"
import * as PeerLayer from "../../src/layers/peer/Peer.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../../src/layers/platform/KeyringStorage.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { encodeManifest } from "../../src/schema/echo/Feed.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { queryAll } from "../../src/schema/echo/Query.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { appendBlocks, copyOf, makeDevice, open, runOf, writerOf } from "./FeedDevices.ts"

const Note = ObjectType.make("Note", { text: Schema.String })

type Disk = Storage["Service"]
type Net = MemoryNetwork["Service"]

/** A device on a storage that outlives it, at a network. */
const start = (disk: Disk, net: Net) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const layer = PeerLayer.layer.pipe(
      Layer.provide(Layer.provideMerge(IdentityServiceLayer.layer({ urls: [] }), SpaceService.layer({ urls: [] }))),
      Layer.provide(Layer.merge(Entrance.layer, Layer.provideMerge(IdentityStore.layer, OperationStore.layer))),
      Layer.provide(Layer.mergeAll(FeedStore.layer, Replicator.layer, Swarm.layer, SupervisorLayer.layer)),
      Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)),
      Layer.provide(Device.layer),
      Layer.provide(KeyringStorage.layer),
      Layer.provide(Layer.merge(Layer.succeed(Storage, disk), CryptoNode.layer)),
      Layer.provide(Layer.succeed(MemoryNetwork, net))
    )
    const services = yield* Layer.build(Layer.fresh(layer)).pipe(Scope.provide(scope))
    const stop = Scope.close(scope, Exit.void)
    yield* Effect.addFinalizer(() => stop)
    return { peer: Context.get(services, Peer), stop }
  })

const write = (space: Space, ...texts: ReadonlyArray<string>) =>
  Effect.forEach(texts, (text) => space.create(Note, { text }), { discard: true })
const texts = (space: Space) =>
  Effect.map(space.query(Note, { orderBy: "text" }).all, (notes) => notes.map((note) => note.text).join(" "))
/** Waits until exactly these notes are shown. */
const shows = (space: Space, wanted: string) =>
  space.query(Note).changes.pipe(
    Stream.mapEffect(() => texts(space)),
    Stream.filter((shown) => shown === wanted),
    Stream.runHead
  )

/**
 * Alice has merged what Mallory wrote; then Mallory's disk is put back with its counter, writes something else, and comes back: the
 * feed has forked behind its first block, and Alice's own change sets depend on what lies beyond.
 */
const forked = Effect.gen(function* () {
  const net = yield* MemoryNetworkLayer.make
  const alone = yield* MemoryNetworkLayer.make
  const disks = { alice: StorageMemory.make(), bob: StorageMemory.make(), mallory: StorageMemory.make() }
  const alice = yield* start(disks.alice, net)
  const bob = yield* start(disks.bob, net)
  const first = yield* start(disks.mallory, net)
  const home = yield* alice.peer.spaces.create({ name: "Home", members: [bob.peer.device, first.peer.device] })
  const ticket = home.ticket
  const opened = yield* first.peer.spaces.open(ticket)
  yield* write(opened, "0")
  yield* opened.synced(alice.peer.device)
  yield* first.stop
  const copy = yield* copyOf(disks.mallory)
  const one = yield* start(disks.mallory, net)
  const branch = yield* one.peer.spaces.open(ticket)
  yield* write(branch, "a", "b", "c")
  yield* branch.synced(alice.peer.device)
  yield* one.stop
  yield* write(home, "alice1")
  const watching = yield* Effect.forkChild(
    home.query(Note).changes.pipe(
      Stream.flatMap((delta) => Stream.fromIterable(delta.removed)),
      Stream.map((note) => note.text),
      Stream.take(3),
      Stream.runCollect
    ),
    { startImmediately: true }
  )
  const other = yield* start(copy, alone)
  const strange = yield* other.peer.spaces.open(ticket)
  yield* write(strange, "x", "y", "z", "zz", "zzz")
  yield* other.stop
  const mallory = yield* start(copy, net)
  const back = yield* mallory.peer.spaces.open(ticket)
  return { net, disks, alice, bob, mallory, home, back, ticket, watching }
})

describe("a space in which a feed forked", () => {
  it.live(
    "[S16] voids what lies beyond the proof, delivers what honest members wrote after it, writes its own anew, and ends at one state",
    () =>
      Effect.gen(function* () {
        const { alice, back, bob, disks, home, mallory, net, ticket, watching } = yield* forked
        yield* shows(home, "0 alice1 x y z zz zzz")
        assert.deepStrictEqual([...(yield* Fiber.join(watching))].sort(), ["a", "b", "c"], "live queries are told")
        const newcomer = yield* bob.peer.spaces.open(ticket)
        yield* write(home, "mine")
        yield* shows(newcomer, "0 alice1 mine x y z zz zzz")
        yield* home.synced(bob.peer.device)
        yield* newcomer.synced(alice.peer.device)
        // the device of the forked feed goes on in a new one
        yield* write(back, "again")
        yield* back.synced(alice.peer.device)
        yield* home.synced(mallory.peer.device)
        for (const space of [home, newcomer, back]) yield* shows(space, "0 again alice1 mine x y z zz zzz")
        assert.strictEqual(yield* newcomer.stateHash, yield* home.stateHash)
        assert.strictEqual(yield* back.stateHash, yield* home.stateHash)
        assert.strictEqual(yield* newcomer.frontier, yield* home.frontier)
        assert.strictEqual(yield* back.frontier, yield* home.frontier)
        // the other copy of the folder comes back as well, and writes anew what it had
        yield* mallory.stop
        const one = yield* start(disks.mallory, net)
        const other = yield* one.peer.spaces.open(ticket)
        for (const space of [home, newcomer, other]) yield* shows(space, "0 a again alice1 b c mine x y z zz zzz")
        assert.strictEqual(yield* newcomer.stateHash, yield* home.stateHash)
        assert.strictEqual(yield* other.stateHash, yield* home.stateHash)
        for (const space of [home, newcomer, other]) yield* space.audit
      }).pipe(Effect.timeout("20 seconds"))
  )

  it.live("keeps what was written on top of a fork and is not yet flushed when the proof comes", () =>
    Effect.gen(function* () {
      const [alice, mallory] = [yield* makeDevice(), yield* makeDevice()]
      const theirs = yield* open(mallory, [alice, mallory])
      const forger = yield* writerOf(theirs)
      yield* appendBlocks(forger, 3)
      const ours = yield* open(alice, [alice, mallory])
      const held = yield* ours.feeds.admit(encodeManifest(forger.feed.manifest))
      yield* ours.feeds.ingest(yield* runOf(theirs, forger.feed.id, 0))
      const state = new SpaceState(ours.table)
      const handle = new SpaceHandle("space")
      const space = new OpenSpace(handle, ours.feeds, state, yield* Clock.Clock)
      yield* ours.feeds.watch((feed) => space.notice(feed))
      yield* space.load
      handle.rose(space)
      yield* Effect.forkScoped(space.run)
      const counters = () => space.frontier().applied.map(([, counter]) => counter)
      const commit = (text: string) =>
        handle.commit((transaction) => transaction.create(Note, { text }), { durability: "strict" })
      assert.deepStrictEqual(counters(), [3])
      alice.weather.gate.closeUnsafe()
      const pending = yield* Effect.forkChild(commit("pending"), { startImmediately: true })
      assert.deepStrictEqual([...counters()].sort(), [2, 3])
      space.notice(Object.assign(held, { frozenAt: 1 }))
      const waiting = yield* Effect.forkChild(commit("waiting"), { startImmediately: true })
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual([...counters()].sort(), [2, 3], "the state is kept until the flush has ended")
      yield* alice.weather.gate.open
      const [first, second] = [yield* Fiber.join(pending), yield* Fiber.join(waiting)]
      assert.deepStrictEqual([first.receipt?.first, second.receipt?.first], [1, 3])
      assert.deepStrictEqual([...counters()].sort(), [1, 4])
      const shown = queryAll(space.state.objects, Note, { orderBy: "text" }).objects
      assert.deepStrictEqual(
        shown.map(({ text }) => text),
        ["pending", "waiting"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("lets writes wait that begin between a freeze of the own feed and the rebuild, and refuses none", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const ours = yield* open(alice, [alice])
      const handle = new SpaceHandle("space")
      const space = new OpenSpace(handle, ours.feeds, new SpaceState(ours.table), yield* Clock.Clock)
      yield* ours.feeds.watch((feed) => space.notice(feed))
      yield* space.load
      handle.rose(space)
      const commit = (text: string, command?: string) =>
        handle.commit((transaction) => transaction.create(Note, { text }), {
          durability: "strict",
          ...(command === undefined ? {} : { command })
        })
      yield* commit("shared")
      const { inner, weather } = yield* makeDevice(yield* copyOf(alice.inner))
      const twin = yield* open({ ...alice, inner, weather }, [alice])
      yield* appendBlocks(yield* writerOf(twin), 1)
      yield* commit("lost", "pay")
      const [forked] = twin.feeds.list()
      yield* Effect.flip(ours.feeds.ingest(yield* runOf(twin, forked!.id, 0)))
      assert.strictEqual(ours.feeds.find(forked!.id)?.frozenAt, 1)
      // nothing delivers yet, so the space stands between the two
      const waiting = yield* Effect.forEach(["one", "two"], (text) => Effect.forkChild(commit(text), { startImmediately: true }))
      const again = yield* Effect.forkChild(commit("lost", "pay"), { startImmediately: true })
      yield* Effect.sleep("20 millis")
      for (const fiber of [...waiting, again]) assert.isUndefined(fiber.pollUnsafe())
      yield* Effect.forkScoped(space.run)
      for (const fiber of waiting) assert.notStrictEqual((yield* Fiber.join(fiber)).receipt?.feed, forked!.text)
      // the command was written anew before anybody asked for it once more
      assert.notStrictEqual((yield* Fiber.join(again)).receipt?.feed, forked!.text)
      const shown = queryAll(space.state.objects, Note, { orderBy: "text" }).objects
      assert.deepStrictEqual(
        shown.map(({ text }) => text),
        ["lost", "one", "shared", "two"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("opens again as it was left", () =>
    Effect.gen(function* () {
      const { alice, disks, home, net, ticket } = yield* forked
      yield* shows(home, "0 alice1 x y z zz zzz")
      const [state, frontier] = [yield* home.stateHash, yield* home.frontier]
      yield* alice.stop
      const again = yield* start(disks.alice, net)
      const same = yield* again.peer.spaces.open(ticket)
      assert.deepStrictEqual([yield* same.stateHash, yield* same.frontier], [state, frontier])
      yield* write(same, "later")
      assert.strictEqual(yield* texts(same), "0 alice1 later x y z zz zzz")
    }).pipe(Effect.timeout("20 seconds"))
  )
})
