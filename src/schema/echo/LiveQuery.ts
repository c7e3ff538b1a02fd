/**
 * One maintained result, shared by all who ask the same, and what each of them has yet to be told.
 *
 * A subscriber that is slow holds, for each object that changed meanwhile, what it was told last; so what waits for it is bounded by
 * the results that it saw and will see, never by the number of changes.
 */
import * as Equal from "effect/Equal"
import { equalBytes } from "../platform/Codec.ts"
import type { Entry, Objects } from "./Objects.ts"
import { ObjectInvalid } from "./ObjectType.ts"
import { ask, compareRows, inOrder, type QueryPlan, type QueryResult, type Row, type Shown } from "./QueryPlan.ts"

/** What changed in a result. An object is in one of them, in its latest form (in `removed`: the form last told). */
export interface Delta<A> {
  readonly added: ReadonlyArray<A>
  readonly updated: ReadonlyArray<A>
  readonly removed: ReadonlyArray<A>
}

interface Fields {
  readonly [key: string]: unknown
}

/** Changes of a result between two reads beyond which it is sorted anew rather than kept in order change by change. */
const editsInOrderMax = 32

export class LiveQuery {
  readonly plan: QueryPlan
  readonly rows = new Map<Entry, Row>()
  readonly invalid = new Map<Entry, ObjectInvalid>()
  readonly subscribers = new Set<Subscriber>()
  /** What a predicate threw: its subscribers get it, others go on. */
  failure: { readonly error: unknown } | null = null
  private objects: Objects
  private ordered: Array<Row> | null = null
  private edits = 0
  private shown: ReadonlyArray<Shown> | null = null

  constructor(plan: QueryPlan, objects: Objects) {
    this.plan = plan
    this.objects = objects
    this.fill()
  }

  private fill(): void {
    for (const entry of this.objects.ofType(this.plan.type.name)) this.update(entry)
  }

  /** Asks about an object again. Returns whether the result holds it now, as a row or as invalid. */
  update(entry: Entry): boolean {
    if (this.failure !== null) return false
    try {
      return this.place(entry, ask(this.plan, this.objects, entry))
    } catch (error) {
      this.failure = { error }
      for (const subscriber of this.subscribers) subscriber.wakeUp()
      return false
    }
  }

  private place(entry: Entry, object: Shown | ObjectInvalid | null): boolean {
    const row = this.rows.get(entry)
    if (object === null || object instanceof ObjectInvalid) {
      if (row !== undefined) this.drop(row)
      if (object === null) this.invalid.delete(entry)
      else this.invalid.set(entry, object)
      return object !== null
    }
    this.invalid.delete(entry)
    if (row === undefined) {
      const added = { entry, object }
      this.rows.set(entry, added)
      this.reorder(null, added)
      this.tell(entry, null)
    } else if (row.object !== object) {
      const before = { entry, object: row.object }
      row.object = object
      this.reorder(before, row)
      this.tell(entry, before.object)
    }
    return true
  }

  private drop(row: Row): void {
    this.rows.delete(row.entry)
    this.reorder(row, null)
    this.tell(row.entry, row.object)
  }

  private tell(entry: Entry, before: Shown | null): void {
    for (const subscriber of this.subscribers) subscriber.note(entry, before)
  }

  private compare(a: Row, b: Row): number {
    return compareRows(this.plan, this.objects.feeds, a, b)
  }

  /** Keeps the order while it is known and the changes are few. `before` has the old object, `after` is in the result. */
  private reorder(before: Row | null, after: Row | null): void {
    this.shown = null
    if (this.ordered === null) return
    if (++this.edits > editsInOrderMax) {
      this.ordered = null
      return
    }
    const { ordered } = this
    const from = before === null ? -1 : this.placeOf(ordered, before)
    if (before !== null && ordered[from]?.entry !== before.entry) {
      this.ordered = null
      return
    }
    if (from >= 0 && after !== null && this.staysAt(ordered, from, after)) return
    if (from >= 0) ordered.splice(from, 1)
    if (after !== null) ordered.splice(this.placeOf(ordered, after), 0, after)
  }

  private staysAt(ordered: ReadonlyArray<Row>, at: number, row: Row): boolean {
    const isAfterPrevious = at === 0 || this.compare(ordered[at - 1]!, row) < 0
    return isAfterPrevious && (at === ordered.length - 1 || this.compare(row, ordered[at + 1]!) < 0)
  }

  /**
   * Where a row stands, or would. `row.object` is the object that the order was made with; the row found there may hold a newer one,
   * so rows are told apart by their entry.
   */
  private placeOf(ordered: ReadonlyArray<Row>, row: Row): number {
    let low = 0
    let high = ordered.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = ordered[middle]!
      if (at.entry === row.entry) return middle
      if (this.compare(at, row) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The result in order; the same array until it changes. */
  result(): QueryResult<Shown> {
    if (this.failure !== null) throw this.failure.error
    this.edits = 0
    this.ordered ??= [...this.rows.values()].sort((a, b) => this.compare(a, b))
    this.shown ??= Object.freeze(this.ordered.map(({ object }) => object))
    return { objects: this.shown, invalid: inOrder(this.objects, this.invalid) }
  }

  /** Goes over to other objects; whoever was told of an object of the old ones knows it by its id. */
  rebuilt(objects: Objects): void {
    const told = new Map([...this.subscribers].map((subscriber) => [subscriber, subscriber.view(this.rows)]))
    this.objects = objects
    this.rows.clear()
    this.invalid.clear()
    this.ordered = this.shown = null
    const listening = [...this.subscribers]
    this.subscribers.clear()
    this.fill()
    for (const subscriber of listening) this.subscribers.add(subscriber)
    for (const [subscriber, view] of told) subscriber.rebuilt(view, this.rows, (id) => objects.findId(id))
  }
}

/** Who is told of a result's changes. */
export class Subscriber {
  private readonly query: LiveQuery
  private readonly wake: () => void
  /** For each object that changed since the last take: what was told of it (null: that it is not in the result). */
  private pending = new Map<Entry, Shown | null>()
  /** Objects told of that are gone with the objects that they were of. */
  private lost: Array<Shown> = []
  private isFirst = true
  private isAwake = false

  constructor(query: LiveQuery, wake: () => void) {
    this.query = query
    this.wake = wake
    query.subscribers.add(this)
    this.wakeUp()
  }

  wakeUp(): void {
    if (this.isAwake) return
    this.isAwake = true
    this.wake()
  }

  note(entry: Entry, before: Shown | null): void {
    if (this.isFirst) return
    if (!this.pending.has(entry)) this.pending.set(entry, before)
    else if (this.pending.get(entry) === null && !this.query.rows.has(entry)) this.pending.delete(entry)
    if (this.pending.size > 0) this.wakeUp()
  }

  /** What changed since the last take, or null. */
  take(): Delta<Shown> | null {
    this.isAwake = false
    if (this.query.failure !== null) throw this.query.failure.error
    if (this.isFirst) {
      this.isFirst = false
      return { added: this.query.result().objects, updated: [], removed: [] }
    }
    const delta = { added: [] as Shown[], updated: [] as Shown[], removed: this.lost }
    for (const [entry, told] of this.pending) {
      const now = this.query.rows.get(entry)?.object
      if (told === null && now !== undefined) delta.added.push(now)
      else if (told !== null && now === undefined) delta.removed.push(told)
      else if (told !== null && now !== undefined && now !== told) delta.updated.push(now)
    }
    this.pending = new Map()
    this.lost = []
    return delta.added.length + delta.updated.length + delta.removed.length === 0 ? null : delta
  }

  /** What this subscriber believes the result to be. */
  view(rows: ReadonlyMap<Entry, Row>): ReadonlyMap<string, Shown> {
    const view = new Map<string, Shown>()
    for (const object of this.lost) view.set(object.id, object)
    for (const { entry, object } of rows.values()) if (!this.pending.has(entry)) view.set(object.id, object)
    for (const told of this.pending.values()) if (told !== null) view.set(told.id, told)
    return view
  }

  rebuilt(view: ReadonlyMap<string, Shown>, rows: ReadonlyMap<Entry, Row>, find: (id: string) => Entry | undefined): void {
    if (this.isFirst) return
    this.pending = new Map()
    this.lost = []
    for (const told of view.values()) {
      const entry = find(told.id)
      if (entry === undefined) this.lost.push(told)
      else if (!isSame(told, rows.get(entry)?.object)) this.pending.set(entry, told)
    }
    for (const [entry, { object }] of rows) if (!view.has(object.id)) this.pending.set(entry, null)
    if (this.pending.size + this.lost.length > 0) this.wakeUp()
  }

  close(): void {
    this.query.subscribers.delete(this)
    this.pending.clear()
  }
}

/** Whether two forms of one object show the same. */
const isSame = (a: Shown, b: Shown | undefined): boolean => b !== undefined && isSameIn(a, b)

const isSameIn = (a: Fields, b: Fields): boolean => {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSameValue(a[key], b[key]))
}

/** What is neither plain nor says itself when it equals another counts as changed, so that a change is never missed. */
const isSameValue = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  const kind = Object.getPrototypeOf(a)
  if (kind !== Object.getPrototypeOf(b)) return false
  if (kind === null || kind === Object.prototype || kind === Array.prototype) return isSameIn(a as Fields, b as Fields)
  if (a instanceof Uint8Array) return equalBytes(a, b as Uint8Array)
  return (a instanceof Date || Equal.isEqual(a)) && Equal.equals(a, b)
}
