/**
 * Which of the heads at a path is shown, and what stands beside it.
 *
 * The winner has the greatest stamp: time, then the feed's bytes, then the counter. A record is shown unless a plain value at its path
 * has a greater stamp than all at its marker and below. docs/format.md#objects
 */
import { compareBytes } from "../platform/Codec.ts"
import type { Dot, Value } from "./ChangeSet.ts"
import type { FeedTable } from "./FeedTable.ts"
import {
  type Branch,
  branchAt,
  branched,
  counterAt,
  Head,
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

const isMarker = (head: Head): boolean => head.value === marker
const isPlain = (head: Head): boolean => head.value !== marker

/** The greatest head among a branch's markers and all below it, or null when no record is there. */
const greatestOfRecord = (feeds: FeedTable, branch: Branch): Head | null => {
  let greatest = greatestHead(feeds, branch.heads, isMarker)
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

const shownOf = (feeds: FeedTable, branch: Branch): Value => {
  const plain = greatestHead(feeds, branch.heads, isPlain)
  const ofRecord = greatestOfRecord(feeds, branch)
  if (ofRecord === null || (plain !== null && compareHeads(feeds, plain, ofRecord) > 0)) return plain!.value
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
  const branch = branchAt(at, place)
  const sorted = branch.heads.filter(isPlain).map((head) => ({ head, value: head.value }))
  const ofRecord = greatestOfRecord(feeds, branch)
  if (ofRecord !== null) {
    sorted.push({ head: ofRecord, value: branch.record === null ? marker : shownRecord(feeds, branch.record) })
  }
  return sorted.sort((a, b) => compareHeads(feeds, b.head, a.head)).map(({ head, value }) => conflict(head, value))
}

/** The paths of a record with more than one value. */
export function* conflictedPaths(record: RecordCells, path: ReadonlyArray<string> = []): Generator<ReadonlyArray<string>> {
  for (const place of record.shape.sorted()) {
    if (stampAt(record, place) !== branched) continue
    const branch = branchAt(record, place)
    const here = [...path, record.shape.keys[place]!]
    const plain = branch.heads.filter(isPlain).length
    if (plain > 1 || (plain === 1 && (branch.record !== null || branch.heads.length > 1))) yield here
    if (branch.record !== null) yield* conflictedPaths(branch.record, here)
  }
}
