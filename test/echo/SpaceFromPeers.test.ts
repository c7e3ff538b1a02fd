/** What peers bring into an open space that changes what may be done with it: a newer version's blocks, and more of this device's own feed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { create, put } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { encodeBlock } from "../../src/schema/echo/Feed.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { Writer } from "../../src/schema/platform/Codec.ts"
import type { Space, SpaceStatus } from "../../src/services/echo/SpaceService.ts"
import { Forger, makeDevice } from "./FeedDevices.ts"
import { bytesOf, reach, signedRun } from "./ReachedPeer.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

/** A block of one task that cites nobody else. */
const taskBlock = (first: number, title: string): Uint8Array =>
  encodeBlock(
    encodePlain([{ first, time: first, deps: null, mutations: [create("Task", 1), put(0, first, ["title"], title)] }], 0, () => {
      throw new Error("nobody else is cited")
    })
  )
const newer: Uint8Array = new Writer().array(3).int(7).text("who knows").nil().finish()

const statusWhere = (space: Space, holds: (status: SpaceStatus) => boolean) =>
  Effect.map(space.status.pipe(Stream.filter(holds), Stream.runHead), (found) => {
    if (found._tag === "None") throw new Error("the space was closed")
    return found.value
  })

const titled = (space: Space, title: string) =>
  space
    .query(Task, { where: { title } })
    .first.pipe(Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.die("no such task") }))

describe("a space with a block of a newer version in it", () => {
  it.live("can be read and not written, says why, and leaves other spaces alone", () =>
    Effect.gen(function* () {
      const alice = yield* reach()
      const bob = yield* makeDevice()
      const home = yield* alice.peer.spaces.create({ name: "Home", members: [Base64Url.encode(bob.key)] })
      const other = yield* alice.peer.spaces.create({ name: "Other" })
      const milk = yield* home.create(Task, { title: "Milk" })
      assert.isNull((yield* statusWhere(home, () => true)).readOnly)

      const feeds = alice.feeds(home.id)
      const forger = yield* Forger.make(bob, 1, Uint8Array.from(bytesOf(home.id)))
      yield* feeds.admit(forger.manifest)
      yield* feeds.ingest(yield* forger.run([taskBlock(1, "Bread"), newer, taskBlock(3, "Salt")], 0))

      const status = yield* statusWhere(home, ({ readOnly }) => readOnly !== null)
      const feed = Base64Url.encode(forger.pair.publicKey)
      assert.match(
        status.readOnly!,
        new RegExp(`^feed ${feed} holds .* which this version of Troupe does not know. Update Troupe`)
      )
      assert.deepStrictEqual(status.stuck.filter((line) => line.includes(feed)).length, 1)

      const refused = yield* Effect.flip(home.create(Task, { title: "Eggs" }))
      assert.strictEqual(refused._tag, "SpaceReadOnly")
      assert.include(refused.message, status.readOnly!)
      assert.strictEqual((yield* Effect.flip(home.update(milk, { title: "Oat milk" })))._tag, "SpaceReadOnly")
      assert.strictEqual((yield* Effect.flip(home.delete(milk)))._tag, "SpaceReadOnly")
      // what stood before it is there, what stands behind it is not, and nothing that was refused was merged
      const titles = (yield* home.query(Task, { orderBy: "title" }).all).map(({ title }) => title)
      assert.deepStrictEqual(titles, ["Bread", "Milk"])
      assert.strictEqual((yield* other.create(Task, { title: "Eggs" })).title, "Eggs")

      // and it stays so for as long as the block is there
      yield* home.close
      const again = yield* alice.peer.spaces.open(home.ticket)
      assert.strictEqual((yield* Effect.flip(again.create(Task, { title: "Eggs" })))._tag, "SpaceReadOnly")
      assert.strictEqual((yield* again.get(Task, milk.id))?.title, "Milk")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a space with signed nonsense in it", () => {
  it.live("passes it over, goes on, and tells whose it is in its status and its audit", () =>
    Effect.gen(function* () {
      const alice = yield* reach()
      const bob = yield* makeDevice()
      const home = yield* alice.peer.spaces.create({ name: "Home", members: [Base64Url.encode(bob.key)] })
      assert.deepStrictEqual((yield* home.audit).flagged, [])
      const forger = yield* Forger.make(bob, 1, Uint8Array.from(bytesOf(home.id)))
      const feeds = alice.feeds(home.id)
      yield* feeds.admit(forger.manifest)
      const nonsense = encodeBlock(Uint8Array.of(0xff))
      yield* feeds.ingest(yield* forger.run([nonsense, taskBlock(1, "Bread"), nonsense], 0))
      yield* titled(home, "Bread")
      const flagged = [{ feed: Base64Url.encode(forger.pair.publicKey), blocks: 2 }]
      const status = yield* statusWhere(home, (each) => each.flagged.some(({ blocks }) => blocks === 2))
      assert.deepStrictEqual([status.flagged, status.readOnly, status.stuck], [flagged, null, []])
      const audit = yield* home.audit
      assert.deepStrictEqual([audit.flagged, audit.feeds], [flagged, 2])
      assert.strictEqual((yield* home.create(Task, { title: "Milk" })).title, "Milk")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a space whose own feed a peer knows longer", () => {
  it.live("shows what this device had forgotten, and writes on in a new incarnation", () =>
    Effect.gen(function* () {
      const alice = yield* reach()
      const home = yield* alice.peer.spaces.create({ name: "Home" })
      const { receipt: before } = yield* home.change((transaction) => transaction.create(Task, { title: "Milk" }))
      const feeds = alice.feeds(home.id)
      const [own] = feeds.list()
      const blocks = (yield* feeds.read(own!.id, 0, 1_000_000)).map(({ bytes }) => bytes)
      // what this device wrote before its storage was put back, and sent to a peer
      const forgotten = taskBlock(before!.first + before!.count, "Bread")
      assert.strictEqual(yield* feeds.ingest(yield* signedRun(alice.keyring, own!.id, [...blocks, forgotten])), 1)

      const bread = yield* titled(home, "Bread")
      const { receipt, value: eggs } = yield* home.change((transaction) => {
        transaction.update(bread, { title: "Brown bread" })
        return transaction.create(Task, { title: "Eggs" })
      })
      assert.strictEqual(before!.feed, own!.text)
      assert.notStrictEqual(receipt!.feed, own!.text)
      assert.deepStrictEqual(
        feeds.list().map(({ manifest }) => manifest.incarnation),
        [1, 2]
      )
      // the new feed has seen all of the old one
      assert.deepStrictEqual(receipt!.deps, [{ feed: own!.text, counter: before!.first + before!.count + 1 }])
      const status = yield* statusWhere(home, ({ durable, local }) => durable === local)
      assert.strictEqual(status.durable, receipt!.first + receipt!.count - 1)
      yield* home.audit
      const hash = yield* home.stateHash

      yield* home.close
      const again = yield* alice.peer.spaces.open(home.ticket)
      assert.strictEqual((yield* again.get(Task, eggs.id))?.title, "Eggs")
      assert.strictEqual((yield* again.get(Task, bread.id))?.title, "Brown bread")
      assert.strictEqual(yield* again.stateHash, hash)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
