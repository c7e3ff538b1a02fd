/**
 * Queries by type and property, and live ones, maintained by what changed and not by asking again.
 *
 * Equal queries share one result. A change reaches the queries that ask for the new value of the property, those with a predicate, and
 * those whose result holds the object; however many others there are, they cost nothing.
 */
import type { Value } from "./ChangeSet.ts"
import { type Delta, LiveQuery, Subscriber } from "./LiveQuery.ts"
import type { Changes, Entry, Objects } from "./Objects.ts"
import type { ObjectOf, ObjectType } from "./ObjectType.ts"
import { isSamePlan, planOf, type QueryOptions, type QueryPlan, type QueryResult } from "./QueryPlan.ts"

export type { Delta } from "./LiveQuery.ts"
export { demandProperty, PropertyUnknown, type QueryOptions, type QueryResult, queryAll, type Where } from "./QueryPlan.ts"

export interface Subscription<A> {
  /** The result as it is now. */
  readonly result: () => QueryResult<A>
  /** What changed since the last take (the first adds the whole result), or null. Throws what the query's predicate threw. */
  readonly take: () => Delta<A> | null
  readonly close: () => void
}

/** The live queries of one type name. */
class TypeQueries {
  readonly all = new Set<LiveQuery>()
  /** Those with a predicate, or with nothing to test: any object may be theirs. */
  readonly untested = new Set<LiveQuery>()
  /** Property, then value asked for, then queries. Values that are no plain ones are all under `other`. */
  readonly byTest = new Map<string, Map<unknown, Set<LiveQuery>>>()
  readonly holding = new Map<Entry, Array<LiveQuery>>()
}

const other = Symbol("other")
const testKey = (value: Value | undefined): unknown => (typeof value === "object" && value !== null ? other : value)

export class QueryIndex {
  private objects: Objects
  private readonly byType = new Map<string, TypeQueries>()

  constructor(objects: Objects) {
    this.objects = objects
  }

  /** `wake` is called, synchronously and once until the next `take`, when there is something to take. */
  subscribe<T extends ObjectType>(type: T, options: QueryOptions<T>, wake: () => void): Subscription<ObjectOf<T>> {
    const query = this.queryOf(planOf(type, options))
    const subscriber = new Subscriber(query, wake)
    return {
      // the query's objects are read as this type
      result: () => query.result() as QueryResult<ObjectOf<T>>,
      take: () => subscriber.take() as Delta<ObjectOf<T>> | null,
      close: () => {
        subscriber.close()
        if (query.subscribers.size === 0) this.forget(query)
      }
    }
  }

  private queryOf(plan: QueryPlan): LiveQuery {
    let queries = this.byType.get(plan.type.name)
    if (queries === undefined) this.byType.set(plan.type.name, (queries = new TypeQueries()))
    for (const query of queries.all) if (query.failure === null && isSamePlan(query.plan, plan)) return query
    const query = new LiveQuery(plan, this.objects)
    queries.all.add(query)
    if (plan.tests.length === 0) queries.untested.add(query)
    for (const { key, value } of plan.tests) testersOf(queries, key, value).add(query)
    hold(queries, query)
    return query
  }

  private forget(query: LiveQuery): void {
    const queries = this.byType.get(query.plan.type.name)
    if (queries === undefined || !queries.all.delete(query)) return
    queries.untested.delete(query)
    for (const { key, value } of query.plan.tests) {
      const testers = testersOf(queries, key, value)
      testers.delete(query)
      if (testers.size === 0) queries.byTest.get(key)?.delete(testKey(value))
    }
    for (const entry of query.rows.keys()) release(queries, entry, query)
    for (const entry of query.invalid.keys()) release(queries, entry, query)
    if (queries.all.size === 0) this.byType.delete(query.plan.type.name)
  }

  /** Tells what change sets have changed; `changes` is emptied. */
  changed(changes: Changes): void {
    if (this.byType.size > 0) this.spread(changes)
    changes.clear()
  }

  private spread({ entries, keys }: Changes): void {
    let whole: Entry | null = null
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      const key = keys[i]!
      if (entry === whole || entry.kind === null) continue
      const queries = this.byType.get(entry.kind.name)
      if (queries === undefined) continue
      whole = key === null ? entry : null
      const holding = queries.holding.get(entry)
      if (holding !== undefined) for (const query of [...holding]) ask(queries, query, entry)
      for (const query of queries.untested) ask(queries, query, entry)
      if (key !== null) this.askTesters(queries, entry, key)
      else for (const tested of queries.byTest.keys()) this.askTesters(queries, entry, tested)
    }
  }

  private askTesters(queries: TypeQueries, entry: Entry, key: string): void {
    const byValue = queries.byTest.get(key)
    if (byValue === undefined) return
    const shown = this.objects.shown(entry, key)
    // where the value shown does not fit a type, its queries read another, or none
    const asked = this.objects.isBranched(entry, key) ? byValue.values() : [byValue.get(testKey(shown)), byValue.get(undefined)]
    for (const testers of asked) if (testers !== undefined) for (const query of testers) ask(queries, query, entry)
  }

  /** Goes over to other objects (rebuilt from durable state); subscribers are told the difference. */
  rebuilt(objects: Objects): void {
    this.objects = objects
    for (const queries of this.byType.values()) {
      queries.holding.clear()
      for (const query of queries.all) {
        query.rebuilt(objects)
        hold(queries, query)
      }
    }
  }
}

const testersOf = (queries: TypeQueries, key: string, value: Value | undefined): Set<LiveQuery> => {
  let values = queries.byTest.get(key)
  if (values === undefined) queries.byTest.set(key, (values = new Map()))
  let testers = values.get(testKey(value))
  if (testers === undefined) values.set(testKey(value), (testers = new Set()))
  return testers
}

/** Asks a query about an object, and keeps the note of which queries hold it. */
const ask = (queries: TypeQueries, query: LiveQuery, entry: Entry): void => {
  const held = query.rows.has(entry) || query.invalid.has(entry)
  const holds = query.update(entry)
  if (holds === held) return
  if (holds) note(queries, entry, query)
  else release(queries, entry, query)
}

const note = (queries: TypeQueries, entry: Entry, query: LiveQuery): void => {
  const holding = queries.holding.get(entry)
  if (holding === undefined) queries.holding.set(entry, [query])
  else holding.push(query)
}

const hold = (queries: TypeQueries, query: LiveQuery): void => {
  for (const entry of query.rows.keys()) note(queries, entry, query)
  for (const entry of query.invalid.keys()) note(queries, entry, query)
}

const release = (queries: TypeQueries, entry: Entry, query: LiveQuery): void => {
  const holding = queries.holding.get(entry)
  if (holding === undefined) return
  const at = holding.indexOf(query)
  if (at < 0) return
  if (holding.length === 1) queries.holding.delete(entry)
  else holding.splice(at, 1)
}
