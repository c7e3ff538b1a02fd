/**
 * What an untyped program can get wrong about a public function: told at the call, not as a `TypeError` from the depths.
 *
 * It is a defect: the program must change, and no caller can go on from it.
 */
import * as Data from "effect/Data"

/** A function was given what it does not take. */
export class ArgumentInvalid extends Data.TaggedError("ArgumentInvalid")<{
  readonly call: string
  readonly takes: string
  readonly given: unknown
}> {
  override get message() {
    return `${this.call} takes ${this.takes}, and was given ${describe(this.given)}.`
  }
}

/** A value in a few words. */
export const describe = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === "function") return "a function"
  if (value === null || typeof value !== "object") return String(value)
  return Array.isArray(value) ? "an array" : value instanceof Uint8Array ? "bytes" : "an object"
}

/** Whether a value has properties to be read: an object that is no array. */
export const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Throws unless it is such an object. */
export const demandObject = (call: string, takes: string, given: unknown): void => {
  if (!isObject(given)) throw new ArgumentInvalid({ call, takes, given })
}
