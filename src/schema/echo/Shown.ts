/**
 * Which of the heads at a path is shown, and what stands beside it.
 *
 * The winner has the greatest stamp: time, then the feed's bytes, then the counter. A record is shown unless a plain value at its path
 * has a greater stamp than all at its marker and below. A placeholder is no candidate, and where nothing else stands nothing is. Who reads by a Schema is shown the greatest value that it accepts: concurrent
 * writes, each of which fits, may leave a record that does not. docs/format.md#objects
 */
import { compareBytes } from "../platform/Codec.ts"
import type { Dot, Value } from "./ChangeSet.ts"
import type { FeedTable } from "./FeedTable.ts"
import type { Form } from "./Property.ts"
import {
  type Branch,
  branchAt,
  branched,
  counterAt,
  Head,
  isPlain,
  isRecord,
  marker,
  type RecordCells,
  type Stamp,
  stampAt,
  valueAt
} from "./Registers.ts"

/** One of the values that concurrent writes left at a path. */
export interface Conflict {
  readonly value: Value
  readonly dot: Dot
  readonly time: number
}

const compareStamps = (feeds: FeedTable, a: Stamp, aCounter: number, b: Stamp, bCounter: number): number => {
  if (a.time !== b.time) return a.time - b.time
  if (a.feed !== b.feed) return compareBytes(feeds.id(a.feed), feeds.id(b.feed))
  return aCounter - bCounter
}

const compareHeads = (feeds: FeedTable, a: Head, b: Head): number => compareStamps(feeds, a.stamp, a.counter, b.stamp, b.counter)

/** The greatest of some heads, or null. */
export const greatestHead = (feeds: FeedTable, heads: ReadonlyArray<Head>, isAsked: (head: Head) => boolean): Head | null => {
  let greatest: Head | null = null
  for (const head of heads) {
    if (isAsked(head) && (greatest === null || compareHeads(feeds, head, greatest) > 0)) greatest = head
  }
  return greatest
}

const isShownMarker = (head: Head): boolean => head.value === marker

/** The greatest head among a branch's markers and all below it, or null when no record is there. */
const greatestOfRecord = (feeds: FeedTable, branch: Branch): Head | null => {
  let greatest = greatestHead(feeds, branch.heads, isShownMarker)
  const { record } = branch
  if (record === null) return greatest
  for (let place = 0; place < record.shape.keys.length; place++) {
    const head = greatestAt(feeds, record, place)
    if (head !== null && (greatest === null || compareHeads(feeds, head, greatest) > 0)) greatest = head
  }
  return greatest
}

const greatestAt = (feeds: FeedTable, record: RecordCells, place: number): Head | null => {
  const stamp = stampAt(record, place)
  if (stamp === undefined) return null
  if (stamp !== branched) return new Head(stamp, counterAt(record, place), valueAt(record, place))
  const branch = branchAt(record, place)
  const below = greatestOfRecord(feeds, branch)
  const plain = greatestHead(feeds, branch.heads, isPlain)
  return below === null || (plain !== null && compareHeads(feeds, plain, below) > 0) ? plain : below
}

/** The value shown at a place of a record, or undefined. A record keeps its identity until something in it changes. */
export const shownAt = (feeds: FeedTable, record: RecordCells, place: number): Value | undefined => {
  const stamp = stampAt(record, place)
  if (stamp === undefined) return undefined
  if (stamp !== branched) return valueAt(record, place)
  const branch = branchAt(record, place)
  branch.shown ??= shownOf(feeds, branch)
  return branch.shown
}

const shownOf = (feeds: FeedTable, branch: Branch): Value | undefined => {
  const plain = greatestHead(feeds, branch.heads, isPlain)
  const ofRecord = greatestOfRecord(feeds, branch)
  if (ofRecord === null || (plain !== null && compareHeads(feeds, plain, ofRecord) > 0)) return plain?.value
  return branch.record === null ? marker : shownRecord(feeds, branch.record)
}

/** A record as a value: a frozen null-prototype object, its keys in order. */
const shownRecord = (feeds: FeedTable, record: RecordCells): Value => {
  const shown = Object.create(null) as { [key: string]: Value }
  for (const place of record.shape.sorted()) {
    const value = shownAt(feeds, record, place)
    if (value !== undefined) shown[record.shape.keys[place]!] = value
  }
  return Object.freeze(shown)
}

/** The value at a place where it is the only one, placeholders left out, and no record; else undefined. */
export const onlyValueAt = (record: RecordCells, place: number): Value | undefined => {
  if (stampAt(record, place) !== branched) return stampAt(record, place) === undefined ? undefined : valueAt(record, place)
  const branch = branchAt(record, place)
  const plain = branch.heads.filter(isPlain)
  return plain.length === 1 && !isRecordShown(branch) ? plain[0]!.value : undefined
}

/** Whether any value is shown at a place or below it. */
export const isShownAt = (record: RecordCells, place: number): boolean => {
  const stamp = stampAt(record, place)
  if (stamp !== branched) return stamp !== undefined
  const branch = branchAt(record, place)
  return branch.heads.some(isPlain) || isRecordShown(branch)
}

/** Whether a branch shows a record, if nothing greater stands at its path. */
export const isRecordShown = ({ heads, record }: Branch): boolean =>
  heads.some(isShownMarker) || (record !== null && isAnyShown(record))

/** Whether any key of a record shows a value. */
export const isAnyShown = (record: RecordCells): boolean => record.shape.keys.some((_, place) => isShownAt(record, place))

// Fitting -----------------------------------------------------------------------------------------------------------------------

/** What was found at a branch by a form: each is looked for once, however often a Schema that holds itself leads there. */
type Found = Map<Branch, Map<Form, Value | undefined>>

/** The greatest value at a place that a form accepts, or undefined when it accepts none. */
export const fittingAt = (
  feeds: FeedTable,
  record: RecordCells,
  place: number,
  form: Form,
  found: Found = new Map()
): Value | undefined => {
  const stamp = stampAt(record, place)
  if (stamp === undefined) return undefined
  if (stamp !== branched) {
    const value = valueAt(record, place)
    return form.accepts(value) ? value : undefined
  }
  const branch = branchAt(record, place)
  const known = found.get(branch) ?? new Map<Form, Value | undefined>()
  found.set(branch, known)
  if (!known.has(form)) known.set(form, fittingOf(feeds, branch, form, found))
  return known.get(form)
}

const fittingOf = (feeds: FeedTable, branch: Branch, form: Form, found: Found): Value | undefined => {
  for (const { value } of valuesOf(feeds, branch)) {
    if (form.accepts(value)) return value
    if (!isRecord(value) || branch.record === null) continue
    for (const formAt of form.records()) {
      const fitting = fittingRecord(feeds, branch.record, formAt, found)
      if (form.accepts(fitting)) return fitting
    }
  }
  return undefined
}

/** The record of what fits at each of its keys; a key at which nothing does is left out. */
const fittingRecord = (
  feeds: FeedTable,
  record: RecordCells,
  formAt: (key: string) => Form | null,
  found: Found
): { readonly [key: string]: Value } => {
  const fitting = Object.create(null) as { [key: string]: Value }
  for (const place of record.shape.sorted()) {
    const key = record.shape.keys[place]!
    const form = formAt(key)
    const value = form === null ? shownAt(feeds, record, place) : fittingAt(feeds, record, place, form, found)
    if (value !== undefined) fitting[key] = value
  }
  return Object.freeze(fitting)
}

/** Whether a place has a record or several heads, so that another value than the one shown may be the one that fits. */
export const isBranchedAt = (record: RecordCells, place: number): boolean => stampAt(record, place) === branched

// Conflicts ---------------------------------------------------------------------------------------------------------------------

const conflict = (head: Head, value: Value): Conflict => ({
  value,
  dot: { feed: head.stamp.feed, counter: head.counter },
  time: head.stamp.time
})

/** All values at a path, the one shown first. Concurrent records are one value: they merge, and conflict at their leaves. */
export const conflictsAt = (feeds: FeedTable, record: RecordCells, path: ReadonlyArray<string>): ReadonlyArray<Conflict> => {
  let at: RecordCells | null = record
  for (let i = 0; i < path.length - 1 && at !== null; i++) {
    const place: number = at.shape.find(path[i]!)
    at = place >= 0 && stampAt(at, place) === branched ? branchAt(at, place).record : null
  }
  const place = at === null ? -1 : at.shape.find(path[path.length - 1]!)
  if (at === null || place < 0) return []
  const stamp = stampAt(at, place)
  if (stamp === undefined) return []
  if (stamp !== branched) return [conflict(new Head(stamp, counterAt(at, place), valueAt(at, place)), valueAt(at, place))]
  return valuesOf(feeds, branchAt(at, place)).map(({ head, value }) => conflict(head, value))
}

/** All values at a branch, the greatest first; the record is one of them. */
const valuesOf = (feeds: FeedTable, branch: Branch): ReadonlyArray<{ readonly head: Head; readonly value: Value }> => {
  const sorted = branch.heads.filter(isPlain).map((head) => ({ head, value: head.value }))
  const ofRecord = greatestOfRecord(feeds, branch)
  if (ofRecord !== null) {
    sorted.push({ head: ofRecord, value: branch.record === null ? marker : shownRecord(feeds, branch.record) })
  }
  return sorted.sort((a, b) => compareHeads(feeds, b.head, a.head))
}

/** The paths of a record with more than one value. */
export function* conflictedPaths(record: RecordCells, path: ReadonlyArray<string> = []): Generator<ReadonlyArray<string>> {
  for (const place of record.shape.sorted()) {
    if (stampAt(record, place) !== branched) continue
    const branch = branchAt(record, place)
    const here = [...path, record.shape.keys[place]!]
    const plain = branch.heads.filter(isPlain).length
    if (plain > 1 || (plain === 1 && isRecordShown(branch))) yield here
    if (branch.record !== null) yield* conflictedPaths(branch.record, here)
  }
}
