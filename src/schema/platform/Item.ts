/**
 * What DC1 can carry, how it is ordered, and the two ways in which it can be refused.
 *
 * Apart from the codec because its reader and its writer share it. Encoding and decoding: Codec.ts.
 */
import * as Data from "effect/Data"

/** Whatever DC1 can carry. Maps are null-prototype objects. */
export type Item = null | boolean | number | string | Uint8Array | ReadonlyArray<Item> | { readonly [key: string]: Item }

/** The bytes are not DC1, or not of the shape asked for. `offset` is where; nothing of them may be used. */
export class Malformed extends Data.TaggedError("Malformed")<{ readonly reason: string; readonly offset: number }> {
  override get message() {
    return `malformed at byte ${this.offset}: ${this.reason}`
  }
}

/** The value has no DC1 form (a lone surrogate, an unsafe integer, a forbidden key, nesting too deep). */
export class Unencodable extends Data.TaggedError("Unencodable")<{ readonly reason: string }> {
  override get message() {
    return `cannot be encoded: ${this.reason}`
  }
}

const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

/** Whether a map may have this key: keys that reach into JavaScript's prototypes are refused everywhere. */
export const isKeyAllowed = (key: string): boolean => !forbiddenKeys.has(key)

/** Orders texts by their UTF-8 bytes. */
export const compareText = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // UTF-16 puts surrogates below U+E000..U+FFFF, UTF-8 above
    const xHigh = x >= 0xd800 && x <= 0xdfff
    const yHigh = y >= 0xd800 && y <= 0xdfff
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1
  }
  return a.length - b.length
}

/** Orders byte strings, unsigned. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!
  }
  return a.length - b.length
}

/** Whether two byte strings are equal. Not for secrets: its time depends on the content. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && compareBytes(a, b) === 0

/** The keys of a record whose value is present, in encoding order. Throws `Unencodable` at a forbidden key. */
export const sortedKeys = (record: { readonly [key: string]: unknown }): Array<string> => {
  const keys = Object.keys(record).filter((key) => record[key] !== undefined)
  for (const key of keys) {
    if (!isKeyAllowed(key)) throw new Unencodable({ reason: `the key ${key} is not allowed` })
  }
  return keys.sort(compareText)
}
