/**
 * Taking feeds from peers: rules F5, F6 and F8 of FeedStore (src/layers/echo/FeedStore.ts). Whatever is refused leaves no byte behind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { admit } from "../../src/layers/echo/FeedIngest.ts"
import { FeedSpace } from "../../src/layers/echo/FeedSpace.ts"
import { encodeBlock, encodeManifest, headMessage, type Run } from "../../src/schema/echo/Feed.ts"
import { Writer } from "../../src/schema/platform/Codec.ts"
import type { RunRefused } from "../../src/services/echo/FeedStore.ts"
import type { StorageError } from "../../src/services/platform/Storage.ts"
import { appendBlocks, dump, Forger, makeDevice, naiveFork, type Opened, open, runOf, spaceId, writerOf } from "./FeedDevices.ts"

/** Blocks of nonsense: what is in an envelope is not FeedStore's to judge. */
const blocksOf = (count: number, seed = 0, size = 40): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, (_, i) => encodeBlock(new Uint8Array(size).fill(seed + i)))

const reasonOf = (opened: Opened, run: Run) =>
  Effect.match(opened.feeds.ingest(run), {
    onSuccess: (count) => `${count} new`,
    onFailure: (error: RunRefused | StorageError) => (error._tag === "RunRefused" ? error.reason : error._tag)
  })

/** Expects a refusal, and that it changes nothing that is stored. */
const refuses = (opened: Opened, run: Run, reason: string) =>
  Effect.gen(function* () {
    const before = yield* dump(opened.device.inner)
    assert.strictEqual(yield* reasonOf(opened, run), reason)
    assert.deepStrictEqual(yield* dump(opened.device.inner), before)
  })

const changed = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = new Uint8Array(bytes)
  copy[at] = copy[at]! ^ 1
  return copy
}

/** Bob's open space, and a feed of Alice's that may say what she likes. */
const scene: Effect.Effect<{ readonly bob: Opened; readonly forger: Forger }, StorageError, Scope.Scope> = Effect.gen(
  function* () {
    const alice = yield* makeDevice()
    const device = yield* makeDevice()
    const bob = yield* open(device, [alice, device])
    const forger = yield* Forger.make(alice)
    yield* Effect.orDie(bob.feeds.admit(forger.manifest))
    return { bob, forger }
  }
)

describe("FeedIngest", () => {
  it.effect("[F5] takes a whole feed run by run, at one verification each, and shows each when it is stored", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const device = yield* makeDevice()
      const here = yield* open(alice, [alice, device])
      const there = yield* open(device, [alice, device])
      const writer = yield* writerOf(here)
      yield* appendBlocks(writer, 100)
      const before = device.verified()
      const manifest = encodeManifest(writer.feed.manifest)
      const feed = yield* there.feeds.admit(manifest)
      assert.strictEqual(yield* there.feeds.admit(manifest), feed)
      assert.strictEqual(device.verified() - before, 4)
      const lengths: Array<number> = []
      yield* there.feeds.watch((grown) => lengths.push(grown.length))
      for (let runs = 1; feed.length < 100; runs++) {
        const from = feed.length
        const run = yield* runOf(here, feed.id, from, runs % 2 === 0, 2_000)
        assert.strictEqual(yield* there.feeds.ingest(run), run.blocks.length)
        assert.deepStrictEqual([lengths.at(-1), feed.length], [run.head.length, run.head.length])
        assert.strictEqual(device.verified() - before, 4 + runs)
      }
      assert.deepStrictEqual(feed.root, writer.feed.root)
      assert.deepStrictEqual(yield* there.feeds.read(feed.id, 0, 1_000_000), yield* here.feeds.read(feed.id, 0, 1_000_000))
      // what was taken can be passed on
      const onward = yield* runOf(there, feed.id, 64, true)
      assert.strictEqual(onward.head.length, 100)
      const audit = yield* there.feeds.audit
      assert.deepStrictEqual([audit.feeds, audit.blocks], [1, 100])
    })
  )

  it.effect("[F5] skips what it has, and says how much was new", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const blocks = blocksOf(10)
      assert.strictEqual(yield* reasonOf(bob, yield* forger.run(blocks.slice(0, 4), 0)), "4 new")
      assert.strictEqual(yield* reasonOf(bob, yield* forger.run(blocks.slice(0, 4), 0)), "0 new")
      assert.strictEqual(yield* reasonOf(bob, yield* forger.run(blocks.slice(0, 3), 1, true)), "0 new")
      assert.strictEqual(yield* reasonOf(bob, yield* forger.run(blocks.slice(0, 7), 2)), "3 new")
      assert.strictEqual(yield* reasonOf(bob, yield* forger.run(blocks, 5, true)), "3 new")
      const kept = yield* bob.feeds.read(forger.pair.publicKey, 0, 1_000_000)
      assert.deepStrictEqual(
        kept.map(({ bytes }) => bytes),
        blocks
      )
    })
  )

  it.effect("[F5] takes runs of one feed one after the other, although they come at once", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const blocks = blocksOf(6)
      const runs = yield* Effect.forEach([2, 4, 6], (end) => forger.run(blocks.slice(0, end), end - 2))
      bob.device.weather.gate.closeUnsafe()
      const ingesting = yield* Effect.forkChild(
        Effect.forEach(runs, (run) => reasonOf(bob, run), { concurrency: "unbounded" }),
        {
          startImmediately: true
        }
      )
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow
      yield* bob.device.weather.gate.open
      assert.deepStrictEqual(yield* Fiber.join(ingesting), ["2 new", "2 new", "2 new"])
    })
  )

  it.effect("[F5] refuses every run that is not exactly what the feed's key has signed", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const stranger = yield* Forger.make(bob.device)
      const blocks = blocksOf(9)
      const first = yield* forger.run(blocks.slice(0, 5), 0)
      yield* refuses(bob, yield* stranger.run(blocks, 0), "unknown-feed")
      yield* refuses(bob, { ...first, head: { ...first.head, signature: changed(first.head.signature, 40) } }, "bad-signature")
      yield* refuses(bob, { ...first, head: { ...first.head, root: changed(first.head.root, 3) } }, "bad-signature")
      yield* refuses(bob, { ...first, blocks: blocks.slice(4, 9) }, "bad-proof")
      yield* refuses(bob, { ...first, blocks: blocks.slice(0, 4) }, "malformed")
      yield* refuses(bob, { ...first, blocks: [] }, "malformed")
      yield* refuses(bob, { ...first, from: 1 }, "malformed")
      yield* refuses(bob, { ...first, from: -1 }, "malformed")
      yield* refuses(bob, { ...first, from: 0.5 }, "malformed")
      yield* refuses(bob, yield* forger.run(blocks, 5), "gap")
      yield* refuses(bob, { ...first, proof: [new Uint8Array(32)] }, "bad-proof")
      assert.strictEqual(yield* reasonOf(bob, { ...first, proof: [] }), "5 new")
      const second = yield* forger.run(blocks, 5, true)
      yield* refuses(bob, { ...second, proof: second.proof!.map((node) => changed(node, 0)) }, "bad-proof")
      yield* refuses(bob, { ...second, proof: second.proof!.slice(1) }, "bad-proof")
      yield* refuses(bob, { ...second, blocks: [...second.blocks].reverse() }, "bad-proof")
      // without a proof nobody can tell false blocks from a fork further back, so one has to ask for it
      yield* refuses(bob, { ...second, proof: null, blocks: [...second.blocks].reverse() }, "forked")
      yield* refuses(bob, yield* stranger.run(blocks, 5), "unknown-feed")
      assert.strictEqual(yield* reasonOf(bob, second), "4 new")
    })
  )

  it.effect("[F5] refuses a run whose blocks were changed at any byte", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const run = yield* forger.run(blocksOf(2), 0)
      const reasons = new Set<string>()
      for (const at of run.blocks[1]!.keys()) {
        const before = yield* dump(bob.device.inner)
        reasons.add(yield* reasonOf(bob, { ...run, blocks: [run.blocks[0]!, changed(run.blocks[1]!, at)] }))
        assert.deepStrictEqual(yield* dump(bob.device.inner), before)
      }
      assert.deepStrictEqual([...reasons], ["bad-proof"])
    })
  )

  it.effect("[F5] bounds a block and a run, and does not judge what is in a block", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const large = encodeBlock(new Uint8Array(262_144))
      const overfull = new Writer().array(2).int(7).bytes(new Uint8Array(262_300)).finish()
      const newer = new Writer().array(3).int(7).text("who knows").nil().finish()
      yield* refuses(bob, yield* forger.run([overfull], 0), "malformed")
      yield* refuses(bob, yield* forger.run([large, large, large, large], 0), "too-large")
      yield* refuses(bob, yield* forger.run(blocksOf(4_097, 0, 1), 0), "too-large")
      const nonsense = [new Uint8Array(), newer.subarray(1), newer.subarray(0, 9)]
      assert.strictEqual(yield* reasonOf(bob, yield* forger.run([large, large, large, newer, ...nonsense], 0)), "7 new")
    })
  )

  it.effect("[F5] keeps nothing of a run when the storage fails, and takes it later", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const run = yield* forger.run(blocksOf(3), 0)
      bob.device.weather.failing = "both"
      yield* refuses(bob, run, "StorageFailed")
      assert.strictEqual(bob.feeds.find(run.feed)?.length, 0)
      bob.device.weather.failing = null
      assert.strictEqual(yield* reasonOf(bob, run), "3 new")
    })
  )

  it.effect("[F6] keeps two heads that contradict each other as a proof that stands by itself, and freezes the feed", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const ours = blocksOf(9)
      const theirs = [...ours.slice(0, 6), ...blocksOf(6, 100)]
      yield* bob.feeds.ingest(yield* forger.run(ours.slice(0, 4), 0))
      yield* bob.feeds.ingest(yield* forger.run(ours, 4))
      const told: Array<number | null> = []
      yield* bob.feeds.watch((feed) => told.push(feed.frozenAt))
      // from where they differ no longer: the heads contradict each other, and it does not show where
      yield* refuses(bob, yield* forger.run(theirs, 9), "forked")
      yield* refuses(bob, yield* forger.run(theirs, 9, true), "forked")
      yield* refuses(bob, yield* forger.run(theirs, 7, true), "forked")
      // without its peaks nothing ties the run to its head
      yield* refuses(bob, yield* forger.run(theirs, 5), "forked")
      assert.deepStrictEqual([yield* bob.feeds.forkProofs, told], [[], []])
      assert.strictEqual(yield* reasonOf(bob, yield* forger.run(theirs, 5, true)), "forked")
      const [proof] = yield* bob.feeds.forkProofs
      const found = naiveFork(proof!)
      assert.deepStrictEqual([found?.index, found?.feed], [6, forger.pair.publicKey])
      assert.isBelow(proof!.length, 1_200)
      const feed = bob.feeds.find(forger.pair.publicKey)!
      assert.deepStrictEqual([feed.frozenAt, told], [6, [6]])
      yield* refuses(bob, yield* forger.run(theirs, 6, true), "frozen")
      yield* refuses(bob, yield* forger.run([...ours, ...blocksOf(1, 50)], 9), "frozen")
      // what counts can still be passed on: the last signed head before the fork
      assert.strictEqual((yield* runOf(bob, feed.id, 0)).head.length, 4)
      yield* bob.feeds.audit
    })
  )

  it.effect("[F6] believes another's proof only when it holds, and counts the lowest index", () =>
    Effect.gen(function* () {
      const { bob, forger } = yield* scene
      const ours = blocksOf(9)
      const fork = (at: number) => [...ours.slice(0, at), ...blocksOf(9 - at, 100)]
      yield* bob.feeds.ingest(yield* forger.run(ours, 0))
      yield* Effect.exit(bob.feeds.ingest(yield* forger.run(fork(3), 0)))
      const [proof] = yield* bob.feeds.forkProofs
      assert.strictEqual(naiveFork(proof!)?.index, 3)

      const device = yield* makeDevice()
      const carol = yield* open(device, [bob.device, device, { ...device, key: manifestDevice(forger.manifest) }])
      const admitted = (bytes: Uint8Array) =>
        Effect.match(carol.feeds.admitFork(bytes), {
          onSuccess: (feed) => String(feed.frozenAt),
          onFailure: (error) => (error._tag === "RunRefused" ? error.reason : error._tag)
        })
      assert.strictEqual(yield* admitted(proof!), "unknown-feed")
      yield* carol.feeds.admit(forger.manifest)
      const before = yield* dump(device.inner)
      const reasons = new Set<string>()
      for (let at = 0; at < proof!.length; at += 5) reasons.add(yield* admitted(changed(proof!, at)))
      assert.deepStrictEqual([...reasons].sort(), ["bad-proof", "bad-signature", "malformed", "unknown-feed"])
      assert.deepStrictEqual(yield* dump(device.inner), before)
      assert.strictEqual(yield* admitted(proof!), "3")
      assert.strictEqual(yield* admitted(proof!), "3")
      yield* refuses(carol, yield* forger.run(ours, 0), "frozen")
      assert.strictEqual(yield* reasonOf(carol, yield* forger.run(ours.slice(0, 3), 0)), "3 new")

      yield* Effect.exit(bob.feeds.ingest(yield* forger.run(fork(1), 0)))
      const [lower] = yield* bob.feeds.forkProofs
      assert.strictEqual(yield* admitted(lower!), "1")
      assert.strictEqual(yield* admitted(proof!), "1")
      assert.strictEqual((yield* carol.feeds.forkProofs).length, 1)
    })
  )

  it.effect("[F6] passes on blocks before a freeze that no head ends at: the proof has their root", () =>
    Effect.gen(function* () {
      for (const [length, held, at] of [
        [7, 2, 3],
        [7, 0, 5],
        [70, 60, 67],
        [64, 1, 32]
      ] as const) {
        const { bob, forger } = yield* scene
        const ours = blocksOf(length)
        yield* bob.feeds.ingest(yield* forger.run(ours, 0))
        yield* Effect.exit(bob.feeds.ingest(yield* forger.run([...ours.slice(0, at), ...blocksOf(1, 90)], 0)))
        const [proof] = yield* bob.feeds.forkProofs
        const next = Effect.fnUntraced(function* (from: Opened) {
          const device = yield* makeDevice()
          const opened = yield* open(device, [device, { ...device, key: manifestDevice(forger.manifest) }])
          yield* opened.feeds.admit(forger.manifest)
          if (held > 0) yield* opened.feeds.ingest(yield* forger.run(ours.slice(0, held), 0))
          const run = (yield* from.feeds.run(forger.pair.publicKey, held, 1_000_000, true))!
          assert.strictEqual(run.head.length, at)
          yield* refuses(opened, run, "bad-signature")
          yield* opened.feeds.admitFork(proof!)
          const other = { ...run, blocks: run.blocks.with(0, blocksOf(1, 99)[0]!) }
          for (const wrong of [other, { ...other, proof: null }])
            assert.include(["bad-proof", "forked"], yield* reasonOf(opened, wrong))
          const root = changed(run.head.root, 0)
          yield* refuses(opened, { ...run, head: { ...run.head, root } }, "bad-signature")
          assert.strictEqual(yield* reasonOf(opened, run), `${at - held} new`)
          yield* opened.feeds.audit
          const lower = yield* forger.run([...ours.slice(0, at - 1), ...blocksOf(3, 80)], 0)
          return { opened, lower }
        })
        const { opened: carol } = yield* next(bob)
        // she has no head there, either
        const { lower, opened: dave } = yield* next(carol)
        assert.strictEqual(yield* reasonOf(dave, lower), "forked")
        assert.deepStrictEqual(yield* reasonOf(bob, lower), "forked")
        const [lowest] = yield* bob.feeds.forkProofs
        yield* dave.feeds.admitFork(lowest!)
        yield* dave.feeds.audit
      }
    })
  )

  it.effect("[F6] proves a fork anywhere in a long feed from the run that shows it", () =>
    Effect.gen(function* () {
      for (const at of [0, 63, 64, 100, 149]) {
        const { bob, forger } = yield* scene
        const ours = blocksOf(150)
        for (let end = 10; end <= 150; end += 10) yield* bob.feeds.ingest(yield* forger.run(ours.slice(0, end), end - 10))
        const theirs = [...ours.slice(0, at), ...blocksOf(170 - at, 80)]
        yield* Effect.exit(bob.feeds.ingest(yield* forger.run(theirs, Math.max(0, at - 3), true)))
        const [proof] = yield* bob.feeds.forkProofs
        assert.strictEqual(naiveFork(proof!)?.index, at)
      }
    })
  )

  it.effect("[F6] begins the next incarnation when its own feed was forked", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const opened = yield* open(device, [device])
      const writer = yield* writerOf(opened)
      yield* appendBlocks(writer, 3)
      // what a copy of this device wrote after the same first two blocks
      const blocks = (yield* opened.feeds.read(writer.feed.id, 0, 1_000_000)).map(({ bytes }) => bytes)
      const other = [...blocks.slice(0, 2), ...blocksOf(1)]
      const secret = yield* Forger.make(device)
      const twin = yield* secret.run(other, 0)
      const signature = yield* device.keyring.sign(writer.feed.id, headMessageOf(writer.feed.id, twin))
      const run = { ...twin, feed: writer.feed.id, head: { ...twin.head, signature } }
      assert.strictEqual(yield* reasonOf(opened, run), "forked")
      assert.strictEqual(writer.feed.frozenAt, 2)
      assert.isTrue(writer.isRolledBack())
      assert.strictEqual((yield* writerOf(opened)).feed.manifest.incarnation, 2)
    })
  )

  it.effect("[F8] admits a feed only by a manifest that both keys have signed, for this space and a member", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const mallory = yield* makeDevice()
      const device = yield* makeDevice()
      const bob = yield* open(device, [alice, device])
      const admitted = (manifest: Uint8Array) =>
        Effect.match(bob.feeds.admit(manifest), { onSuccess: () => "admitted", onFailure: (error) => error._tag })
      const before = yield* dump(device.inner)
      assert.strictEqual(yield* admitted((yield* Forger.make(mallory)).manifest), "ManifestRefused")
      const elsewhere = yield* Forger.make(alice, 1, new Uint8Array(32).fill(1))
      assert.strictEqual(yield* admitted(elsewhere.manifest), "ManifestRefused")
      const { manifest } = yield* Forger.make(alice)
      for (const at of manifest.keys()) assert.strictEqual(yield* admitted(changed(manifest, at)), "ManifestRefused")
      for (const at of manifest.keys()) assert.strictEqual(yield* admitted(manifest.subarray(0, at)), "ManifestRefused")
      assert.deepStrictEqual(yield* dump(device.inner), before)
      assert.strictEqual(yield* admitted(manifest), "admitted")
      assert.strictEqual(yield* admitted(changed(manifest, manifest.length - 1)), "ManifestRefused")
      // whoever has taken another of the same incarnation first must not stand apart for ever
      assert.strictEqual(yield* admitted((yield* Forger.make(alice)).manifest), "admitted")
      assert.strictEqual(bob.feeds.list().length, 2)
      assert.deepStrictEqual(bob.feeds.space, spaceId)
    })
  )

  it.effect("[F8] admits a valid manifest however many feeds there are", () =>
    Effect.gen(function* () {
      const [alice, device] = [yield* makeDevice(), yield* makeDevice()]
      const { crypto, keyring } = device
      const platform = { storage: device.weather.storage, crypto, keyring, starts: 1, rolledBackAt: 0 }
      const options = { space: spaceId, device: device.key, admits: () => true, feedId: () => spaceId }
      const space = new FeedSpace(platform, options)
      const first = yield* admit(space, (yield* Forger.make(alice)).manifest)
      for (let i = 0; i < 100_000; i++) space.list.push(first)
      const next = yield* Forger.make(alice)
      assert.deepStrictEqual((yield* admit(space, next.manifest)).id, next.pair.publicKey)
    })
  )
})

/** The device in a manifest: [0, space32, device32, …]. */
const manifestDevice = (manifest: Uint8Array): Uint8Array => manifest.slice(38, 70)

const headMessageOf = (feed: Uint8Array, { head }: Run): Uint8Array => headMessage(feed, head.length, head.root)
