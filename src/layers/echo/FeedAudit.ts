/**
 * Verifies all that is stored of a space anew: manifests, every hash, every signature, and the proofs of forks.
 *
 * It trusts nothing that was verified when it came in, and nothing in memory, so that a folder can be judged by itself.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { contradicts, decodeForkProof, encodeManifest, type Head, headMessage, manifestMessage } from "../../schema/echo/Feed.ts"
import {
  checkpointBlocks,
  commandsKeys,
  copiesKeys,
  decodeCommands,
  decodeCopies,
  decodeFeed,
  decodeRenewal,
  feedKey,
  feedOfKey,
  forkKeys,
  renewalKeys
} from "../../schema/echo/FeedRecords.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import { leafHash, Peaks } from "../../schema/echo/Merkle.ts"
import { equalBytes, type Malformed } from "../../schema/platform/Codec.ts"
import { runBytesMax } from "../../schema/platform/Limits.ts"
import { type Audit, AuditFailed } from "../../services/echo/FeedStore.ts"
import type { Signed } from "../../services/platform/Crypto.ts"
import type { Entry, StorageError } from "../../services/platform/Storage.ts"
import { isBeforeFork } from "./FeedIngest.ts"
import { type FeedSpace, Rotten } from "./FeedSpace.ts"
import type { HeldFeed } from "./HeldFeed.ts"

export const audit = (space: FeedSpace): Effect.Effect<Audit, AuditFailed | StorageError> =>
  Effect.gen(function* () {
    let feeds = 0
    let blocks = 0
    let signatures = yield* auditForks(space)
    yield* auditNotes(space, commandsKeys, decodeCommands)
    yield* auditNotes(space, copiesKeys, decodeCopies)
    yield* auditNotes(space, renewalKeys, decodeRenewal)
    for (const feed of [...space.list]) {
      const found = yield* auditFeed(space, feed)
      feeds++
      blocks += found.blocks
      signatures += found.signatures
    }
    return { feeds, blocks, signatures }
  })

const failed = (feed: HeldFeed, index: number, reason: string) => new AuditFailed({ feed: feed.text, index, reason })

const auditFeed = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed) {
  const { hash } = space.platform.crypto
  // what the feed had when it was begun with: it may grow meanwhile
  const { length, root: lastRoot, peaks: lastPeaks } = feed
  const peaks = new Peaks()
  yield* auditRecord(space, feed)
  yield* auditManifest(space, feed)
  let signatures = 2
  let root = lastRoot
  let isSigned = true
  while (peaks.length < length) {
    const signed: Array<Signed> = []
    const from = peaks.length
    for (const record of yield* storedOf(space, feed, from, length)) {
      const index = peaks.length
      peaks.append(leafHash(record.bytes, hash), hash)
      root = peaks.root(hash)
      if (!equalBytes(root, record.root)) return yield* failed(feed, index, "its root is not that of the blocks")
      const isCheckpoint = peaks.length % checkpointBlocks === 0
      if (isCheckpoint !== (record.peaks !== null) || (record.peaks !== null && !sameNodes(record.peaks, peaks.list()))) {
        return yield* failed(feed, index, "its peaks are not those of the blocks")
      }
      isSigned = record.signature !== null
      if (record.signature !== null) {
        signed.push({ publicKey: feed.id, message: headMessage(feed.id, index + 1, root), signature: record.signature })
      }
    }
    const held = yield* space.platform.crypto.verify(signed)
    if (!held.every(Boolean)) return yield* failed(feed, from + held.indexOf(false), "a signature does not hold")
    signatures += signed.length
  }
  if (!isSigned && !(yield* endsAtFork(space, feed, { length, root }))) {
    return yield* failed(feed, length - 1, "the last block has no signature")
  }
  if (!equalBytes(root, lastRoot) || !sameNodes(peaks.list(), lastPeaks.list())) {
    return yield* failed(feed, length, "the feed's record is of other blocks")
  }
  return { blocks: length, signatures }
})

/** Whether the last block needs no signature: a proof covers it, or did before one of an earlier fork took its place. */
const endsAtFork = (space: FeedSpace, feed: HeldFeed, head: Omit<Head, "signature">) =>
  feed.frozenAt !== null && feed.frozenAt < head.length ? Effect.succeed(true) : isBeforeFork(space, feed, head)

/** Blocks as the storage has them: what is in memory says nothing of the disk. */
const storedOf = (space: FeedSpace, feed: HeldFeed, from: number, to: number) =>
  Effect.mapError(space.page(feed, from, to, runBytesMax), (error) =>
    error instanceof Rotten ? failed(feed, error.index, error.reason) : error
  )

const sameNodes = (a: ReadonlyArray<Uint8Array>, b: ReadonlyArray<Uint8Array>): boolean =>
  a.length === b.length && a.every((node, i) => equalBytes(node, b[i]!))

/** Records that nobody signs: their checksums hold. */
const auditNotes = Effect.fnUntraced(function* (
  space: FeedSpace,
  keys: typeof commandsKeys,
  decode: (bytes: Uint8Array) => Result.Result<unknown, Malformed>
) {
  for (const { key, value } of yield* space.entries(keys)) {
    const decoded = decode(value)
    if (Result.isSuccess(decoded)) continue
    const reason = `what is noted beside it: ${decoded.failure.message}`
    return yield* new AuditFailed({ feed: feedText(feedOfKey(key)), index: 0, reason })
  }
})

/** What stands in a feed's record beside what is signed: its checksum holds, and it is of this feed. What grows is audited by the blocks. */
const auditRecord = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed) {
  const bytes = yield* space.platform.storage.get(feedKey(space.options.space, feed.id))
  if (bytes === null) return yield* failed(feed, 0, "its record is not there")
  const record = decodeFeed(bytes)
  if (Result.isFailure(record)) return yield* failed(feed, 0, `its record: ${record.failure.message}`)
  const { admitted, manifest, start } = record.success
  const isSame = equalBytes(manifest, encodeManifest(feed.manifest)) && admitted === feed.admitted && start === feed.start
  if (!isSame) return yield* failed(feed, 0, "its record is not as it was when the space was opened")
})

const auditManifest = Effect.fnUntraced(function* (space: FeedSpace, feed: HeldFeed) {
  const { crypto } = space.platform
  const { manifest } = feed
  const message = manifestMessage(manifest, crypto.hash)
  const held = yield* crypto.verify([
    { publicKey: manifest.feed, message, signature: manifest.feedSignature },
    { publicKey: manifest.device, message, signature: manifest.deviceSignature }
  ])
  const isHere = equalBytes(manifest.space, space.options.space) && space.options.admits(manifest)
  if (!isHere || !held.every(Boolean)) return yield* failed(feed, 0, "its manifest does not hold")
})

const auditForks = Effect.fnUntraced(function* (space: FeedSpace) {
  const { crypto } = space.platform
  const proofs = yield* forkProofs(space)
  for (const bytes of proofs) {
    const decoded = decodeForkProof(bytes)
    if (Result.isFailure(decoded)) return yield* new AuditFailed({ feed: "", index: 0, reason: decoded.failure.message })
    const proof = decoded.success
    const feed = space.find(proof.feed)
    if (feed === undefined) return yield* new AuditFailed({ feed: "", index: proof.index, reason: "a proof against no feed" })
    const held = yield* crypto.verify(
      [proof.a.head, proof.b.head].map(({ length, root, signature }) => ({
        publicKey: feed.id,
        message: headMessage(feed.id, length, root),
        signature
      }))
    )
    if (feed.frozenAt !== proof.index || !contradicts(proof, crypto.hash) || !held.every(Boolean)) {
      return yield* failed(feed, proof.index, "the proof that it forked does not hold")
    }
  }
  const frozen = space.list.filter((feed) => feed.frozenAt !== null)
  if (frozen.length > proofs.length) return yield* failed(frozen[0]!, 0, "it is frozen without a proof")
  return proofs.length * 2
})

/** The fork proofs stored for a space. */
export const forkProofs = (space: FeedSpace): Effect.Effect<ReadonlyArray<Uint8Array>, StorageError> =>
  Effect.gen(function* () {
    const proofs: Array<Uint8Array> = []
    let after: Uint8Array | null = null
    for (;;) {
      const range = { ...forkKeys(space.options.space, after), limit: pageForks }
      const page: ReadonlyArray<Entry> = yield* space.platform.storage.range(range)
      for (const { value } of page) proofs.push(value)
      if (page.length < pageForks) return proofs
      after = page[page.length - 1]!.key
    }
  })

const pageForks = 100
