/**
 * A device whose feed a fork has frozen writes its lost blocks anew: once, in their order, as what they were, whatever crashes meanwhile.
 *
 * Forks are made by hand: another block at some place of the device's own feed, signed with its key, as a copy of the folder would.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { create, put } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { encodeBlock } from "../../src/schema/echo/Feed.ts"
import { copiesKeys } from "../../src/schema/echo/FeedRecords.ts"
import type { ObjectOf } from "../../src/schema/echo/ObjectType.ts"
import { queryAll } from "../../src/schema/echo/Query.ts"
import { Writer } from "../../src/schema/platform/Codec.ts"
import { spaceCommandsMax } from "../../src/schema/platform/Limits.ts"
import type { MadeFeed, SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import type { Space, Transaction } from "../../src/services/echo/SpaceService.ts"
import type { Keyring } from "../../src/services/platform/Keyring.ts"
import { Storage, StorageFailed } from "../../src/services/platform/Storage.ts"
import { elapse } from "../mesh/Elapse.ts"
import { copyOf, makeDevice, open } from "./FeedDevices.ts"
import { bytesOf, type Reached, reach, signedRun } from "./ReachedPeer.ts"
import { lifeOf } from "./SpaceLives.ts"
import { Task, task, toldOf } from "./SpaceTold.ts"

type Disk = Storage["Service"]

/** A process of the device on a disk that outlives it. */
const begin = (disk: Disk) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const reached = yield* reach({ disk }).pipe(Effect.provideService(Scope.Scope, scope))
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    return { ...reached, stop: Scope.close(scope, Exit.void) }
  })

/** A disk that takes as many writes more as are left, and then none: what a process wrote before the power went. */
const endingDisk = (disk: Disk) => {
  const power = { left: Number.POSITIVE_INFINITY }
  const ending = Storage.make({
    getMany: disk.getMany,
    range: disk.range,
    write: (batch, options) =>
      Effect.suspend(() => {
        if (power.left-- > 0) return disk.write(batch, options)
        return Effect.fail(new StorageFailed({ folder: "here", operation: "writing", cause: new Error("no power") }))
      })
  })
  return { disk: ending, power }
}

const made = (reached: Reached, space: Space): ReadonlyArray<MadeFeed> => reached.feeds(space.id).renewal.made()

/** Proves that another block stands at a place of the n-th feed that the device has made. */
const fork = (reached: Reached, space: Space, n: number, index: number) =>
  forkOf(reached.feeds(space.id), reached.keyring, n, index)
const forkOf = (feeds: SpaceFeeds, keyring: Keyring["Service"], n: number, index: number) =>
  Effect.gen(function* () {
    const feed = feeds.renewal.made()[n]!
    const blocks = (yield* feeds.read(feed.id, 0, 4_194_304)).map(({ bytes }) => bytes)
    const other = encodePlain([{ first: 1_000_000, time: 1, deps: null, mutations: [create("Other", 1)] }], 0, () => feed.id)
    const run = yield* signedRun(keyring, feed.id, [...blocks.slice(0, index), encodeBlock(other)])
    const refused = yield* Effect.flip(feeds.ingest(run))
    assert.strictEqual(feed.frozenAt, index, refused.message)
  })

const titles = (space: Space) => Effect.map(space.query(Task, { orderBy: "title" }).all, (all) => all.map(({ title }) => title))
const write = (space: Space, ...all: ReadonlyArray<string>) =>
  Effect.forEach(all, (title) => space.create(Task, task(title)), { discard: true })
const find = (space: Space, title: string) =>
  Effect.map(space.query(Task, { where: { title } }).all, ([found]) => {
    if (found === undefined) throw new Error(`there is no ${title}`)
    return found
  })

/** A device with a space of its own; the first block of its feed has the space's name. */
const alone = Effect.gen(function* () {
  const disk = StorageMemory.make()
  const first = yield* begin(disk)
  const home = yield* first.peer.spaces.create({ name: "Home" })
  return { ...first, disk, home }
})

describe("a device whose feed was frozen", () => {
  it.effect("[S16] shows again what it had written, in new objects, and tells live queries one difference", () =>
    Effect.gen(function* () {
      const first = yield* alone
      const { home } = first
      yield* write(home, "kept", "a", "b")
      yield* home.update(yield* find(home, "a"), { title: "a2" })
      yield* home.update(yield* find(home, "kept"), { title: "kept2" })
      yield* home.delete(yield* find(home, "b"))
      const kept = yield* find(home, "kept2")
      const lost = yield* find(home, "a2")
      const told = yield* toldOf(home)
      yield* elapse("1 millis")
      assert.deepStrictEqual(told, ["+kept2 +a2"])
      yield* fork(first, home, 0, 2)
      yield* elapse("1 millis")
      assert.deepStrictEqual(told.slice(1), ["+a2 -a2"])
      assert.deepStrictEqual(yield* titles(home), ["a2", "kept2"])
      const again = yield* find(home, "a2")
      assert.notStrictEqual(again.id, lost.id)
      assert.isUndefined(yield* home.get(Task, lost.id))
      assert.strictEqual((yield* find(home, "kept2")).id, kept.id)
      assert.strictEqual((yield* home.conflicts(kept, "title")).length, 1)
      assert.strictEqual(made(first, home)[0]?.renewedAt, 2)
      yield* home.audit
      yield* write(home, "c")
      const { feeds, blocks } = yield* home.audit
      assert.deepStrictEqual([feeds, blocks > 7], [2, true])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("answers commands of lost blocks as done, by the objects as they are now", () =>
    Effect.gen(function* () {
      const first = yield* alone
      const { disk, home } = first
      const milk = (space: Space) => space.create(Task, task("milk"), { command: "milk" })
      const rename = (space: Space) =>
        Effect.flatMap(find(space, "kept2"), (kept) => space.update(kept, { title: "kept2" }, { command: "rename" }))
      yield* write(home, "kept")
      const before = yield* milk(home)
      yield* home.update(yield* find(home, "kept"), { title: "kept2" }, { command: "rename" })
      yield* fork(first, home, 0, 2)
      const after = yield* milk(home)
      assert.notStrictEqual(after.id, before.id)
      yield* rename(home)
      assert.deepStrictEqual(yield* titles(home), ["kept2", "milk"])
      yield* first.stop
      const next = yield* begin(disk)
      const same = yield* next.peer.spaces.open(home.ticket)
      assert.strictEqual((yield* milk(same)).id, after.id)
      yield* rename(same)
      assert.deepStrictEqual(yield* titles(same), ["kept2", "milk"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("remembers as many commands as ever, since one that is named again is one", () =>
    Effect.gen(function* () {
      const first = yield* alone
      const { home } = first
      const one = (n: number) => home.create(Task, task(`${n}`), { command: `${n}` })
      const some = Array.from({ length: spaceCommandsMax }, (_, n) => n)
      yield* Effect.forEach(some, one, { concurrency: 100 })
      const feeds = first.feeds(home.id)
      const middle = feeds.command(`${spaceCommandsMax / 2}`)!.index
      yield* fork(first, home, 0, middle)
      yield* elapse("1 millis")
      yield* Effect.forEach(some, one, { concurrency: 100 })
      assert.strictEqual((yield* titles(home)).length, spaceCommandsMax)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("writes them anew once, whichever write of it was the last that the disk took", () =>
    Effect.gen(function* () {
      const large = "x".repeat(50_000)
      const first = yield* alone
      const { disk, home } = first
      yield* write(home, "kept")
      for (let n = 0; n < 8; n++) yield* home.create(Task, task(`${n} ${large}`), { command: `${n}` })
      yield* first.stop
      const copied = (on: Disk) =>
        Effect.map(Effect.orDie(on.range({ ...copiesKeys(bytesOf(home.id), null), limit: 100 })), ({ length }) => length)
      const seen = new Set<number>()
      for (let writes = 0; writes < 8; writes++) {
        const copy = yield* copyOf(disk)
        const ending = endingDisk(copy)
        const dying = yield* begin(ending.disk)
        const opened = yield* dying.peer.spaces.open(home.ticket)
        // the proof is the first write
        ending.power.left = 1 + writes
        yield* fork(dying, opened, 0, 2)
        yield* elapse("1 millis")
        yield* dying.stop
        seen.add(yield* copied(copy))
        for (let life = 0; life < 2; life++) {
          const next = yield* begin(copy)
          const same = yield* next.peer.spaces.open(home.ticket)
          assert.deepStrictEqual(
            (yield* titles(same)).map((title) => title.slice(0, 4)),
            ["0 xx", "1 xx", "2 xx", "3 xx", "4 xx", "5 xx", "6 xx", "7 xx", "kept"]
          )
          for (let n = 0; n < 8; n++) yield* same.create(Task, task(`${n} ${large}`), { command: `${n}` })
          assert.strictEqual((yield* titles(same)).length, 9)
          assert.isAtMost(made(next, same).length, 3)
          yield* same.audit
          yield* next.stop
        }
      }
      // before, in the middle of it, and after
      assert.isTrue(seen.has(0) && seen.size > 3, [...seen].join())
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("writes more of them anew when a proof comes at a lower place, and what had built on that, too", () =>
    Effect.gen(function* () {
      const first = yield* alone
      const { disk, home } = first
      yield* write(home, "kept", "low", "high")
      const [kept, low] = [yield* find(home, "kept"), yield* find(home, "low")]
      yield* home.update(kept, { title: "kept low" })
      yield* home.update(low, { title: "low 2" })
      yield* home.update(kept, { title: "kept high" })
      yield* write(home, "new")
      const created = yield* find(home, "new")
      yield* home.change((transaction) => {
        for (const object of [low, created]) transaction.update(object, { title: `${object.title} too` })
      })
      yield* fork(first, home, 0, 5)
      yield* elapse("1 millis")
      assert.deepStrictEqual(yield* titles(home), ["high", "kept high", "low too", "new too"])
      // in the next feed, on objects of the first
      yield* home.update(low, { title: "low 3" })
      yield* home.update(kept, { title: "kept highest" })
      yield* fork(first, home, 0, 2)
      yield* elapse("1 millis")
      assert.deepStrictEqual(yield* titles(home), ["high", "kept highest", "low 3", "new too"])
      assert.notStrictEqual((yield* find(home, "low 3")).id, low.id)
      assert.strictEqual(made(first, home).length, 3)
      // and the feed that was made for it is frozen as well
      yield* fork(first, home, 2, 0)
      yield* fork(first, home, 1, 0)
      yield* elapse("1 millis")
      assert.deepStrictEqual(yield* titles(home), ["high", "kept highest", "low 3", "new too"])
      yield* home.update(yield* find(home, "high"), { title: "high 2" })
      const [state, shown] = [yield* home.stateHash, yield* titles(home)]
      yield* home.audit
      yield* first.stop
      const next = yield* begin(disk)
      const same = yield* next.peer.spaces.open(home.ticket)
      assert.deepStrictEqual([yield* same.stateHash, yield* titles(same)], [state, shown])
      assert.deepStrictEqual(shown, ["high 2", "kept highest", "low 3", "new too"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("keeps the order when a proof comes at a lower place and not all is written anew yet", () =>
    Effect.gen(function* () {
      const ending = endingDisk(StorageMemory.make())
      const device = yield* makeDevice(ending.disk)
      const large = "x".repeat(50_000)
      yield* Effect.gen(function* () {
        const { feeds, handle } = yield* lifeOf(device, [device])
        const write = (body: (transaction: Transaction) => ObjectOf<typeof Task> | undefined) =>
          Effect.map(handle.commit(body, { durability: "strict" }), ({ value }) => value!)
        const kept = yield* write((transaction) => transaction.create(Task, task("first")))
        const update = (title: string) => write((transaction) => void transaction.update(kept, { title }))
        yield* write((transaction) => transaction.create(Task, task("other")))
        yield* update("lower")
        yield* update("higher")
        for (let n = 0; n < 8; n++) yield* write((transaction) => transaction.create(Task, task(`${n} ${large}`)))
        // the proof, the next feed, and the first of what is written anew
        ending.power.left = 4
        yield* forkOf(feeds, device.keyring, 0, 3)
        yield* elapse("1 millis")
      }).pipe(Effect.scoped)
      ending.power.left = Number.POSITIVE_INFINITY
      yield* Effect.gen(function* () {
        const { feeds } = yield* open(device, [device])
        assert.isAbove((yield* feeds.renewal.copies).length, 0)
        yield* forkOf(feeds, device.keyring, 0, 2)
      }).pipe(Effect.scoped)
      const { feeds, space } = yield* lifeOf(device, [device])
      const shown = queryAll(space.state.objects, Task, { orderBy: "title" }).objects
      assert.deepStrictEqual(
        shown.map(({ title }) => title.slice(0, 6)),
        [...Array.from({ length: 8 }, (_, n) => `${n} xxxx`), "higher", "other"]
      )
      assert.strictEqual(feeds.renewal.made().length, 3)
    }).pipe(Effect.scoped)
  )

  for (const when of ["before", "after"]) {
    it.effect(`is synced with who has what was written anew, and not before: asked ${when} the proof`, () =>
      Effect.gen(function* () {
        const disk = StorageMemory.make()
        const alice = yield* begin(StorageMemory.make())
        const first = yield* begin(disk)
        const bob = first.peer.device
        const home = yield* alice.peer.spaces.create({ name: "Home", members: [bob] })
        yield* first.peer.spaces.open(home.ticket)
        yield* write(home, "kept")
        yield* elapse("1 seconds")
        yield* home.synced(bob)
        yield* first.stop
        yield* write(home, "a", "b", "c")
        const [feed] = made(alice, home)
        assert.strictEqual(feed!.length, 5)
        const asking = Effect.all([home.synced(bob), home.synced({ quorum: 1 })], { concurrency: "unbounded", discard: true })
        const early = when === "before" ? yield* Effect.forkChild(asking, { startImmediately: true }) : null
        yield* fork(alice, home, 0, 2)
        const synced = early ?? (yield* Effect.forkChild(asking, { startImmediately: true }))
        yield* elapse("1 seconds")
        assert.isUndefined(synced.pollUnsafe(), "bob has none of what was written anew")
        const next = yield* begin(disk)
        const same = yield* next.peer.spaces.open(home.ticket)
        yield* elapse("30 seconds")
        assert.isDefined(synced.pollUnsafe())
        yield* Fiber.join(synced)
        assert.deepStrictEqual(yield* titles(same), ["a", "b", "c", "kept"])
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
    )
  }

  it.effect("is synced though what was still to be stored was taken back", () =>
    Effect.gen(function* () {
      const alice = yield* alone
      const { home } = alice
      yield* write(home, "kept", "a", "b")
      alice.weather.gate.closeUnsafe()
      const creating = yield* Effect.forkChild(Effect.exit(write(home, "c")), { startImmediately: true })
      const synced = yield* Effect.forkChild(home.synced({ quorum: 0 }), { startImmediately: true })
      const forking = yield* Effect.forkChild(fork(alice, home, 0, 2), { startImmediately: true })
      yield* elapse("1 seconds")
      assert.isUndefined(synced.pollUnsafe())
      yield* alice.weather.gate.open
      yield* elapse("1 seconds")
      yield* Fiber.join(forking)
      yield* Fiber.join(creating)
      assert.isDefined(synced.pollUnsafe())
      assert.includeMembers([...(yield* titles(home))], ["a", "b", "kept"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("leaves what a newer version wrote, and says so", () =>
    Effect.gen(function* () {
      const first = yield* alone
      const { disk, home } = first
      yield* write(home, "kept", "a")
      const feeds = first.feeds(home.id)
      const [feed] = made(first, home)
      const blocks = (yield* feeds.read(feed!.id, 0, 4_194_304)).map(({ bytes }) => bytes)
      const newer = new Writer().array(2).int(7).int(0).finish()
      // a later version of the program wrote it in this very folder, and then the older one was started again
      const onto = [{ first: 2_000_000, time: 1, deps: null, mutations: [put(0, 1_500_000, ["title"], "what is that?")] }]
      const later = encodeBlock(encodePlain(onto, 0, () => feed!.id))
      yield* feeds.ingest(yield* signedRun(first.keyring, feed!.id, [...blocks, newer, later]))
      yield* fork(first, home, 0, 2)
      yield* elapse("1 millis")
      assert.deepStrictEqual(yield* titles(home), ["a", "kept"])
      const status = yield* Stream.runHead(home.status)
      const says = Option.getOrThrow(status).stuck
      assert.deepStrictEqual(says, [
        `block 3 of feed ${feed!.text} was lost by a fork, and is not written anew: it holds block version 7. Update Troupe.`
      ])
      yield* write(home, "b")
      yield* first.stop
      const next = yield* begin(disk)
      const same = yield* next.peer.spaces.open(home.ticket)
      assert.deepStrictEqual(yield* titles(same), ["a", "b", "kept"])
      assert.deepStrictEqual(Option.getOrThrow(yield* Stream.runHead(same.status)).stuck, says)
      assert.strictEqual(made(next, same).length, 2, "what cannot be written anew needs no feed")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
