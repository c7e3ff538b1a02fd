/**
 * Durable actors as a Storage holds them: keys and records, all of one actor in one range (docs/format.md#storage-keys).
 */
import type * as Result from "effect/Result"
import { decodeWith, type Item, type Malformed, type Reader, Writer } from "../platform/Codec.ts"
import { actorCommandsMax, actorNameBytesMax, commandBytesMax, turnEventsMax } from "../platform/Limits.ts"
import { actorRange } from "../platform/StorageKeys.ts"

/** An event as it is kept: the version of its schema, and its canonical JSON form. */
export interface StoredEvent {
  readonly version: number
  readonly event: Item
}

/** A command that was applied, and what was answered. */
export interface Command {
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

const writeCommand = (to: Writer, { id, reply, tag }: Command): void => void to.array(3).text(id).text(tag).item(reply)

const readCommand = (from: Reader): Command => {
  from.tuple(3)
  return { id: from.text(Number.MAX_SAFE_INTEGER), tag: from.text(Number.MAX_SAFE_INTEGER), reply: from.item() }
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
    for (let n = from.array(actorCommandsMax); n > 0; n--) commands.push(readCommand(from))
    return { length, version, fold, state, commands }
  })

/** The replies to the last commands, the oldest forgotten first. */
export class Commands {
  private readonly byId = new Map<string, Command>()

  add(command: Command): void {
    this.byId.set(idOf(command), command)
    if (this.byId.size <= actorCommandsMax) return
    const [oldest] = this.byId.keys()
    this.byId.delete(oldest!)
  }

  find(tag: string, id: string): Command | null {
    return this.byId.get(idOf({ tag, id })) ?? null
  }

  /** All of them, the oldest first. */
  all(): ReadonlyArray<Command> {
    return [...this.byId.values()]
  }
}

/** One id names one command of each kind. */
const idOf = ({ id, tag }: { readonly id: string; readonly tag: string }): string => `${tag.length}.${tag}${id}`
