/**
 * One open space at work: delivers what is stored, commits what is written, and tells how far it has come.
 *
 * It runs in a scope and fiber of its own; when that fails, this space is closed with the reason and no other is touched.
 * Here is only decided when things happen: `SpaceState` decides what.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ChangeSet } from "../../schema/echo/ChangeSet.ts"
import { Draft } from "../../schema/echo/Draft.ts"
import type { Frontier } from "../../schema/echo/Frontier.ts"
import { TypeIndex } from "../../schema/echo/ObjectType.ts"
import { Progress } from "../../schema/echo/Progress.ts"
import { QueryIndex } from "../../schema/echo/Query.ts"
import { SpaceState } from "../../schema/echo/SpaceState.ts"
import { ArgumentInvalid } from "../../schema/platform/ArgumentInvalid.ts"
import { blockFeedsMax, changeSetBytesMax, changeSetMutationsMax, pendingBytesMax } from "../../schema/platform/Limits.ts"
import {
  type AppendError,
  type Appended,
  ChangeSetTooLarge,
  ChangeSetTooWide,
  type FeedWriter,
  type SpaceFeeds,
  type StoredFeed
} from "../../services/echo/FeedStore.ts"
import type { Observer } from "../../services/echo/Replicator.ts"
import {
  type Flagged,
  ObjectMissing,
  ObjectUntyped,
  type Receipt,
  SpaceClosed,
  SpaceReadOnly,
  type Transaction,
  type WriteError
} from "../../services/echo/SpaceService.ts"
import type { KeyMissing } from "../../services/platform/Keyring.ts"
import type { Durability, StorageError } from "../../services/platform/Storage.ts"
import { deliverStored, freezeAt } from "./SpaceDelivery.ts"

export interface Committed<A> {
  readonly value: A
  readonly receipt: Receipt | null
}

/** What an open space is made of; everything above reads from it and writes through `commit`. */
export class OpenSpace {
  readonly id: string
  readonly feeds: SpaceFeeds
  readonly progress = new Progress()
  readonly queries: QueryIndex
  readonly types = new TypeIndex()
  state: SpaceState
  private readonly clock: Clock.Clock
  private writer: FeedWriter | null = null
  private needsRebuild = true
  /** Why there is no writer, when there can be none. */
  private unwritable: string | null = null
  /** A proof froze a feed below what was merged of it: the state is made anew once all that was written on top of it is durable. */
  private isOvertaken = false
  private end: SpaceClosed | null = null
  private readonly ended = Deferred.makeUnsafe<void, SpaceClosed>()
  private readonly wake = Latch.makeUnsafe(true)
  private readonly ready = Latch.makeUnsafe(false)
  private readonly room = Latch.makeUnsafe(true)
  private readonly listeners = new Set<() => void>()
  private readonly refusals = new Map<string, string>()
  private readonly failures = new Map<string, string>()
  private readonly endListeners = new Set<() => void>()

  constructor(id: string, feeds: SpaceFeeds, state: SpaceState, clock: Clock.Clock) {
    this.id = id
    this.feeds = feeds
    this.state = state
    this.clock = clock
    this.queries = new QueryIndex(state.objects)
  }

  /** Calls the listener, in line, whenever anything here may have changed. Answers how to stop. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  changed(): void {
    for (const listener of this.listeners) listener()
  }

  /** Calls the listener when the space is closed. Answers how to stop. */
  onEnd(listener: () => void): () => void {
    this.endListeners.add(listener)
    return () => this.endListeners.delete(listener)
  }

  /** A feed has grown in storage, or was frozen. */
  notice(feed: StoredFeed): void {
    if (!freezeAt(this.state, feed)) {
      this.isOvertaken = true
      if (this.end === null) this.ready.closeUnsafe()
    }
    this.wake.openUnsafe()
    this.changed()
  }

  /** Why nothing can be asked of the space any more, or null. */
  get closed(): SpaceClosed | null {
    return this.end
  }

  get awaitClosed(): Effect.Effect<void, SpaceClosed> {
    return Deferred.await(this.ended)
  }

  /** Closes the space for everybody who waits on it. `isFault` when it was not asked for. */
  close(reason: string, isFault: boolean): void {
    if (this.end !== null) return
    this.end = new SpaceClosed({ space: this.id, reason })
    Deferred.doneUnsafe(this.ended, isFault ? Effect.fail(this.end) : Effect.void)
    for (const latch of [this.wake, this.ready, this.room]) latch.openUnsafe()
    for (const listener of this.endListeners) listener()
    this.changed()
  }

  /** The last own counter that is durable here. */
  durable(): number {
    return this.writer === null ? 0 : this.progress.counterAt(this.writer.feed.length)
  }

  /** What is applied, and where frozen feeds end. */
  frontier(): Frontier {
    return { floors: this.state.delivery.floors(), applied: this.state.delivery.applied() }
  }

  /** What the replicator of a connection to a device tells and asks. */
  observer(device: string): Observer {
    return {
      frontier: () => this.frontier(),
      acknowledged: (feed, length) => {
        this.progress.acknowledge(device, feed, length)
        this.changed()
      },
      sent: (feed, length) => {
        this.progress.handed(device, feed, length)
        this.changed()
      },
      refused: (feed, reason) => {
        this.refusals.set(`${device} ${feed}`, `feed ${feed} is not taken from ${device}: ${reason}`)
        this.changed()
      }
    }
  }

  /** A connection to a device began. */
  met(device: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.progress.connected(device)
      this.changed()
    })
  }

  /** A connection to a device ended, and with it what was refused on it. */
  parted(device: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.progress.disconnected(device)
      for (const key of this.refusals.keys()) if (key.startsWith(device)) this.refusals.delete(key)
      this.changed()
    })
  }

  /** What the last connection to a device failed with, or null when a later one went well. */
  failed(device: string, reason: string | null): void {
    if (reason === null) this.failures.delete(device)
    else this.failures.set(device, reason)
    this.changed()
  }

  /** Feeds whose authors signed nonsense, which was passed over. */
  flagged(): ReadonlyArray<Flagged> {
    return [...this.state.delivery.flags()].map(([feed, blocks]) => ({ feed, blocks }))
  }

  /** What waits or failed, each with its reason. */
  stuck(): ReadonlyArray<string> {
    const waiting = this.state.delivery
      .stuck()
      .map((stuck) =>
        stuck.reason === "deps"
          ? `feed ${stuck.feed} waits for feed ${stuck.on} up to ${stuck.counter}`
          : `feed ${stuck.feed} holds ${stuck.what}`
      )
    return [...waiting, ...this.refusals.values(), ...this.failures.values()]
  }

  /** Loads what is stored; after it the space can be read and written. */
  get load(): Effect.Effect<void, StorageError | KeyMissing, Scope.Scope> {
    return Effect.suspend(() => this.rebuild())
  }

  /** Delivers whatever comes; never ends by itself. */
  get run(): Effect.Effect<never, StorageError | KeyMissing, Scope.Scope> {
    const step = Effect.suspend(() => {
      this.wake.closeUnsafe()
      const crash = this.writer?.crash() ?? null
      // what the writer had taken is not known here: the space goes with it
      if (crash !== null) return Effect.die(crash.defect)
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
   * Live queries are told the difference.
   */
  private rebuild(): Effect.Effect<void, StorageError | KeyMissing, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      this.needsRebuild = true
      if (this.end === null) this.ready.closeUnsafe()
      const before = this.writer
      const writer = before === null || before.isRolledBack() ? yield* this.nextWriter : before
      let state: SpaceState
      let counters: Array<number>
      do {
        state = new SpaceState(this.state.feeds)
        counters = []
        yield* this.deliverTo(state, writer === null ? null : writer.feed, counters)
        // a proof may have come while blocks were read
      } while (!this.feeds.list().every((feed) => freezeAt(state, feed)))
      if (writer !== null) {
        // counters of what was taken back are not used again
        state.write(writer.feed.id, writer === before ? Math.max(this.state.used, writer.counter) : writer.counter)
        this.progress.own(writer.feed.text, counters)
      }
      this.writer = writer
      this.state = state
      this.queries.rebuilt(state.objects)
      this.needsRebuild = this.isOvertaken = false
      this.ready.openUnsafe()
      this.changed()
    })
  }

  /** The writer of the feed to go on in; null when there can be none, and the space is read alone. */
  private get nextWriter(): Effect.Effect<FeedWriter | null, StorageError | KeyMissing, Scope.Scope> {
    return Effect.catchTag(this.feeds.writer, "TooManyFeeds", (error) =>
      Effect.sync(() => {
        this.unwritable = error.message
        return null
      })
    )
  }

  /** Delivers stored blocks until no feed can go on. Of the feed `own` the counter at each length is noted. */
  private deliverTo(state: SpaceState, own: StoredFeed | null, counters: Array<number>): Effect.Effect<void, StorageError> {
    return deliverStored(this.feeds, state, {
      block: (feed, number) => {
        if (feed === own) counters.push(state.delivery.counter(number))
      },
      part: () => {
        if (state !== this.state) return
        state.tell(this.queries)
        this.changed()
      }
    })
  }

  /** Runs the body at once and commits what it did as one change set: merged here now, ended when it is durable. */
  commit<A>(body: (transaction: Transaction) => A, durability: Durability): Effect.Effect<Committed<A>, WriteError> {
    const attempt: Effect.Effect<Committed<A>, WriteError> = Effect.callback((resume) => {
      const answer = this.attempt(body, durability, resume)
      if (answer === "wait for ready") resume(Effect.andThen(this.ready.await, attempt))
      else if (answer === "wait for room") resume(Effect.andThen(this.room.await, attempt))
      else if (answer !== "offered") resume(answer)
    })
    return attempt
  }

  /** One synchronous step, so that no other fiber comes between what a change saw and its place in the feed. */
  private attempt<A>(
    body: (transaction: Transaction) => A,
    durability: Durability,
    resume: (effect: Effect.Effect<Committed<A>, WriteError>) => void
  ): "offered" | "wait for ready" | "wait for room" | Effect.Effect<Committed<A>, WriteError> {
    const { state, writer } = this
    if (this.end !== null) return Effect.fail(this.end)
    if (this.needsRebuild || this.isOvertaken) return "wait for ready"
    const readOnly = this.readOnly()
    if (writer === null || readOnly !== null) {
      return Effect.fail(new SpaceReadOnly({ space: this.id, reason: readOnly ?? "it has no writer" }))
    }
    if (writer.pendingBytes() > pendingBytesMax) {
      this.room.closeUnsafe()
      return "wait for room"
    }
    const draft = new Draft<ObjectMissing | ObjectUntyped>(state, this.types, refusals)
    const ran = Result.try(() => body(transactionOf(draft)))
    draft.end()
    if (draft.refusal !== null) return draft.refusal.isFault ? Effect.die(draft.refusal.error) : Effect.fail(draft.refusal.error)
    if (Result.isFailure(ran)) return Effect.die(ran.failure)
    const value = ran.success
    if (isLater(value)) return Effect.die(new ArgumentInvalid({ call: "change", takes: synchronous, given: value }))
    if (draft.mutations.length === 0) return Effect.succeed({ value, receipt: null })
    const { changeSet, bytes, feeds } = state.stamp(draft.mutations, this.clock.currentTimeMillisUnsafe())
    if (bytes > changeSetBytesMax || draft.mutations.length > changeSetMutationsMax) {
      const [bytesMax, mutationsMax] = [changeSetBytesMax, changeSetMutationsMax]
      return Effect.fail(new ChangeSetTooLarge({ bytes, bytesMax, mutations: draft.mutations.length, mutationsMax }))
    }
    if (feeds > blockFeedsMax) return Effect.fail(new ChangeSetTooWide({ feeds, feedsMax: blockFeedsMax }))
    state.merge(changeSet)
    state.tell(this.queries)
    const receipt = receiptOf(state, changeSet)
    writer.offer([changeSet], durability, (exit) => {
      this.flushed(writer, exit)
      // who is told that a change was taken back reads none of it: the rebuild comes first, or the end of the space
      resume(
        Exit.isSuccess(exit) ? Effect.succeed({ value, receipt }) : Effect.andThen(this.ready.await, Effect.failCause(exit.cause))
      )
    })
    this.changed()
    return "offered"
  }

  private flushed(writer: FeedWriter, exit: Exit.Exit<Appended, AppendError>): void {
    if (Exit.isSuccess(exit)) {
      const { head, counter } = exit.value
      this.progress.wrote(head.length, counter)
      this.state.delivery.stored(this.state.ownFeed, head.length, head.root)
      if (this.isOvertaken) this.wake.openUnsafe()
    } else if (this.end === null) {
      this.needsRebuild = true
      this.ready.closeUnsafe()
      this.wake.openUnsafe()
    }
    if (writer.pendingBytes() <= pendingBytesMax) this.room.openUnsafe()
    this.changed()
  }

  /** What keeps the space from being written, or null. */
  readOnly(): string | null {
    if (this.unwritable !== null) return this.unwritable
    const newer = this.state.delivery.stuck().find((stuck) => stuck.reason === "version")
    if (newer === undefined || newer.reason !== "version") return null
    return `feed ${newer.feed} holds ${newer.what}, which this version of Troupe does not know. Update Troupe.`
  }
}

const refusals = { missing: (id: string) => new ObjectMissing({ id }), untyped: (id: string) => new ObjectUntyped({ id }) }

const transactionOf = (draft: Draft<ObjectMissing | ObjectUntyped>): Transaction => ({
  create: (type, properties) => draft.create(type, properties),
  update: (object, patch) => void draft.update(object, patch),
  delete: (object) => draft.setDeleted(object, true),
  restore: (object) => draft.setDeleted(object, false)
})

const synchronous = "a function that does all its work at once (wait, or run Effects, before or after it)"

/** Whether what a body answered is still to be done: writes in there would come after the commit. */
const isLater = (value: unknown): boolean => {
  if (Effect.isEffect(value)) return true
  if (typeof value !== "object" || value === null || !("then" in value) || typeof value.then !== "function") return false
  // what comes of it was refused: nobody is to be told that it failed
  value.then(undefined, () => {})
  return true
}

const receiptOf = (state: SpaceState, changeSet: ChangeSet): Receipt => ({
  feed: state.feeds.text(state.ownFeed),
  first: changeSet.first,
  count: changeSet.mutations.length,
  time: changeSet.time,
  deps: (changeSet.deps ?? []).map((dep) => ({ feed: state.feeds.text(dep.feed), counter: dep.counter }))
})
