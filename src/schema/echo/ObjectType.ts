/**
 * The types of objects, given by Effect Schema fields: what an application may write, and how what peers wrote is read.
 *
 * Peers may have written anything under a type's name. What does not fit is an `ObjectInvalid`, a value beside the others, and never
 * an exception: no peer can break another's query. docs/format.md#objects
 */
import * as Data from "effect/Data"
import type * as Schema from "effect/Schema"
import { ArgumentInvalid, isObject } from "../platform/ArgumentInvalid.ts"
import { create, type Dot, type Mutation, put, remove, type Value } from "./ChangeSet.ts"
import { differences } from "./Differences.ts"
import type { FeedTable } from "./FeedTable.ts"
import { formatObjectId, parseObjectId } from "./ObjectId.ts"
import type { Entry, Objects } from "./Objects.ts"
import { compileProperty, isStorableKey, type Property, Refused } from "./Property.ts"
import { fittingAt, shownAt } from "./Shown.ts"

/** Properties by name, each a Schema that needs no services. Optional ones by `Schema.optionalKey`. */
export type Fields = { readonly [key: string]: Schema.ConstraintCodec<unknown, unknown> }

/** A type of objects. Made by `ObjectType.make`. */
export interface ObjectType<Name extends string = string, F extends Fields = Fields> {
  readonly name: Name
  readonly version: number
  readonly fields: F
  /** The compiled fields, for Troupe itself. */
  readonly properties: ReadonlyMap<string, Property>
  /** Whether no property can hold a record. */
  readonly isFlat: boolean
}

/** What `create` takes. */
export type PropsOf<T extends ObjectType> = Schema.Struct.Type<T["fields"]>

/** What one gets: a frozen plain object. */
export type ObjectOf<T extends ObjectType> = { readonly id: string } & PropsOf<T>

type OptionalKeys<F extends Fields> = Schema.Struct.TypeOptionalKeys<F>

/** What `update` takes: some of the properties; `undefined` removes an optional one. */
export type PatchOf<T extends ObjectType> = {
  readonly [K in Exclude<keyof T["fields"], OptionalKeys<T["fields"]>>]?: T["fields"][K]["Type"]
} & { readonly [K in OptionalKeys<T["fields"]>]?: T["fields"][K]["Type"] | undefined }

const make = <const Name extends string, const F extends Fields>(
  name: Name,
  fields: F,
  options?: { readonly version?: number }
): ObjectType<Name, F> => {
  const version = options?.version ?? 1
  const invalid = (reason: string): never => {
    throw new TypeInvalid({ type: name, reason })
  }
  if (name === "" || !isStorableKey(name)) invalid("its name must have 1 to 256 bytes")
  if (!Number.isSafeInteger(version) || version < 0) invalid("its version must be a whole number from 0")
  const properties = new Map<string, Property>()
  for (const [key, schema] of Object.entries(fields)) {
    if (key === "id" || !isStorableKey(key)) invalid(`a property cannot be named "${key}"`)
    properties.set(key, compileProperty(key, schema))
  }
  const isFlat = [...properties.values()].every(({ isPlain }) => isPlain)
  return Object.freeze({ name, version, fields, properties, isFlat })
}

export const ObjectType = { make }

/** Throws unless a call was given a type of objects. */
export const demandType = (call: string, type: unknown): void => {
  if (isObject(type) && type.properties instanceof Map) return
  throw new ArgumentInvalid({ call, takes: "a type of objects first (as ObjectType.make answers it)", given: type })
}

/** The types that a program used in a space, by name: so an object is known by its id, where one type has its name. */
export class TypeIndex {
  private readonly byName = new Map<string, ObjectType | null>()

  note(type: ObjectType): void {
    const known = this.byName.get(type.name)
    if (known === undefined) this.byName.set(type.name, type)
    else if (known !== type) this.byName.set(type.name, null)
  }

  ofEntry(entry: Entry | null): ObjectType | undefined {
    const name = entry?.kind?.name
    return name === undefined ? undefined : (this.byName.get(name) ?? undefined)
  }
}

/** A type was defined as it cannot be. Thrown by `ObjectType.make`: the program itself must change. */
export class TypeInvalid extends Data.TaggedError("TypeInvalid")<{ readonly type: string; readonly reason: string }> {
  override get message() {
    return `the object type "${this.type}" cannot be defined: ${this.reason}.`
  }
}

/** A property cannot be written. */
export class PropertyInvalid extends Data.TaggedError("PropertyInvalid")<{
  readonly type: string
  readonly property: string
  readonly reason: string
}> {
  override get message() {
    return `${this.type}.${this.property} cannot be written: ${this.reason}.`
  }
}

/** An object does not fit the type that it is read as. It is kept, merges on, and can be updated as any object. */
export class ObjectInvalid<T extends ObjectType = ObjectType> extends Data.TaggedError("ObjectInvalid")<{
  readonly id: string
  readonly type: string
  /** The first property that is missing or has no value that fits; null when it is the whole object. */
  readonly property: string | null
  readonly reason: string
}> {
  /** The type that it was read as; for the compiler alone. */
  declare readonly readAs?: T
  override get message() {
    const advice =
      this.property === null
        ? "Read it as the type that it is of."
        : `Update it with a value for ${this.property} that fits, delete it, or read it as another type.`
    return `object ${this.id} does not fit the type ${this.type}: ${this.reason}. ${advice}`
  }
}

// Writing -----------------------------------------------------------------------------------------------------------------------

const refused = (type: ObjectType, property: string, reason: string): PropertyInvalid =>
  new PropertyInvalid({ type: type.name, property, reason })

const unknownKey = (type: ObjectType, given: object): string | undefined =>
  Object.keys(given).find((key) => !type.properties.has(key))

const notAProperty = (type: ObjectType): string =>
  `${type.name} has no such property, only ${[...type.properties.keys()].join(", ")}`

/**
 * Adds the mutations that make an object with these properties: a create, then a put for each. The object's id is (feed, counter).
 * Answers why not, or null; when it refuses, what it added is to be thrown away.
 */
export const creating = <T extends ObjectType>(
  type: T,
  props: PropsOf<T>,
  feed: number,
  counter: number,
  into: Array<Mutation>
): PropertyInvalid | null => {
  const given = props as { readonly [key: string]: unknown }
  into.push(create(type.name, type.version))
  let known = 0
  for (const property of type.properties.values()) {
    const value = given[property.key]
    if (value === undefined) {
      if (!property.isOptional) return refused(type, property.key, "it is missing")
      if (Object.hasOwn(given, property.key)) known++
      continue
    }
    const stored = property.encode(value)
    if (stored instanceof Refused) return refused(type, property.key, stored.reason)
    into.push(put(feed, counter, property.path, stored))
    known++
  }
  if (Object.keys(given).length === known) return null
  const unknown = unknownKey(type, given)
  return unknown === undefined ? null : refused(type, unknown, notAProperty(type))
}

/**
 * Adds the mutations of a patch. Of a nested record only the leaves that differ from `entry` are written, so that others' edits beside
 * them survive; without an entry the whole record is. Answers why not, or null; when it refuses, what it added is to be thrown away.
 */
export const updating = <T extends ObjectType>(
  type: T,
  feed: number,
  counter: number,
  entry: Entry | null,
  patch: PatchOf<T>,
  into: Array<Mutation>
): PropertyInvalid | null => {
  const given = patch as { readonly [key: string]: unknown }
  for (const key of Object.keys(given)) {
    const property = type.properties.get(key)
    if (property === undefined) return refused(type, key, notAProperty(type))
    const value = given[key]
    if (value === undefined) {
      if (!property.isOptional) return refused(type, key, "it is required and cannot be removed")
      into.push(remove(feed, counter, property.path))
      continue
    }
    const stored = property.encode(value)
    if (stored instanceof Refused) return refused(type, key, stored.reason)
    const edits = entry === null || property.isPlain ? null : differences(entry, key, stored)
    if (edits === null) into.push(put(feed, counter, property.path, stored))
    else for (const edit of edits) into.push(asMutation(feed, counter, edit.path, edit.value))
  }
  return null
}

const asMutation = (feed: number, counter: number, path: ReadonlyArray<string>, value: Value | undefined): Mutation =>
  value === undefined ? remove(feed, counter, path) : put(feed, counter, path, value)

// Reading -----------------------------------------------------------------------------------------------------------------------

/** What an object that applications see keeps hidden: its type, and its dot in a space's numbers. */
class Origin {
  readonly type: ObjectType
  readonly feeds: FeedTable
  readonly feed: number
  readonly counter: number
  constructor(type: ObjectType, feeds: FeedTable, feed: number, counter: number) {
    this.type = type
    this.feeds = feeds
    this.feed = feed
    this.counter = counter
  }
}

const originKey = Symbol.for("troupe/Origin")

const originOf = (object: object): Origin | undefined => (object as { readonly [originKey]?: Origin })[originKey]

const withOrigin = <A extends object>(object: A, origin: Origin): A =>
  Object.freeze(Object.defineProperty(object, originKey, { value: origin }))

/** The type that an object was read as, so that `update(object, patch)` needs no other word. */
export const typeOf = (object: object): ObjectType | undefined => originOf(object)?.type

/** The dot of an object in a space's numbers; null when it is not of this space. */
export const dotOf = (object: { readonly id: string }, feeds: FeedTable): Dot | null => {
  const origin = originOf(object)
  return origin !== undefined && origin.feeds === feeds ? origin : parseObjectId(object.id, feeds)
}

/** An object as applications see it; the same one until it changes. */
export const read = <T extends ObjectType>(type: T, objects: Objects, entry: Entry): ObjectOf<T> | ObjectInvalid => {
  const { snapshot } = entry
  // made below, from this type
  if (snapshot !== null && typeOf(snapshot) === type) return snapshot as ObjectOf<T> | ObjectInvalid
  const made = snapshotOf(type, objects, entry)
  entry.snapshot = made
  return made as ObjectOf<T> | ObjectInvalid
}

const snapshotOf = (type: ObjectType, objects: Objects, entry: Entry): object => {
  const id = objects.id(entry)
  const origin = new Origin(type, objects.feeds, entry.feed, entry.counter)
  const invalid = (property: string | null, reason: string) => {
    if (property !== null) objects.unfit.set(entry, type)
    return withOrigin(new ObjectInvalid({ id, type: type.name, property, reason }), origin)
  }
  if (entry.kind === null) return invalid(null, "who created it is not known")
  if (entry.kind.name !== type.name) return invalid(null, `it is a ${entry.kind.name}`)
  const object: { [key: string]: unknown } = { id }
  for (const property of type.properties.values()) {
    const place = entry.shape.find(property.key)
    const stored = place < 0 ? undefined : shownAt(objects.feeds, entry, place)
    if (stored === undefined) {
      if (property.isOptional) continue
      return invalid(property.key, `${property.key} is missing`)
    }
    const value = property.decode(stored)
    if (!(value instanceof Refused)) object[property.key] = value
    else {
      const fitting = fittingAt(objects.feeds, entry, place, property.form)
      if (fitting !== undefined) object[property.key] = property.decode(fitting)
      else if (!property.isOptional) return invalid(property.key, `${property.key}: ${value.reason}`)
    }
  }
  return withOrigin(object, origin)
}

/** How many objects were met that do not fit the type that they were read as, those left out that are deleted or fit by now. */
export const unfitCount = (objects: Objects): number => {
  let count = 0
  for (const [entry, type] of objects.unfit) {
    if (!(read(type, objects, entry) instanceof ObjectInvalid)) objects.unfit.delete(entry)
    else if (!entry.isDeleted) count++
  }
  return count
}

/** The object that `creating` will have made, before it is merged. `props` are valid. */
export const drafted = <T extends ObjectType>(
  type: T,
  feeds: FeedTable,
  feed: number,
  counter: number,
  props: PropsOf<T>
): ObjectOf<T> => {
  const given = props as { readonly [key: string]: unknown }
  const object: { [key: string]: unknown } = { id: formatObjectId(feeds.text(feed), counter) }
  for (const property of type.properties.values()) {
    const value = given[property.key]
    const stored = value === undefined ? undefined : property.encode(value)
    if (stored !== undefined && !(stored instanceof Refused)) object[property.key] = property.decode(stored)
  }
  // made of the type's own properties
  return withOrigin(object, new Origin(type, feeds, feed, counter)) as ObjectOf<T>
}
