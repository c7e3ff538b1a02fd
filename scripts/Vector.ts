/**
 * One published vector, whatever its kind: what a Crypto layer, or a function over one, has to answer.
 */
import type * as Effect from "effect/Effect"
import type { Crypto } from "../src/services/platform/Crypto.ts"

export interface Vector {
  readonly name: string
  /** Whether this layer answers as the vector says. */
  readonly holds: (crypto: Crypto["Service"]) => Effect.Effect<boolean>
}

export const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

export const bytes = (hex: string): Uint8Array => {
  if (!/^([0-9a-f]{2})*$/i.test(hex)) throw new Error(`${hex.slice(0, 40)} is not hexadecimal`)
  return new Uint8Array(Buffer.from(hex, "hex"))
}

export const field = (value: unknown, name: string): unknown => {
  if (typeof value !== "object" || value === null || !(name in value)) throw new Error(`a vector without ${name}`)
  return Object.getOwnPropertyDescriptor(value, name)?.value
}

export const hexField = (value: unknown, name: string): Uint8Array => bytes(String(field(value, name)))

export const array = (value: unknown): ReadonlyArray<unknown> => {
  if (!Array.isArray(value)) throw new Error("no list of vectors where one was expected")
  return value
}
