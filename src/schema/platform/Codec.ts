/**
 * DC1: the deterministic CBOR subset (RFC 8949) in which everything signed, hashed or sent is written.
 *
 * One value has one encoding: definite lengths, shortest integers within ±(2^53−1), float64 for all other numbers, maps with text
 * keys sorted bytewise, valid UTF-8, no tags, no trailing bytes. `Reader` refuses every other spelling at the byte where it meets
 * it, which is the same gate as decoding, encoding again and comparing (a property in the tests), at half the cost.
 * Nothing is allocated before its length is checked against what is left. docs/format.md#dc1
 */
import * as Result from "effect/Result"
import { type Item, Malformed } from "./Item.ts"
import { Reader } from "./Reader.ts"
import { Writer } from "./Writer.ts"

export { compareBytes, compareText, equalBytes, type Item, isKeyAllowed, Malformed, sortedKeys, Unencodable } from "./Item.ts"
export { Reader, Writer }

/** Encodes one item. Throws `Unencodable`. */
export const encode = (item: Item): Uint8Array => new Writer().item(item).finish()

/** Reads the whole of `bytes` with `read`; everything but the one allowed spelling is a `Malformed`. */
export const decodeWith = <A>(bytes: Uint8Array, read: (reader: Reader) => A): Result.Result<A, Malformed> => {
  try {
    const reader = new Reader(bytes)
    const value = read(reader)
    reader.finish()
    return Result.succeed(value)
  } catch (error) {
    if (error instanceof Malformed) return Result.fail(error)
    throw error
  }
}

/** Decodes one item from the whole of `bytes`. */
export const decode = (bytes: Uint8Array): Result.Result<Item, Malformed> => decodeWith(bytes, (reader) => reader.item())
