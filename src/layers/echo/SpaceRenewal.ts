/**
 * Writes anew what forks took away of this device's feeds, before anything else is written in the next one: reads block by block, lets
 * `Reappending` decide, and appends. What was written anew is noted in the batch that stores it, so that it is done once, whatever crashes.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ChangeSet } from "../../schema/echo/ChangeSet.ts"
import { decodePlain, sizeOf } from "../../schema/echo/ChangeSetCodec.ts"
import { Copies, type Copy, countOf } from "../../schema/echo/Copies.ts"
import { decodeBlock } from "../../schema/echo/Feed.ts"
import type { CommandRecord, CopyRecord } from "../../schema/echo/FeedRecords.ts"
import { type Again, localChangeSet, Reappending, type Source } from "../../schema/echo/Reappending.ts"
import type { SpaceState } from "../../schema/echo/SpaceState.ts"
import { turnBytesMax } from "../../schema/platform/Limits.ts"
import {
  type AppendError,
  countedLength,
  type FeedWriter,
  type MadeFeed,
  type SpaceFeeds,
  type StoredBlock
} from "../../services/echo/FeedStore.ts"
import { type StorageError, StorageFailed } from "../../services/platform/Storage.ts"

/** `isElsewhere`: the writer's feed is closed by now, and what is lost goes into the next one. */
export interface Renewed {
  readonly isElsewhere: boolean
  /** What could not be written anew, each with its reason. */
  readonly left: ReadonlyArray<string>
}

const nothing: Renewed = { isElsewhere: false, left: [] }

const waits = "lost blocks by a fork, and they are written anew when the space is opened with all that they build on"

/** Bytes of change sets that are stored at once. */
const batchBytesMax = 131_072

const hasLost = (feed: MadeFeed): boolean => countedLength(feed) < feed.length

/**
 * Writes all that is lost anew, if there is any. The state has delivered what is stored, and does not write itself; `used` is the last
 * counter of the writer's feed that was ever given out.
 */
export const renew = (
  feeds: SpaceFeeds,
  state: SpaceState,
  writer: FeedWriter,
  used: number
): Effect.Effect<Renewed, StorageError> =>
  Effect.suspend(() => {
    const made = feeds.renewal.made()
    const isDone = made.every((feed) => !hasLost(feed) || feed.renewedAt === feed.frozenAt)
    return isDone ? Effect.succeed(nothing) : new SpaceRenewal(feeds, state, writer, used, made).run
  })

class SpaceRenewal {
  private readonly feeds: SpaceFeeds
  private readonly state: SpaceState
  private readonly writer: FeedWriter
  private readonly made: ReadonlyArray<MadeFeed>
  /** Where the feeds are frozen that lost something. */
  private readonly freezes: ReadonlyArray<readonly [feed: Uint8Array, frozenAt: number]>
  private readonly copies: Copies
  private readonly target: number
  private readonly machine: Reappending
  private readonly left = new Map<string, string>()
  private batch: Array<Again> = []
  private batchBytes = 0
  private isBegun = false

  constructor(feeds: SpaceFeeds, state: SpaceState, writer: FeedWriter, used: number, made: ReadonlyArray<MadeFeed>) {
    this.feeds = feeds
    this.state = state
    this.writer = writer
    this.made = made
    const { delivery } = state
    const floors = new Map<number, number>()
    for (const { id } of feeds.list()) {
      const floor = delivery.floor(state.feeds.intern(id))
      if (floor !== null) floors.set(state.feeds.intern(id), floor)
    }
    this.freezes = made.flatMap((feed) => (hasLost(feed) ? [[feed.id, feed.frozenAt!] as const] : []))
    this.copies = new Copies(new Set(made.map(({ id }) => state.feeds.intern(id))), floors)
    const feed = (this.target = state.feeds.intern(writer.feed.id))
    const next = Math.max(used, writer.counter) + 1
    this.machine = new Reappending(this.copies, { feed, next, told: delivery.context(feed) }, (on) => delivery.appliedTo(on))
  }

  get run(): Effect.Effect<Renewed, StorageError> {
    return Effect.gen({ self: this }, function* () {
      const waiting = this.made.filter((feed) => hasLost(feed) && this.state.delivery.floor(this.number(feed)) === null)
      if (waiting.length > 0) return { isElsewhere: false, left: waiting.map(({ text }) => `feed ${text} ${waits}`) }
      yield* this.judge()
      for (const feed of this.made) {
        if (!hasLost(feed) && !this.copies.hasVoid(this.number(feed))) continue
        const isElsewhere = yield* this.blocks(feed, feed.length, (source) => this.through(source))
        if (isElsewhere) return { isElsewhere, left: [] }
      }
      if (yield* this.flush()) return { isElsewhere: true, left: [] }
      const { left, feeds, state } = this
      const done = this.freezes.filter(([feed]) => !left.has(state.feeds.text(state.feeds.find(feed))))
      if (done.length > 0) yield* feeds.renewal.renewed(done)
      return { isElsewhere: false, left: [...left.values()] }
    })
  }

  private number({ id }: MadeFeed): number {
    return this.state.feeds.intern(id)
  }

  /** Learns what was written anew before, and what of it, and of all that was written later, counts no more. */
  private judge(): Effect.Effect<void, StorageError> {
    return Effect.gen({ self: this }, function* () {
      const { feeds } = this.state
      for (const { copies, into } of yield* this.feeds.renewal.copies) {
        for (const copy of copies) this.copies.add(feeds.intern(into), { ...copy, feed: feeds.intern(copy.feed) })
      }
      const begin = this.made.findIndex(hasLost)
      for (const feed of this.made.slice(begin + 1)) {
        const judged = ({ feed: number, feedOf, plain }: Source) => {
          for (const each of plain.changeSets) this.copies.judge(number, localChangeSet(each, feedOf))
          return Effect.succeed(false)
        }
        yield* this.blocks(feed, countedLength(feed), judged)
      }
    })
  }

  /** Reads a feed's blocks one after the other, until the visitor answers that it is over. */
  private blocks(
    feed: MadeFeed,
    end: number,
    visit: (source: Source) => Effect.Effect<boolean, StorageError>
  ): Effect.Effect<boolean, StorageError> {
    return Effect.gen({ self: this }, function* () {
      const counted = countedLength(feed)
      for (let index = 0; index < end; ) {
        for (const block of yield* this.feeds.read(feed.id, index, turnBytesMax)) {
          index++
          const source = block.index < end ? this.source(feed, block, block.index < counted) : null
          if (source !== null && (yield* visit(source))) return true
        }
        yield* Effect.yieldNow
      }
      return false
    })
  }

  /** A block as it is read; null for what this version does not know, which stays lost until another does, and for nonsense. */
  private source(feed: MadeFeed, { bytes, index, root }: StoredBlock, isCounted: boolean): Source | null {
    const plain = Result.flatMap(Result.mapError(decodeBlock(bytes), identity), decodePlain)
    if (Result.isSuccess(plain)) {
      const number = this.number(feed)
      const feedOf = [number, ...plain.success.feeds.map((id) => this.state.feeds.intern(id))]
      return { feed: number, index, root, isCounted, plain: plain.success, feedOf }
    }
    if (!isCounted && plain.failure._tag === "Unsupported") {
      const says = `was lost by a fork, and is not written anew: it holds ${plain.failure.what}. Update Troupe.`
      this.left.set(feed.text, `block ${index} of feed ${feed.text} ${says}`)
    }
    return null
  }

  private through(source: Source): Effect.Effect<boolean, StorageError> {
    return Effect.suspend(() => {
      const last = this.isBegun ? null : this.copies.last(this.target)
      for (const again of this.machine.through(source)) {
        if (!this.isBegun && !this.takes(again.copy, last)) {
          return Effect.as(this.feeds.renewal.retire(this.writer.feed.id), true)
        }
        this.isBegun = true
        this.batch.push(again)
        this.batchBytes += sizeOf(again.changeSet)
      }
      return this.batchBytes < batchBytesMax ? Effect.succeed(false) : this.flush()
    })
  }

  /** Whether the writer's feed may go on with this: what is written anew stands in its order, and before anything else. */
  private takes({ feed, from }: Copy, last: Copy | null): boolean {
    if (this.writer.feed.length === 0) return true
    if (last === null || last.first + countOf(last) - 1 !== this.state.delivery.counter(this.target)) return false
    const place = (number: number) => this.made.findIndex((each) => this.number(each) === number)
    return last.feed === feed ? last.to < from : place(last.feed) < place(feed)
  }

  /** Stores what has gathered. Answers whether the feed was closed meanwhile. */
  private flush(): Effect.Effect<boolean, StorageError> {
    const { batch, writer } = this
    if (batch.length === 0) return Effect.succeed(false)
    this.batch = []
    this.batchBytes = 0
    const commands: Array<CommandRecord> = []
    const copies: Array<CopyRecord> = []
    const changeSets: Array<ChangeSet> = []
    for (const { changeSet, copy } of batch) {
      const { first } = changeSet
      const command = this.commandOf(copy.feed, copy.from)
      if (command !== null) commands.push({ command, first })
      copies.push({ ...copy, feed: this.state.feeds.id(copy.feed) })
      changeSets.push(changeSet)
    }
    return Effect.matchEffect(writer.append(changeSets, "strict", { commands, copies }), {
      onFailure: failed,
      onSuccess: () => Effect.succeed(false)
    })
  }

  private commandOf(feed: number, first: number): string | null {
    for (const dot of this.copies.instances(feed, first)) {
      const command = this.feeds.renewal.commandAt(this.state.feeds.id(dot.feed), dot.counter)
      if (command !== null) return command
    }
    return null
  }
}

const identity = <A>(a: A): A => a

const failed = (error: AppendError): Effect.Effect<boolean, StorageError> => {
  if (error._tag === "FeedRolledBack") return Effect.succeed(true)
  if (error._tag !== "FlushFailed") return Effect.die(error)
  return Effect.fail(
    new StorageFailed({ folder: "the storage", operation: "writing anew what a fork had taken away", cause: error.cause })
  )
}
