/**
 * One life of an open space at work: delivers what is stored, commits what is written, and tells how far it has come.
 *
 * It runs as a child of a supervisor; when it fails, the next one is made of what is durable, and no other space is touched. What outlasts
 * it is its `SpaceHandle`. Here is only decided when things happen: `SpaceState` decides what.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ChangeSet } from "../../schema/echo/ChangeSet.ts"
import type { Frontier } from "../../schema/echo/Frontier.ts"
import { SpaceState } from "../../schema/echo/SpaceState.ts"
import { blockFeedsMax, changeSetBytesMax, changeSetMutationsMax, pendingBytesMax } from "../../schema/platform/Limits.ts"
import {
  type AppendError,
  type Appended,
  ChangeSetTooLarge,
  ChangeSetTooWide,
  type CommandPlace,
  type FeedWriter,
  type SpaceFeeds,
  type StoredFeed
} from "../../services/echo/FeedStore.ts"
import type { SpaceRestarted, Transaction, WriteError } from "../../services/echo/SpaceService.ts"
import type { KeyMissing } from "../../services/platform/Keyring.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import { type SpaceAccess, unlimited } from "./SpaceAccess.ts"
import { type Committed, changeAt, drafting, draftOf, receiptOf, repeating, type Writing } from "./SpaceChange.ts"
import { boundAt, deliverStored, type Told } from "./SpaceDelivery.ts"
import type { SpaceHandle } from "./SpaceHandle.ts"
import { SpacePeers } from "./SpacePeers.ts"
import { renew } from "./SpaceRenewal.ts"
import { readOnly, refusalOf } from "./SpaceStatus.ts"

type Resume<A> = (effect: Effect.Effect<Committed<A>, WriteError>) => void

/** What an open space is made of; everything above reads from it and writes through `commit`. */
export class OpenSpace {
  readonly feeds: SpaceFeeds
  readonly peers: SpacePeers
  readonly access: SpaceAccess
  state: SpaceState
  readonly handle: SpaceHandle
  /** Milliseconds since 1970, as this device has it. */
  readonly now: () => number
  private writer: FeedWriter | null = null
  private needsRebuild = true
  /** Why there is no writer, when there can be none. */
  unwritable: string | null = null
  /** What a fork took away and could not be written anew, each with its reason. */
  private lost: ReadonlyArray<string> = []
  /** Less of a feed counts than was merged, or more: the state is made anew once all that was written on top of it is durable. */
  private isOvertaken = false
  /** Control operations came that were not looked at. */
  private hasNews = true
  private readonly wake = Latch.makeUnsafe(true)
  private readonly ready = Latch.makeUnsafe(false)
  private readonly room = Latch.makeUnsafe(true)
  /** Callers whose changes are merged and not yet durable as they asked. */
  private readonly callers = new Set<(error: SpaceRestarted) => void>()
  /** Commands whose changes are merged and not yet on the medium, in the order of their counters. */
  private readonly commands = new Map<string, { readonly counter: number; readonly settled: Latch.Latch }>()
  private crash: { readonly defect: unknown } | null = null
  /** How whoever waits on it is told that it is over, or null. */
  private over: SpaceRestarted | null = null

  constructor(handle: SpaceHandle, feeds: SpaceFeeds, state: SpaceState, clock: Clock.Clock, access = unlimited) {
    this.handle = handle
    this.access = access
    this.feeds = feeds
    this.state = state
    this.now = () => Math.floor(clock.currentTimeMillisUnsafe())
    this.peers = new SpacePeers(
      () => this.frontier(),
      () => this.changed()
    )
  }

  private changed(): void {
    this.handle.changed()
  }

  /** A feed has grown in storage, or was frozen, or its writer has crashed. */
  notice(feed: StoredFeed): void {
    const crash = this.writer?.crash() ?? null
    // what the writer had taken is not known here: the life goes with it
    if (crash !== null) this.fail(crash.defect)
    // whether a command was carried out shows when what was lost is written anew
    if (this.isRolledBack() && this.isOn) {
      this.needsRebuild = true
      this.ready.closeUnsafe()
    }
    this.bound([feed])
    this.settle(this.durable())
    this.wake.openUnsafe()
    this.changed()
  }

  /** Control operations came: what counts of each feed may be another, and what this device may do. */
  judge(): void {
    this.hasNews = true
    this.bound(this.feeds.list())
    this.wake.openUnsafe()
    this.changed()
  }

  /** Tells the state how much of feeds counts. Where it has merged otherwise, it is made anew. */
  private bound(feeds: ReadonlyArray<StoredFeed>): void {
    if (feeds.every((feed) => boundAt(this.state, feed, this.access))) return
    this.isOvertaken = true
    if (this.isOn) this.ready.closeUnsafe()
  }

  /** Ends this life by a defect: nobody trusts its state from here on. */
  private fail(defect: unknown): void {
    if (this.crash !== null) return
    this.crash = { defect }
    this.handle.fell(this, defect instanceof Error ? defect.message : String(defect))
    this.wake.openUnsafe()
  }

  /** Whether whatever it is asked may still be done by it. */
  private get isOn(): boolean {
    return this.over === null && this.handle.closed === null
  }

  get abandoned(): SpaceRestarted | null {
    return this.over
  }

  /** Tells everybody who waits on this life that it is over, and that nobody knows what became of what is pending. */
  abandon(error: SpaceRestarted): void {
    this.over = error
    for (const tell of this.callers) tell(error)
    this.callers.clear()
    this.release()
  }

  /** It is over, and gives out no counter more. Lets go of everybody who waits for something to become possible here. */
  release(): void {
    if (this.state.ownFeed >= 0) this.handle.gave(this.state.feeds.text(this.state.ownFeed), this.state.used)
    this.settle(Number.POSITIVE_INFINITY)
    for (const latch of [this.wake, this.ready, this.room]) latch.openUnsafe()
  }

  /** The last own counter that is durable here. */
  durable(): number {
    return this.writer === null ? 0 : this.peers.progress.counterAt(this.writer.feed.length)
  }

  /** What is applied, and where frozen feeds end. */
  frontier(): Frontier {
    const { delivery } = this.state
    return { controlHeads: this.access.heads(), floors: delivery.floors(), applied: delivery.applied() }
  }

  /** What forks took away and could not be written anew, each with its reason. */
  losses(): ReadonlyArray<string> {
    return this.lost
  }

  /** Loads what is stored; after it the space can be read and written. */
  get load(): Effect.Effect<void, StorageError | KeyMissing, Scope.Scope> {
    return Effect.suspend(() => Effect.andThen(this.followOperations, this.rebuild()))
  }

  /** Feeds that operations admit are here, forks that they prove are known, and this device's feed is of the right that it has. */
  private get followOperations(): Effect.Effect<void, StorageError | KeyMissing> {
    return Effect.gen({ self: this }, function* () {
      this.hasNews = false
      yield* this.access.follow(this.feeds)
      const own = this.writer?.feed
      // begun while this device had no right, it is not admitted yet
      if (own !== undefined && (yield* this.access.admitOwn(own)) === "stale") yield* this.feeds.renewal.retire(own.id)
    })
  }

  /** Delivers whatever comes; never ends by itself. */
  get run(): Effect.Effect<never, StorageError | KeyMissing, Scope.Scope> {
    const step = Effect.suspend(() => {
      this.wake.closeUnsafe()
      if (this.crash !== null) return Effect.die(this.crash.defect)
      if (this.hasNews)
        return Effect.andThen(
          this.followOperations,
          Effect.sync(() => this.wake.openUnsafe())
        )
      if (this.needsRebuild || this.isRolledBack()) return this.rebuild()
      if (!this.isOvertaken) return this.deliverTo(this.state, null, [])
      return this.durable() < this.state.local ? Effect.void : this.rebuild()
    })
    return Effect.forever(Effect.andThen(this.wake.await, step))
  }

  private isRolledBack(): boolean {
    return this.writer?.isRolledBack() === true
  }

  /**
   * The state anew from durable storage: at first, after a failed flush, after a rollback, after a fork below what was merged.
   * What forks took away of this device's own writes is written anew on the way. Live queries are told the difference, once.
   */
  private rebuild(): Effect.Effect<void, StorageError | KeyMissing, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      this.needsRebuild = true
      if (this.isOn) this.ready.closeUnsafe()
      const before = this.writer
      const writer = before === null || before.isRolledBack() ? yield* this.nextWriter : before
      let state: SpaceState
      let counters: Array<number>
      do {
        state = new SpaceState(this.state.feeds)
        counters = []
        yield* this.deliverTo(state, writer === null ? null : writer.feed, counters)
        if (writer !== null) {
          const renewed = yield* renew(this.feeds, state, writer, this.handle.counterOf(writer.feed.text))
          if (renewed.isElsewhere) return yield* this.rebuild()
          this.lost = renewed.left
          yield* this.deliverTo(state, writer.feed, counters)
        }
        // a proof may have come while blocks were read
      } while (!this.feeds.list().every((feed) => boundAt(state, feed, this.access)))
      if (writer !== null) {
        // counters of what was taken back are not used again
        const used = writer === before ? this.state.used : this.handle.counterOf(writer.feed.text)
        state.write(writer.feed.id, Math.max(used, writer.counter))
        this.peers.progress.own(writer.feed.text, counters)
      }
      this.writer = writer
      this.state = state
      this.settle(Number.POSITIVE_INFINITY)
      this.handle.queries.rebuilt(state.objects)
      this.needsRebuild = this.isOvertaken = false
      this.ready.openUnsafe()
      this.changed()
    })
  }

  /** The writer of the feed to go on in; null when there can be none, and the space is read alone. */
  private get nextWriter(): Effect.Effect<FeedWriter | null, StorageError | KeyMissing, Scope.Scope> {
    const next = Effect.flatMap(this.feeds.writer, (writer) =>
      Effect.flatMap(this.access.admitOwn(writer.feed), (standing) => {
        if (standing === "admitted") return Effect.succeed(writer)
        if (standing === "stale") return Effect.andThen(this.feeds.renewal.retire(writer.feed.id), this.nextWriter)
        return Effect.sync(() => this.noWriter(standing.refused))
      })
    )
    return Effect.catchTag(next, "TooManyFeeds", ({ message }) => Effect.sync(() => this.noWriter(message)))
  }

  private noWriter(reason: string): null {
    this.unwritable = reason
    return null
  }

  /** Delivers stored blocks until no feed can go on. Of the feed `own` the counter at each length is noted. */
  private deliverTo(state: SpaceState, own: StoredFeed | null, counters: Array<number>): Effect.Effect<void, StorageError> {
    const told: Told = {
      block: (feed, number) => {
        if (feed === own) counters.push(state.delivery.counter(number))
      },
      part: () => {
        if (state !== this.state) return
        state.tell(this.handle.queries)
        this.changed()
      }
    }
    return deliverStored(this.feeds, state, told, this.access)
  }

  /** See `SpaceHandle.commit`, to which it comes back when it has to wait. */
  commit<A>(body: (transaction: Transaction) => A, writing: Writing): Effect.Effect<Committed<A>, WriteError> {
    return Effect.callback((resume) => {
      const answer = this.attempt(body, writing, resume)
      if (answer !== "offered") resume(answer)
    })
  }

  private after<A>(latch: Latch.Latch, body: (transaction: Transaction) => A, writing: Writing) {
    return Effect.andThen(latch.await, this.handle.commit(body, writing))
  }

  /** One synchronous step, so that no other fiber comes between what a change saw and its place in the feed. */
  private attempt<A>(
    body: (transaction: Transaction) => A,
    writing: Writing,
    resume: Resume<A>
  ): "offered" | Effect.Effect<Committed<A>, WriteError> {
    const { state, writer } = this
    if (!this.isOn) return this.handle.commit(body, writing)
    if (this.needsRebuild || this.isOvertaken) return this.after(this.ready, body, writing)
    const { command } = writing
    if (command !== undefined) {
      const pending = this.commands.get(command)
      if (pending !== undefined) return this.after(pending.settled, body, writing)
      const place = this.feeds.command(command)
      if (place !== null) return this.repeated(place, body, writing)
    }
    const refusal = refusalOf(this)
    const isReader = refusal?._tag === "NotAuthorized" && refusal.why === "reader"
    if (writer === null || (refusal !== null && !isReader))
      return Effect.fail(refusal ?? readOnly(this.handle.id, "it has no writer"))
    if (writer.pendingBytes() > pendingBytesMax) {
      this.room.closeUnsafe()
      return this.after(this.room, body, writing)
    }
    const draft = draftOf(state, this.handle.types)
    const drafted = drafting(draft, body)
    if (Result.isFailure(drafted)) return drafted.failure
    const value = drafted.success
    if (draft.mutations.length === 0) return Effect.succeed({ value, receipt: null })
    if (refusal !== null && !draft.isOfOwnProfile) return Effect.fail(refusal)
    const { changeSet, bytes, feeds } = state.stamp(draft.mutations, this.now())
    if (bytes > changeSetBytesMax || draft.mutations.length > changeSetMutationsMax) {
      const [bytesMax, mutationsMax] = [changeSetBytesMax, changeSetMutationsMax]
      return Effect.fail(new ChangeSetTooLarge({ bytes, bytesMax, mutations: draft.mutations.length, mutationsMax }))
    }
    if (feeds > blockFeedsMax) return Effect.fail(new ChangeSetTooWide({ feeds, feedsMax: blockFeedsMax }))
    return this.merged(writer, changeSet, writing, value, resume)
  }

  /** Merges a change set and gives it to the writer. A defect in here leaves a state that nobody can trust. */
  private merged<A>(
    writer: FeedWriter,
    changeSet: ChangeSet,
    { command, durability }: Writing,
    value: A,
    resume: Resume<A>
  ): "offered" {
    const { state } = this
    const tell = (error: SpaceRestarted) => resume(Effect.fail(error))
    this.callers.add(tell)
    try {
      state.merge(changeSet)
      state.tell(this.handle.queries)
      if (command !== undefined) this.commands.set(command, { counter: state.local, settled: Latch.makeUnsafe(false) })
      const receipt = receiptOf(state.feeds.text(state.ownFeed), changeSet, (feed) => state.feeds.text(feed))
      const done = (exit: Exit.Exit<Appended, AppendError>) => {
        this.callers.delete(tell)
        this.flushed(writer, exit)
        // who is told that a change was taken back reads none of it: the rebuild comes first, or the end of the space
        resume(
          Exit.isSuccess(exit)
            ? Effect.succeed({ value, receipt })
            : Effect.andThen(this.ready.await, Effect.failCause(exit.cause))
        )
      }
      writer.offer([changeSet], durability, done, command)
      this.changed()
    } catch (defect) {
      this.fail(defect)
    }
    return "offered"
  }

  /** Answers a command that was carried out before, with the receipt that it got then. Where the block cannot be read, this life cannot go on. */
  private repeated<A>(
    place: CommandPlace,
    body: (transaction: Transaction) => A,
    writing: Writing
  ): Effect.Effect<Committed<A>, WriteError> {
    return Effect.matchEffect(changeAt(this.feeds, this.state, place), {
      onFailure: (error) => {
        this.fail(error)
        return this.handle.commit(body, writing)
      },
      onSuccess: (done) =>
        Effect.map(repeating(this.state, this.handle.types, done, body), (value) => ({ value, receipt: done.receipt }))
    })
  }

  /** The commands up to this counter are on the medium, or taken back: whoever repeats one of them looks again. */
  private settle(counter: number): void {
    for (const [command, pending] of this.commands) {
      if (pending.counter > counter) return
      this.commands.delete(command)
      pending.settled.openUnsafe()
    }
  }

  private flushed(writer: FeedWriter, exit: Exit.Exit<Appended, AppendError>): void {
    if (Exit.isSuccess(exit)) {
      const { head, counter } = exit.value
      this.peers.progress.wrote(head.length, counter)
      this.state.delivery.stored(this.state.ownFeed, head.length, head.root)
      this.settle(this.durable())
      if (this.isOvertaken) this.wake.openUnsafe()
    } else if (this.isOn) {
      this.needsRebuild = true
      this.ready.closeUnsafe()
      this.wake.openUnsafe()
    }
    if (writer.pendingBytes() <= pendingBytesMax) this.room.openUnsafe()
    this.changed()
  }
}
