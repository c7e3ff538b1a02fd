/**
 * The Replicator over real feeds: signed, verified and stored, between devices whose sockets stand end to end.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Head } from "../../src/schema/echo/Feed.ts"
import { encodeManifest } from "../../src/schema/echo/Feed.ts"
import { type Message, markOf } from "../../src/schema/echo/ReplicationMessage.ts"
import type { FeedWriter } from "../../src/services/echo/FeedStore.ts"
import { ReplicationFailed } from "../../src/services/echo/Replicator.ts"
import { elapse } from "../mesh/Elapse.ts"
import { alone, append, Bell, connect, copyOf, type Party, party } from "./ReplicatorPair.ts"

const write = Effect.fnUntraced(function* (writer: FeedWriter, blocks: number, bytes = 100) {
  const from = writer.feed.length
  for (let i = 1; i <= blocks; i++) yield* append(writer, from + i, bytes)
})

const has = (self: Party, of: { readonly text: string; readonly length: number }) =>
  self.feeds.list().some((feed) => feed.text === of.text && feed.length === of.length)

const knows = (self: Party, other: Party, of: { readonly text: string; readonly length: number }) =>
  self.acknowledged.get(`${other.text} ${of.text}`) === of.length

const kinds = (messages: ReadonlyArray<Message>) => messages.map((message) => message._tag)

const setup = Effect.gen(function* () {
  const bell = new Bell()
  const [a, b] = [yield* party(bell), yield* party(bell)]
  return { a, b, bell }
})

describe("Replicator", () => {
  it.effect("[R3] [R5] [R8] carries feeds both ways, then pushes, and each side knows what the other has stored", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const [wa, wb] = [yield* a.feeds.writer, yield* b.feeds.writer]
      yield* write(wa, 20)
      yield* write(wb, 3)
      const wire = yield* connect(a, b, bell)
      yield* bell.until(() => has(a, wb.feed) && has(b, wa.feed) && knows(a, b, wa.feed) && knows(b, a, wb.feed))
      const before = wire.said(b).length
      yield* write(wa, 1)
      yield* bell.until(() => knows(a, b, wa.feed))
      assert.deepStrictEqual(wire.said(a).at(-1)?._tag, "Data")
      assert.deepStrictEqual(
        kinds(wire.said(b).slice(before)).filter((kind) => kind !== "Summary"),
        ["Have"]
      )
      assert.isTrue((yield* b.feeds.audit).blocks === 24)
    })
  )

  it.effect("[R4] [R9] goes on where it was cut off, and sends no block twice", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const writer = yield* a.feeds.writer
      yield* write(writer, 60, 20_000)
      const first = yield* connect(a, b, bell)
      yield* bell.until(() => b.feeds.list().some((feed) => feed.length > 0))
      yield* first.disconnect
      const held = b.feeds.find(writer.feed.id)!.length
      const second = yield* connect(a, b, bell)
      yield* bell.until(() => has(b, writer.feed) && knows(a, b, writer.feed))
      const sent = second.said(a).flatMap((message) => (message._tag === "Data" ? [message.run] : []))
      assert.strictEqual(sent[0]!.from, held)
      assert.strictEqual(
        sent.reduce((sum, run) => sum + run.blocks.length, 0),
        60 - held
      )
    })
  )

  it.effect("[R8] three devices in a line have everything of each other", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const c = yield* party(bell)
      yield* connect(a, b, bell)
      yield* connect(b, c, bell)
      const writers = yield* Effect.forEach([a, b, c], (each) => each.feeds.writer)
      for (const writer of writers) yield* write(writer, 5)
      yield* bell.until(() => writers.every((writer) => [a, b, c].every((each) => has(each, writer.feed))))
    })
  )

  it.effect("[R1] [R9] an idle minute costs two Summaries", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      yield* write(yield* a.feeds.writer, 2)
      const wire = yield* connect(a, b, bell)
      yield* bell.until(() => knows(a, b, a.feeds.list()[0]!))
      yield* elapse("2 seconds")
      const before = wire.bytes()
      yield* elapse("60 seconds")
      assert.strictEqual(wire.bytes() - before, 208)
    })
  )

  it.effect("[R10] a frame that is no message is refused, and the run fails, typed", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      for (const bytes of [Uint8Array.of(0x82, 6, 0x80), new Uint8Array(0), new Uint8Array(300).fill(0xff)]) {
        const hand = yield* alone(a, b.key, bell)
        assert.strictEqual((yield* hand.hear)._tag, "Summary")
        yield* hand.sayBytes(bytes)
        assert.deepStrictEqual(yield* hand.hear, { _tag: "Refuse", reason: "malformed", feed: null })
        const exit = yield* hand.exit
        assert.isTrue(
          Exit.isFailure(exit) &&
            exit.cause.reasons.some((each) => each._tag === "Fail" && each.error instanceof ReplicationFailed)
        )
      }
    })
  )

  it.effect("[R11] a run with a bad signature is refused and shown; the other feeds go on", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const c = yield* party(bell)
      const [wb, wc] = [yield* b.feeds.writer, yield* c.feeds.writer]
      yield* write(wb, 2)
      yield* write(wc, 2)
      const hand = yield* alone(a, b.key, bell)
      yield* hand.hear
      yield* hand.say({
        _tag: "Have",
        feeds: [wb.feed, wc.feed].map((feed) => ({ feed: feed.id, length: 2, mark: markOf(feed.root) }))
      })
      assert.strictEqual((yield* hand.hear)._tag, "Want")
      for (const { manifest } of [wb.feed, wc.feed]) yield* hand.say({ _tag: "Manifest", manifest: encodeManifest(manifest) })
      const bad = (yield* b.feeds.run(wb.feed.id, 0, 1_000_000, false))!
      const good = (yield* c.feeds.run(wc.feed.id, 0, 1_000_000, false))!
      const head: Head = { ...bad.head, signature: new Uint8Array(64).fill(1) }
      yield* hand.say({ _tag: "Data", run: { ...bad, head } })
      yield* hand.say({ _tag: "Data", run: good })
      yield* bell.until(() => has(a, wc.feed))
      assert.deepStrictEqual([...a.refused], [[wb.feed.text, "bad-signature"]])
      assert.strictEqual(a.feeds.find(wb.feed.id)?.length, 0)
    })
  )

  it.effect("[R3] a manifest of another space stops its feed, and nothing is kept", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const { feed } = yield* b.feeds.writer
      const hand = yield* alone(a, b.key, bell)
      yield* hand.hear
      yield* hand.say({ _tag: "Have", feeds: [{ feed: feed.id, length: 2, mark: markOf(feed.root) }] })
      yield* hand.hear
      yield* hand.say({ _tag: "Manifest", manifest: encodeManifest({ ...feed.manifest, space: new Uint8Array(32) }) })
      yield* bell.until(() => a.refused.get(feed.text) === "manifest")
      assert.isUndefined(a.feeds.find(feed.id))
    })
  )

  it.effect(
    "[R12] a device that was restored and wrote on has forked its feed: whoever sees both keeps the proof and passes it on",
    () =>
      Effect.gen(function* () {
        const { a, b, bell } = yield* setup
        const [c, d] = [yield* party(bell), yield* party(bell)]
        const writer = yield* a.feeds.writer
        yield* write(writer, 5)
        const twin = yield* party(bell, { storage: yield* copyOf(a.storage), keyring: a.keyring })
        yield* write(writer, 30)
        const other = yield* twin.feeds.writer
        assert.strictEqual(other.feed.text, writer.feed.text)
        for (let i = 0; i < 20; i++) yield* append(other, 500 + i, 200)
        yield* connect(a, b, bell)
        yield* connect(twin, c, bell)
        yield* connect(c, d, bell)
        yield* bell.until(() => has(b, writer.feed) && has(c, other.feed))
        // who is between two others tells of what is another's within two seconds
        yield* elapse("2 seconds")
        yield* bell.until(() => has(d, other.feed))
        yield* connect(b, c, bell)
        // the feed is asked of another only when whoever brought it has been silent for a while
        yield* elapse("3 seconds")
        const frozen = (self: Party) => self.feeds.find(writer.feed.id)?.frozenAt === 5
        yield* bell.until(() => [a, b, c, d, twin].every(frozen))
        // a feed that is not forked goes on between all of them
        const { feed } = yield* Effect.tap(d.feeds.writer, (writes) => write(writes, 1))
        for (const next of [c, b, a]) {
          yield* bell.until(() => has(next, feed))
          yield* elapse("2 seconds")
        }
      })
  )

  it.effect("[R12] a proof is read by the key of its feed, however many there are", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const writer = yield* a.feeds.writer
      yield* write(writer, 5)
      const twin = yield* party(bell, { storage: yield* copyOf(a.storage), keyring: a.keyring })
      yield* write(writer, 3)
      yield* append(yield* twin.feeds.writer, 500, 200)
      const wire = yield* connect(a, b, bell)
      yield* bell.until(() => has(b, writer.feed))
      yield* wire.disconnect
      yield* connect(twin, b, bell)
      const frozen = (self: Party) => self.feeds.find(writer.feed.id)?.frozenAt === 5
      yield* bell.until(() => frozen(b))
      const frugal = { ...b, feeds: { ...b.feeds, forkProofs: Effect.die(new Error("all proofs were read")) } }
      const fresh = yield* party(bell)
      yield* connect(frugal, fresh, bell)
      yield* bell.until(() => frozen(fresh))
    })
  )

  for (const isProven of [false, true]) {
    const knows = isProven ? "who knows of it already" : "who does not know of it"
    it.effect(`[R12] blocks before a freeze come to ${knows} from whoever has them, though no head of his ends there`, () =>
      Effect.gen(function* () {
        const { a, b, bell } = yield* setup
        const writer = yield* a.feeds.writer
        const { id } = writer.feed
        yield* write(writer, 2)
        // which of two compares hangs on their keys
        const carols = yield* Effect.replicateEffect(party(bell), 8)
        for (const carol of carols) {
          const first = yield* connect(a, carol, bell)
          yield* bell.until(() => has(carol, writer.feed))
          yield* first.disconnect
        }
        yield* write(writer, 1)
        const twin = yield* party(bell, { storage: yield* copyOf(a.storage), keyring: a.keyring })
        yield* write(writer, 4)
        yield* append(yield* twin.feeds.writer, 500, 200)
        // of seven blocks at once, the last alone has a head
        yield* b.feeds.admit(encodeManifest(writer.feed.manifest))
        yield* b.feeds.ingest((yield* a.feeds.run(id, 0, 1_000_000, false))!)
        yield* Effect.exit(b.feeds.ingest((yield* twin.feeds.run(id, 0, 1_000_000, false))!))
        const isWhole = (self: Party) => {
          const feed = self.feeds.find(id)
          return feed?.frozenAt === 3 && feed.length >= 3
        }
        assert.isTrue(isWhole(b))
        const [proof] = yield* b.feeds.forkProofs
        for (const carol of carols) {
          if (isProven) yield* carol.feeds.admitFork(proof!)
          const second = yield* connect(b, carol, bell)
          yield* bell.until(() => isWhole(carol))
          assert.deepStrictEqual([b.refused.size, carol.refused.size], [0, 0])
          yield* second.disconnect
        }
        const [carol] = carols
        const dave = yield* party(bell)
        yield* connect(carol!, dave, bell)
        yield* bell.until(() => isWhole(dave))
        assert.deepStrictEqual([carol!.refused.size, dave.refused.size], [0, 0])
        assert.strictEqual((yield* dave.feeds.audit).blocks, 3)
      })
    )
  }

  it.effect("[R9] a feed that one device only claims to have is asked of the next after 2 s, and the first is told", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const { feed } = yield* Effect.tap(b.feeds.writer, (writer) => write(writer, 3))
      const hand = yield* alone(a, (yield* party(bell)).key, bell)
      yield* hand.hear
      yield* hand.say({ _tag: "Have", feeds: [{ feed: feed.id, length: 1_000, mark: markOf(feed.root) }] })
      assert.strictEqual((yield* hand.hear)._tag, "Want")
      yield* connect(a, b, bell)
      yield* elapse("3 seconds")
      yield* bell.until(() => has(a, feed))
      assert.deepStrictEqual(yield* hand.hear, { _tag: "Want", feeds: [{ feed: feed.id, from: 0, to: 0 }] })
    })
  )

  it.effect("[R13] a device that says nothing is cut off after two minutes", () =>
    Effect.gen(function* () {
      const { a, b, bell } = yield* setup
      const hand = yield* alone(a, b.key, bell)
      yield* elapse("121 seconds")
      assert.isTrue(Exit.isFailure(yield* hand.exit))
    })
  )
})
