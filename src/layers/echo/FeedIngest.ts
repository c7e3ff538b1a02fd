/**
 * Takes manifests, runs and fork proofs from peers into a space: verified first, then stored in one batch, then visible.
 *
 * A run costs one signature, whatever it holds. What a feed holds already is compared with what comes: a difference under two valid
 * heads is a fork, whose proof is stored and freezes the feed. Bytes: docs/format.md#feeds and docs/format.md#forks.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import {
  branchOf,
  contradicts,
  decodeForkProof,
  decodeManifest,
  encodeForkProof,
  envelopeBytesMax,
  type ForkProof,
  type Head,
  headMessage,
  isUnsigned,
  type Manifest,
  manifestMessage,
  type Run,
  rootBeforeFork
} from "../../schema/echo/Feed.ts"
import { encodeFeed, feedKey, forkKey } from "../../schema/echo/FeedRecords.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import { type Leaves, leafHash, Peaks, peakHeights, peaksAfter } from "../../schema/echo/Merkle.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { proofNodesMax, runBlocksMax, runBytesMax } from "../../schema/platform/Limits.ts"
import { ManifestRefused, type RunRefusal, RunRefused } from "../../services/echo/FeedStore.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import type { FeedSpace } from "./FeedSpace.ts"
import { Growth, HeldFeed } from "./HeldFeed.ts"

const refuse = (feed: Uint8Array, reason: RunRefusal, detail: string): Effect.Effect<never, RunRefused> =>
  Effect.fail(new RunRefused({ feed: feedText(feed), reason, detail }))

const noRoot = new Uint8Array(32)

// Manifests ---------------------------------------------------------------------------------------------------------------------

const manifestFault = (space: FeedSpace, manifest: Manifest): string | null => {
  const { crypto } = space.platform
  if (!equalBytes(manifest.space, space.options.space)) return "it is for another space"
  if (!space.options.admits(manifest)) return "its device is no member of the space"
  return crypto.isKeyValid(manifest.feed) && crypto.isKeyValid(manifest.device) ? null : "it names a key that is none"
}

/** Verifies a manifest and keeps its feed, empty; the caller lets in one at a time. */
export const admit = (space: FeedSpace, bytes: Uint8Array): Effect.Effect<HeldFeed, ManifestRefused | StorageError> =>
  Effect.gen(function* () {
    const { crypto } = space.platform
    const decoded = decodeManifest(bytes)
    if (Result.isFailure(decoded)) return yield* new ManifestRefused({ reason: decoded.failure.message })
    const manifest = decoded.success
    const fault = manifestFault(space, manifest)
    if (fault !== null) return yield* new ManifestRefused({ reason: fault })
    const message = manifestMessage(manifest, crypto.hash)
    const held = yield* crypto.verify([
      { publicKey: manifest.feed, message, signature: manifest.feedSignature },
      { publicKey: manifest.device, message, signature: manifest.deviceSignature }
    ])
    if (!held.every(Boolean)) return yield* new ManifestRefused({ reason: "a signature does not hold" })
    const known = space.find(manifest.feed)
    if (known !== undefined) return known
    return yield* keep(space, manifest, bytes.slice(), 0)
  }).pipe(Effect.uninterruptible)

/** Stores a feed without blocks and makes it visible. `start` is 0 unless this device has made it. */
export const keep = (
  space: FeedSpace,
  manifest: Manifest,
  bytes: Uint8Array,
  start: number
): Effect.Effect<HeldFeed, StorageError> => {
  const admitted = space.nextArrival()
  const empty = { length: 0, root: noRoot, peaks: [], counter: 0, isClosed: false, frozenAt: null }
  const feed = new HeldFeed(manifest, { manifest: bytes, admitted, arrival: admitted, start, ...empty })
  const change = { key: feedKey(space.options.space, feed.id), value: encodeFeed(feed.record()) }
  return Effect.map(space.platform.storage.write([change], { durability: "strict" }), () => {
    space.add(feed)
    space.changed(feed)
    return feed
  })
}

// Runs --------------------------------------------------------------------------------------------------------------------------

/**
 * What is wrong with a run before anything of it is computed. What is in a block is judged when it is delivered, even whether it can be
 * read at all: a feed whose key has signed nonsense goes on behind it.
 */
const runFault = ({ blocks, feed, from, head, proof }: Run): readonly [RunRefusal, string] | null => {
  const isShaped = feed.length === 32 && head.root.length === 32 && head.signature.length === 64 && Number.isSafeInteger(from)
  if (!isShaped || from < 0 || blocks.length === 0) return ["malformed", "it has not the shape of a run"]
  if (head.length !== from + blocks.length) return ["malformed", "its head is not at its end"]
  if (blocks.length > runBlocksMax) return ["too-large", `it has more than ${runBlocksMax} blocks`]
  let bytes = 0
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i]!
    bytes += block.length
    if (block.length > envelopeBytesMax) return ["malformed", `block ${from + i} has more than ${envelopeBytesMax} bytes`]
  }
  if (bytes > runBytesMax) return ["too-large", `its blocks have ${bytes} bytes, and ${runBytesMax} are allowed`]
  if (proof === null) return null
  const isProof = proof.length <= proofNodesMax && proof.length === peakHeights(from).length
  return isProof && proof.every((node) => node.length === 32) ? null : ["bad-proof", "it has not one peak for each that there is"]
}

/** Verifies a run and stores what is new of it. Answers how many blocks were new. */
export const ingest = (space: FeedSpace, run: Run): Effect.Effect<number, RunRefused | StorageError> =>
  Effect.suspend(() => {
    const fault = runFault(run)
    if (fault !== null) return refuse(run.feed, ...fault)
    const feed = space.find(run.feed)
    if (feed === undefined) return refuse(run.feed, "unknown-feed", "its manifest has not been admitted")
    return feed.lock.withPermit(Effect.uninterruptible(verified(space, feed, run)))
  })

const verified = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, run: Run) {
  const { blocks, from, head } = run
  const holds = isUnsigned(head) ? yield* isBeforeFork(space, feed, head) : yield* isSigned(space, feed, head)
  if (!holds) return yield* refuse(run.feed, "bad-signature", "the head is not signed by the feed's key")
  if (feed.frozenAt !== null && from >= feed.frozenAt) return yield* frozen(feed, run)
  if (from > feed.length) return yield* refuse(run.feed, "gap", `it begins at ${from}, and ${feed.length} blocks are stored`)
  yield* checkProof(space, feed, run)
  const known = Math.min(feed.length - from, blocks.length)
  const differs = yield* firstDifference(space, feed, run, known)
  if (differs >= 0) return yield* forked(space, feed, run, differs)
  if (feed.frozenAt !== null && head.length > feed.frozenAt) return yield* frozen(feed, run)
  if (known < blocks.length) return yield* extend(space, feed, run, known)
  const root = yield* space.rootAt(feed, head.length)
  return root !== null && equalBytes(root, head.root) ? 0 : yield* unproven(run)
})

const isSigned = (space: FeedSpace, feed: HeldFeed, { length, root, signature }: Head): Effect.Effect<boolean> =>
  Effect.map(
    space.platform.crypto.verify([{ publicKey: feed.id, message: headMessage(feed.id, length, root), signature }]),
    ([holds]) => holds === true
  )

/** Whether a head is that of all blocks before the freeze: the two signed heads of the fork's proof cover it. */
export const isBeforeFork = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, head: Omit<Head, "signature">) {
  if (feed.frozenAt !== head.length) return false
  const proof = decodeForkProof((yield* space.platform.storage.get(forkKey(space.options.space, feed.id))) ?? noRoot)
  return Result.isSuccess(proof) && equalBytes(rootBeforeFork(proof.success, space.platform.crypto.hash), head.root)
})

const frozen = (feed: HeldFeed, run: Run) =>
  refuse(run.feed, "frozen", `the feed forked at ${feed.frozenAt}, and nothing counts from there on`)

/** Two valid heads stand against each other, and the run does not reach the block where they part, or does not prove its own. */
const unproven = (run: Run) =>
  run.from === 0
    ? refuse(run.feed, "bad-proof", "its blocks are not those that its head covers")
    : refuse(
        run.feed,
        "forked",
        `its head covers other blocks before ${run.from}; a run from further back, with a proof, shows which`
      )

/** The peaks that a run brings lead to its head, and are those of what is stored. */
const checkProof = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, run: Run) {
  if (run.proof === null) return
  const { hash } = space.platform.crypto
  const leaves = run.blocks.map((block) => leafHash(block, hash))
  const claimed = peaksAfter({ from: run.from, peaks: run.proof, leaves }, hash).root(hash)
  if (!equalBytes(claimed, run.head.root)) {
    return yield* refuse(run.feed, "bad-proof", "its peaks and blocks do not lead to its head")
  }
  const root = yield* space.rootAt(feed, run.from)
  if (root !== null && !equalBytes(new Peaks(run.from, run.proof).root(hash), root)) return yield* unproven(run)
})

/** The lowest index from the run's start on at which another block is stored than the run has, or −1. */
const firstDifference = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, run: Run, known: number) {
  const end = run.from + known
  for (let index = run.from; index < end; ) {
    for (const { bytes } of yield* space.records(feed, index, end, runBytesMax)) {
      if (!equalBytes(bytes, run.blocks[index - run.from]!)) return index
      index++
    }
  }
  return -1
})

const extend = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, run: Run, known: number) {
  const { crypto, storage } = space.platform
  const growth = new Growth(feed, crypto.hash)
  for (let i = known; i < run.blocks.length; i++) growth.add([run.blocks[i]!], space.nextArrival())
  // peaks of ours and blocks of theirs: the head says whether they belong together
  if (!equalBytes(growth.root, run.head.root)) return yield* unproven(run)
  if (!isUnsigned(run.head)) growth.blocks.at(-1)!.signature = run.head.signature
  // what a peer knows of our own feed and we do not was written before the storage was put back
  const closed = feed.isClosed || feed.start > 0
  yield* storage.write(growth.batch(space.options.space, 0, closed), { durability: "strict" })
  space.publish(growth, closed)
  return growth.blocks.length
})

// Forks -------------------------------------------------------------------------------------------------------------------------

const forked = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, run: Run, index: number) {
  const { hash } = space.platform.crypto
  const { blocks, feed: id, from, head } = run
  const peaks = from === 0 ? [] : run.proof
  const theirs = { from, peaks: peaks ?? [], leaves: blocks.map((block) => leafHash(block, hash)) }
  // without peaks nothing ties these blocks to the head
  const proves = peaks !== null && equalBytes(peaksAfter(theirs, hash).root(hash), head.root)
  if (!proves) return yield* unproven(run)
  const ours = isUnsigned(head) ? null : yield* ownBranch(space, feed, theirs, index)
  if (ours === null) return yield* refuse(id, "forked", `block ${index} is another here; who has a head of each makes the proof`)
  const proof: ForkProof = { feed: id, index, a: ours, b: branchOf(head, index, theirs, hash) }
  yield* freeze(space, feed, proof)
  return yield* refuse(id, "forked", `block ${index} is another here; both heads are kept as a proof`)
})

/**
 * Our side of a fork: the first signed head beyond the index, on the peaks that both sides share. Null when there is none, since what lies
 * before an earlier freeze came without: who has one makes the proof.
 */
const ownBranch = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, { from, peaks }: Leaves, index: number) {
  const { hash } = space.platform.crypto
  const leaves: Array<Uint8Array> = []
  while (from + leaves.length < feed.length) {
    for (const { bytes, root, signature } of yield* space.records(feed, from + leaves.length, feed.length, runBytesMax)) {
      leaves.push(leafHash(bytes, hash))
      const length = from + leaves.length
      if (length <= index || signature === null) continue
      return branchOf({ length, root, signature }, index, { from, peaks, leaves }, hash)
    }
  }
  return null
})

/** Stores a proof that holds; of several the one at the lowest index counts. */
const freeze = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, proof: ForkProof) {
  if (feed.frozenAt !== null && feed.frozenAt <= proof.index) return
  const { storage } = space.platform
  const closed = feed.isClosed || feed.start > 0
  const record = { ...feed.record(), frozenAt: proof.index, isClosed: closed }
  const batch = [
    { key: forkKey(space.options.space, feed.id), value: encodeForkProof(proof) },
    { key: feedKey(space.options.space, feed.id), value: encodeFeed(record) }
  ]
  yield* storage.write(batch, { durability: "strict" })
  feed.frozenAt = proof.index
  feed.isClosed = closed
  space.changed(feed)
})

/** Verifies a fork proof and stores it. */
export const admitFork = (space: FeedSpace, bytes: Uint8Array): Effect.Effect<HeldFeed, RunRefused | StorageError> =>
  Effect.suspend(() => {
    const decoded = decodeForkProof(bytes)
    if (Result.isFailure(decoded)) return refuse(noRoot, "malformed", decoded.failure.message)
    const proof = decoded.success
    const feed = space.find(proof.feed)
    if (feed === undefined) return refuse(proof.feed, "unknown-feed", "its manifest has not been admitted")
    return feed.lock.withPermit(Effect.uninterruptible(provenFork(space, feed, proof)))
  })

const provenFork = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed, proof: ForkProof) {
  const { crypto } = space.platform
  if (!contradicts(proof, crypto.hash)) return yield* refuse(feed.id, "bad-proof", "its heads do not contradict each other")
  const signed = [proof.a.head, proof.b.head].map(({ length, root, signature }) => ({
    publicKey: feed.id,
    message: headMessage(feed.id, length, root),
    signature
  }))
  const held = yield* crypto.verify(signed)
  if (!held.every(Boolean)) return yield* refuse(feed.id, "bad-signature", "a head is not signed by the feed's key")
  yield* freeze(space, feed, proof)
  return feed
})
