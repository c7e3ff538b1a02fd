/**
 * The objects of one space: the dot store into which change sets are merged.
 *
 * State is the heads that no later write has seen, and nothing else: no tombstones, no history, and the order in which change sets
 * arrive does not matter, so long as each comes after what its writer had seen. Plain functions on plain data, because every change of
 * every peer passes here. Rules: docs/format.md#objects; heads at paths: Registers.ts; what is shown: Shown.ts.
 */
import { type ChangeSet, type Mutation, ObjectRef, opCreate, opLife, opPut, opRemove, type Value } from "./ChangeSet.ts"
import type { FeedTable } from "./FeedTable.ts"
import { formatObjectId, parseObjectId } from "./ObjectId.ts"
import type { ObjectType } from "./ObjectType.ts"
import { profileCounter, profileType, profileVersion } from "./Profile.ts"
import { Head, isEmpty, isPlain, putValue, RecordCells, removeValue, Seen, Stamp, withheld, withholdValue } from "./Registers.ts"
import { type Shape, ShapeFamily } from "./Shape.ts"
import { type Conflict, conflictsAt, greatestHead, isAnyShown, isBranchedAt, shownAt } from "./Shown.ts"

export type { Conflict }

/** A type of objects as created: its name and version. Shared by all its objects. */
export class Kind {
  readonly name: string
  readonly version: number
  /** Its newest object; the next will need as many cells. */
  newest: Entry | null = null
  constructor(name: string, version: number) {
    this.name = name
    this.version = version
  }
}

/** One object: its properties' heads, and those of its header, place and life. */
export class Entry extends RecordCells {
  readonly feed: number
  readonly counter: number
  /** null while the header is not here, or withheld: the object is an orphan. */
  kind: Kind | null = null
  /** The stamp of the create, which counts when there is a kind and else is withheld; its counter is the object's. */
  created: Stamp | null = null
  position: Uint8Array | null = null
  life: Array<Head> = noHeads
  isDeleted = false
  /** What `ObjectType` keeps of it until it changes. */
  snapshot: object | null = null

  constructor(feed: number, counter: number, shape: Shape) {
    super(shape, [])
    this.feed = feed
    this.counter = counter
  }
}

/** Shared by all objects without any, and never written to. */
const noHeads: Array<Head> = []

/** What change sets have changed: pairs of an object and the property (null: whether the object is there at all). */
export class Changes {
  readonly entries: Array<Entry> = []
  readonly keys: Array<string | null> = []

  add(entry: Entry, key: string | null): void {
    this.entries.push(entry)
    this.keys.push(key)
  }

  clear(): void {
    this.entries.length = 0
    this.keys.length = 0
  }
}

/** Feed numbers of a decoded change set as local ones, −1 where a feed is not known here; null when they are local already. */
export type FeedOf = ReadonlyArray<number> | null

export class Objects {
  readonly feeds: FeedTable
  /** The greatest time of a merged change set. */
  greatestTime = 0
  /** Objects that did not fit the type that they were last read as; `unfitCount` looks again. */
  readonly unfit = new Map<Entry, ObjectType>()
  /** Change sets merged so far. */
  version = 0
  private readonly byFeed: Array<Map<number, Entry>> = []
  private readonly kinds = new Map<string, Kind>()
  private readonly byType = new Map<string, Array<Entry>>()
  private readonly headless = new Set<Entry>()
  private readonly shapes = new ShapeFamily()

  constructor(feeds: FeedTable) {
    this.feeds = feeds
  }

  find(feed: number, counter: number): Entry | undefined {
    return this.byFeed[feed]?.get(counter)
  }

  /** The object of an id as text; undefined for an unknown one, one of which all is withheld, and for what is no id. */
  findId(id: string): Entry | undefined {
    const dot = parseObjectId(id, this.feeds)
    const entry = dot === null ? undefined : this.find(dot.feed, dot.counter)
    return entry !== undefined && isThere(entry) ? entry : undefined
  }

  id(entry: Entry): string {
    return formatObjectId(this.feeds.text(entry.feed), entry.counter)
  }

  /** The profile of a feed, as far as it is not withheld; undefined when its writer has said nothing. */
  profileOf(feed: number): Entry | undefined {
    const entry = this.find(feed, profileCounter)
    return entry === undefined || entry.kind === null ? undefined : entry
  }

  /** All objects of a type, deleted ones included, in the order of their arrival. */
  ofType(name: string): ReadonlyArray<Entry> {
    return this.byType.get(name) ?? noEntries
  }

  /** Objects whose header is not here: late edits of what is gone. */
  orphans(): Iterable<Entry> {
    return [...this.headless].filter(isThere)
  }

  /** All objects, orphans, deleted ones and those of which all is withheld included. */
  *all(): Generator<Entry> {
    for (const entries of this.byFeed) if (entries !== undefined) yield* entries.values()
  }

  /** The value shown of a property. */
  shown(entry: Entry, key: string): Value | undefined {
    const place = entry.shape.find(key)
    return place < 0 ? undefined : shownAt(this.feeds, entry, place)
  }

  /** Whether another value of a property than the one shown may be the one that a type accepts. */
  isBranched(entry: Entry, key: string): boolean {
    const place = entry.shape.find(key)
    return place >= 0 && isBranchedAt(entry, place)
  }

  /** All values at a property, or at a path below one, that concurrent writes left; the one shown first. */
  conflicts(entry: Entry, path: string | ReadonlyArray<string>): ReadonlyArray<Conflict> {
    return conflictsAt(this.feeds, entry, typeof path === "string" ? [path] : path)
  }

  /**
   * Merges one change set, or nothing of it when it names what its writer had not seen: then it is void, everywhere.
   * `context` gives for each local feed the counter up to which `author` had seen it; own earlier dots are always seen.
   */
  apply(changeSet: ChangeSet, author: number, context: ArrayLike<number>, feedOf: FeedOf, changes: Changes | null): boolean {
    if (!admissible(changeSet, author, context, feedOf)) return false
    const { mutations, first, time } = changeSet
    const stamp = new Stamp(author, time)
    const seen = new Seen(author, context)
    let entry: Entry | null = null
    for (let i = 0; i < mutations.length; i++) {
      const mutation = mutations[i]!
      if (mutation.op === opCreate) {
        entry = this.create(mutation, author, first + i, stamp)
        if (changes !== null) changes.add(entry, null)
        continue
      }
      const feed = feedOf === null ? mutation.feed : feedOf[mutation.feed]!
      if (mutation.op === opRemove) {
        this.remove(feed, mutation, seen, changes)
        entry = null
        continue
      }
      if (entry === null || entry.counter !== mutation.counter || entry.feed !== feed) entry = this.reach(feed, mutation.counter)
      const isFirst = entry.counter === profileCounter && entry.kind === null
      if (isFirst) this.enlist(entry, profileType, profileVersion)
      this.write(entry, mutation, first + i, stamp, seen, feedOf)
      if (changes !== null) changes.add(entry, isFirst || mutation.op === opLife ? null : mutation.path[0]!)
    }
    if (time > this.greatestTime) this.greatestTime = time
    this.version++
    return true
  }

  /**
   * Merges one change set that counts only once it is endorsed, and till then leaves placeholders: whoever has seen them replaces them,
   * as he would the values, and nobody is shown any. It is void when `apply` would say so.
   */
  withhold(changeSet: ChangeSet, author: number, context: ArrayLike<number>, feedOf: FeedOf): boolean {
    if (!admissible(changeSet, author, context, feedOf)) return false
    const { first, mutations, time } = changeSet
    const stamp = new Stamp(author, time)
    mutations.forEach((mutation, i) => {
      if (mutation.op === opCreate) this.reach(author, first + i).created = stamp
      else if (mutation.op !== opRemove) {
        const entry = this.reach(feedOf === null ? mutation.feed : feedOf[mutation.feed]!, mutation.counter)
        if (mutation.op === opPut) withholdValue(entry, mutation.path, mutation.value, stamp, first + i)
        else {
          if (entry.life === noHeads) entry.life = []
          entry.life.push(new Head(stamp, first + i, withheld))
        }
      }
    })
    if (time > this.greatestTime) this.greatestTime = time
    this.version++
    return true
  }

  private write(entry: Entry, mutation: Mutation, counter: number, stamp: Stamp, seen: Seen, feedOf: FeedOf): void {
    entry.snapshot = null
    if (mutation.op === opPut) {
      putValue(entry, mutation.path, localValue(mutation.value, feedOf), stamp, counter, seen)
      return
    }
    const others = entry.life.filter((head) => !seen.covers(head.stamp.feed, head.counter))
    entry.life = [...others, new Head(stamp, counter, mutation.value)]
    entry.isDeleted = greatestHead(this.feeds, entry.life, isPlain)!.value === true
  }

  /** A removal leaves nothing behind, not even the orphan or the profile whose last head it took. */
  private remove(feed: number, mutation: Mutation, seen: Seen, changes: Changes | null): void {
    const entry = this.find(feed, mutation.counter)
    if (entry === undefined) return
    entry.snapshot = null
    removeValue(entry, mutation.path, seen)
    if (changes !== null) changes.add(entry, mutation.path[0]!)
    if (entry.created !== null || entry.life.length > 0 || !isEmpty(entry)) return
    this.headless.delete(entry)
    this.byFeed[feed]!.delete(mutation.counter)
    if (entry.kind !== null) this.delist(entry, entry.kind)
  }

  private create(mutation: Mutation, feed: number, counter: number, stamp: Stamp): Entry {
    const entry = this.reach(feed, counter)
    if (entry.kind !== null) return entry
    this.headless.delete(entry)
    const kind = this.enlist(entry, mutation.name, mutation.number)
    if (kind.newest !== null && entry.cells.length === 0) entry.cells = new Array(cellsLike(kind.newest))
    kind.newest = entry
    entry.created = stamp
    entry.position = keptPosition(mutation.value as Uint8Array)
    entry.snapshot = null
    return entry
  }

  /** Makes an object one of a type. */
  private enlist(entry: Entry, name: string, version: number): Kind {
    const kind = this.kindOf(name, version)
    entry.kind = kind
    let entries = this.byType.get(name)
    if (entries === undefined) this.byType.set(name, (entries = []))
    entries.push(entry)
    return kind
  }

  /** A profile is gone: whoever still holds it sees it deleted. */
  private delist(entry: Entry, kind: Kind): void {
    const entries = this.byType.get(kind.name)!
    entries.splice(entries.indexOf(entry), 1)
    entry.isDeleted = true
  }

  /** The object of a dot, made as an orphan when it is not here. */
  private reach(feed: number, counter: number): Entry {
    while (this.byFeed.length <= feed) this.byFeed.push(new Map())
    const ofFeed = this.byFeed[feed]!
    const known = ofFeed.get(counter)
    if (known !== undefined) return known
    const entry = new Entry(feed, counter, this.shapes.empty)
    ofFeed.set(counter, entry)
    if (counter !== profileCounter) this.headless.add(entry)
    return entry
  }

  private kindOf(name: string, version: number): Kind {
    const key = `${version} ${name}`
    const known = this.kinds.get(key)
    if (known !== undefined) return known
    const kind = new Kind(name, version)
    this.kinds.set(key, kind)
    return kind
  }
}

const guessedKeysMax = 16
/** Room for as many keys as another object has: growing an array key by key wastes a tenth of the memory. */
const cellsLike = (other: Entry): number => 3 * Math.min(other.shape.keys.length, guessedKeysMax)

const noEntries: ReadonlyArray<Entry> = Object.freeze([])

/** Whether anything of an object is not withheld. */
const isThere = (entry: Entry): boolean => entry.kind !== null || entry.life.some(isPlain) || isAnyShown(entry)

/** Whether every dot that a change set names lies in its context, or earlier in the change set itself; of profiles it names its own alone. */
export const admissible = (changeSet: ChangeSet, author: number, context: ArrayLike<number>, feedOf: FeedOf): boolean => {
  const { mutations, first } = changeSet
  for (let i = 0; i < mutations.length; i++) {
    const mutation = mutations[i]!
    if (mutation.op === opCreate) continue
    if (mutation.counter === profileCounter) {
      if ((feedOf === null ? mutation.feed : feedOf[mutation.feed]!) !== author) return false
    } else if (!isNamed(mutation.feed, mutation.counter, author, first + i, context, feedOf)) return false
    const { value } = mutation
    if (typeof value === "object" && value !== null && !isNamedWithin(value, author, first + i, context, feedOf)) return false
  }
  return true
}

const isNamed = (
  feed: number,
  counter: number,
  author: number,
  own: number,
  context: ArrayLike<number>,
  feedOf: FeedOf
): boolean => {
  const local = feedOf === null ? feed : feedOf[feed]!
  return counter > 0 && (local === author ? counter < own : context[local]! >= counter)
}

const isNamedWithin = (value: Value, author: number, own: number, context: ArrayLike<number>, feedOf: FeedOf): boolean => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return true
  if (value instanceof ObjectRef) return isNamed(value.feed, value.counter, author, own, context, feedOf)
  const values: ReadonlyArray<Value> = Array.isArray(value) ? value : Object.values(value)
  return values.every((each) => isNamedWithin(each, author, own, context, feedOf))
}

/** A value as it is kept: local feed numbers, nothing that holds on to the block that it came in, nothing that can be written to. */
const localValue = (value: Value, feedOf: FeedOf): Value => {
  if (typeof value !== "object" || value === null || feedOf === null) return value
  if (value instanceof Uint8Array) return value.slice()
  if (value instanceof ObjectRef) return new ObjectRef(feedOf[value.feed]!, value.counter)
  if (Array.isArray(value)) return Object.freeze((value as ReadonlyArray<Value>).map((each) => localValue(each, feedOf)))
  const local = Object.create(null) as { [key: string]: Value }
  for (const key in value) local[key] = localValue((value as { readonly [key: string]: Value })[key]!, feedOf)
  return Object.freeze(local)
}

const rootPosition = Uint8Array.of(0x80)

const keptPosition = (position: Uint8Array): Uint8Array =>
  position.length === 1 && position[0] === 0x80 ? rootPosition : position.slice()
