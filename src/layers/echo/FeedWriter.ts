/**
 * The writer of this device's feed in a space: group commit.
 *
 * What is offered while one flush is under way gathers, and goes with the next as one block, or as few as the limits allow: hashed,
 * signed once a block, stored in one batch. So the more callers there are, the less a change costs, and syncing can be afforded.
 *
 *     offer ─► queue ─► flush: encode ► hash ► sign ► Storage ─► strict: visible to peers, callers are told
 *       ▲ (append waits                                └─► relaxed: callers are told, `open` ─► stored again strictly ─► visible
 *          when much is pending)
 *
 * A relaxed block is stored a second time before it becomes visible, strictly: a storage may keep a later strict write and lose an
 * earlier relaxed one when the machine crashes. A failed flush fails everybody who waits, drops what was not yet visible, and the
 * writer goes on from what is.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { ChangeSet } from "../../schema/echo/ChangeSet.ts"
import { feedsCited, sizeOf } from "../../schema/echo/ChangeSetCodec.ts"
import { blockStart, headMessage } from "../../schema/echo/Feed.ts"
import { type EncodedBlock, encodeBlocks } from "../../schema/echo/FeedBlocks.ts"
import { commandsKey } from "../../schema/echo/FeedRecords.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { blockFeedsMax, changeSetBytesMax, changeSetMutationsMax, pendingBytesMax } from "../../schema/platform/Limits.ts"
import {
  type AppendError,
  type Appended,
  ChangeSetTooLarge,
  ChangeSetTooWide,
  FeedRolledBack,
  type FeedWriter,
  FlushFailed,
  type Notes
} from "../../services/echo/FeedStore.ts"
import type { KeyMissing } from "../../services/platform/Keyring.ts"
import type { Durability, StorageError } from "../../services/platform/Storage.ts"
import type { FeedSpace } from "./FeedSpace.ts"
import { continues, type Done, isWithinCounts, PendingNotes, tellAll, type Waiting, waitingOf } from "./FeedWaiting.ts"
import { Growth, type HeldFeed } from "./HeldFeed.ts"

/** What one flush takes of the queue: a block. More is hardly faster, and holds up this process and all who wait for it longer. */
const flushBytesMax = 262_144
/** Relaxed blocks that may wait to be made durable while more come. */
const openBytesMax = 1_048_576
/** How long a writer waits before it tries again to make relaxed blocks durable. */
const retryPause = "1 second"

/** Starts the writer of a feed in a fiber of its own; closing the scope flushes what is pending and ends it. */
export const make = (space: FeedSpace, feed: HeldFeed): Effect.Effect<GroupWriter, never, Scope.Scope> =>
  Effect.gen(function* () {
    const writer = new GroupWriter(space, feed)
    const unwatch = space.watch((changed) => {
      if (changed === feed && feed.isClosed) writer.wakeUp()
    })
    yield* Effect.forkScoped(writer.run)
    yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(unwatch), writer.close))
    return writer
  })

export class GroupWriter implements FeedWriter {
  readonly feed: HeldFeed
  private readonly space: FeedSpace
  /** What is flushed next, and callers of `append` that wait to come into it. */
  private queue: Array<Waiting> = []
  private outside: Array<Waiting> = []
  private pending = 0
  private taken: number
  private own = -1
  /** What the open blocks of the feed hold. */
  private openBytes = 0
  private isClosing = false
  private crashed: { readonly defect: unknown } | null = null
  private readonly wake = Latch.makeUnsafe(false)
  private readonly ended = Deferred.makeUnsafe<void>()

  constructor(space: FeedSpace, feed: HeldFeed) {
    this.space = space
    this.feed = feed
    this.taken = feed.open?.counter ?? feed.counter
  }

  /** The last counter that was offered, kept or not: none is used twice. */
  get counter(): number {
    return this.taken
  }

  get isEnded(): boolean {
    return this.isClosing
  }

  readonly isRolledBack = (): boolean => this.feed.isClosed

  readonly crash = (): { readonly defect: unknown } | null => this.crashed

  readonly pendingBytes = (): number => this.pending

  wakeUp(): void {
    this.wake.openUnsafe()
  }

  readonly offer = (changeSets: ReadonlyArray<ChangeSet>, durability: Durability, done: Done, command?: string): void => {
    const notes = command === undefined ? null : { commands: [{ command, first: changeSets[0]?.first ?? 0 }], copies: [] }
    this.queueUp(waitingOf(changeSets, durability, done, notes))
  }

  private queueUp(waiting: Waiting): void {
    const refusal = this.refusal(waiting)
    if (refusal === null) this.enqueue(waiting)
    else waiting.done(refusal)
  }

  readonly append = (
    changeSets: ReadonlyArray<ChangeSet>,
    durability: Durability,
    notes?: Notes
  ): Effect.Effect<Appended, AppendError> =>
    Effect.callback((resume) => {
      const waiting = waitingOf(changeSets, durability, resume, notes ?? null)
      if (this.pending <= pendingBytesMax && this.outside.length === 0) return this.queueUp(waiting)
      this.outside.push(waiting)
      return Effect.sync(() => {
        this.outside = this.outside.filter((each) => each !== waiting)
      })
    })

  /** Why change sets cannot be queued, or null. Counters that were taken before are a bug of the caller's. */
  private refusal({ bytes, changeSets }: Waiting): Exit.Exit<Appended, AppendError> | null {
    if (this.feed.isClosed) return this.rolledBack()
    if (this.isClosing) return Exit.fail(new FlushFailed({ cause: new Error("the space is closed") }))
    if (!continues(changeSets, this.taken)) {
      const counters = changeSets.map(({ first, mutations }) => `${first} + ${mutations.length}`).join(", ")
      return Exit.die(new Error(`feed ${this.feed.text} has taken ${this.taken} counters and cannot take ${counters}`))
    }
    if (bytes > changeSetBytesMax || !changeSets.every(isWithinCounts)) {
      const tooLarge = changeSets.find((each) => sizeOf(each) > changeSetBytesMax || !isWithinCounts(each))
      const [bytesMax, mutationsMax] = [changeSetBytesMax, changeSetMutationsMax]
      if (tooLarge !== undefined)
        return Exit.fail(
          new ChangeSetTooLarge({ bytes: sizeOf(tooLarge), bytesMax, mutations: tooLarge.mutations.length, mutationsMax })
        )
    }
    // while there are no more feeds than a block may cite, none cites more
    if (this.feedId(blockFeedsMax + 1) === undefined) return null
    const feeds = Math.max(...changeSets.map((each) => feedsCited(each, this.number())))
    return feeds <= blockFeedsMax ? null : Exit.fail(new ChangeSetTooWide({ feeds, feedsMax: blockFeedsMax }))
  }

  private enqueue(waiting: Waiting): void {
    this.taken = waiting.last
    this.pending += waiting.bytes
    this.queue.push(waiting)
    this.wake.openUnsafe()
  }

  /** Ends the writer when everything that was offered is flushed. */
  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isClosing = true
      this.wakeUp()
      return Deferred.await(this.ended)
    })
  }

  get run(): Effect.Effect<void> {
    const step: Effect.Effect<boolean> = Effect.suspend(() => {
      this.wake.closeUnsafe()
      if (this.queue.length > 0) return Effect.as(this.flush, true)
      if (this.feed.open !== null) return this.publishOpen
      return this.isClosing ? Effect.succeed(false) : Effect.as(this.wake.await, true)
    })
    // a scope that closes runs `close` first, so this is interrupted only when it has nothing to do
    const loop = Effect.gen(function* () {
      while (yield* step);
    })
    return Effect.onExit(loop, (exit) => Effect.sync(() => this.end(exit)))
  }

  /** However it ended: nobody is left waiting, and a crash is told to who watches the feed. Open blocks are left to who comes next. */
  private end(exit: Exit.Exit<void>): void {
    this.isClosing = true
    const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : new Error("the space is closed")
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) this.crashed = { defect }
    Deferred.doneUnsafe(this.ended, Effect.void)
    if (this.crashed !== null) this.space.changed(this.feed)
    this.refuse([], Exit.fail(new FlushFailed({ cause: defect })))
  }

  /** Those who were made runnable by the same event as this fiber come first, and into the same block. */
  private get flush(): Effect.Effect<void> {
    return Effect.andThen(
      Effect.yieldNow,
      this.feed.lock.withPermit(Effect.uninterruptible(Effect.suspend(() => this.flushed())))
    )
  }

  private flushed(): Effect.Effect<void> {
    if (this.feed.isClosed) return Effect.sync(() => this.fail(this.queue.splice(0), this.rolledBack()))
    const taken = this.take()
    return Effect.map(Effect.exit(this.store(taken)), (exit) => {
      if (Exit.isSuccess(exit)) this.settle(taken, exit.value)
      else this.fail(taken, Exit.fail(new FlushFailed({ cause: Cause.squash(exit.cause) })))
    })
  }

  private take(): Array<Waiting> {
    let bytes = 0
    let count = 0
    for (; count < this.queue.length && bytes < flushBytesMax; count++) bytes += this.queue[count]!.bytes
    return this.queue.splice(0, count)
  }

  /** Stores what was taken, and answers for each of its blocks what its callers are told. */
  private store(taken: ReadonlyArray<Waiting>): Effect.Effect<ReadonlyArray<Appended>, StorageError | KeyMissing> {
    const growth = this.feed.open ?? new Growth(this.feed, this.space.platform.crypto.hash)
    this.feed.open = null
    const stored = Effect.gen({ self: this }, function* () {
      const before = growth.blocks.length
      const appended = yield* this.grow(growth, this.blocksOf(taken), new PendingNotes(taken))
      const isStrict = taken.some((each) => each.durability === "strict") || this.openBytes > openBytesMax
      yield* this.write(growth, isStrict ? 0 : before, isStrict ? "strict" : "relaxed")
      if (isStrict) this.publish(growth)
      else this.feed.open = growth
      return appended
    })
    return Effect.onError(stored, () => Effect.sync(() => growth.drop()))
  }

  /** Stores the blocks from the `first`-th on. What commands are forgotten for those in them goes in a strict batch: it is final. */
  private write(growth: Growth, first: number, durability: Durability): Effect.Effect<void, StorageError> {
    const { options, platform } = this.space
    const batch = growth.batch(options.space, first, false)
    if (durability === "relaxed") {
      return Effect.map(platform.storage.write(batch, { durability }), () => {
        this.feed.isRelaxed = true
      })
    }
    const { commands } = this.space
    const over = commands.surplus(growth.blocks.flatMap((block) => block.notes.commands))
    const forgotten = over.map(({ feed, index }) => ({ key: commandsKey(options.space, feed.id, index), value: null }))
    return Effect.map(platform.storage.write([...batch, ...forgotten], { durability }), () => commands.forget(over.length))
  }

  private grow(
    growth: Growth,
    blocks: ReadonlyArray<EncodedBlock>,
    notes: PendingNotes
  ): Effect.Effect<Array<Appended>, StorageError | KeyMissing> {
    const { keyring } = this.space.platform
    return Effect.forEach(blocks, ({ counter, plain }) => {
      const block = growth.add([blockStart(plain), plain], this.space.nextArrival(), notes.upTo(counter))
      growth.counter = counter
      this.openBytes += plain.length
      const length = block.index + 1
      return Effect.map(keyring.sign(this.feed.id, headMessage(this.feed.id, length, block.root)), (signature) => {
        block.signature = signature
        return { head: { length, root: block.root, signature }, counter }
      })
    })
  }

  private publish(growth: Growth): void {
    this.feed.open = null
    this.openBytes = 0
    this.space.publish(growth, false)
  }

  /** Makes relaxed blocks durable once nobody is waiting. When that fails nobody is there to be told, so it is tried again. */
  private get publishOpen(): Effect.Effect<boolean> {
    const attempt = Effect.suspend(() => {
      const growth = this.feed.open
      if (growth === null || this.feed.isClosed) return Effect.void
      return Effect.map(this.write(growth, 0, "strict"), () => this.publish(growth))
    })
    return Effect.gen({ self: this }, function* () {
      const exit = yield* Effect.exit(this.feed.lock.withPermit(Effect.uninterruptible(attempt)))
      if (this.feed.isClosed) this.drop()
      if (Exit.isSuccess(exit)) return true
      // the next opening of the space goes on with them
      if (this.isClosing) return this.queue.length > 0
      yield* Effect.timeoutOption(this.wake.await, retryPause)
      return true
    })
  }

  private drop(): void {
    this.feed.drop()
    this.openBytes = 0
  }

  private rolledBack(): Exit.Exit<Appended, AppendError> {
    return Exit.fail(new FeedRolledBack({ feed: this.feed.text }))
  }

  private settle(taken: ReadonlyArray<Waiting>, appended: ReadonlyArray<Appended>): void {
    let at = 0
    let exit = Exit.succeed(appended[at]!)
    const told = taken.map(({ bytes, done, last }) => {
      while (appended[at]!.counter < last) exit = Exit.succeed(appended[++at]!)
      this.pending -= bytes
      return { done, exit }
    })
    tellAll(told)
    this.letIn()
  }

  /** Tells everybody: those whose flush it was, and all who wait behind, since what they say may build on it. */
  private fail(taken: ReadonlyArray<Waiting>, exit: Exit.Exit<Appended, AppendError>): void {
    this.drop()
    this.refuse(taken, exit)
  }

  private refuse(taken: ReadonlyArray<Waiting>, exit: Exit.Exit<Appended, AppendError>): void {
    const all = [...taken, ...this.queue, ...this.outside]
    this.queue = []
    this.outside = []
    this.pending = 0
    tellAll(all.map(({ done }) => ({ done, exit })))
  }

  private letIn(): void {
    while (this.outside.length > 0 && this.pending <= pendingBytesMax) {
      const waiting = this.outside.shift()!
      const refusal = this.refusal(waiting)
      if (refusal === null) this.enqueue(waiting)
      else waiting.done(refusal)
    }
  }

  private blocksOf(taken: ReadonlyArray<Waiting>): ReadonlyArray<EncodedBlock> {
    const changeSets: Array<ChangeSet> = []
    for (const each of taken) for (const changeSet of each.changeSets) changeSets.push(changeSet)
    return encodeBlocks(changeSets, this.number(), this.space.options.feedId)
  }

  /** The number that the space has for this feed, or −1 while it has none and nothing can cite it. */
  private number(): number {
    for (let number = 0; this.own < 0; number++) {
      const id = this.feedId(number)
      if (id === undefined) break
      if (equalBytes(id, this.feed.id)) this.own = number
    }
    return this.own
  }

  /** The feed of a number; beyond the last feed there is no id, whatever its type says. */
  private feedId(number: number): Uint8Array | undefined {
    return this.space.options.feedId(number)
  }
}
