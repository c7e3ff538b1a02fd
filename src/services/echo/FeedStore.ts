/**
 * The signed, append-only feeds that this device holds, by space.
 *
 * A block is one flush of a feed's writer: every change set that gathered while the flush before was under way. Blocks are verified
 * before they are stored, durable before anybody sees them, and one signature covers a whole run. Bytes: docs/format.md#feeds.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ChangeSet } from "../../schema/echo/ChangeSet.ts"
import type { Head, Manifest, Run } from "../../schema/echo/Feed.ts"
import type { CommandRecord, CopyRecord } from "../../schema/echo/FeedRecords.ts"
import type { KeyMissing } from "../platform/Keyring.ts"
import type { Durability, StorageError } from "../platform/Storage.ts"

/** A feed as this device has stored it. The same object for as long as the space is open; its numbers grow. */
export interface StoredFeed {
  /** The feed's public key, 32 bytes, and the same as text (base64url). */
  readonly id: Uint8Array
  readonly text: string
  readonly manifest: Manifest
  /** Blocks stored and durable: those that are stored relaxed do not count, in no life of the space. */
  readonly length: number
  /** The root at that length. */
  readonly root: Uint8Array
  /** Where a proven fork froze the feed, or null. */
  readonly frozenAt: number | null
}

/** A feed that this device has made from this very storage. Another copy of its folder makes others. */
export interface MadeFeed extends StoredFeed {
  /** Up to which freeze all that it had lost was written anew, or null. */
  readonly renewedAt: number | null
}

/** What is stored beside change sets, and never leaves the device: which of them were named, and which were written anew. */
export interface Notes {
  readonly commands: ReadonlyArray<CommandRecord>
  readonly copies: ReadonlyArray<CopyRecord>
}

/** What is known of change sets that forks took away, for who writes them anew (docs/format.md#written-anew). */
export interface Renewal {
  /** The feeds that this device has made, in their order. */
  readonly made: () => ReadonlyArray<MadeFeed>
  /** What was written anew, feed by feed, and of each in its order. */
  readonly copies: Effect.Effect<
    ReadonlyArray<{ readonly into: Uint8Array; readonly copies: ReadonlyArray<CopyRecord> }>,
    StorageError
  >
  /** The command that the change set with this first counter carried out, or null. */
  readonly commandAt: (feed: Uint8Array, first: number) => string | null
  /** Nothing is appended to a feed of this device any more: `SpaceFeeds.writer` makes the next one. */
  readonly retire: (feed: Uint8Array) => Effect.Effect<void, StorageError>
  /** All that these feeds had lost beyond these freezes is written anew. */
  readonly renewed: (feeds: ReadonlyArray<readonly [feed: Uint8Array, frozenAt: number]>) => Effect.Effect<void, StorageError>
}

/** How many blocks of a feed count: those that are stored, up to where a fork froze it. */
export const countedLength = ({ frozenAt, length }: StoredFeed): number =>
  frozenAt === null ? length : Math.min(length, frozenAt)

/** A stored block: its envelope, and the feed's root with it as the last. */
export interface StoredBlock {
  readonly index: number
  readonly bytes: Uint8Array
  readonly root: Uint8Array
}

/** Where a change set came to stand. */
export interface Appended {
  readonly head: Head
  /** The last counter of the block. */
  readonly counter: number
}

/** Where the change that a command names came to stand: the block, and the first counter of its change set. */
export interface CommandPlace {
  readonly feed: StoredFeed
  readonly index: number
  readonly first: number
}

/** The one writer of this device's current feed in a space. */
export interface FeedWriter {
  readonly feed: StoredFeed
  /** The last counter that this feed ever took, as far as storage knows. */
  readonly counter: number
  /**
   * Flushes the change sets with whatever else is waiting, and ends when that is durable at the level asked for.
   * Their counters continue each other and those of the call before; feeds in them are numbers of the space's FeedTable.
   * A failed flush fails every pending call too; nothing of them was kept, and the space must be rebuilt from storage.
   * The notes are stored with the blocks that they are about, in the same batch.
   */
  readonly append: (
    changeSets: ReadonlyArray<ChangeSet>,
    durability: Durability,
    notes?: Notes
  ) => Effect.Effect<Appended, AppendError>
  /**
   * The plain form of `append`: takes its place in the queue at once, so that stamping and queueing are one step that no other fiber
   * can come between, and calls `done` when flushed. It never waits; who uses it looks at `pendingBytes` first. The `command` that the
   * first change set carries out is stored with it; that it is new, the caller has looked up (`SpaceFeeds.command`).
   */
  readonly offer: (
    changeSets: ReadonlyArray<ChangeSet>,
    durability: Durability,
    done: (exit: Exit.Exit<Appended, AppendError>) => void,
    command?: string
  ) => void
  /** Whether a peer had more of this feed than storage: nothing can be appended any more, and `SpaceFeeds.writer` makes the next one. */
  readonly isRolledBack: () => boolean
  /** What crashed the writer, which takes nothing any more then, or null. `watch` tells of it. */
  readonly crash: () => { readonly defect: unknown } | null
  /** Bytes waiting to be flushed, as estimated. */
  readonly pendingBytes: () => number
}

/** The feeds of one open space. */
export interface SpaceFeeds {
  readonly space: Uint8Array
  /** All admitted feeds in the order in which they came. */
  readonly list: () => ReadonlyArray<StoredFeed>
  readonly find: (feed: Uint8Array) => StoredFeed | undefined
  /** Verifies and keeps a manifest, so that its feed's blocks may be stored. Idempotent. */
  readonly admit: (manifest: Uint8Array) => Effect.Effect<StoredFeed, ManifestRefused | StorageError>
  /** The writer of this device's feed; makes the first incarnation, or the next after a rollback. */
  readonly writer: Effect.Effect<FeedWriter, StorageError | KeyMissing | TooManyFeeds, Scope.Scope>
  /** Where a command was carried out, once that is durable; null when it was not, or so long ago that it is forgotten. */
  readonly command: (command: string) => CommandPlace | null
  readonly renewal: Renewal
  /** Stored blocks from `from` on, at least one if there is one, at most `maxBytes` otherwise. */
  readonly read: (feed: Uint8Array, from: number, maxBytes: number) => Effect.Effect<ReadonlyArray<StoredBlock>, StorageError>
  /**
   * A run to send: blocks from `from` on up to `maxBytes` (one block in any case) that end at a signed head; null when there is none.
   * With `withProof` the peaks at `from` come along.
   */
  readonly run: (feed: Uint8Array, from: number, maxBytes: number, withProof: boolean) => Effect.Effect<Run | null, StorageError>
  /** The place of block `index` in the order in which this device stored blocks; dependencies came before what depends on them. */
  readonly arrival: (feed: Uint8Array, index: number) => Effect.Effect<number | null, StorageError>
  /** Verifies a run and stores what is new of it. Answers how many blocks were new (0 when all were known). */
  readonly ingest: (run: Run) => Effect.Effect<number, RunRefused | StorageError>
  /** Calls the listener after each change that is durable, in the fiber that made it; it must not block. */
  readonly watch: (listener: (feed: StoredFeed) => void) => Effect.Effect<void, never, Scope.Scope>
  /** Verifies a peer's proof that a feed forked and keeps it, which freezes the feed there. Idempotent. */
  readonly admitFork: (proof: Uint8Array) => Effect.Effect<StoredFeed, RunRefused | StorageError>
  /** Fork proofs stored for this space, encoded (docs/format.md#forks). */
  readonly forkProofs: Effect.Effect<ReadonlyArray<Uint8Array>, StorageError>
  /** Verifies every stored signature, hash and manifest anew. Answers what was checked. */
  readonly audit: Effect.Effect<Audit, AuditFailed | StorageError>
}

export interface Audit {
  readonly feeds: number
  readonly blocks: number
  readonly signatures: number
}

export class FeedStore extends Context.Service<
  FeedStore,
  {
    /**
     * Opens the feeds of a space. `device` is this device's key, `admits` decides which feeds may be stored,
     * `feedId` names the feeds that appended change sets cite by number. Relaxed blocks that an earlier opening left are made durable
     * first, and those that were taken back are removed; while that fails, so does this.
     */
    readonly open: (options: {
      readonly space: Uint8Array
      readonly device: Uint8Array
      readonly admits: (manifest: Manifest) => boolean
      readonly feedId: (index: number) => Uint8Array
    }) => Effect.Effect<SpaceFeeds, StorageError, Scope.Scope>
    /** Removes all feeds of a space that is not open, and the private keys of those that this device has made. */
    readonly wipe: (space: Uint8Array) => Effect.Effect<void, StorageError>
  }
>()("troupe/echo/FeedStore") {}

/** A manifest that is malformed, signed wrongly, of another space, or of a device that is no member. */
export class ManifestRefused extends Schema.TaggedError<ManifestRefused>()("ManifestRefused", { reason: Schema.String }) {
  override get message() {
    return `a feed's manifest was refused: ${this.reason}. Nothing was stored; ask its device to send it again.`
  }
}

/** Why a run was refused; nothing of it was stored. */
export const RunRefusal = Schema.Literals([
  "unknown-feed",
  "bad-signature",
  "bad-proof",
  "gap",
  "too-large",
  "malformed",
  "forked",
  "frozen"
])
export type RunRefusal = typeof RunRefusal.Type

export class RunRefused extends Schema.TaggedError<RunRefused>()("RunRefused", {
  feed: Schema.String,
  reason: RunRefusal,
  detail: Schema.String
}) {
  override get message() {
    return `a run of feed ${this.feed} was refused (${this.reason}): ${this.detail}. Nothing of it was stored; other feeds go on.`
  }
}

/** The flush failed, and with it everything that was pending on the feed. */
export class FlushFailed extends Schema.TaggedError<FlushFailed>()("FlushFailed", { cause: Schema.Defect() }) {
  override get message() {
    return `the changes were not stored (${String(this.cause)}) and have been taken back. Mend the storage, then repeat them.`
  }
}

/** A change set does not fit into a block: it takes too many bytes, or holds too many mutations. */
export class ChangeSetTooLarge extends Schema.TaggedError<ChangeSetTooLarge>()("ChangeSetTooLarge", {
  bytes: Schema.Number,
  bytesMax: Schema.Number,
  mutations: Schema.Number,
  mutationsMax: Schema.Number
}) {
  override get message() {
    if (this.mutations > this.mutationsMax)
      return `the change makes ${this.mutations} mutations (an object, or a property written, is one each), and one change may make ${this.mutationsMax}. Split it into several.`
    return `the change takes ${this.bytes} bytes, and one change may take ${this.bytesMax}. Split it into several.`
  }
}

/** A change set names more feeds than the table of a block holds. */
export class ChangeSetTooWide extends Schema.TaggedError<ChangeSetTooWide>()("ChangeSetTooWide", {
  feeds: Schema.Number,
  feedsMax: Schema.Number
}) {
  override get message() {
    return `the change names objects that were made in ${this.feeds} feeds, and one may name those of ${this.feedsMax}. Split it.`
  }
}

/** This device's feed turned out to be older than what it had once sent; a new incarnation takes over. */
export class FeedRolledBack extends Schema.TaggedError<FeedRolledBack>()("FeedRolledBack", { feed: Schema.String }) {
  override get message() {
    return `the storage was older than feed ${this.feed} as peers know it. The device goes on with a new feed; repeat the change.`
  }
}

/** This device has begun one feed after the other in a space: its storage was put back again and again. */
export class TooManyFeeds extends Schema.TaggedError<TooManyFeeds>()("TooManyFeeds", {
  feeds: Schema.Number,
  feedsMax: Schema.Number
}) {
  override get message() {
    return `this device has made ${this.feeds} feeds here, and may make ${this.feedsMax}: it begins one whenever its data folder was put back. Keep the folder as it is, and write with another device, or in a new space.`
  }
}

/** A kept folder does not hold what its signatures promise. */
export class AuditFailed extends Schema.TaggedError<AuditFailed>()("AuditFailed", {
  feed: Schema.String,
  index: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `feed ${this.feed} fails its audit at block ${this.index}: ${this.reason}. Restore the folder from a peer.`
  }
}

export type AppendError = FlushFailed | ChangeSetTooLarge | ChangeSetTooWide | FeedRolledBack
