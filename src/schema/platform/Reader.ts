/**
 * Reads DC1 strictly, item by item, and refuses every other spelling at the byte where it stands.
 *
 * Nothing is allocated before its length is checked against what is left of the input. What DC1 is: Codec.ts.
 */
import { compareText, type Item, isKeyAllowed, Malformed } from "./Item.ts"
import { type KnownTexts, knownBytesMax } from "./KnownTexts.ts"
import { depthMax } from "./Limits.ts"

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const floatView = new DataView(new ArrayBuffer(8))
const twoTo32 = 2 ** 32

/** Up to here a text is made faster by hand than by a decoder. */
const shortBytesMax = 64

const isAscii = (from: Uint8Array, start: number, end: number): boolean => {
  let bits = 0
  for (let i = start; i < end; i++) bits |= from[i]!
  return bits < 0x80
}

const { fromCharCode } = String

/** Eight characters a call: character by character makes a rope that takes five times as long, and is flattened later. */
const asciiText = (from: Uint8Array, start: number, end: number): string => {
  let text = ""
  let i = start
  for (; i + 8 <= end; i += 8) {
    text += fromCharCode(
      from[i]!,
      from[i + 1]!,
      from[i + 2]!,
      from[i + 3]!,
      from[i + 4]!,
      from[i + 5]!,
      from[i + 6]!,
      from[i + 7]!
    )
  }
  if (i + 4 <= end) {
    text += fromCharCode(from[i]!, from[i + 1]!, from[i + 2]!, from[i + 3]!)
    i += 4
  }
  for (; i < end; i++) text += fromCharCode(from[i]!)
  return text
}

/** Reads DC1 strictly, item by item. Every method throws `Malformed` on anything but the one allowed spelling. */
export class Reader {
  /** The next byte to read. */
  at: number
  private readonly from: Uint8Array
  private readonly end: number

  constructor(from: Uint8Array, at = 0, end = from.length) {
    // a Buffer's subarray is a Buffer, whose slice shares memory; what is read must not depend on what it came in
    this.from = from.constructor === Uint8Array ? from : new Uint8Array(from.buffer, from.byteOffset, from.length)
    this.at = at
    this.end = end
  }

  fail(reason: string): never {
    throw new Malformed({ reason, offset: this.at })
  }

  /** Nothing may follow. */
  finish(): void {
    if (this.at !== this.end) this.fail(`${this.end - this.at} trailing bytes`)
  }

  private head(): number {
    if (this.at >= this.end) this.fail("ends too early")
    return this.from[this.at]!
  }

  private argument(info: number): number {
    const from = this.from
    const at = this.at
    if (info < 24) {
      this.at = at + 1
      return info
    }
    if (info > 27) return this.fail("indefinite or reserved length")
    const size = 1 << (info - 24)
    if (at + 1 + size > this.end) return this.fail("ends too early")
    let n = 0
    if (info === 24) n = from[at + 1]!
    else if (info === 25) n = (from[at + 1]! << 8) | from[at + 2]!
    else {
      n = this.wordAt(at + 1)
      if (info === 27) n = n * twoTo32 + this.wordAt(at + 5)
    }
    const least = info === 24 ? 24 : info === 25 ? 0x100 : info === 26 ? 0x10000 : twoTo32
    if (n < least) this.fail("not the shortest form")
    if (n > Number.MAX_SAFE_INTEGER) this.fail("beyond 2^53−1")
    this.at = at + 1 + size
    return n
  }

  private wordAt(at: number): number {
    const from = this.from
    return ((from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!) >>> 0
  }

  /** An unsigned integer of at most `max`. */
  uint(max = Number.MAX_SAFE_INTEGER): number {
    const head = this.head()
    if (head >>> 5 !== 0) this.fail("expected an unsigned integer")
    const n = this.argument(head & 31)
    if (n > max) this.fail(`${n} exceeds ${max}`)
    return n
  }

  /** An integer within ±(2^53−1). */
  int(): number {
    const head = this.head()
    if (head >>> 5 === 0) return this.argument(head)
    if (head >>> 5 !== 1) this.fail("expected an integer")
    const n = -1 - this.argument(head & 31)
    if (n < -Number.MAX_SAFE_INTEGER) this.fail("beyond −(2^53−1)")
    return n
  }

  private sized(major: number, what: string, max: number): number {
    const head = this.head()
    if (head >>> 5 !== major) this.fail(`expected ${what}`)
    const n = this.argument(head & 31)
    if (n > max) this.fail(`${what} of ${n} exceeds ${max}`)
    if (n > this.end - this.at) this.fail("ends too early")
    return n
  }

  /** The length of an array of at most `max` items (each takes a byte or more, so the length is checked against what is left). */
  array(max: number): number {
    return this.sized(4, "an array", max)
  }

  /** An array of exactly `length` items. */
  tuple(length: number): void {
    if (this.array(length) !== length) this.fail(`expected ${length} items`)
  }

  map(max: number): number {
    return this.sized(5, "a map", max)
  }

  /** A byte string of at most `max` bytes, as a view into the input. */
  bytes(max: number): Uint8Array {
    const n = this.sized(2, "bytes", max)
    this.at += n
    return this.from.subarray(this.at - n, this.at)
  }

  /** A byte string of exactly `length` bytes, as a view into the input. */
  fixed(length: number): Uint8Array {
    const bytes = this.bytes(length)
    if (bytes.length !== length) this.fail(`expected ${length} bytes`)
    return bytes
  }

  /** A text of at most `max` UTF-8 bytes. */
  text(max: number): string {
    const n = this.sized(3, "a text", max)
    const { from, at: start } = this
    const end = start + n
    if (n <= shortBytesMax && isAscii(from, start, end)) {
      this.at = end
      return asciiText(from, start, end)
    }
    try {
      const text = utf8Decoder.decode(from.subarray(start, end))
      this.at = end
      return text
    } catch {
      return this.fail("invalid UTF-8")
    }
  }

  /** What `known` keeps for the text that is next; undefined, and nothing is read, when it keeps nothing for it. */
  known<A>(known: KnownTexts<A>): A | undefined {
    const start = this.at + 1
    const end = start + this.head() - 0x60
    if (end <= start || end > start + knownBytesMax || end > this.end) return undefined
    const found = known.get(this.from, start, end)
    if (found !== undefined) this.at = end
    return found
  }

  bool(): boolean {
    const head = this.head()
    if (head !== 0xf4 && head !== 0xf5) this.fail("expected true or false")
    this.at++
    return head === 0xf5
  }

  /** Whether a null is next; reads it if so. */
  nil(): boolean {
    if (this.head() !== 0xf6) return false
    this.at++
    return true
  }

  /** The major type that is next (RFC 8949, 3.1): 0 and 1 integers, 2 bytes, 3 text, 4 array, 5 map, 7 the rest. */
  peek(): number {
    return this.head() >>> 5
  }

  /** A float or a boolean. */
  simple(): number | boolean {
    return this.head() === 0xfb ? this.float() : this.bool()
  }

  /** A float64 that is not an integer in disguise. */
  float(): number {
    if (this.head() !== 0xfb) this.fail("expected a number")
    if (this.at + 9 > this.end) this.fail("ends too early")
    for (let i = 0; i < 8; i++) floatView.setUint8(i, this.from[this.at + 1 + i]!)
    const n = floatView.getFloat64(0)
    if (Number.isSafeInteger(n) && !Object.is(n, -0)) this.fail("an integer written as a float")
    if (Number.isNaN(n) && (floatView.getUint32(0) !== 0x7ff80000 || floatView.getUint32(4) !== 0)) this.fail("another NaN")
    this.at += 9
    return n
  }

  /** Any item. */
  item(depth = 0): Item {
    if (depth > depthMax) return this.fail(`nested deeper than ${depthMax}`)
    const left = this.end - this.at
    switch (this.peek()) {
      case 0:
      case 1:
        return this.int()
      case 2:
        return this.bytes(left)
      case 3:
        return this.text(left)
      case 4: {
        const items: Array<Item> = []
        for (let n = this.array(left); n > 0; n--) items.push(this.item(depth + 1))
        return items
      }
      case 5:
        return this.record((reader) => reader.item(depth + 1), left)
      case 7:
        return this.nil() ? null : this.simple()
      default:
        return this.fail("tags are not allowed")
    }
  }

  /** A map of at most `max` entries into a null-prototype object, its values read by `value`. */
  record<A>(value: (reader: Reader) => A, max: number, keyBytesMax = Number.MAX_SAFE_INTEGER): { readonly [key: string]: A } {
    const record = Object.create(null) as { [key: string]: A }
    let previous: string | undefined
    for (let n = this.map(max); n > 0; n--) {
      const key = this.text(keyBytesMax)
      if (!isKeyAllowed(key)) this.fail(`the key ${key} is not allowed`)
      if (previous !== undefined && compareText(previous, key) >= 0) this.fail("keys are not sorted, or repeated")
      previous = key
      record[key] = value(this)
    }
    return record
  }
}
