/**
 * What a query asks, made ready: tests on stored values, a predicate on objects, an order.
 *
 * Equality is tested on stored values, so that objects that do not match are never decoded.
 */

import * as Data from "effect/Data"
import { compareBytes } from "../platform/Codec.ts"
import type { Value } from "./ChangeSet.ts"
import { isEqualValue } from "./Differences.ts"
import type { FeedTable } from "./FeedTable.ts"
import type { Entry, Objects } from "./Objects.ts"
import { ObjectInvalid, type ObjectOf, type ObjectType, type PropsOf, read } from "./ObjectType.ts"
import { type Property, Refused } from "./Property.ts"
import { fittingAt } from "./Shown.ts"

/** Equality on properties (undefined: it has none), or any pure predicate, asked again whenever the object changes. */
export type Where<T extends ObjectType> =
  | { readonly [K in keyof PropsOf<T>]?: PropsOf<T>[K] | undefined }
  | ((object: ObjectOf<T>) => boolean)

export interface QueryOptions<T extends ObjectType> {
  readonly where?: Where<T> | undefined
  /** Ascending; objects of one value by id. Without it, by id. */
  readonly orderBy?: (keyof T["fields"] & string) | undefined
}

/** The objects of a query, in order, and those that match and do not fit the type. */
export interface QueryResult<A> {
  readonly objects: ReadonlyArray<A>
  readonly invalid: ReadonlyArray<ObjectInvalid>
}

/** One test of equality. `value` is undefined for "has none"; a query that asks for what no object can hold matches nothing. */
export interface EqualityTest {
  readonly key: string
  readonly property: Property
  readonly value: Value | undefined
}

/** Any object as an application sees it. */
export type Shown = { readonly id: string; readonly [key: string]: unknown }

export interface Row {
  readonly entry: Entry
  object: Shown
}

export interface QueryPlan {
  readonly type: ObjectType
  readonly tests: ReadonlyArray<EqualityTest>
  readonly isImpossible: boolean
  readonly predicate: ((object: Shown) => boolean) | null
  readonly orderBy: string | null
}

/** Throws `PropertyUnknown` for a property that the type does not have: the program is wrong, not its data. */
export const planOf = <T extends ObjectType>(type: T, { where, orderBy }: QueryOptions<T>): QueryPlan => {
  if (orderBy !== undefined) demandProperty("orderBy", type, orderBy)
  const plan = { type, orderBy: orderBy ?? null }
  if (typeof where === "function") {
    // objects of this plan are read as this type
    return { ...plan, tests: [], isImpossible: false, predicate: where as unknown as (object: Shown) => boolean }
  }
  const tests: Array<EqualityTest> = []
  let isImpossible = false
  for (const [key, value] of Object.entries(where ?? {})) {
    const property = demandProperty("where", type, key)
    const stored = value === undefined ? undefined : property.encode(value)
    if (stored instanceof Refused) isImpossible = true
    else tests.push({ key, property, value: stored })
  }
  return { ...plan, tests, isImpossible, predicate: null }
}

/** The property of a type that a call asks for; throws when it has none of that name. */
export const demandProperty = (call: PropertyUnknown["call"], type: ObjectType, key: string): Property => {
  const property = type.properties.get(key)
  if (property !== undefined) return property
  throw new PropertyUnknown({ call, type: type.name, property: String(key), known: [...type.properties.keys()] })
}

/** Asked for was a property that the type does not have. A defect: the program must change. */
export class PropertyUnknown extends Data.TaggedError("PropertyUnknown")<{
  readonly call: "where" | "orderBy" | "conflicts"
  readonly type: string
  readonly property: string
  readonly known: ReadonlyArray<string>
}> {
  override get message() {
    const says = `${this.call} cannot ask for "${this.property}": the properties of ${this.type} are ${this.known.join(", ")}.`
    if (this.property !== "id" || this.call === "conflicts") return says
    return `${says} ${this.call === "where" ? `To find an object by its id, use get(${this.type}, id).` : "Without orderBy, objects come in the order of their ids."}`
  }
}

export const isSamePlan = (a: QueryPlan, b: QueryPlan): boolean =>
  a.type === b.type &&
  a.orderBy === b.orderBy &&
  a.predicate === b.predicate &&
  a.isImpossible === b.isImpossible &&
  a.tests.length === b.tests.length &&
  a.tests.every(({ key, value }) => b.tests.some((test) => test.key === key && isEqual(test.value, value)))

/** Whether a value is the one asked for; 0 and −0 are, as they are for an application. */
const isEqual = (a: Value | undefined, b: Value | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && isEqualValue(a, b))

/** The object if it is in the result, why it cannot be read if it would be, null if it is not in it. */
export const ask = (plan: QueryPlan, objects: Objects, entry: Entry): Shown | ObjectInvalid | null => {
  if (entry.isDeleted || plan.isImpossible) return null
  for (const test of plan.tests) if (!passes(test, objects, entry)) return null
  const object: Shown | ObjectInvalid = read(plan.type, objects, entry)
  if (plan.predicate === null || object instanceof ObjectInvalid) return object
  return plan.predicate(object) ? object : null
}

/** Whether the value that the type reads is the one asked for: nearly always the one shown, else the greatest that fits. */
const passes = ({ key, property, value }: EqualityTest, objects: Objects, entry: Entry): boolean => {
  const shown = objects.shown(entry, key)
  if (isEqual(shown, value)) return true
  if (shown === undefined || (value !== undefined && !objects.isBranched(entry, key))) return false
  return isEqual(fittingAt(objects.feeds, entry, entry.shape.find(key), property.form), value)
}

/** Orders rows by the plan: the property, then the id's feed and counter. */
export const compareRows = (plan: QueryPlan, feeds: FeedTable, a: Row, b: Row): number => {
  const order = plan.orderBy === null ? 0 : compareProperties(a.object[plan.orderBy], b.object[plan.orderBy])
  return order === 0 ? compareIds(feeds, a.entry, b.entry) : order
}

/** Orders objects by their ids: feed, then counter. */
const compareIds = (feeds: FeedTable, a: Entry, b: Entry): number =>
  a.feed === b.feed ? a.counter - b.counter : compareBytes(feeds.id(a.feed), feeds.id(b.feed))

/** Absent first, then by kind of value, then by value; records and bytes, which have no order, are all equal. */
const compareProperties = (a: unknown, b: unknown): number => {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0
  const x = a instanceof Date ? a.getTime() : a
  const y = b instanceof Date ? b.getTime() : b
  const byKind = rank(x) - rank(y)
  if (byKind !== 0) return byKind
  if (rank(x) === unorderedRank) return 0
  // of one kind, and ordered
  return (x as number) < (y as number) ? -1 : (x as number) > (y as number) ? 1 : 0
}

const unorderedRank = 6

const rank = (value: unknown): number => {
  if (value === undefined) return 0
  if (value === null) return 1
  if (typeof value === "boolean") return 2
  if (Number.isNaN(value)) return 3
  if (typeof value === "number" || typeof value === "bigint") return 4
  return typeof value === "string" ? 5 : unorderedRank
}

/** Asks once, by a full scan. */
export const queryAll = <T extends ObjectType>(objects: Objects, type: T, options: QueryOptions<T>): QueryResult<ObjectOf<T>> => {
  const plan = planOf(type, options)
  const rows: Array<Row> = []
  const invalid = new Map<Entry, ObjectInvalid>()
  for (const entry of objects.ofType(type.name)) {
    const object = ask(plan, objects, entry)
    if (object instanceof ObjectInvalid) invalid.set(entry, object)
    else if (object !== null) rows.push({ entry, object })
  }
  rows.sort((a, b) => compareRows(plan, objects.feeds, a, b))
  // read as this type
  return { objects: rows.map(({ object }) => object as ObjectOf<T>), invalid: inOrder(objects, invalid) }
}

/** What does not fit, by id. */
export const inOrder = ({ feeds }: Objects, invalid: ReadonlyMap<Entry, ObjectInvalid>): ReadonlyArray<ObjectInvalid> =>
  [...invalid].sort(([a], [b]) => compareIds(feeds, a, b)).map(([, reason]) => reason)
