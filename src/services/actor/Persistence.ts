/**
 * Durable actors: their state is what is folded from events, and the events are in Storage.
 *
 * A handler decides and appends; what it appended in a turn is written in one batch with the reply, strictly, before anyone is told. So a
 * reply is a promise, and a crash at any moment loses whole turns that nobody heard of, or nothing. A turn that fails with its typed error
 * keeps nothing, nor does one that cannot be encoded (`NotKept`). A command with an id is applied once: sent again it gets the first reply,
 * also by a later life and after a crash.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { StorageError } from "../platform/Storage.ts"
import type { Self } from "./ActorSystem.ts"

/** The events of an actor, and how those of older versions are read. */
export interface Events<Event> {
  readonly schema: Schema.Codec<Event, unknown>
  /** Grows whenever an event that was written before would be read differently: 1 unless said otherwise. */
  readonly version?: number
  /** By an older version: makes its encoded event into one of the version after it. */
  readonly upcast?: { readonly [version: number]: (event: unknown) => unknown }
}

/** What events amount to. States are never changed in place. */
export interface Fold<State, Event> {
  readonly initial: State
  readonly apply: (state: State, event: Event) => State
  /** How a state is kept in a snapshot. Without it there are none, and all events are read at each activation. */
  readonly state?: Schema.Codec<State, unknown>
  /** Grows whenever `apply` or `state` changes, so that older snapshots are not used: 1 unless said otherwise. */
  readonly version?: number
}

export interface PersistenceOptions {
  /** Events from one snapshot to the next: 100 unless said otherwise. */
  readonly snapshotEvery?: number
}

/** The state of one durable actor. */
export interface Journal<State, Event> {
  readonly state: State
  /** Events so far. */
  readonly length: number
  /** Appends events in the turn under way, and answers the state with them. They are durable before anyone hears of the turn. */
  readonly append: (...events: ReadonlyArray<Event>) => Effect.Effect<State>
}

export class Persistence extends Context.Service<
  Persistence,
  {
    readonly open: <State, Event>(
      events: Events<Event>,
      fold: Fold<State, Event>,
      options: PersistenceOptions
    ) => Effect.Effect<Journal<State, Event>, JournalError | StorageError, Self>
  }
>()("troupe/actor/Persistence") {
  /** Opens the journal of the actor whose handlers are being built, once for each life. */
  static journal<State, Event>(events: Events<Event>, fold: Fold<State, Event>, options: PersistenceOptions = {}) {
    return Effect.flatMap(Persistence, (persistence) => persistence.open(events, fold, options))
  }
}

/** What is stored of an actor cannot be read. Nothing of it was changed. */
export class JournalDamaged extends Schema.TaggedError<JournalDamaged>()("JournalDamaged", {
  actor: Schema.String,
  index: Schema.Number,
  reason: Schema.String
}) {
  override get message() {
    return `What is stored of ${this.actor} cannot be read at event ${this.index}: ${this.reason}. Add the upcaster that is missing, or put back a copy of the storage.`
  }
}

/** What is stored of an actor was written by a newer version of the application. */
export class JournalNewer extends Schema.TaggedError<JournalNewer>()("JournalNewer", {
  actor: Schema.String,
  found: Schema.Number,
  known: Schema.Number
}) {
  override get message() {
    return `${this.actor} has events of version ${this.found}, and this application knows up to ${this.known}. Update the application.`
  }
}

/** The name or the address of an actor is too long for a key of Storage. */
export class ActorUnnameable extends Schema.TaggedError<ActorUnnameable>()("ActorUnnameable", { actor: Schema.String }) {
  override get message() {
    return `${this.actor} cannot be durable: its name and its address may have 256 bytes of UTF-8 each. Choose shorter ones.`
  }
}

export type JournalError = JournalDamaged | JournalNewer | ActorUnnameable
