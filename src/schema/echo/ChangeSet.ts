/**
 * What a block says: change sets, their mutations, and the values in them.
 *
 * A change set is one atomic change of any number of objects. In memory, feeds are numbers: those of the space's `FeedTable` in a
 * change set that was made here, positions in the block's own table (0 is the block's feed) in one that was decoded.
 * Bytes: ChangeSetCodec.ts and docs/format.md#change-sets.
 */
import * as Data from "effect/Data"

/** The name of what a mutation made. */
export interface Dot {
  readonly feed: number
  readonly counter: number
}

/** A reference to an object of the same space, as a value. */
export class ObjectRef {
  readonly feed: number
  readonly counter: number
  constructor(feed: number, counter: number) {
    this.feed = feed
    this.counter = counter
  }
}

/** A value of a property. Records are null-prototype objects; `undefined` is no value. Bytes are never written to. */
export type Value =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | ObjectRef
  | ReadonlyArray<Value>
  | { readonly [key: string]: Value }

/** What a change set had newly applied of another feed. Only `counter` has effect; length and root are evidence. */
export interface Dep {
  readonly feed: number
  readonly length: number
  readonly counter: number
  /** The first 16 bytes of the feed's root at that length. */
  readonly root16: Uint8Array
}

export const opCreate = 0
export const opLife = 2
export const opPut = 3
export const opRemove = 4

/**
 * One mutation. One class for all kinds keeps the hot loops monomorphic:
 * - create: `name` is the type, `number` its version; the object is the dot of the mutation itself
 * - life: `value` is whether the object is deleted
 * - put: `path`, `value`;  remove: `path`
 */
export class Mutation {
  readonly op: number
  /** The object's feed and counter (for a create: unused, 0 and 0). */
  readonly feed: number
  readonly counter: number
  readonly path: ReadonlyArray<string>
  readonly value: Value
  readonly name: string
  readonly number: number
  constructor(
    op: number,
    feed: number,
    counter: number,
    path: ReadonlyArray<string>,
    value: Value,
    name: string,
    number: number
  ) {
    this.op = op
    this.feed = feed
    this.counter = counter
    this.path = path
    this.value = value
    this.name = name
    this.number = number
  }
}

/** Where an object without a parent stands; siblings of one position are ordered by id. */
const rootPosition = Uint8Array.of(0x80)
const noPath: ReadonlyArray<string> = []

/** A create at a position among the objects without a parent. */
export const createAt = (type: string, version: number, position: Uint8Array): Mutation =>
  new Mutation(opCreate, 0, 0, noPath, position, type, version)
export const create = (type: string, version: number): Mutation => createAt(type, version, rootPosition)
export const life = (feed: number, counter: number, isDeleted: boolean): Mutation =>
  new Mutation(opLife, feed, counter, noPath, isDeleted, "", 0)
export const put = (feed: number, counter: number, path: ReadonlyArray<string>, value: Value): Mutation =>
  new Mutation(opPut, feed, counter, path, value, "", 0)
export const remove = (feed: number, counter: number, path: ReadonlyArray<string>): Mutation =>
  new Mutation(opRemove, feed, counter, path, null, "", 0)

/** Mutation i has the dot (the author's feed, first + i). */
export interface ChangeSet {
  readonly first: number
  /** Hybrid logical clock: milliseconds since 1970 × 1024 + logical (docs/format.md#time). */
  readonly time: number
  /** null when nothing of other feeds was newly applied. */
  readonly deps: ReadonlyArray<Dep> | null
  readonly mutations: ReadonlyArray<Mutation>
}

/** The plain content of a block; feeds are positions in `feeds` plus one, 0 is the block's own. */
export interface Plain {
  readonly firstCounter: number
  readonly feeds: ReadonlyArray<Uint8Array>
  readonly changeSets: ReadonlyArray<ChangeSet>
}

/** The content is of a kind that this version does not know. It is kept and stops its feed, and is never judged as nonsense. */
export class Unsupported extends Data.TaggedError("Unsupported")<{ readonly what: string }> {
  override get message() {
    return `${this.what} is not known to this version of Troupe. Update Troupe to read and write on.`
  }
}
