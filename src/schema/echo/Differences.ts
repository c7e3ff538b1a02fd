/**
 * What has to be written to turn one record into another: only the leaves that differ, so that others' edits beside them survive.
 */
import { equalBytes } from "../platform/Codec.ts"
import { pathKeysMax } from "../platform/Limits.ts"
import { ObjectRef, type Value } from "./ChangeSet.ts"
import { type Branch, branchAt, branched, isPlain, isRecord, RecordCells, stampAt } from "./Registers.ts"
import { isRecordShown, isShownAt, onlyValueAt } from "./Shown.ts"

/** A write of a value at a path, or (undefined) its removal. */
export interface Edit {
  readonly path: ReadonlyArray<string>
  readonly value: Value | undefined
}

/** The branch at a key when it holds a record and nothing that conflicts with it. */
const pureRecord = (record: RecordCells, key: string): Branch | null => {
  const place = record.shape.find(key)
  if (place < 0 || stampAt(record, place) !== branched) return null
  const branch = branchAt(record, place)
  return isRecordShown(branch) && !branch.heads.some(isPlain) ? branch : null
}

/**
 * The edits that turn the record at a key into another, leaf by leaf; null when it is to be put as a whole, because what stands there
 * or what shall stand there is no record.
 */
export const differences = (record: RecordCells, key: string, value: Value): ReadonlyArray<Edit> | null => {
  const branch = isRecord(value) ? pureRecord(record, key) : null
  if (branch === null || !isRecord(value)) return null
  const edits: Array<Edit> = []
  collectDifferences(branch.record ?? new RecordCells(record.shape.root, []), value, [key], edits)
  return edits
}

const collectDifferences = (
  from: RecordCells,
  to: { readonly [key: string]: Value },
  path: ReadonlyArray<string>,
  into: Array<Edit>
): void => {
  for (const key of from.shape.keys) {
    if (to[key] === undefined && isShownAt(from, from.shape.find(key))) into.push({ path: [...path, key], value: undefined })
  }
  for (const key in to) {
    const value = to[key]!
    const place = from.shape.find(key)
    const below = isRecord(value) && path.length + 2 <= pathKeysMax ? pureRecord(from, key) : null
    if (below !== null && isRecord(value)) {
      collectDifferences(below.record ?? new RecordCells(from.shape.root, []), value, [...path, key], into)
    } else if (place < 0 || !isOnlyValue(from, place, value)) into.push({ path: [...path, key], value })
  }
}

const isOnlyValue = (record: RecordCells, place: number, value: Value): boolean => {
  const only = onlyValueAt(record, place)
  return only !== undefined && isEqualValue(only, value)
}

/** Whether two stored values are the same. */
export const isEqualValue = (a: Value, b: Value): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && equalBytes(a, b)
  }
  if (a instanceof ObjectRef || b instanceof ObjectRef) {
    return a instanceof ObjectRef && b instanceof ObjectRef && a.feed === b.feed && a.counter === b.counter
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const aValues = a as { readonly [key: string]: Value }
  const bValues = b as { readonly [key: string]: Value }
  const keys = Object.keys(aValues)
  return (
    keys.length === Object.keys(bValues).length &&
    keys.every((key) => bValues[key] !== undefined && isEqualValue(aValues[key]!, bValues[key]))
  )
}
