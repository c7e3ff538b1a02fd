/**
 * Writes DC1 into a growing buffer, item by item.
 *
 * Hot paths use it directly, so that nothing is built only to be encoded. What DC1 is: Codec.ts.
 */
import { type Item, sortedKeys, Unencodable } from "./Item.ts"
import { depthMax } from "./Limits.ts"

const utf8Encoder = new TextEncoder()
const floatView = new DataView(new ArrayBuffer(8))
const canonicalNaN = 0x7ff8000000000000n
const twoTo32 = 2 ** 32

/** Appends DC1 to a growing buffer. The caller pairs `array(n)` and `map(n)` with n items. */
export class Writer {
  private buffer: Uint8Array
  /** Bytes written so far. */
  length = 0

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity)
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): void {
    this.length = 0
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }

  /** What was written, without a copy. The writer is given up with it. */
  take(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.buffer.length) return
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2))
    grown.set(this.buffer.subarray(0, this.length))
    this.buffer = grown
  }

  private header(major: number, n: number): void {
    this.reserve(9)
    const to = this.buffer
    const type = major << 5
    if (n < 24) to[this.length++] = type | n
    else if (n < 0x100) {
      to[this.length++] = type | 24
      to[this.length++] = n
    } else if (n < 0x10000) {
      to[this.length++] = type | 25
      to[this.length++] = n >>> 8
      to[this.length++] = n
    } else if (n < twoTo32) {
      to[this.length++] = type | 26
      this.word(n)
    } else {
      to[this.length++] = type | 27
      this.word(Math.floor(n / twoTo32))
      this.word(n % twoTo32)
    }
  }

  private word(n: number): void {
    const to = this.buffer
    to[this.length++] = n >>> 24
    to[this.length++] = n >>> 16
    to[this.length++] = n >>> 8
    to[this.length++] = n
  }

  array(length: number): this {
    this.header(4, length)
    return this
  }

  map(length: number): this {
    this.header(5, length)
    return this
  }

  int(n: number): this {
    if (!Number.isSafeInteger(n)) throw new Unencodable({ reason: `${n} is not a safe integer` })
    if (n >= 0) this.header(0, n)
    else this.header(1, -1 - n)
    return this
  }

  /** An integer when it is one (and not −0), else a float64. */
  number(n: number): this {
    if (Number.isSafeInteger(n) && !Object.is(n, -0)) return this.int(n)
    this.reserve(9)
    floatView.setFloat64(0, n)
    // an engine may write a NaN with any payload, and here it has one
    if (Number.isNaN(n)) floatView.setBigUint64(0, canonicalNaN)
    this.buffer[this.length++] = 0xfb
    for (let i = 0; i < 8; i++) this.buffer[this.length++] = floatView.getUint8(i)
    return this
  }

  bool(b: boolean): this {
    this.reserve(1)
    this.buffer[this.length++] = b ? 0xf5 : 0xf4
    return this
  }

  nil(): this {
    this.reserve(1)
    this.buffer[this.length++] = 0xf6
    return this
  }

  bytes(bytes: Uint8Array): this {
    return this.bytesStart(bytes.length).raw(bytes)
  }

  /** What stands before a byte string that the caller puts behind it. */
  bytesStart(length: number): this {
    this.header(2, length)
    return this
  }

  /** Bytes that are DC1 already. */
  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  text(text: string): this {
    const start = this.length
    const length = text.length
    this.reserve(9 + length)
    this.header(3, length)
    const to = this.buffer
    let at = this.length
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) {
        this.length = start
        return this.textBeyondAscii(text)
      }
      to[at++] = unit
    }
    this.length = at
    return this
  }

  private textBeyondAscii(text: string): this {
    if (!text.isWellFormed()) throw new Unencodable({ reason: "the text holds half a surrogate pair" })
    const bytes = utf8Encoder.encode(text)
    this.header(3, bytes.length)
    return this.raw(bytes)
  }

  /** Any item; maps are sorted here. */
  item(item: Item, depth = 0): this {
    if (depth > depthMax) throw new Unencodable({ reason: `nested deeper than ${depthMax}` })
    if (item === null) return this.nil()
    if (typeof item === "string") return this.text(item)
    if (typeof item === "number") return this.number(item)
    if (typeof item === "boolean") return this.bool(item)
    if (item instanceof Uint8Array) return this.bytes(item)
    if (Array.isArray(item)) {
      this.array(item.length)
      for (const each of item as ReadonlyArray<Item>) this.item(each, depth + 1)
      return this
    }
    if (typeof item !== "object") throw new Unencodable({ reason: `a ${typeof item} is no value` })
    if (!isPlain(item)) throw new Unencodable({ reason: `a ${item.constructor.name} is no value; encode its fields` })
    const record = item as { readonly [key: string]: Item }
    const keys = sortedKeys(record)
    this.map(keys.length)
    for (const key of keys) this.text(key).item(record[key]!, depth + 1)
    return this
  }
}

/** Whether its fields are all there is to it, whatever realm it is from. A Date or a Map would be written as an empty map. */
const isPlain = (record: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(record)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
