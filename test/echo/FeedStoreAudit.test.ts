/** What only an audit can find, and keys that no signature may stand under: rules F8 and F9 of FeedStore. */
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { encodeBlock, encodeManifest } from "../../src/schema/echo/Feed.ts"
import { type BlockRecord, blockKey, checkpointBlocks, decodeBlockRecord, forkKey } from "../../src/schema/echo/FeedRecords.ts"
import { encodeGenesis, encodeTicket } from "../../src/schema/echo/Space.ts"
import { Writer } from "../../src/schema/platform/Codec.ts"
import { appendBlocks, changeSet, Forger, makeDevice, open, spaceId, writerOf } from "./FeedDevices.ts"
import { bytesOf, reach } from "./ReachedPeer.ts"

const recordBytes = ({ arrival, bytes, peaks, root, signature }: BlockRecord): Uint8Array => {
  const to = new Writer().array(6).int(arrival).bytes(root)
  if (signature === null) to.nil()
  else to.bytes(signature)
  if (peaks === null) to.nil()
  else {
    to.array(peaks.length)
    for (const node of peaks) to.bytes(node)
  }
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(to.bytes(bytes).finish()))
  return to.bytes(sum).finish()
}

const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte))

/** A point of small order: under it every signature holds that ends in nothing, whoever made it. */
const nobody = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0))

describe("FeedStore, looked at again", () => {
  it.effect("[F9] an audit finds peaks that are others, that are missing, and that stand where none are", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const id = yield* Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* writerOf(yield* open(device, [device]))
          yield* appendBlocks(writer, checkpointBlocks + 1)
          return writer.feed.id
        })
      )
      const audited = Effect.scoped(Effect.flatMap(open(device, [device]), ({ feeds }) => feeds.audit))
      assert.strictEqual((yield* audited).blocks, checkpointBlocks + 1)
      const tampered = (index: number, change: (record: BlockRecord) => BlockRecord) =>
        Effect.gen(function* () {
          const key = blockKey(spaceId, id, index)
          const before = (yield* device.inner.get(key))!
          const record = Result.getOrThrow(decodeBlockRecord(before))
          assert.deepStrictEqual(recordBytes(record), before)
          yield* device.inner.write([{ key, value: recordBytes(change(record)) }], { durability: "strict" })
          const error = yield* Effect.flip(audited)
          yield* device.inner.write([{ key, value: before }], { durability: "strict" })
          return `${error._tag} ${error._tag === "AuditFailed" ? `${error.index}: ${error.reason}` : ""}`
        })
      const last = checkpointBlocks - 1
      const says = (index: number) => `AuditFailed ${index}: its peaks are not those of the blocks`
      assert.strictEqual(yield* tampered(last, (record) => ({ ...record, peaks: record.peaks!.map(flipped) })), says(last))
      assert.strictEqual(yield* tampered(last, (record) => ({ ...record, peaks: null })), says(last))
      assert.strictEqual(yield* tampered(last, (record) => ({ ...record, peaks: [] })), says(last))
      assert.strictEqual(yield* tampered(0, (record) => ({ ...record, peaks: [record.root] })), says(0))
    })
  )

  it.effect("[F9] an audit of an open space reads what the disk holds, and not what is in memory", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const opened = yield* open(device, [device])
      const { feeds } = opened
      const writer = yield* writerOf(opened)
      yield* appendBlocks(writer, 3)
      assert.strictEqual((yield* feeds.audit).blocks, 3)
      const key = blockKey(spaceId, writer.feed.id, 1)
      const before = (yield* device.inner.get(key))!
      for (let at = 0; at < before.length; at++) {
        const value = before.map((byte, i) => (i === at ? byte ^ 16 : byte))
        yield* device.inner.write([{ key, value }], { durability: "strict" })
        const error = yield* Effect.flip(feeds.audit)
        assert.deepStrictEqual([error._tag, error._tag === "AuditFailed" && error.index], ["AuditFailed", 1])
      }
      yield* device.inner.write([{ key, value: null }], { durability: "strict" })
      assert.match((yield* Effect.flip(feeds.audit)).message, /at block 1: the block is not there/)
    })
  )

  it.effect("[F9] a byte that was changed in any record of a space is found by an audit, and by the next opening", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const first = yield* Scope.make()
      const opened = yield* Scope.provide(open(device, [device]), first)
      const writer = yield* Scope.provide(writerOf(opened), first)
      yield* appendBlocks(writer, 2)
      const notes = { commands: [{ command: "pay", first: 100 }], copies: [] }
      yield* writer.append([changeSet(100)], "strict", notes)
      const records = yield* device.inner.range({ from: Uint8Array.of(3), to: Uint8Array.of(4), limit: 100 })
      assert.deepStrictEqual(
        records.map(({ key }) => key[33]),
        [0, 1, 1, 1, 3]
      )
      const kinds = ["the record of feed", "block", "", "the commands in block 2"]
      const changedBy = <A>(bit: number, test: (kind: number) => Effect.Effect<void, A>) =>
        Effect.forEach(records, ({ key, value }) =>
          Effect.gen(function* () {
            for (let at = 0; at < value.length; at += 1 + (key[33] === 0 ? 0 : 4)) {
              const rotten = value.map((byte, i) => (i === at ? byte ^ bit : byte))
              yield* device.inner.write([{ key, value: rotten }], { durability: "strict" })
              yield* test(key[33]!)
            }
            yield* device.inner.write([{ key, value }], { durability: "strict" })
          })
        )
      yield* changedBy(1, () =>
        Effect.map(Effect.flip(opened.feeds.audit), (error) => assert.strictEqual(error._tag, "AuditFailed"))
      )
      assert.strictEqual((yield* opened.feeds.audit).blocks, 3)
      yield* Scope.close(first, Exit.void)
      // blocks are read when they are delivered
      const reading = Effect.scoped(
        Effect.flatMap(open(device, [device]), ({ feeds }) => feeds.read(writer.feed.id, 0, 1_000_000))
      )
      yield* changedBy(4, (kind) =>
        Effect.map(Effect.flip(reading), (error) => {
          assert.strictEqual(error._tag, "StorageFailed")
          assert.include(error.message, `reading ${kinds[kind]}`)
          assert.include(error.message, "put the folder back from a copy")
        })
      )
      assert.lengthOf(yield* reading, 3)
    })
  )

  it.effect("[F9] an audit finds a feed that is frozen although no proof says so", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const device = yield* makeDevice()
      const { feeds } = yield* open(device, [alice, device])
      const forger = yield* Forger.make(alice)
      const run = (seed: number) =>
        forger.run(
          [0, 1, 2].map((i) => encodeBlock(new Uint8Array(40).fill(seed + i))),
          0
        )
      yield* feeds.admit(forger.manifest)
      yield* feeds.ingest(yield* run(0))
      yield* Effect.exit(feeds.ingest(yield* run(100)))
      assert.strictEqual((yield* feeds.audit).signatures, 5)
      yield* device.inner.write([{ key: forkKey(spaceId, forger.pair.publicKey), value: null }], { durability: "strict" })
      const error = yield* Effect.flip(feeds.audit)
      assert.match(error.message, /it is frozen without a proof/)
    })
  )

  it.effect("[F8] admits no manifest that names a key which predicate P refuses, whichever of the two it is", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const device = yield* makeDevice()
      const { feeds } = yield* open(device, [alice, device, { ...alice, key: nobody }])
      const signature = Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? 1 : 0))
      const names = { space: spaceId, incarnation: 1, feedSignature: signature, deviceSignature: signature }
      for (const content of [
        { ...names, device: alice.key, feed: nobody },
        { ...names, device: nobody, feed: alice.key }
      ]) {
        const error = yield* Effect.flip(feeds.admit(encodeManifest(content)))
        assert.match(error.message, /it names a key that is none/)
      }
      assert.strictEqual(feeds.list().length, 0)
    })
  )

  it.effect("opens no ticket that lists a key which predicate P refuses", () =>
    Effect.gen(function* () {
      const { peer } = yield* reach()
      const ticket = encodeTicket(encodeGenesis(new Uint8Array(16), [bytesOf(peer.device), nobody]), [], sha256)
      const error = yield* Effect.flip(peer.spaces.open(ticket))
      assert.strictEqual(error._tag, "TicketInvalid")
      assert.match(error.message, /it names a key that is none/)
      const refused = yield* Effect.flip(peer.spaces.create({ name: "x", members: [Base64Url.encode(nobody)] }))
      assert.strictEqual(refused._tag, "MemberInvalid")
      assert.deepStrictEqual(yield* peer.spaces.list, [])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
