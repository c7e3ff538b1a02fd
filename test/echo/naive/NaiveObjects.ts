/**
 * The rules of objects told again, as dumbly as possible: one flat list of heads, searched from end to end for everything.
 *
 * It shares only the in-memory types of change sets, the codec and the canonical encoding with what it judges.
 */
import { type ChangeSet, ObjectRef, opCreate, opLife, opPut, type Value } from "../../../src/schema/echo/ChangeSet.ts"
import type { FeedTable } from "../../../src/schema/echo/FeedTable.ts"
import { withheld, withheldMarker } from "../../../src/schema/echo/Registers.ts"
import { type CanonicalEntry, encodeObject, headerValue, placeValue } from "../../../src/schema/echo/StateHash.ts"

interface NaiveHead {
  readonly object: string
  readonly kind: number
  readonly path: ReadonlyArray<string>
  readonly feed: number
  readonly counter: number
  readonly time: number
  readonly isMarker: boolean
  readonly isWithheld: boolean
  readonly value: Value
}

const startsWith = (path: ReadonlyArray<string>, prefix: ReadonlyArray<string>): boolean =>
  prefix.every((key, i) => path[i] === key) && path.length >= prefix.length

const isMap = (value: Value): value is { readonly [key: string]: Value } =>
  value !== null &&
  typeof value === "object" &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof ObjectRef)

const refsOf = (value: Value): ReadonlyArray<ObjectRef> => {
  if (value instanceof ObjectRef) return [value]
  if (Array.isArray(value)) return value.flatMap(refsOf)
  return isMap(value) ? Object.values(value).flatMap(refsOf) : []
}

export class NaiveObjects {
  heads: Array<NaiveHead> = []
  private readonly feeds: FeedTable

  constructor(feeds: FeedTable) {
    this.feeds = feeds
  }

  /** All feed numbers are local here. */
  apply(changeSet: ChangeSet, author: number, context: ReadonlyArray<number>, isWithheld = false): boolean {
    const isSeen = (feed: number, counter: number, own: number): boolean =>
      counter >= 1 && (feed === author ? counter < own : counter <= (context[feed] ?? 0))
    const isLawful = changeSet.mutations.every((mutation, i) => {
      const own = changeSet.first + i
      if (mutation.op === opCreate) return true
      const isOwnProfile = mutation.feed === author && mutation.counter === 0
      return (
        (isOwnProfile || isSeen(mutation.feed, mutation.counter, own)) &&
        refsOf(mutation.value).every((ref) => isSeen(ref.feed, ref.counter, own))
      )
    })
    if (!isLawful) return false
    changeSet.mutations.forEach((mutation, i) => {
      const counter = changeSet.first + i
      const at = { feed: author, counter, time: changeSet.time, isWithheld }
      const covered = (head: NaiveHead): boolean =>
        !isWithheld && (head.feed === author ? head.counter < counter : head.counter <= (context[head.feed] ?? 0))
      if (mutation.op === opCreate) {
        const object = `${author}.${counter}`
        const value = headerValue(mutation.name, mutation.number)
        const place = placeValue(mutation.value as Uint8Array)
        this.heads.push({ object, kind: 0, path: [], ...at, isMarker: false, value })
        this.heads.push({ object, kind: 1, path: [], ...at, isMarker: false, value: place })
        return
      }
      const object = `${mutation.feed}.${mutation.counter}`
      if (mutation.op === opLife) {
        this.heads = this.heads.filter((head) => !(head.object === object && head.kind === 2 && covered(head)))
        this.heads.push({ object, kind: 2, path: [], ...at, isMarker: false, value: mutation.value })
        return
      }
      const { path } = mutation
      this.heads = this.heads.filter((head) => {
        if (head.object !== object || head.kind !== 3 || !covered(head)) return true
        if (startsWith(head.path, path)) return false
        return !(startsWith(path, head.path) && !head.isMarker)
      })
      if (mutation.op === opPut) this.put(object, path, mutation.value, at)
    })
    return true
  }

  private put(
    object: string,
    path: ReadonlyArray<string>,
    value: Value,
    at: Pick<NaiveHead, "feed" | "counter" | "time" | "isWithheld">
  ) {
    if (!isMap(value)) {
      this.heads.push({ object, kind: 3, path, ...at, isMarker: false, value })
      return
    }
    this.heads.push({ object, kind: 3, path, ...at, isMarker: true, value: Object.create(null) })
    for (const key of Object.keys(value)) this.put(object, [...path, key], value[key]!, at)
  }

  private compare(a: NaiveHead, b: NaiveHead): number {
    if (a.time !== b.time) return a.time - b.time
    const aFeed = Buffer.from(this.feeds.id(a.feed)).toString("hex")
    const bFeed = Buffer.from(this.feeds.id(b.feed)).toString("hex")
    if (aFeed !== bFeed) return aFeed < bFeed ? -1 : 1
    return a.counter - b.counter
  }

  /** The heads at a path of a record and below it that anybody is shown. */
  private within(object: string, path: ReadonlyArray<string>): ReadonlyArray<NaiveHead> {
    return this.heads.filter(
      (head) => head.object === object && head.kind === 3 && startsWith(head.path, path) && !head.isWithheld
    )
  }

  private greatest(heads: ReadonlyArray<NaiveHead>): NaiveHead | undefined {
    return heads
      .filter((head) => !head.isWithheld)
      .sort((a, b) => this.compare(a, b))
      .at(-1)
  }

  /** What is shown at a path; records as plain sorted JSON-like objects. */
  shown(object: string, path: ReadonlyArray<string>): Value | undefined {
    const within = this.within(object, path)
    const scalar = this.greatest(within.filter((head) => head.path.length === path.length && !head.isMarker))
    const record = this.greatest(within.filter((head) => head.path.length > path.length || head.isMarker))
    if (record === undefined) return scalar?.value
    if (scalar !== undefined && this.compare(scalar, record) > 0) return scalar.value
    const shown = Object.create(null) as { [key: string]: Value }
    for (const head of within) {
      if (head.path.length === path.length) continue
      const key = head.path[path.length]!
      shown[key] = this.shown(object, [...path, key])!
    }
    return shown
  }

  objects(): ReadonlyArray<string> {
    return [...new Set(this.heads.map((head) => head.object))]
  }

  keys(object: string): ReadonlyArray<string> {
    return [...new Set(this.heads.filter((head) => head.object === object && head.kind === 3).map((head) => head.path[0]!))]
  }

  isDeleted(object: string): boolean {
    return this.greatest(this.heads.filter((head) => head.object === object && head.kind === 2))?.value === true
  }

  /** How many values `conflicts` lists. */
  values(object: string, path: ReadonlyArray<string>): number {
    const within = this.within(object, path)
    const plain = within.filter((head) => head.path.length === path.length && !head.isMarker)
    return plain.length + Number(plain.length < within.length)
  }

  /** Whether anything of it is shown, so that it can be found. */
  isThere(object: string): boolean {
    return this.heads.some((head) => head.object === object && !head.isWithheld)
  }

  /** Whether its create is not here or withheld, and it is no profile that was written. */
  isUntyped(object: string): boolean {
    const seen = this.heads.filter((head) => head.object === object && !head.isWithheld)
    return seen.length === 0 || (!object.endsWith(".0") && !seen.some(({ kind }) => kind === 0))
  }

  canonical(object: string): Uint8Array {
    const [feed, counter] = object.split(".").map(Number)
    const places = new Map<string, CanonicalEntry>()
    for (const head of this.heads.filter((each) => each.object === object)) {
      const place = JSON.stringify([head.kind, head.path])
      const before = places.get(place)?.heads ?? []
      const value = !head.isWithheld ? head.value : head.isMarker ? withheldMarker : withheld
      places.set(place, { kind: head.kind, path: head.path, heads: [...before, { ...head, value }] })
    }
    return encodeObject(this.feeds, { feed: feed!, counter: counter! }, [...places.values()])
  }
}
