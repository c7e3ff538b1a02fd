/**
 * A model of merging, so dumb that one can see that it is right: it keeps every write for ever and looks at all of them in the end.
 *
 * A write stands when no other write at its place, above it or below it had seen it. What a change set had seen is the sum of what
 * its feed ever declared. No order of arrival, no index, no superseding on the way. It shares with the product the canonical bytes of
 * an object and the sum of hashes, and nothing that decides. The rules: docs/format.md#objects.
 */
import { createHash } from "node:crypto"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import type { Value } from "../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../src/schema/echo/FeedTable.ts"
import {
  type CanonicalEntry,
  encodeObject,
  headerValue,
  kindHeader,
  kindLife,
  kindPlace,
  kindRecord,
  placeValue,
  StateSum
} from "../src/schema/echo/StateHash.ts"

export type Mutation =
  | { readonly op: "create"; readonly type: string; readonly version: number }
  | { readonly op: "put"; readonly object: string; readonly path: ReadonlyArray<string>; readonly value: Value }
  | { readonly op: "remove"; readonly object: string; readonly path: ReadonlyArray<string> }
  | { readonly op: "life"; readonly object: string; readonly isDeleted: boolean }

/** A change set as a receipt tells it, with what it did. Mutation i has the dot (feed, first + i). */
export interface Change {
  readonly feed: string
  readonly first: number
  readonly time: number
  readonly deps: ReadonlyArray<{ readonly feed: string; readonly counter: number }>
  readonly mutations: ReadonlyArray<Mutation>
}

export interface Outcome {
  readonly stateHash: string
  /** Registers with more than one head. */
  readonly conflicts: number
  /** Objects that are not deleted, by type. */
  readonly objects: { readonly [type: string]: number }
}

/** What its writer had seen: the last counter of each feed, its own up to right before the write. */
interface Write {
  readonly feed: number
  readonly counter: number
  readonly time: number
  readonly seen: ReadonlyMap<number, number>
  readonly kind: number
  readonly path: ReadonlyArray<string>
  /** What stands there if nobody has seen it; undefined for a removal. */
  readonly value: Value | undefined
  readonly isMarker: boolean
}

interface Thing {
  /** Null of an orphan: what made it is void. */
  readonly type: string | null
  readonly feed: number
  readonly counter: number
  readonly writes: Array<Write>
}

const marker: Value = Object.freeze(Object.create(null) as { readonly [key: string]: Value })
const position = Uint8Array.of(0x80)
const hash = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

const isRecord = (value: Value): value is { readonly [key: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** A put of a record is a marker where it stands, and a write of each leaf. */
const leaves = (path: ReadonlyArray<string>, value: Value): ReadonlyArray<readonly [ReadonlyArray<string>, Value, boolean]> =>
  isRecord(value)
    ? [[path, marker, true], ...Object.entries(value).flatMap(([key, below]) => leaves([...path, key], below))]
    : [[path, value, false]]

const saw = (later: Write, earlier: Write): boolean =>
  later.feed === earlier.feed ? later.counter > earlier.counter : (later.seen.get(earlier.feed) ?? 0) >= earlier.counter

const isAtOrBelow = (path: ReadonlyArray<string>, above: ReadonlyArray<string>): boolean =>
  path.length >= above.length && above.every((key, i) => path[i] === key)

/** Whether `later` takes `earlier` away: at its path and below all that it saw, on the way down to it all but the records. */
const replaces = (later: Write, earlier: Write): boolean =>
  later.kind === earlier.kind &&
  saw(later, earlier) &&
  (isAtOrBelow(earlier.path, later.path) || (!earlier.isMarker && isAtOrBelow(later.path, earlier.path)))

export class Naive {
  private readonly feeds = new FeedTable()
  private readonly things = new Map<string, Thing>()

  /** Folds change sets, given in any order. Orphans are objects whose making is void; what is written to them is kept. */
  constructor(changes: Iterable<Change>, orphans: Iterable<string> = []) {
    const byFeed = new Map<string, Array<Change>>()
    for (const change of changes) {
      const ofFeed = byFeed.get(change.feed)
      if (ofFeed === undefined) byFeed.set(change.feed, [change])
      else ofFeed.push(change)
    }
    const stamped: Array<{ readonly change: Change; readonly seen: ReadonlyMap<number, number> }> = []
    for (const ofFeed of byFeed.values()) {
      let seen: ReadonlyMap<number, number> = new Map()
      for (const change of ofFeed.sort((a, b) => a.first - b.first)) {
        if (change.deps.length > 0) seen = this.raise(seen, change)
        stamped.push({ change, seen })
      }
    }
    for (const { change } of stamped) this.create(change)
    for (const id of orphans) {
      const [feed, counter] = id.split(".")
      this.things.set(id, { type: null, feed: this.feed(feed!), counter: Number(counter), writes: [] })
    }
    for (const { change, seen } of stamped) this.write(change, seen)
  }

  private feed(text: string): number {
    return this.feeds.intern(Result.getOrThrow(Base64Url.decode(text)))
  }

  private raise(seen: ReadonlyMap<number, number>, change: Change): ReadonlyMap<number, number> {
    const raised = new Map(seen)
    for (const dep of change.deps) {
      const feed = this.feed(dep.feed)
      raised.set(feed, Math.max(raised.get(feed) ?? 0, dep.counter))
    }
    return raised
  }

  private create(change: Change): void {
    change.mutations.forEach((mutation, i) => {
      if (mutation.op !== "create") return
      const feed = this.feed(change.feed)
      const counter = change.first + i
      const thing: Thing = { type: mutation.type, feed, counter, writes: [] }
      const made = { feed, counter, time: change.time, seen: new Map<number, number>(), path: [], isMarker: false }
      thing.writes.push({ ...made, kind: kindHeader, value: headerValue(mutation.type, mutation.version) })
      thing.writes.push({ ...made, kind: kindPlace, value: placeValue(position) })
      this.things.set(`${change.feed}.${counter}`, thing)
    })
  }

  private write(change: Change, seen: ReadonlyMap<number, number>): void {
    const feed = this.feed(change.feed)
    change.mutations.forEach((mutation, i) => {
      if (mutation.op === "create") return
      const thing = this.things.get(mutation.object) ?? this.profile(mutation.object)
      if (thing === undefined) throw new Error(`the model knows no object ${mutation.object}, which was written to`)
      const made = { feed, counter: change.first + i, time: change.time, seen }
      if (mutation.op === "life")
        thing.writes.push({ ...made, kind: kindLife, path: [], value: mutation.isDeleted, isMarker: false })
      else if (mutation.op === "remove")
        thing.writes.push({ ...made, kind: kindRecord, path: mutation.path, value: undefined, isMarker: false })
      else
        for (const [path, value, isMarker] of leaves(mutation.path, mutation.value))
          thing.writes.push({ ...made, kind: kindRecord, path, value, isMarker })
    })
  }

  /** The profile of a feed is there without having been made. */
  private profile(id: string): Thing | undefined {
    const [feed, counter] = id.split(".")
    if (counter !== "0") return undefined
    const thing: Thing = { type: null, feed: this.feed(feed!), counter: 0, writes: [] }
    this.things.set(id, thing)
    return thing
  }

  /** How many heads stand at a property of an object. */
  headsAt(object: string, key: string): number {
    const thing = this.things.get(object)
    const entry = thing && places(thing).find(({ kind, path }) => kind === kindRecord && path.length === 1 && path[0] === key)
    return entry?.heads.length ?? 0
  }

  outcome(): Outcome {
    const sum = new StateSum()
    const objects: { [type: string]: number } = {}
    let conflicts = 0
    for (const thing of this.things.values()) {
      const entries = places(thing)
      if (entries.length === 0) continue
      sum.add(encodeObject(this.feeds, thing, entries), hash)
      conflicts += entries.filter((entry) => isContested(entry, entries)).length
      if (thing.type !== null && !isDeleted(entries, this.feeds)) objects[thing.type] = (objects[thing.type] ?? 0) + 1
    }
    return { stateHash: sum.hex(), conflicts, objects }
  }
}

/** The writes that stand, by place. */
const places = (thing: Thing): ReadonlyArray<CanonicalEntry> => {
  const byPlace = new Map<string, { kind: number; path: ReadonlyArray<string>; heads: Array<CanonicalEntry["heads"][number]> }>()
  for (const write of thing.writes) {
    const { counter, feed, kind, path, time, value } = write
    if (value === undefined || thing.writes.some((other) => replaces(other, write))) continue
    const name = JSON.stringify([kind, path])
    const place = byPlace.get(name) ?? { kind, path, heads: [] }
    place.heads.push({ feed, counter, time, value })
    byPlace.set(name, place)
  }
  return [...byPlace.values()]
}

/** Two plain values at one place, or one beside a record. */
const isContested = ({ heads, kind, path }: CanonicalEntry, entries: ReadonlyArray<CanonicalEntry>): boolean => {
  const plain = heads.filter(({ value }) => value !== marker).length
  if (kind !== kindRecord || plain === 0) return false
  const isRecordHere =
    plain < heads.length || entries.some((below) => below.path.length > path.length && isAtOrBelow(below.path, path))
  return plain > 1 || isRecordHere
}

/** Of concurrent deletes and restores the greatest (time, feed, counter) is shown. */
const isDeleted = (entries: ReadonlyArray<CanonicalEntry>, feeds: FeedTable): boolean => {
  const heads = [...(entries.find(({ kind }) => kind === kindLife)?.heads ?? [])]
  heads.sort((a, b) => a.time - b.time || Buffer.compare(feeds.id(a.feed), feeds.id(b.feed)) || a.counter - b.counter)
  return heads.at(-1)?.value === true
}
