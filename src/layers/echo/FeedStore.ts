/**
 * FeedStore over Storage, Crypto and Keyring: the feeds of each space, their one writer, and what comes from peers.
 *
 * Its parts, none of which knows the others but through the space: FeedSpace (what is held, reads), HeldFeed (one feed and how it
 * grows), FeedCommands (what of it was named), FeedWriter (group commit), FeedIngest (verification, forks), FeedRenewal (what was
 * written anew), FeedAudit.
 *
 * - [F1] nothing is visible before it is durable, and a failed write changes nothing
 * - [F2] what gathers during a flush goes with the next, in as few blocks as the limits allow, under one signature each
 * - [F3] a failed flush fails everybody who waits; the writer goes on; no counter is taken twice
 * - [F4] a relaxed caller returns early, and peers see its block only once it is strict, in whichever life of the space
 * - [F5] a run costs one verification, and what is refused, for whichever reason, leaves the storage as it was
 * - [F6] two heads that contradict each other are kept as a proof, which anybody can check, and freeze the feed
 * - [F7] storage that was put back is noticed by the starts counted beside it, or by a peer that has more; a new incarnation writes on
 * - [F8] a feed is admitted by a manifest that both of its keys have signed, for this space and a member
 * - [F9] what is stored opens again as it was, and an audit finds every byte that was changed
 * - [F10] a run to send ends at a signed head, and proves where it begins when asked
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import {
  decodeManifest,
  encodeManifest,
  type Head,
  type Manifest,
  manifestMessage,
  type Run,
  unsigned
} from "../../schema/echo/Feed.ts"
import {
  type BlockRecord,
  blockOfKey,
  type CommandRecord,
  commandsKeys,
  decodeCommands,
  decodeFeed,
  decodeStarts,
  encodeStarts,
  feedKey,
  feedKeys,
  feedOfKey,
  type Starts,
  spaceKeys
} from "../../schema/echo/FeedRecords.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { deviceFeedsMax, runBlocksMax } from "../../schema/platform/Limits.ts"
import { startsKey } from "../../schema/platform/StorageKeys.ts"
import { countedLength, FeedStore, type FeedWriter, type SpaceFeeds, TooManyFeeds } from "../../services/echo/FeedStore.ts"
import { BootCounter } from "../../services/platform/BootCounter.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { type KeyMissing, Keyring } from "../../services/platform/Keyring.ts"
import { type Change, Storage, type StorageError } from "../../services/platform/Storage.ts"
import { audit, forkProofs } from "./FeedAudit.ts"
import { admit, admitFork, ingest, keep } from "./FeedIngest.ts"
import { loadRenewals, renewalOf } from "./FeedRenewal.ts"
import { FeedSpace, unreadable } from "./FeedSpace.ts"
import * as FeedWriterPart from "./FeedWriter.ts"
import { HeldFeed } from "./HeldFeed.ts"

export const make: Effect.Effect<FeedStore["Service"], StorageError, Storage | Crypto | Keyring> = Effect.gen(function* () {
  const storage = yield* Storage
  const crypto = yield* Crypto
  const keyring = yield* Keyring
  const platform = { storage, crypto, keyring, ...(yield* countStart(storage)) }
  const turns = new Map<string, Semaphore.Semaphore>()
  /** By space, what its next opening writes first, since a life of it ended while storage may show what is merely relaxed. */
  const unsettled = new Map<string, ReadonlyArray<Change>>()

  return {
    open: (options) =>
      Effect.gen(function* () {
        // two who hold one space would each write what the other does not know; the second waits until the first has closed it
        const text = feedText(options.space)
        const turn = turns.get(text) ?? Semaphore.makeUnsafe(1)
        turns.set(text, turn)
        yield* turn.takeScoped(1)
        const left = unsettled.get(text) ?? []
        if (left.length > 0) yield* Effect.uninterruptible(storage.write(left, { durability: "strict" }))
        unsettled.delete(text)
        const space = new FeedSpace(platform, options)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            const settling = space.list.flatMap((feed) => feed.settling(options.space))
            if (settling.length > 0) unsettled.set(text, settling)
          })
        )
        yield* load(space)
        return feedsOf(space)
      }),
    wipe: (space) => wipe(platform, space)
  }
})

export const layer: Layer.Layer<FeedStore, StorageError, Storage | Crypto | Keyring> = Layer.effect(FeedStore, make)

// Starts ------------------------------------------------------------------------------------------------------------------------

/** Counts this start, in storage first and beside it second. A storage that is behind was put back. */
const countStart = Effect.fnUntraced(function* (storage: Storage["Service"]) {
  const beside = yield* BootCounter
  const bytes = yield* storage.get(startsKey)
  const stored = bytes === null ? Result.succeed({ starts: 0, rolledBackAt: 0 }) : decodeStarts(bytes)
  if (Result.isFailure(stored)) return yield* unreadable("the count of starts", stored.failure.message)
  const known = yield* beside.read
  const starts = Math.max(stored.success.starts, known) + 1
  const counted: Starts = { starts, rolledBackAt: stored.success.starts < known ? starts : stored.success.rolledBackAt }
  yield* storage.write([{ key: startsKey, value: encodeStarts(counted) }], { durability: "strict" })
  yield* beside.write(starts)
  return counted
})

// Wiping ------------------------------------------------------------------------------------------------------------------------

const pageKeys = 1_000

/** Private keys first: what is left when it is cut off is wiped the next time. */
const wipe = Effect.fnUntraced(function* ({ keyring, storage }: FeedSpace["platform"], space: Uint8Array) {
  for (const feed of yield* keyring.list("feed")) {
    if ((yield* storage.get(feedKey(space, feed))) !== null) yield* keyring.remove(feed)
  }
  for (;;) {
    const page = yield* storage.range({ ...spaceKeys(space), limit: pageKeys })
    if (page.length === 0) return
    yield* storage.write(
      page.map(({ key }) => ({ key: key.slice(), value: null })),
      { durability: "strict" }
    )
  }
})

// A space -----------------------------------------------------------------------------------------------------------------------

const load = Effect.fnUntraced(function* (space: FeedSpace) {
  const feeds: Array<HeldFeed> = []
  for (const { key, value } of yield* space.entries(feedKeys)) {
    const what = `the record of feed ${feedText(feedOfKey(key))}`
    const record = decodeFeed(value)
    if (Result.isFailure(record)) return yield* unreadable(what, record.failure.message)
    const manifest = decodeManifest(record.success.manifest)
    if (Result.isFailure(manifest)) return yield* unreadable(what, manifest.failure.message)
    feeds.push(new HeldFeed(manifest.success, record.success))
  }
  for (const feed of feeds.sort((a, b) => a.admitted - b.admitted)) space.add(feed)
  yield* loadCommands(space)
  yield* loadRenewals(space)
})

/** Those of one feed come in the order of its blocks, and a feed ends where the next incarnation begins. */
const loadCommands = Effect.fnUntraced(function* (space: FeedSpace) {
  const byFeed = new Map<HeldFeed, Array<readonly [number, ReadonlyArray<CommandRecord>]>>()
  for (const { key, value } of yield* space.entries(commandsKeys)) {
    const { feed: id, index } = blockOfKey(key)
    const feed = space.find(id)
    const commands = decodeCommands(value)
    if (Result.isFailure(commands))
      return yield* unreadable(`the commands in block ${index} of feed ${feedText(id)}`, commands.failure.message)
    if (feed === undefined) continue
    const blocks = byFeed.get(feed)
    if (blocks === undefined) byFeed.set(feed, [[index, commands.success]])
    else blocks.push([index, commands.success])
  }
  for (const [feed, blocks] of [...byFeed].sort(([a], [b]) => a.manifest.incarnation - b.manifest.incarnation)) {
    for (const [index, commands] of blocks) space.commands.keep(feed, index, commands)
  }
})

const feedsOf = (space: FeedSpace): SpaceFeeds => {
  const admitting = Semaphore.makeUnsafe(1)
  const writing = Semaphore.makeUnsafe(1)
  let writer: FeedWriterPart.GroupWriter | null = null

  const nextWriter: Effect.Effect<FeedWriter, StorageError | KeyMissing | TooManyFeeds, Scope.Scope> = Effect.gen(function* () {
    if (writer !== null && !writer.isEnded && !writer.isRolledBack()) return writer
    const feed = (yield* currentFeed(space)) ?? (yield* admitting.withPermit(Effect.uninterruptible(makeFeed(space))))
    writer = yield* FeedWriterPart.make(space, feed)
    return writer
  })

  return {
    space: space.options.space,
    list: () => space.list,
    find: (feed) => space.find(feed),
    admit: (manifest) => admitting.withPermit(admit(space, manifest)),
    writer: writing.withPermit(nextWriter),
    command: (command) => space.commands.find(command),
    renewal: renewalOf(space),
    read: (feed, from, maxBytes) => read(space, feed, from, maxBytes),
    run: (feed, from, maxBytes, withProof) => runOf(space, feed, from, maxBytes, withProof),
    arrival: (feed, index) => arrival(space, feed, index),
    ingest: (run) => ingest(space, run),
    watch: (listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => space.watch(listener)),
          (unwatch) => Effect.sync(unwatch)
        )
      ),
    admitFork: (proof) => admitFork(space, proof),
    forkProofs: forkProofs(space),
    audit: audit(space)
  }
}

// The own feed ------------------------------------------------------------------------------------------------------------------

const ownFeeds = (space: FeedSpace): ReadonlyArray<HeldFeed> =>
  space.list.filter((feed) => equalBytes(feed.manifest.device, space.options.device))

/** The latest feed that this device has made and may still append to. */
const currentFeed = Effect.fnUntraced(function* (space: FeedSpace) {
  const { keyring, rolledBackAt } = space.platform
  let current: HeldFeed | null = null
  for (const feed of ownFeeds(space)) {
    const isOpen = feed.start > 0 && feed.start >= rolledBackAt && !feed.isClosed && feed.frozenAt === null
    if (!isOpen || (current !== null && current.manifest.incarnation > feed.manifest.incarnation)) continue
    if (yield* keyring.has(feed.id)) current = feed
  }
  return current
})

const makeFeed = Effect.fnUntraced(function* (space: FeedSpace) {
  const { crypto, keyring, starts } = space.platform
  const { device, space: id } = space.options
  const made = ownFeeds(space)
  if (made.length >= deviceFeedsMax) return yield* new TooManyFeeds({ feeds: made.length, feedsMax: deviceFeedsMax })
  const incarnation = 1 + made.reduce((max, feed) => Math.max(max, feed.manifest.incarnation), 0)
  const feed = yield* keyring.generate("feed")
  const content = { space: id, device, feed, incarnation }
  const message = manifestMessage(content, crypto.hash)
  const feedSignature = yield* keyring.sign(feed, message)
  const deviceSignature = yield* keyring.sign(device, message)
  const manifest: Manifest = { ...content, feedSignature, deviceSignature }
  return yield* keep(space, manifest, encodeManifest(manifest), starts)
})

// Reading -----------------------------------------------------------------------------------------------------------------------

const read = (space: FeedSpace, id: Uint8Array, from: number, maxBytes: number) => {
  const feed = space.find(id)
  if (feed === undefined) return Effect.succeed([])
  return Effect.map(space.records(feed, from, feed.length, maxBytes), (records) =>
    records.map(({ bytes, root }, i) => ({ index: from + i, bytes, root }))
  )
}

const arrival = (space: FeedSpace, id: Uint8Array, index: number): Effect.Effect<number | null, StorageError> => {
  const feed = space.find(id)
  if (feed === undefined || index < 0 || index >= feed.length) return Effect.succeed(null)
  return Effect.map(space.record(feed, index), (record) => record.arrival)
}

/**
 * Blocks up to the last signed one within `maxBytes`; up to the first signed one when that is farther, and where there is none before a
 * freeze, up to that.
 */
const runOf = Effect.fnUntraced(function* (
  space: FeedSpace,
  id: Uint8Array,
  from: number,
  maxBytes: number,
  withProof: boolean
): Effect.fn.Return<Run | null, StorageError> {
  const feed = space.find(id)
  if (feed === undefined) return null
  const end = countedLength(feed)
  const blocks: Array<Uint8Array> = []
  let bytes = 0
  let head: Head | null = null
  let root: Uint8Array | null = null
  const isFull = (record: BlockRecord) => head !== null && bytes + record.bytes.length > maxBytes
  collecting: while (from + blocks.length < end) {
    for (const record of yield* space.records(feed, from + blocks.length, end, Math.max(maxBytes - bytes, 0))) {
      if (isFull(record) || blocks.length === runBlocksMax) break collecting
      bytes += record.bytes.length
      blocks.push(record.bytes)
      root = record.root
      if (record.signature !== null) head = { length: from + blocks.length, root: record.root, signature: record.signature }
    }
    if (bytes >= maxBytes && head !== null) break
  }
  if (head === null && root !== null && from + blocks.length === feed.frozenAt) head = { length: end, root, signature: unsigned }
  if (head === null) return null
  const proof = withProof ? yield* space.peaksAt(feed, from) : null
  return { feed: feed.id, from, blocks: blocks.slice(0, head.length - from), head, proof }
})
