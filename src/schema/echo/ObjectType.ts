/**
 * The types of objects, given by Effect Schema fields: what an application may write, and how what peers wrote is read.
 *
 * Peers may have written anything under a type's name. What does not fit is an `ObjectInvalid`, a value beside the others, and never
 * an exception: no peer can break another's query. docs/format.md#objects
 */
import * as Data from "effect/Data"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { Mutation } from "./ChangeSet.ts"
import type { Entry, Objects } from "./Objects.ts"

/** Properties by name, each a Schema that needs no services. Optional ones by `Schema.optionalKey`. */
export type Fields = { readonly [key: string]: Schema.ConstraintCodec<unknown, unknown> }

export interface ObjectType<Name extends string = string, F extends Fields = Fields> {
  readonly name: Name
  readonly version: number
  readonly fields: F
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

/** A property cannot be written. */
export class PropertyInvalid extends Data.TaggedError("PropertyInvalid")<{
  readonly type: string
  readonly property: string
  readonly reason: string
}> {
  override get message() {
    return `${this.type}.${this.property} cannot be written: ${this.reason}`
  }
}

/** An object does not fit the type that it is read as. It is kept and merges on. */
export class ObjectInvalid extends Data.TaggedError("ObjectInvalid")<{
  readonly id: string
  readonly type: string
  readonly reason: string
}> {
  override get message() {
    return `object ${this.id} does not fit the type ${this.type}: ${this.reason}. Update it to values that fit, or read it as another type.`
  }
}

const make = <const Name extends string, const F extends Fields>(
  _name: Name,
  _fields: F,
  _options?: { readonly version?: number }
): ObjectType<Name, F> => {
  throw new Error("being written")
}

export const ObjectType = { make }

/** The mutations that make an object with these properties: a create, then a put for each. The object's id is (feed, counter). */
export declare const creating: <T extends ObjectType>(
  type: T,
  props: PropsOf<T>,
  feed: number,
  counter: number
) => Result.Result<Array<Mutation>, PropertyInvalid>

/** The mutations of a patch. Of a nested record only the leaves that differ are written, so that others' edits beside them survive. */
export declare const updating: <T extends ObjectType>(
  type: T,
  entry: Entry,
  patch: PatchOf<T>
) => Result.Result<Array<Mutation>, PropertyInvalid>

/** An object as applications see it; the same one until it changes. */
export declare const read: <T extends ObjectType>(type: T, objects: Objects, entry: Entry) => ObjectOf<T> | ObjectInvalid

/** The type that an object was read as, so that `update(object, patch)` needs no other word. */
export declare const typeOf: (object: object) => ObjectType | undefined
