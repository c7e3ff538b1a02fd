/**
 * Values as bytes, as change sets and canonical objects hold them, and how many those are at most.
 *
 * Arrays are [0, …], references [1, feed, counter]. Bytes: docs/format.md#change-sets.
 */
import { type Reader, sortedKeys, Unencodable, type Writer } from "../platform/Codec.ts"
import { blockFeedsMax, depthMax, keyBytesMax, valueBytesMax } from "../platform/Limits.ts"
import { ObjectRef, Unsupported, type Value } from "./ChangeSet.ts"

/** A function from a feed's number to its position in what is being encoded. */
export type FeedPosition = (feed: number) => number

export const writeValue = (to: Writer, value: Value, position: FeedPosition, depth = 0): void => {
  if (value === null) to.nil()
  else if (typeof value === "string") to.text(value)
  else if (typeof value === "number") to.number(value)
  else if (typeof value === "boolean") to.bool(value)
  else if (value instanceof Uint8Array) to.bytes(value)
  else if (value instanceof ObjectRef) to.array(3).int(1).int(position(value.feed)).int(value.counter)
  else if (depth >= depthMax) throw new Unencodable({ reason: `a value nested deeper than ${depthMax}` })
  else if (Array.isArray(value)) {
    to.array(value.length + 1).int(0)
    for (const each of value as ReadonlyArray<Value>) writeValue(to, each, position, depth + 1)
  } else {
    const record = value as { readonly [key: string]: Value }
    const keys = sortedKeys(record)
    to.map(keys.length)
    for (const key of keys) {
      to.text(key)
      writeValue(to, record[key]!, position, depth + 1)
    }
  }
}

const readValue = (from: Reader, depth: number): Value => {
  switch (from.peek()) {
    case 0:
    case 1:
      return from.int()
    case 2:
      return from.bytes(valueBytesMax)
    case 3:
      return from.text(valueBytesMax)
    case 4:
      return readTagged(from, depth)
    case 5:
      if (depth >= depthMax) from.fail(`a value nested deeper than ${depthMax}`)
      return from.record((reader) => readValue(reader, depth + 1), valueBytesMax, keyBytesMax)
    case 7:
      return from.nil() ? null : from.simple()
    default:
      return from.fail("tags are not allowed")
  }
}

const readTagged = (from: Reader, depth: number): Value => {
  const length = from.array(valueBytesMax)
  if (length === 0) return from.fail("an array value without its code")
  const code = from.uint()
  if (code === 0) {
    if (depth >= depthMax) from.fail(`a value nested deeper than ${depthMax}`)
    const items: Array<Value> = []
    for (let i = 1; i < length; i++) items.push(readValue(from, depth + 1))
    return items
  }
  if (code !== 1) throw new Unsupported({ what: `value code ${code}` })
  if (length !== 3) from.fail("a reference has three items")
  const feed = from.uint(blockFeedsMax)
  return new ObjectRef(feed, from.uint(Number.MAX_SAFE_INTEGER))
}

/** Reads a value of at most 64 KiB; feeds in it are positions. */
export const readBoundedValue = (from: Reader): Value => {
  const start = from.at
  const value = readValue(from, 0)
  if (from.at - start > valueBytesMax) from.fail(`a value beyond ${valueBytesMax} bytes`)
  return value
}

/** The bytes of an integer, or of what stands before a string or an array of that length. */
export const headBytes = (n: number): number => (n < 24 ? 1 : n < 0x100 ? 2 : n < 0x10000 ? 3 : n < 2 ** 32 ? 5 : 9)

/** At most how many bytes a text takes. */
export const textBytes = (text: string): number => {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) bytes += 2
  return bytes + headBytes(bytes)
}

/** At most how many bytes a value takes. */
export const valueBytes = (value: Value): number => {
  if (typeof value === "string") return textBytes(value)
  if (typeof value === "number") {
    const isInt = Number.isSafeInteger(value) && !Object.is(value, -0)
    return isInt ? headBytes(value < 0 ? -1 - value : value) : 9
  }
  if (value === null || typeof value !== "object") return 1
  if (value instanceof Uint8Array) return value.length + headBytes(value.length)
  if (value instanceof ObjectRef) return 5 + headBytes(value.counter)
  if (Array.isArray(value)) {
    let bytes = 1 + headBytes(value.length + 1)
    for (const each of value as ReadonlyArray<Value>) bytes += valueBytes(each)
    return bytes
  }
  const record = value as { readonly [key: string]: Value }
  let bytes = 9
  for (const key in record) bytes += textBytes(key) + valueBytes(record[key]!)
  return bytes
}
