/**
 * Registers and nested records: the heads at each path of an object, how a write replaces them, and which value is shown.
 *
 * A write takes from its path, and from below it, the heads that its writer had seen, and adds its own; what it had not seen stays
 * beside it. The rules: docs/format.md#objects. A record keeps three cells for a key in one flat array: value, stamp and counter of
 * the only head, as nearly every register has one (docs/decisions/0001-objects-layout.md). Anything more becomes a `Branch` in the
 * value's cell.
 */
import type { Value } from "./ChangeSet.ts"
import { HeadIndex } from "./HeadIndex.ts"
import type { Shape } from "./Shape.ts"

/** What all mutations of a change set share. */
export class Stamp {
  readonly feed: number
  readonly time: number
  constructor(feed: number, time: number) {
    this.feed = feed
    this.time = time
  }
}

/** What the writer of a change set had seen: all of its own, and of each other local feed the counters up to `context[feed]`. */
export class Seen {
  readonly author: number
  readonly context: ArrayLike<number>
  constructor(author: number, context: ArrayLike<number>) {
    this.author = author
    this.context = context
  }

  covers(feed: number, counter: number): boolean {
    return feed === this.author || this.context[feed]! >= counter
  }
}

/** In place of a value: here a record was put. It encodes as an empty map, which no other head can hold. */
export const marker: Value = Object.freeze(Object.create(null) as { readonly [key: string]: Value })

/** In place of a value that is withheld: a placeholder, which later writes take like any head and of which nothing is shown. */
export const withheld: Value = Object.freeze([])
/** The same in place of a marker. */
export const withheldMarker: Value = Object.freeze([])

export class Head {
  readonly stamp: Stamp
  readonly counter: number
  readonly value: Value
  constructor(stamp: Stamp, counter: number, value: Value) {
    this.stamp = stamp
    this.counter = counter
    this.value = value
  }
}

/** A place with several heads, with a marker or a placeholder, or with keys below. */
export class Branch {
  heads: Array<Head> = []
  record: RecordCells | null = null
  /** Finds the heads in the record, once it was searched in vain. */
  index: HeadIndex | null = null
  /** The value shown, while it is known and there is one. */
  shown: Value | undefined = undefined
}

/** In the stamp's cell of a place that holds a branch. */
export const branched = new Stamp(-1, -1)

type Cell = Value | Branch | Stamp | undefined

/** A record: for the key at each place of its shape the cells value, stamp, counter. A key without heads has empty cells. */
export class RecordCells {
  shape: Shape
  cells: Array<Cell>
  constructor(shape: Shape, cells: Array<Cell>) {
    this.shape = shape
    this.cells = cells
  }
}

export const isRecord = (value: Value): value is { readonly [key: string]: Value } =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null

// Cells -------------------------------------------------------------------------------------------------------------------------
// The casts say which cell holds what; the classes above are never values of applications.

export const stampAt = (record: RecordCells, place: number): Stamp | undefined => record.cells[3 * place + 1] as Stamp | undefined
export const counterAt = (record: RecordCells, place: number): number => record.cells[3 * place + 2] as number
export const valueAt = (record: RecordCells, place: number): Value => record.cells[3 * place] as Value
export const branchAt = (record: RecordCells, place: number): Branch => record.cells[3 * place] as Branch

const setHead = (record: RecordCells, place: number, value: Value, stamp: Stamp, counter: number): void => {
  const { cells } = record
  cells[3 * place] = value
  cells[3 * place + 1] = stamp
  cells[3 * place + 2] = counter
}

const clear = (record: RecordCells, place: number): void => {
  if (record.shape.isShared) {
    const { cells } = record
    cells[3 * place] = cells[3 * place + 1] = cells[3 * place + 2] = undefined
    return
  }
  const { cells } = record
  const last = record.shape.keys.length - 1
  record.shape.drop(place)
  if (place < last) for (let i = 0; i < 3; i++) cells[3 * place + i] = cells[3 * last + i]
  cells.length = 3 * last
}

const placeOf = (record: RecordCells, key: string): number => {
  const known = record.shape.find(key)
  if (known >= 0) return known
  record.shape = record.shape.with(key)
  const place = record.shape.keys.length - 1
  if (record.cells.length < 3 * place + 3) record.cells.push(undefined, undefined, undefined)
  return place
}

/** The branch at a place, made of what is there. */
const branchOf = (record: RecordCells, place: number): Branch => {
  const stamp = stampAt(record, place)
  if (stamp === branched) {
    const branch = branchAt(record, place)
    branch.shown = undefined
    return branch
  }
  const branch = new Branch()
  if (stamp !== undefined) branch.heads.push(new Head(stamp, counterAt(record, place), valueAt(record, place)))
  record.cells[3 * place] = branch
  record.cells[3 * place + 1] = branched
  record.cells[3 * place + 2] = 0
  return branch
}

/** Back to the simplest form: nothing, or one head in the cells. */
const simplify = (record: RecordCells, place: number): void => {
  const branch = branchAt(record, place)
  if (branch.record !== null) return
  const only = branch.heads[0]
  if (only === undefined) clear(record, place)
  else if (branch.heads.length === 1 && isPlain(only)) setHead(record, place, only.value, only.stamp, only.counter)
}

const dropCovered = (branch: Branch, seen: Seen, isKept: (head: Head) => boolean): void => {
  if (branch.heads.some((head) => !isKept(head) && seen.covers(head.stamp.feed, head.counter))) {
    branch.heads = branch.heads.filter((head) => isKept(head) || !seen.covers(head.stamp.feed, head.counter))
  }
}

const none = (): boolean => false
const isMarker = ({ value }: Head): boolean => value === marker || value === withheldMarker
/** Whether a head holds a value that is no record. */
export const isPlain = (head: Head): boolean => !isMarker(head) && head.value !== withheld

/** How many heads searches below branches have met, and how many of these they took. */
const search = { met: 0, taken: 0 }
/** A search that meets so many heads, and four for each one that it takes, was not in vain. */
const searchMax = 64

/** Takes the covered heads from a place and from all below it. */
const supersede = (record: RecordCells, place: number, seen: Seen): void => {
  const stamp = stampAt(record, place)
  if (stamp === undefined) return
  if (stamp !== branched) {
    search.met++
    if (!seen.covers(stamp.feed, counterAt(record, place))) return
    search.taken++
    clear(record, place)
    return
  }
  const branch = branchOf(record, place)
  const heads = branch.heads.length
  dropCovered(branch, seen, none)
  search.met += heads
  search.taken += heads - branch.heads.length
  if (branch.record !== null) supersedeBelow(branch, branch.record, seen)
  simplify(record, place)
}

/**
 * The same for every key of a branch's record. Whoever removes again and again what others had filled meanwhile would look at all of
 * it each time; so what was searched in vain is given an index, and the next search pays for what it takes alone.
 */
const supersedeBelow = (branch: Branch, record: RecordCells, seen: Seen): void => {
  if (branch.index === null) {
    const { met, taken } = search
    // from the last place on, because clearing moves the last one
    for (let place = record.shape.keys.length - 1; place >= 0; place--) supersede(record, place, seen)
    if (search.met - met > searchMax + 4 * (search.taken - taken)) branch.index = indexOf(record)
  } else {
    for (const key of branch.index.take(seen)) {
      const place = record.shape.find(key)
      if (place >= 0) supersede(record, place, seen)
    }
  }
  if (isEmpty(record)) branch.record = branch.index = null
}

const indexOf = (record: RecordCells): HeadIndex => {
  const index = new HeadIndex()
  record.shape.keys.forEach((key, place) => noteAll(index, key, record, place))
  index.settle()
  return index
}

/** Notes all heads at a place and below it under one key. */
const noteAll = (index: HeadIndex, key: string, record: RecordCells, place: number): void => {
  const stamp = stampAt(record, place)
  if (stamp === undefined) return
  if (stamp !== branched) {
    index.note(stamp.feed, counterAt(record, place), key)
    return
  }
  const branch = branchAt(record, place)
  for (const head of branch.heads) index.note(head.stamp.feed, head.counter, key)
  if (branch.record === null) return
  for (let below = branch.record.shape.keys.length - 1; below >= 0; below--) noteAll(index, key, branch.record, below)
}

/** A head comes to stand under a key of a branch's record. */
const note = (branch: Branch, record: RecordCells, key: string, stamp: Stamp, counter: number): void => {
  if (branch.index === null) return
  if (branch.index.isOvergrown) branch.index = indexOf(record)
  branch.index.note(stamp.feed, counter, key)
}

// Writes ------------------------------------------------------------------------------------------------------------------------

/** Adds a head at a place, and for a record its marker and the heads at its leaves. */
const add = (record: RecordCells, place: number, value: Value, stamp: Stamp, counter: number): void => {
  if (!isRecord(value)) {
    if (stampAt(record, place) === undefined) setHead(record, place, value, stamp, counter)
    else branchOf(record, place).heads.push(new Head(stamp, counter, value))
    return
  }
  const branch = branchOf(record, place)
  branch.heads.push(new Head(stamp, counter, marker))
  for (const key in value) {
    branch.record ??= new RecordCells(record.shape.root, [])
    note(branch, branch.record, key, stamp, counter)
    add(branch.record, placeOf(branch.record, key), value[key]!, stamp, counter)
  }
}

/** Puts a value at a path. */
export const putValue = (
  record: RecordCells,
  path: ReadonlyArray<string>,
  value: Value,
  stamp: Stamp,
  counter: number,
  seen: Seen
): void => {
  let at = record
  for (let i = 0; i < path.length - 1; i++) {
    const branch = branchOf(at, placeOf(at, path[i]!))
    dropCovered(branch, seen, isMarker)
    branch.record ??= new RecordCells(at.shape.root, [])
    note(branch, branch.record, path[i + 1]!, stamp, counter)
    at = branch.record
  }
  const key = path[path.length - 1]!
  const place = at.shape.find(key)
  if (place >= 0 && stampAt(at, place) !== undefined) {
    if (!isRecord(value)) {
      const held = stampAt(at, place)!
      if (held !== branched && seen.covers(held.feed, counterAt(at, place))) {
        setHead(at, place, value, stamp, counter)
        return
      }
    }
    supersede(at, place, seen)
  }
  add(at, placeOf(at, key), value, stamp, counter)
}

/** Puts placeholders where a value would stand. What its writer replaced stays: what is withheld changes nothing that is shown. */
export const withholdValue = (
  record: RecordCells,
  path: ReadonlyArray<string>,
  value: Value,
  stamp: Stamp,
  counter: number
): void => {
  let at = record
  for (let i = 0; i < path.length - 1; i++) {
    const branch = branchOf(at, placeOf(at, path[i]!))
    branch.record ??= new RecordCells(at.shape.root, [])
    note(branch, branch.record, path[i + 1]!, stamp, counter)
    at = branch.record
  }
  withhold(at, placeOf(at, path[path.length - 1]!), value, stamp, counter)
}

const withhold = (record: RecordCells, place: number, value: Value, stamp: Stamp, counter: number): void => {
  const branch = branchOf(record, place)
  branch.heads.push(new Head(stamp, counter, isRecord(value) ? withheldMarker : withheld))
  if (!isRecord(value)) return
  for (const key in value) {
    branch.record ??= new RecordCells(record.shape.root, [])
    note(branch, branch.record, key, stamp, counter)
    withhold(branch.record, placeOf(branch.record, key), value[key]!, stamp, counter)
  }
}

/** Removes the value at a path, as far as the writer had seen it. */
export const removeValue = (record: RecordCells, path: ReadonlyArray<string>, seen: Seen, depth = 0): void => {
  const place = record.shape.find(path[depth]!)
  if (place < 0 || stampAt(record, place) === undefined) return
  if (depth === path.length - 1) {
    supersede(record, place, seen)
    return
  }
  const branch = branchOf(record, place)
  dropCovered(branch, seen, isMarker)
  if (branch.record !== null) {
    removeValue(branch.record, path, seen, depth + 1)
    if (isEmpty(branch.record)) branch.record = branch.index = null
  }
  simplify(record, place)
}

/** Whether no key has a head. */
export const isEmpty = (record: RecordCells): boolean => {
  for (let place = record.shape.keys.length - 1; place >= 0; place--) if (stampAt(record, place) !== undefined) return false
  return true
}
