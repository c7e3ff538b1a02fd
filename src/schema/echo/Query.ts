/**
 * Queries by type and property, and live ones, maintained by what changed and not by asking again.
 *
 * Equal queries share one result. A change reaches the queries that read the property and those whose result holds the object; all
 * others cost it one look into a Map. A subscriber that is slow gets the sum of what it missed: memory is bounded by its result.
 */
import type { Changes, Objects } from "./Objects.ts"
import type { ObjectInvalid, ObjectOf, ObjectType, PropsOf } from "./ObjectType.ts"

/** Equality on properties, or any pure predicate (which is asked again whenever the object changes). */
export type Where<T extends ObjectType> = Partial<PropsOf<T>> | ((object: ObjectOf<T>) => boolean)

export interface QueryOptions<T extends ObjectType> {
  readonly where?: Where<T>
  /** Ascending; objects of one value by id. Without it, by id. */
  readonly orderBy?: keyof T["fields"] & string
}

/** What changed in a result. An object is in one of them, in its latest form (in `removed`: the form last told). */
export interface Delta<A> {
  readonly added: ReadonlyArray<A>
  readonly updated: ReadonlyArray<A>
  readonly removed: ReadonlyArray<A>
}

/** The objects of a query, in order, and those of its type that do not fit the type. */
export interface QueryResult<A> {
  readonly objects: ReadonlyArray<A>
  readonly invalid: ReadonlyArray<ObjectInvalid>
}

/** Asks once, by a full scan. */
export declare const queryAll: <T extends ObjectType>(objects: Objects, type: T, options: QueryOptions<T>) => QueryResult<ObjectOf<T>>

export interface Subscription<A> {
  /** The result as it is now. */
  readonly result: () => QueryResult<A>
  /** What changed since the last take (at first: since the subscription, whose first delta adds the whole result), or null. */
  readonly take: () => Delta<A> | null
  readonly close: () => void
}

export declare class QueryIndex {
  constructor(objects: Objects)
  /** `wake` is called, synchronously and once until the next `take`, when there is something to take. */
  subscribe<T extends ObjectType>(type: T, options: QueryOptions<T>, wake: () => void): Subscription<ObjectOf<T>>
  /** Tells what change sets have changed; `changes` is emptied. */
  changed(changes: Changes): void
  /** Goes over to other objects (rebuilt from durable state); subscribers are told the difference. */
  rebuilt(objects: Objects): void
}
