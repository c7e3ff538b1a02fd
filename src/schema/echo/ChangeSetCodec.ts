/**
 * Change sets as bytes: the plain content of a block, decoded in one pass and strictly.
 *
 * Written by hand, straight to and from bytes, because every change of every peer passes here. Bytes: docs/format.md#change-sets.
 */
import * as Result from "effect/Result"
import { compareBytes, decodeWith, isKeyAllowed, Malformed, type Reader, Unencodable, Writer } from "../platform/Codec.ts"
import { KnownTexts } from "../platform/KnownTexts.ts"
import {
  blockBytesMax,
  blockChangeSetsMax,
  blockControlHeadsMax,
  blockFeedsMax,
  changeSetDepsMax,
  changeSetMutationsMax,
  keyBytesMax,
  pathKeysMax,
  positionBytesMax
} from "../platform/Limits.ts"
import {
  type ChangeSet,
  createAt,
  type Dep,
  life,
  type Mutation,
  ObjectRef,
  opCreate,
  opLife,
  opPut,
  opRemove,
  type Plain,
  put,
  remove,
  Unsupported,
  type Value
} from "./ChangeSet.ts"
import { type FeedPosition, headBytes, readBoundedValue, textBytes, valueBytes, writeValue } from "./ValueCodec.ts"

const maxCounter = Number.MAX_SAFE_INTEGER

// Mutations ---------------------------------------------------------------------------------------------------------------------

const writePath = (to: Writer, path: ReadonlyArray<string>): void => {
  to.array(path.length)
  for (const key of path) to.text(key)
}

const writeMutation = (to: Writer, mutation: Mutation, position: FeedPosition): void => {
  switch (mutation.op) {
    case opCreate:
      to.array(5)
        .int(opCreate)
        .text(mutation.name)
        .int(mutation.number)
        .nil()
        .bytes(mutation.value as Uint8Array)
      return
    case opLife:
      to.array(3)
        .int(opLife)
        .array(2)
        .int(position(mutation.feed))
        .int(mutation.counter)
        .bool(mutation.value as boolean)
      return
    case opPut:
      to.array(4).int(opPut).array(2).int(position(mutation.feed)).int(mutation.counter)
      writePath(to, mutation.path)
      writeValue(to, mutation.value, position)
      return
    default:
      to.array(3).int(opRemove).array(2).int(position(mutation.feed)).int(mutation.counter)
      writePath(to, mutation.path)
  }
}

/** Paths of one key that were read before. */
const knownPaths = new KnownTexts<ReadonlyArray<string>>()

const readPath = (from: Reader): ReadonlyArray<string> => {
  const length = from.array(pathKeysMax)
  if (length === 0) from.fail("an empty path")
  if (length === 1) {
    const known = from.known(knownPaths)
    if (known !== undefined) return known
    const path = Object.freeze([readKey(from)])
    knownPaths.set(path[0]!, path)
    return path
  }
  const path: Array<string> = []
  for (let i = 0; i < length; i++) path.push(readKey(from))
  return path
}

const readKey = (from: Reader): string => {
  const key = from.text(keyBytesMax)
  if (!isKeyAllowed(key)) from.fail(`the key ${key} is not allowed`)
  return key
}

const readMutation = (from: Reader): Mutation => {
  // what a newer version wrote may be longer than anything known
  const length = from.array(blockBytesMax)
  if (length === 0) from.fail("an empty mutation")
  const op = from.uint()
  const expect = op === opCreate ? 5 : op === opPut ? 4 : 3
  if (op !== opCreate && op !== opLife && op !== opPut && op !== opRemove) throw new Unsupported({ what: `mutation ${op}` })
  if (length !== expect) from.fail(`mutation ${op} has ${expect} items`)
  if (op === opCreate) return readCreate(from)
  from.tuple(2)
  const feed = from.uint(blockFeedsMax)
  const counter = from.uint(maxCounter)
  if (op === opLife) return life(feed, counter, from.bool())
  const path = readPath(from)
  return op === opRemove ? remove(feed, counter, path) : put(feed, counter, path, readBoundedValue(from))
}

const readCreate = (from: Reader): Mutation => {
  const name = from.text(keyBytesMax)
  if (name.length === 0) from.fail("a type without a name")
  const version = from.uint()
  if (!from.nil()) {
    from.item()
    throw new Unsupported({ what: "an object with a parent" })
  }
  const position = from.bytes(positionBytesMax)
  if (position.length === 0) from.fail("an empty position")
  return createAt(name, version, position)
}

// Change sets and blocks ----------------------------------------------------------------------------------------------------------

const writeChangeSet = (to: Writer, changeSet: ChangeSet, position: FeedPosition): void => {
  to.array(3).int(changeSet.time)
  if (changeSet.deps === null) to.nil()
  else {
    // positions follow the sorted table, so ordering by position is ordering by feed
    const deps = [...changeSet.deps].sort((a, b) => position(a.feed) - position(b.feed))
    to.array(deps.length)
    for (const dep of deps) to.array(4).int(position(dep.feed)).int(dep.length).int(dep.counter).bytes(dep.root16)
  }
  to.array(changeSet.mutations.length)
  for (const mutation of changeSet.mutations) writeMutation(to, mutation, position)
}

const readDeps = (from: Reader): ReadonlyArray<Dep> | null => {
  if (from.nil()) return null
  const count = from.array(changeSetDepsMax)
  if (count === 0) from.fail("an empty list of dependencies")
  const deps: Array<Dep> = []
  let previous = 0
  for (let i = 0; i < count; i++) {
    from.tuple(4)
    const feed = from.uint(blockFeedsMax)
    if (feed <= previous) from.fail("dependencies are not sorted")
    previous = feed
    const length = from.uint()
    const counter = from.uint()
    if (length === 0 || counter === 0) from.fail("a dependency on nothing")
    deps.push({ feed, length, counter, root16: from.fixed(16) })
  }
  return deps
}

const readChangeSet = (from: Reader, first: number): ChangeSet => {
  from.tuple(3)
  const time = from.uint()
  const deps = readDeps(from)
  const count = from.array(changeSetMutationsMax)
  if (count === 0) from.fail("a change set without mutations")
  if (first + count > maxCounter) from.fail("counters beyond 2^53−1")
  const mutations: Array<Mutation> = []
  for (let i = 0; i < count; i++) mutations.push(readMutation(from))
  return { first, time, deps, mutations }
}

const noteFeeds = (value: Value, feeds: Set<number>): void => {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return
  if (value instanceof ObjectRef) feeds.add(value.feed)
  else if (Array.isArray(value)) for (const each of value as ReadonlyArray<Value>) noteFeeds(each, feeds)
  else for (const key in value) noteFeeds((value as { readonly [key: string]: Value })[key]!, feeds)
}

/** The feeds of the objects that mutations change or refer to. */
export const citedFeeds = (mutations: ReadonlyArray<Mutation>, feeds = new Set<number>()): Set<number> => {
  for (const mutation of mutations) {
    if (mutation.op === opCreate) continue
    feeds.add(mutation.feed)
    noteFeeds(mutation.value, feeds)
  }
  return feeds
}

/** What the table of a block with these change sets must hold. */
const tableFeeds = (changeSets: ReadonlyArray<ChangeSet>, own: number): Array<number> => {
  const feeds = new Set<number>()
  for (const { deps, mutations } of changeSets) {
    if (deps !== null) for (const dep of deps) feeds.add(dep.feed)
    citedFeeds(mutations, feeds)
  }
  feeds.delete(own)
  return [...feeds]
}

/** How many feeds a change set of the feed `own` needs in the table of its block. */
export const feedsCited = (changeSet: ChangeSet, own: number): number => tableFeeds([changeSet], own).length

/**
 * Encodes the change sets of one block, whose counters continue each other, as `own` feed's plain content.
 * `feedId` names the feeds that they cite by number. Throws `Unencodable` beyond a limit of the format.
 */
export const encodePlain = (
  changeSets: ReadonlyArray<ChangeSet>,
  own: number,
  feedId: (index: number) => Uint8Array
): Uint8Array => {
  const feeds = tableFeeds(changeSets, own).sort((a, b) => compareBytes(feedId(a), feedId(b)))
  if (feeds.length > blockFeedsMax) throw new Unencodable({ reason: `a block cites more than ${blockFeedsMax} feeds` })
  if (changeSets.length > blockChangeSetsMax) {
    throw new Unencodable({ reason: `a block holds more than ${blockChangeSetsMax} change sets` })
  }
  const positions = new Map<number, number>([[own, 0]])
  feeds.forEach((feed, index) => positions.set(feed, index + 1))
  const position = (feed: number): number => (feed === own ? 0 : positions.get(feed)!)
  scratch.reset()
  scratch.array(5).int(0).int(changeSets[0]!.first).array(0).array(feeds.length)
  for (const feed of feeds) scratch.bytes(feedId(feed))
  scratch.array(changeSets.length)
  for (const changeSet of changeSets) writeChangeSet(scratch, changeSet, position)
  if (scratch.length > blockBytesMax) throw new Unencodable({ reason: `a block beyond ${blockBytesMax} bytes` })
  return scratch.finish()
}

const scratch = new Writer(blockBytesMax)

const readPlain = (from: Reader): Plain => {
  const items = from.array(blockBytesMax)
  if (items === 0) from.fail("no content")
  const version = from.uint()
  if (version !== 0) throw new Unsupported({ what: `content version ${version}` })
  if (items !== 5) from.fail("a block's content has five items")
  const firstCounter = from.uint()
  if (firstCounter === 0) from.fail("counters start at 1")
  if (from.array(blockControlHeadsMax) !== 0) from.fail("control heads in version 0")
  const feeds: Array<Uint8Array> = []
  for (let n = from.array(blockFeedsMax); n > 0; n--) {
    const feed = from.fixed(32)
    if (feeds.length > 0 && compareBytes(feeds[feeds.length - 1]!, feed) >= 0) from.fail("the feeds are not sorted")
    feeds.push(feed)
  }
  const count = from.array(blockChangeSetsMax)
  if (count === 0) from.fail("a block without change sets")
  const changeSets: Array<ChangeSet> = []
  let first = firstCounter
  for (let i = 0; i < count; i++) {
    const changeSet = readChangeSet(from, first)
    first += changeSet.mutations.length
    changeSets.push(changeSet)
  }
  return { firstCounter, feeds, changeSets }
}

/** Decodes the plain content of a block; feeds stay positions. What is not exactly as a writer would spell it is `Malformed`. */
export const decodePlain = (bytes: Uint8Array): Result.Result<Plain, Malformed | Unsupported> => {
  try {
    if (bytes.length > blockBytesMax) return Result.fail(new Malformed({ reason: "a block too large", offset: blockBytesMax }))
    const plain = decodeWith(bytes, readPlain)
    if (Result.isFailure(plain)) return plain
    return checkPositions(plain.success)
  } catch (error) {
    if (error instanceof Unsupported) return Result.fail(error)
    throw error
  }
}

/** The table holds exactly the feeds that are cited, so that one block has one spelling. */
const checkPositions = (plain: Plain): Result.Result<Plain, Malformed> => {
  const cited = tableFeeds(plain.changeSets, 0)
  if (cited.length === plain.feeds.length && cited.every((feed) => feed <= plain.feeds.length)) return Result.succeed(plain)
  return Result.fail(new Malformed({ reason: "the table of feeds is not what the change sets cite", offset: 0 }))
}

/** At most how many bytes a change set takes in a block, the feeds of its dependencies in the table included. */
export const sizeOf = (changeSet: ChangeSet): number => {
  let bytes = 32 + (changeSet.deps === null ? 0 : changeSet.deps.length * 80)
  for (const mutation of changeSet.mutations) {
    // array, kind, object: array, position, counter; array of the path
    bytes += 7 + headBytes(mutation.counter) + headBytes(mutation.number) + valueBytes(mutation.value) + textBytes(mutation.name)
    for (const key of mutation.path) bytes += textBytes(key)
  }
  return bytes
}
