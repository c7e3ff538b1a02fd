/**
 * Durable actors as a Storage holds them: keys and records, all of one actor in one range (docs/format.md#storage-keys).
 */
import type * as Result from "effect/Result"
import { decodeWith, type Item, type Malformed, type Reader, Writer } from "../platform/Codec.ts"
import { actorCallersMax, actorCommandsMax, actorNameBytesMax, commandBytesMax, turnEventsMax } from "../platform/Limits.ts"
import { actorRange } from "../platform/StorageKeys.ts"

/** An event as it is kept: the version of its schema, and its canonical JSON form. */
export interface StoredEvent {
  readonly version: number
  readonly event: Item
}

/** A command that was applied, and what was answered. */
export interface Command {
  /** The device that asked, "" for this one. */
  readonly caller: string
  readonly id: string
  readonly tag: string
  readonly reply: Item
}

/** What one message did. */
export interface TurnRecord {
  readonly events: ReadonlyArray<StoredEvent>
  readonly command: Command | null
}

/** The state after `length` events of versions up to `version`, by version `fold` of the application's fold. */
export interface SnapshotRecord {
  readonly length: number
  readonly version: number
  readonly fold: number
  readonly state: Item
  readonly commands: ReadonlyArray<Command>
}

const snapshotKind = 0x00
const turnKind = 0x01

const utf8 = new TextEncoder()

/** Whether an actor's name and address are within what a key may hold. */
export const isNameable = (name: string, address: string): boolean =>
  [name, address].every((text) => text.isWellFormed() && utf8.encode(text).length <= actorNameBytesMax)

/** Whether a text can name a command. */
export const isCommandId = (text: string): boolean =>
  text !== "" && text.isWellFormed() && utf8.encode(text).length <= commandBytesMax

/** The keys of one actor. */
export class JournalKeys {
  private readonly start: Uint8Array

  constructor(name: string, address: string) {
    const actor = new Writer().array(2).text(name).text(address).finish()
    this.start = Uint8Array.of(actorRange, ...actor)
  }

  get snapshot(): Uint8Array {
    return Uint8Array.of(...this.start, snapshotKind)
  }

  /** The turn whose first event has this index. */
  turn(index: number): Uint8Array {
    const key = new Uint8Array(this.start.length + 9)
    key.set(this.start)
    key[this.start.length] = turnKind
    new DataView(key.buffer).setBigUint64(this.start.length + 1, BigInt(index))
    return key
  }

  /** Above every turn. */
  get end(): Uint8Array {
    return Uint8Array.of(...this.start, turnKind + 1)
  }
}

const writeCommand = (to: Writer, { caller, id, reply, tag }: Command): void =>
  void to.array(4).text(caller).text(id).text(tag).item(reply)

const anyText = (from: Reader): string => from.text(Number.MAX_SAFE_INTEGER)

const readCommand = (from: Reader): Command => {
  from.tuple(4)
  const [caller, id, tag] = [anyText(from), anyText(from), anyText(from)]
  return { caller, id, tag, reply: from.item() }
}

export const encodeTurn = ({ command, events }: TurnRecord): Uint8Array => {
  const to = new Writer().array(3).int(0).array(events.length)
  for (const { event, version } of events) to.array(2).int(version).item(event)
  if (command === null) to.nil()
  else writeCommand(to, command)
  return to.finish()
}

const readTurn = (from: Reader): TurnRecord => {
  from.tuple(3)
  if (from.uint() !== 0) from.fail("a turn of another version")
  const events: Array<StoredEvent> = []
  for (let n = from.array(turnEventsMax); n > 0; n--) {
    from.tuple(2)
    events.push({ version: from.uint(), event: from.item() })
  }
  if (events.length === 0) from.fail("a turn without events")
  return { events, command: from.nil() ? null : readCommand(from) }
}

export const decodeTurn = (bytes: Uint8Array): Result.Result<TurnRecord, Malformed> => decodeWith(bytes, readTurn)

export const encodeSnapshot = ({ commands, fold, length, state, version }: SnapshotRecord): Uint8Array => {
  const to = new Writer().array(6).int(0).int(length).int(version).int(fold).item(state).array(commands.length)
  for (const command of commands) writeCommand(to, command)
  return to.finish()
}

export const decodeSnapshot = (bytes: Uint8Array): Result.Result<SnapshotRecord, Malformed> =>
  decodeWith(bytes, (from) => {
    from.tuple(6)
    if (from.uint() !== 0) from.fail("a snapshot of another version")
    const [length, version, fold, state] = [from.uint(), from.uint(), from.uint(), from.item()]
    const commands: Array<Command> = []
    for (let n = from.array(actorCallersMax * actorCommandsMax); n > 0; n--) commands.push(readCommand(from))
    return { length, version, fold, state, commands }
  })

/**
 * The replies to the last commands of each caller, the oldest forgotten first. Many commands of one caller push out none of another; of
 * callers, too, there is a bound, and the one whose last command lies furthest back goes first.
 */
export class Commands {
  /** Callers and commands, each in the order in which they came last. */
  private readonly byCaller = new Map<string, Map<string, Command>>()

  add(command: Command): void {
    const { caller } = command
    const known = this.byCaller.get(caller) ?? new Map<string, Command>()
    known.set(keyOf(command), command)
    forget(known, actorCommandsMax)
    this.byCaller.delete(caller)
    this.byCaller.set(caller, known)
    forget(this.byCaller, actorCallersMax)
  }

  find({ caller, id, tag }: Omit<Command, "reply">): Command | null {
    return this.byCaller.get(caller)?.get(keyOf({ tag, id })) ?? null
  }

  /** All of them, in an order in which they can be added again. */
  all(): ReadonlyArray<Command> {
    return [...this.byCaller.values()].flatMap((commands) => [...commands.values()])
  }
}

const forget = (from: Map<string, unknown>, max: number): void => {
  if (from.size > max) from.delete(from.keys().next().value!)
}

/** One id names one command of each kind. */
const keyOf = ({ id, tag }: { readonly id: string; readonly tag: string }): string => `${tag.length}.${tag}${id}`
