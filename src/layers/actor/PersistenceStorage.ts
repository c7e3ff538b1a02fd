/**
 * The journals of durable actors in Storage: read when an actor is activated, and then written turn by turn.
 *
 * A write that fails leaves open what the medium holds, so it crashes the actor: the next life reads what is there, and a command that is
 * sent again finds its reply if the write had come through. What cannot be encoded is found before anything is written, and fails its own
 * turn alone: whoever sends it must not be able to crash what others use.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import {
  type Command,
  Commands,
  decodeSnapshot,
  decodeTurn,
  encodeSnapshot,
  encodeTurn,
  isCommandId,
  isNameable,
  JournalKeys,
  type SnapshotRecord,
  type StoredEvent
} from "../../schema/actor/JournalRecords.ts"
import { type Message, partsOf } from "../../schema/actor/Message.ts"
import type { Item } from "../../schema/platform/Codec.ts"
import { commandBytesMax, turnEventsMax } from "../../schema/platform/Limits.ts"
import { NotKept } from "../../services/actor/ActorRef.ts"
import { type ActorSelf, type Keeper, Self } from "../../services/actor/ActorSystem.ts"
import {
  ActorUnnameable,
  type Events,
  type Fold,
  type Journal,
  JournalDamaged,
  type JournalError,
  JournalNewer,
  Persistence,
  type PersistenceOptions
} from "../../services/actor/Persistence.ts"
import { type Change, Storage, type StorageError } from "../../services/platform/Storage.ts"

/** Turns that are read at once. */
const pageTurns = 256

export const layer: Layer.Layer<Persistence, never, Storage> = Layer.effect(
  Persistence,
  Storage.useSync((storage) => ({
    open: <State, Event>(events: Events<Event>, fold: Fold<State, Event>, options: PersistenceOptions) =>
      Effect.gen(function* () {
        const self = yield* Self
        if (!isNameable(self.actor, self.address)) return yield* new ActorUnnameable({ actor: `${self.actor}/${self.address}` })
        const journal = new StoredJournal(storage, self, events, fold, options.snapshotEvery ?? 100)
        yield* journal.read
        self.keep(journal)
        return journal
      })
  }))
)

interface ItemCodec<A> {
  readonly encode: (value: A) => Item
  readonly decode: (item: Item) => A
}

/** The canonical JSON form of a value, which DC1 can carry. `decode` throws what the schema finds. */
const codecOf = <A>(schema: Schema.Codec<A, unknown>): ItemCodec<A> => {
  const json = Schema.toCodecJson(schema)
  const encode = Schema.encodeUnknownSync(json)
  const decode = Schema.decodeUnknownSync(json)
  return { encode: (value) => encode(value) as Item, decode: (item) => decode(item) }
}

const nameOf = ({ command, tag }: Message) => (command === null ? null : { ...partsOf(command), tag })

/** What `encode` answers, or why what it was given has no encoding. */
const encoded = <A>(encode: () => A): Result.Result<A, string> =>
  Result.try({ try: encode, catch: (cause) => (cause instanceof Error ? cause.message : String(cause)) })

class StoredJournal<State, Event> implements Journal<State, Event>, Keeper {
  state: State
  length = 0
  private readonly storage: Storage["Service"]
  private readonly self: ActorSelf
  private readonly keys: JournalKeys
  private readonly events: Events<Event>
  private readonly fold: Fold<State, Event>
  private readonly snapshotEvery: number
  private readonly event: ItemCodec<Event>
  private readonly snapshot: ItemCodec<State> | null
  private readonly replies = new Map<string, ItemCodec<unknown> | null>()
  private readonly commands = new Commands()
  /** Events that the last snapshot covers. */
  private snapshotAt = 0
  /** Whether a write is under way, or has failed. */
  private isAhead = false
  private before: State
  /** What this turn has appended; null between turns. */
  private pending: Array<Event> | null = null

  constructor(
    storage: Storage["Service"],
    self: ActorSelf,
    events: Events<Event>,
    fold: Fold<State, Event>,
    snapshotEvery: number
  ) {
    this.storage = storage
    this.self = self
    this.keys = new JournalKeys(self.actor, self.address)
    this.events = events
    this.fold = fold
    this.snapshotEvery = snapshotEvery
    this.event = codecOf(events.schema)
    this.snapshot = fold.state === undefined ? null : codecOf(fold.state)
    this.state = fold.initial
    this.before = fold.initial
  }

  /** The snapshot, and what was appended since. */
  get read(): Effect.Effect<void, JournalError | StorageError> {
    return Effect.gen({ self: this }, function* () {
      const bytes = yield* this.storage.get(this.keys.snapshot)
      if (bytes !== null) yield* this.attempt(() => this.restore(Result.getOrThrow(decodeSnapshot(bytes))))
      for (;;) {
        const from = this.keys.turn(this.length)
        const entries = yield* this.storage.range({ from, to: this.keys.end, limit: pageTurns })
        for (const entry of entries) yield* this.attempt(() => this.replay(entry.key, entry.value))
        if (entries.length < pageTurns) return
      }
    })
  }

  private attempt(step: () => void): Effect.Effect<void, JournalError> {
    return Effect.try({
      try: step,
      catch: (cause) => {
        if (cause instanceof JournalNewer) return cause
        const reason = cause instanceof Error ? cause.message : String(cause)
        return new JournalDamaged({ actor: this.path, index: this.length, reason })
      }
    })
  }

  private restore({ commands, fold, length, state, version }: SnapshotRecord): void {
    this.checked(version)
    if (this.snapshot === null || fold !== (this.fold.version ?? 1)) return
    this.state = this.snapshot.decode(state)
    this.length = length
    this.snapshotAt = length
    for (const command of commands) this.commands.add(command)
  }

  private replay(key: Uint8Array, value: Uint8Array): void {
    const index = Number(new DataView(key.buffer, key.byteOffset + key.length - 8).getBigUint64(0))
    if (index !== this.length) throw new Error(`the next turn begins at event ${index}`)
    const { command, events } = Result.getOrThrow(decodeTurn(value))
    for (const stored of events) {
      this.state = this.fold.apply(this.state, this.event.decode(this.upcast(stored)))
      this.length++
    }
    if (command !== null) this.commands.add(command)
  }

  private upcast({ event, version }: StoredEvent): Item {
    const known = this.checked(version)
    let item: unknown = event
    for (let at = version; at < known; at++) {
      const upcast = this.events.upcast?.[at]
      if (upcast === undefined) throw new Error(`there is no upcaster from version ${at}`)
      item = upcast(item)
    }
    return item as Item
  }

  private checked(version: number): number {
    const known = this.events.version ?? 1
    if (version > known) throw new JournalNewer({ actor: this.path, found: version, known })
    return known
  }

  readonly append = (...events: ReadonlyArray<Event>): Effect.Effect<State> =>
    Effect.sync(() => {
      const { pending } = this
      if (pending === null) throw new Error(`${this.path} appends outside of a turn: append in handlers, before they answer`)
      for (const event of events) {
        pending.push(event)
        this.state = this.fold.apply(this.state, event)
      }
      return this.state
    })

  readonly begin = (message: Message): Exit.Exit<unknown, NotKept> | null => {
    if (this.isAhead)
      throw new Error(`${this.path} was not written and cannot go on: let its supervisor restart it, not resume it`)
    // a turn that broke, in an actor that resumes
    if (this.pending !== null) this.state = this.before
    this.pending = null
    const named = nameOf(message)
    if (named !== null && !isCommandId(named.id)) {
      const bounds = `a command id is not empty, is text in Unicode and has at most ${commandBytesMax} bytes`
      return Exit.fail(this.notKept(message, bounds))
    }
    const found = named === null ? null : this.commands.find(named)
    if (found !== null) return Exit.succeed(this.reply(found.tag)?.decode(found.reply))
    this.before = this.state
    this.pending = []
    return null
  }

  readonly commit = (message: Message, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void, NotKept> | null => {
    const events = this.pending ?? []
    this.pending = null
    if (Exit.isFailure(exit)) this.state = this.before
    if (Exit.isFailure(exit) || events.length === 0) return null
    return Effect.suspend(() => {
      const turn = encoded(() => this.turn(events, message, exit.value))
      if (Result.isSuccess(turn)) return this.write(events.length, turn.success.bytes, turn.success.command)
      this.state = this.before
      const error = this.notKept(message, turn.failure)
      // a turn of a timer has nobody else who hears of it
      return Effect.andThen(Effect.logWarning(error.message), error)
    })
  }

  private turn(events: ReadonlyArray<Event>, message: Message, value: unknown) {
    if (events.length > turnEventsMax) throw new Error(`it appends more than ${turnEventsMax} events`)
    const version = this.events.version ?? 1
    const stored = events.map((event): StoredEvent => ({ version, event: this.event.encode(event) }))
    const command = this.commandOf(message, value)
    return { bytes: encodeTurn({ events: stored, command }), command }
  }

  private notKept({ tag }: Message, reason: string): NotKept {
    return new NotKept({ actor: this.path, tag, reason })
  }

  private write(count: number, turn: Uint8Array, command: Command | null): Effect.Effect<void> {
    const batch: Array<Change> = [{ key: this.keys.turn(this.length), value: turn }]
    this.length += count
    if (command !== null) this.commands.add(command)
    const { snapshot } = this
    if (snapshot !== null && this.length - this.snapshotAt >= this.snapshotEvery) {
      this.snapshotAt = this.length
      const value = encoded(() => this.snapshotOf(snapshot))
      // turns are enough without it
      if (Result.isSuccess(value)) batch.push({ key: this.keys.snapshot, value: value.success })
    }
    // what memory has ahead of the medium is seen by nobody: this life ends when the write fails
    this.isAhead = true
    const written = Effect.orDie(this.storage.write(batch, { durability: "strict" }))
    return Effect.map(written, () => {
      this.isAhead = false
    })
  }

  private snapshotOf(codec: ItemCodec<State>): Uint8Array {
    return encodeSnapshot({
      length: this.length,
      version: this.events.version ?? 1,
      fold: this.fold.version ?? 1,
      state: codec.encode(this.state),
      commands: this.commands.all()
    })
  }

  private commandOf(message: Message, value: unknown): Command | null {
    const named = nameOf(message)
    if (named === null) return null
    const codec = this.reply(named.tag)
    return codec === null ? null : { ...named, reply: codec.encode(value) }
  }

  /** How the reply to a message is kept; null where it is a stream, or there is no such message. */
  private reply(tag: string): ItemCodec<unknown> | null {
    const known = this.replies.get(tag)
    if (known !== undefined) return known
    const schema = this.self.replyOf(tag)
    const codec = schema === undefined ? null : codecOf(schema)
    this.replies.set(tag, codec)
    return codec
  }

  private get path(): string {
    return `${this.self.actor}/${this.self.address}`
  }
}
