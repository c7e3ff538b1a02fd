/**
 * Disks that are copied, put back and rotten, under devices that do not know of it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Hex from "effect/encoding/Hex"
import * as Result from "effect/Result"
import * as World from "../../src/layers/simulation/World.ts"
import { decodeManifest } from "../../src/schema/echo/Feed.ts"
import { decodeFeed, feedKeys } from "../../src/schema/echo/FeedRecords.ts"
import type { SimulatedPeer } from "../../src/services/simulation/World.ts"
import { device, gathered, inSpace, shows, titles, together, write } from "./tasks.ts"

const options = { peers: ["ann", "bob"], seed: 1, limit: "10 minutes" } as const
/** Whether a key is that of a block of a feed (docs/format.md#storage-keys). */
const isBlock = (key: Uint8Array) => key[0] === 3 && key[33] === 1

/** What a disk holds of the feeds of a device, in the order of their incarnations. */
const feedsOf = Effect.fnUntraced(function* (on: SimulatedPeer, of: string) {
  const [some] = yield* on.disk.range({ from: Uint8Array.of(3), to: Uint8Array.of(4), limit: 1 })
  if (some === undefined) return []
  const records = yield* on.disk.range({ ...feedKeys(some.key.slice(1, 33), null), limit: 1_000 })
  return records
    .map(({ value }) => Result.getOrThrow(decodeFeed(value)))
    .map((record) => ({ ...record, ...Result.getOrThrow(decodeManifest(record.manifest)) }))
    .filter((feed) => Base64Url.encode(feed.device) === of)
    .sort((a, b) => a.incarnation - b.incarnation)
})

const incarnationsOf = (on: SimulatedPeer, of: string) =>
  Effect.map(feedsOf(on, of), (feeds) => feeds.map(({ incarnation }) => incarnation))

/** Bob has made a backup, has started once more and written; ann knows it, and then his disk is put back. */
const putBack = Effect.fnUntraced(function* (world: Parameters<typeof together>[0], how: "storage" | "machine") {
  const { ann, bob, ticket } = yield* together(world)
  yield* write(bob, ticket, "kept")
  const backup = yield* bob.backup
  yield* bob.crash()
  yield* bob.restart
  yield* write(bob, ticket, "later")
  yield* shows(ann, ticket, ["first", "kept", "later"])
  yield* bob.restore(backup, how)
  assert.isFalse(yield* bob.isUp)
  yield* world.part("ann", "bob")
  yield* bob.restart
  assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["first", "kept"])
  return { ann, bob, ticket }
})

describe("World: disks", () => {
  it.live("[W17] that are put back begin a new incarnation by the starts counted beside them, before any peer is met", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* putBack(world, "storage")
        yield* write(bob, ticket, "anew")
        const id = yield* device(bob)
        assert.deepStrictEqual(yield* incarnationsOf(bob, id), [1, 2])
        yield* world.heal
        for (const peer of [ann, bob]) yield* shows(peer, ticket, ["anew", "first", "kept", "later"])
        assert.deepStrictEqual(yield* incarnationsOf(ann, id), [1, 2])
      })
    )
  )

  it.live("[W17] that are put back with their counter begin it by a peer that knows more", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* putBack(world, "machine")
        yield* world.heal
        yield* shows(bob, ticket, ["first", "kept", "later"])
        yield* write(bob, ticket, "anew")
        for (const peer of [ann, bob]) yield* shows(peer, ticket, ["anew", "first", "kept", "later"])
        assert.deepStrictEqual(yield* incarnationsOf(ann, yield* device(bob)), [1, 2])
      })
    )
  )

  it.live("[W17] are copied without what is not durable, and a copy may be put back many times", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* together(world)
        yield* write(bob, ticket, "zero")
        const backup = yield* bob.backup
        const shown = yield* (yield* bob.durable).range({ from: new Uint8Array(), to: Uint8Array.of(255), limit: 10_000 })
        assert.deepStrictEqual(backup.entries, shown)
        const looked = yield* bob.durable
        yield* looked.write([{ key: shown[0]!.key, value: null }], { durability: "strict" })
        assert.isNull(yield* looked.get(shown[0]!.key))
        assert.isNotNull(yield* (yield* bob.durable).get(shown[0]!.key), "who writes to a copy writes to his own")
        assert.isFalse(yield* bob.restore(backup), "it was the same")
        yield* bob.restart
        yield* write(bob, ticket, "gone")
        for (const title of ["one", "two"]) {
          assert.isTrue(yield* bob.restore(backup))
          yield* bob.restart
          yield* write(bob, ticket, title)
          yield* shows(ann, ticket, title === "one" ? ["first", "one", "zero"] : ["first", "one", "two", "zero"])
        }
        yield* shows(bob, ticket, ["first", "one", "two", "zero"])
      })
    )
  )

  it.live("[W18] that rot are one bit wrong in one value, through crashes, and an audit or an opening names it", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { bob, ticket } = yield* together(world)
        yield* write(bob, ticket, "mine")
        assert.isNull(yield* bob.rot(() => false))
        const before = yield* bob.backup
        const key = yield* bob.rot(isBlock)
        const failed = yield* Effect.flip(inSpace(bob, ticket, (space) => space.audit))
        assert.strictEqual(failed._tag, "AuditFailed")
        for (const crash of [{ how: "process" }, { how: "machine", disk: "torn" }] as const) {
          yield* bob.crash(crash)
          const { entries } = yield* bob.backup
          const changed = entries.filter(({ value }, i) => Hex.encode(value) !== Hex.encode(before.entries[i]!.value))
          // each start is counted on the disk as well
          assert.deepStrictEqual(
            changed.map((entry) => Hex.encode(entry.key)).filter((found) => found !== "0200"),
            [key]
          )
          yield* bob.restart
          const refused = yield* Effect.flip(inSpace(bob, ticket, () => Effect.void))
          assert.strictEqual(refused._tag, "StorageFailed")
          assert.match(refused.message, /reading block 0 of feed .*put the folder back from a copy/)
        }
      })
    )
  )

  it.live("[W19] of a clone are the same device twice: what both write alone freezes their feed at everybody", () =>
    World.run({ ...options, peers: ["ann", "bob", "cy"] }, (world) =>
      Effect.gen(function* () {
        const ticket = yield* gathered(world, "ann", "bob", "cy")
        const [ann, bob, cy] = world.peers as readonly [SimulatedPeer, SimulatedPeer, SimulatedPeer]
        yield* write(bob, ticket, "by one")
        yield* shows(cy, ticket, ["by one", "first"])
        const twin = yield* world.clone("bob", "twin")
        assert.strictEqual(world.peer("twin"), twin)
        assert.deepStrictEqual(
          world.peers.map(({ name }) => name),
          ["ann", "bob", "cy", "twin"]
        )
        assert.isFalse(yield* twin.isUp)
        yield* twin.restart
        const id = yield* device(twin)
        assert.strictEqual(id, yield* device(bob))
        yield* world.partition([
          ["ann", "bob"],
          ["cy", "twin"]
        ])
        yield* write(bob, ticket, "by bob")
        yield* write(twin, ticket, "by twin")
        yield* shows(ann, ticket, ["by bob", "by one", "first"])
        yield* shows(cy, ticket, ["by one", "by twin", "first"])
        yield* world.heal
        for (const peer of world.peers) {
          // each of the two writes what it had written alone anew
          yield* shows(peer, ticket, ["by bob", "by one", "by twin", "first"])
          const [forked] = yield* feedsOf(peer, id)
          assert.strictEqual(forked?.frozenAt, 1, peer.name)
        }
        yield* write(ann, ticket, "all others go on")
        yield* shows(cy, ticket, ["all others go on", "by bob", "by one", "by twin", "first"])
      })
    )
  )

  it.live("[W19] of a clone are frozen at who holds nothing of what both wrote, too", () =>
    World.run({ ...options, peers: ["ann", "bob", "cy"] }, (world) =>
      Effect.gen(function* () {
        const ticket = yield* gathered(world, "ann", "bob", "cy")
        const [ann, bob, cy] = world.peers as readonly [SimulatedPeer, SimulatedPeer, SimulatedPeer]
        yield* write(bob, ticket, "by one")
        yield* shows(cy, ticket, ["by one", "first"])
        const twin = yield* world.clone("bob", "twin")
        yield* twin.restart
        const id = yield* device(twin)
        yield* world.partition([["ann", "bob"], ["twin"], ["cy"]])
        yield* write(bob, ticket, "by bob")
        yield* write(twin, ticket, "by twin")
        yield* shows(ann, ticket, ["by bob", "by one", "first"])
        yield* world.heal
        yield* world.partition([["ann", "bob", "twin"], ["cy"]])
        for (const peer of [ann, bob, twin]) yield* shows(peer, ticket, ["by bob", "by one", "by twin", "first"])
        assert.deepStrictEqual(yield* inSpace(cy, ticket, titles), ["by one", "first"])
        yield* world.heal
        yield* shows(cy, ticket, ["by bob", "by one", "by twin", "first"])
        yield* Effect.sleep("2 minutes")
        const frontiers = yield* Effect.forEach(world.peers, (peer) => inSpace(peer, ticket, (space) => space.frontier))
        assert.strictEqual(new Set(frontiers).size, 1)
        for (const peer of world.peers) assert.strictEqual((yield* feedsOf(peer, id))[0]?.frozenAt, 1, peer.name)
      })
    )
  )

  it.live("[W19] are cloned once under a name", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const clone = yield* world.clone("ann", "twin")
        yield* clone.restart
        assert.isTrue(yield* clone.isUp)
        assert.strictEqual((yield* Effect.exit(world.clone("bob", "twin")))._tag, "Failure")
        assert.strictEqual((yield* Effect.exit(world.clone("nobody", "other")))._tag, "Failure")
      })
    )
  )
})
