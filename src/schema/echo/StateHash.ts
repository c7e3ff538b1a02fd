/**
 * The hash of a space's state: the sum mod 2^256 of its objects' hashes.
 *
 * Equal states have equal hashes, whatever the order of what arrived. It finds accidents and proves nothing: a sum can be forged.
 * An object's canonical bytes are made from plain lists of heads, so that a model with another idea of objects can make them too.
 * docs/format.md#objects
 */
import { compareBytes, compareText, Writer } from "../platform/Codec.ts"
import { type Dot, ObjectRef, type Value } from "./ChangeSet.ts"
import type { FeedTable } from "./FeedTable.ts"
import type { Entry, Objects } from "./Objects.ts"
import {
  branchAt,
  branched,
  counterAt,
  type Head,
  type RecordCells,
  stampAt,
  valueAt,
  withheld,
  withheldMarker
} from "./Registers.ts"
import { writeValue } from "./ValueCodec.ts"

export type Hash = (bytes: Uint8Array) => Uint8Array

/** Places of an object, as canonical bytes number them. */
export const kindHeader = 0
export const kindPlace = 1
export const kindLife = 2
export const kindRecord = 3

export interface CanonicalHead {
  readonly feed: number
  readonly counter: number
  readonly time: number
  /** `withheld` or `withheldMarker` of a placeholder. */
  readonly value: Value
}

/** The heads at one place of an object. */
export interface CanonicalEntry {
  readonly kind: number
  readonly path: ReadonlyArray<string>
  readonly heads: ReadonlyArray<CanonicalHead>
}

/** The value of a header's head. */
export const headerValue = (type: string, version: number): Value => [type, version]
/** The value of a place's head, of an object without a parent. */
export const placeValue = (position: Uint8Array): Value => [null, position]

// Canonical bytes -----------------------------------------------------------------------------------------------------------------

const scratch = new Writer(4096)

const noteFeeds = (value: Value, feeds: Set<number>): void => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return
  if (value instanceof ObjectRef) feeds.add(value.feed)
  else if (Array.isArray(value)) for (const each of value as ReadonlyArray<Value>) noteFeeds(each, feeds)
  else for (const key in value) noteFeeds((value as { readonly [key: string]: Value })[key]!, feeds)
}

/** The positions, in the order of their bytes, of the feeds that an object cites. */
const citedFeeds = (feeds: FeedTable, id: Dot, entries: ReadonlyArray<CanonicalEntry>): ReadonlyMap<number, number> => {
  const cited = new Set<number>([id.feed])
  for (const { heads } of entries) {
    for (const head of heads) {
      if (head.feed !== id.feed) cited.add(head.feed)
      noteFeeds(head.value, cited)
    }
  }
  const sorted = [...cited].sort((a, b) => compareBytes(feeds.id(a), feeds.id(b)))
  return new Map(sorted.map((feed, position) => [feed, position]))
}

const comparePaths = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const order = compareText(a[i]!, b[i]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

const writeHeads = (heads: ReadonlyArray<CanonicalHead>, position: (feed: number) => number): void => {
  scratch.array(heads.length)
  const sorted =
    heads.length === 1 ? heads : [...heads].sort((a, b) => position(a.feed) - position(b.feed) || a.counter - b.counter)
  for (const { counter, feed, time, value } of sorted) {
    scratch
      .array(value === withheld ? 3 : 4)
      .int(position(feed))
      .int(counter)
      .int(time)
    if (value === withheldMarker) scratch.array(0)
    else if (value !== withheld) writeValue(scratch, value, position)
  }
}

const writeObject = (feeds: FeedTable, id: Dot, sorted: ReadonlyArray<CanonicalEntry>): Uint8Array => {
  const cited = citedFeeds(feeds, id, sorted)
  const position = (feed: number): number => cited.get(feed)!
  scratch.reset()
  scratch.array(4).array(cited.size)
  for (const feed of cited.keys()) scratch.bytes(feeds.id(feed))
  scratch.array(2).int(position(id.feed)).int(id.counter).array(sorted.length)
  for (const { kind, path, heads } of sorted) {
    scratch.array(4).int(kind).array(path.length)
    for (const key of path) scratch.text(key)
    scratch.nil()
    writeHeads(heads, position)
  }
  return scratch.array(0).finish()
}

/** The canonical bytes of an object, from its heads in any order. */
export const encodeObject = (feeds: FeedTable, id: Dot, entries: ReadonlyArray<CanonicalEntry>): Uint8Array => {
  const present = entries.filter(({ heads }) => heads.length > 0)
  return writeObject(
    feeds,
    id,
    present.sort((a, b) => a.kind - b.kind || comparePaths(a.path, b.path))
  )
}

const noPath: ReadonlyArray<string> = []

const plainHead = (head: Head): CanonicalHead => ({
  feed: head.stamp.feed,
  counter: head.counter,
  time: head.stamp.time,
  value: head.value
})

/** Adds the heads of a record, its keys in order: then paths are in order too. */
const collect = (record: RecordCells, path: ReadonlyArray<string>, into: Array<CanonicalEntry>): void => {
  for (const place of record.shape.sorted()) {
    const stamp = stampAt(record, place)
    if (stamp === undefined) continue
    const here = [...path, record.shape.keys[place]!]
    if (stamp !== branched) {
      const head = { feed: stamp.feed, counter: counterAt(record, place), time: stamp.time, value: valueAt(record, place) }
      into.push({ kind: kindRecord, path: here, heads: [head] })
      continue
    }
    const branch = branchAt(record, place)
    if (branch.heads.length > 0) into.push({ kind: kindRecord, path: here, heads: branch.heads.map(plainHead) })
    if (branch.record !== null) collect(branch.record, here, into)
  }
}

/** The heads of an object here, in order. */
export const canonicalEntries = (entry: Entry): Array<CanonicalEntry> => {
  const entries: Array<CanonicalEntry> = []
  const { kind, created, position, life } = entry
  if (created !== null) {
    const head = { feed: entry.feed, counter: entry.counter, time: created.time }
    const header = kind === null ? withheld : headerValue(kind.name, kind.version)
    entries.push({ kind: kindHeader, path: noPath, heads: [{ ...head, value: header }] })
    entries.push({
      kind: kindPlace,
      path: noPath,
      heads: [{ ...head, value: position === null ? withheld : placeValue(position) }]
    })
  }
  if (life.length > 0) entries.push({ kind: kindLife, path: noPath, heads: life.map(plainHead) })
  collect(entry, noPath, entries)
  return entries
}

/** The canonical bytes of an object here. */
export const canonical = (objects: Objects, entry: Entry): Uint8Array =>
  writeObject(objects.feeds, entry, canonicalEntries(entry))

// The sum -------------------------------------------------------------------------------------------------------------------------

const label = new TextEncoder().encode("echo/object/v0\0")
const words = 8
/** Word sums stay exact for this many objects between carries. */
const addsPerCarry = 2 ** 20

/** A sum of objects' hashes. */
export class StateSum {
  /** Sums of the hashes' 32-bit words, the most significant first, carries not yet passed on. */
  private readonly sums = new Float64Array(words)
  private adds = 0
  private labelled = new Uint8Array(4096)

  /** Adds an object by its canonical bytes. */
  add(canonicalBytes: Uint8Array, hash: Hash): void {
    const length = label.length + canonicalBytes.length
    if (this.labelled.length < length) this.labelled = new Uint8Array(length * 2)
    this.labelled.set(label)
    this.labelled.set(canonicalBytes, label.length)
    const digest = hash(this.labelled.subarray(0, length))
    for (let i = 0; i < words; i++) {
      const at = 4 * i
      this.sums[i]! += ((digest[at]! << 24) | (digest[at + 1]! << 16) | (digest[at + 2]! << 8) | digest[at + 3]!) >>> 0
    }
    if (++this.adds % addsPerCarry === 0) this.carry()
  }

  private carry(): void {
    for (let i = words - 1; i >= 0; i--) {
      const sum = this.sums[i]!
      this.sums[i] = sum % 2 ** 32
      if (i > 0) this.sums[i - 1]! += Math.floor(sum / 2 ** 32)
    }
  }

  /** 64 hexadecimal digits. */
  hex(): string {
    this.carry()
    return Array.from(this.sums, (word) => word.toString(16).padStart(8, "0")).join("")
  }
}

const restartsMax = 3

/**
 * Computes the state hash in steps of `objectsPerStep` objects, between which the caller may do other things. When they change the
 * objects it begins again, and after some times in vain does the whole in one step.
 */
export function* stateHashSteps(objects: Objects, hash: Hash, objectsPerStep = 2000): Generator<void, string> {
  for (let attempt = 0; attempt < restartsMax; attempt++) {
    const { version } = objects
    const sum = new StateSum()
    let inStep = 0
    let isStale = false
    for (const entry of objects.all()) {
      sum.add(canonical(objects, entry), hash)
      if (++inStep < objectsPerStep) continue
      inStep = 0
      yield
      isStale = objects.version !== version
      if (isStale) break
    }
    if (!isStale) return sum.hex()
  }
  return stateHash(objects, hash)
}

/** The state hash at once. */
export const stateHash = (objects: Objects, hash: Hash): string => {
  const sum = new StateSum()
  for (const entry of objects.all()) sum.add(canonical(objects, entry), hash)
  return sum.hex()
}
