/**
 * CBOR as a dumb reader sees it: every item with where it stands, the wrong spellings included, and a writer that knows the right one.
 *
 * Written from docs/format.md#dc1 and sharing nothing with src/, so that what both accept is accepted by two opinions. The gate is the
 * one of the document: read, write again, compare.
 */

export type Content =
  | { readonly kind: "int"; readonly int: bigint }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "array" | "map"; readonly items: ReadonlyArray<Node> }
  | { readonly kind: "bool"; readonly bool: boolean }
  | { readonly kind: "float"; readonly float: number }
  | { readonly kind: "null" }

/** An item and its place: its head is [start, head), its content [head, end). */
export type Node = Content & { readonly start: number; readonly head: number; readonly end: number }

/** What was read: `node` as far as it goes (an array that is cut off has the items that could be read), and what is wrong. */
export interface Read {
  readonly node: Node | null
  readonly fault: string | null
}

/** Nobody needs more: what nests deeper is refused by every format. */
const deepest = 64
const greatest = 9007199254740991n

class Scan {
  at = 0
  fault: string | null = null
  readonly from: Uint8Array
  constructor(from: Uint8Array) {
    this.from = from
  }

  wrong(fault: string): null {
    this.fault ??= fault
    return null
  }

  /** The argument of the head at `at`, whatever its spelling. */
  argument(info: number): bigint | null {
    if (info < 24) return BigInt(info)
    if (info > 27) return this.wrong("reserved or indefinite length")
    const size = 1 << (info - 24)
    if (this.at + size > this.from.length) return this.wrong("cut off")
    let n = 0n
    for (let i = 0; i < size; i++) n = n * 256n + BigInt(this.from[this.at++]!)
    return n
  }

  item(depth: number): Node | null {
    if (depth > deepest) return this.wrong("too deep")
    const start = this.at
    if (start >= this.from.length) return this.wrong("cut off")
    const first = this.from[this.at++]!
    const major = first >> 5
    if (major === 7) return this.simple(first, start)
    const n = this.argument(first & 31)
    if (n === null) return null
    const head = this.at
    if (major === 0) return { kind: "int", int: n, start, head, end: head }
    if (major === 1) return { kind: "int", int: -1n - n, start, head, end: head }
    if (major === 2 || major === 3) return this.string(major, n, start)
    if (major === 4) return this.array("array", n, start, depth)
    if (major === 5) return this.array("map", n * 2n, start, depth)
    return this.wrong("a tag")
  }

  private string(major: number, length: bigint, start: number): Node | null {
    const head = this.at
    if (length > BigInt(this.from.length - head)) return this.wrong("cut off")
    this.at += Number(length)
    const end = this.at
    const bytes = this.from.slice(head, end)
    if (major === 2) return { kind: "bytes", bytes, start, head, end }
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
      return { kind: "text", text, start, head, end }
    } catch {
      return this.wrong("not UTF-8")
    }
  }

  private array(kind: "array" | "map", count: bigint, start: number, depth: number): Node {
    const head = this.at
    const items: Array<Node> = []
    for (let i = 0n; i < count && this.fault === null; i++) {
      const item = this.item(depth + 1)
      if (item !== null) items.push(item)
    }
    return { kind, items, start, head, end: this.at }
  }

  private simple(first: number, start: number): Node | null {
    const head = this.at
    if (first === 0xf4 || first === 0xf5) return { kind: "bool", bool: first === 0xf5, start, head, end: head }
    if (first === 0xf6) return { kind: "null", start, head, end: head }
    if (first !== 0xfb) return this.wrong("another simple value")
    if (head + 8 > this.from.length) return this.wrong("cut off")
    this.at += 8
    const float = new DataView(this.from.buffer, this.from.byteOffset + head, 8).getFloat64(0)
    return { kind: "float", float, start, head, end: this.at }
  }
}

/** Reads one item of any spelling from the beginning; what follows it is a fault. */
export const scan = (bytes: Uint8Array): Read => {
  const from = new Scan(bytes)
  const node = from.item(0)
  if (from.fault === null && from.at !== bytes.length) from.wrong("something follows")
  return { node, fault: from.fault }
}

/** The bytes of a head with the shortest argument. */
const head = (major: number, n: bigint): ReadonlyArray<number> => {
  const type = major << 5
  if (n < 24n) return [type | Number(n)]
  const size = n < 256n ? 1 : n < 65_536n ? 2 : n < 4_294_967_296n ? 4 : 8
  return [type | (size === 1 ? 24 : size === 2 ? 25 : size === 4 ? 26 : 27), ...bigEndian(n, size)]
}

/** The same argument in `size` bytes, which is wrong wherever fewer would do. */
export const bigEndian = (n: bigint, size: number): ReadonlyArray<number> =>
  Array.from({ length: size }, (_, i) => Number((n >> BigInt(8 * (size - 1 - i))) & 255n))

const float = (n: number): ReadonlyArray<number> => {
  if (Number.isSafeInteger(n) && !Object.is(n, -0)) return int(BigInt(n))
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, n)
  return Number.isNaN(n) ? [0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0] : [0xfb, ...bytes]
}

const int = (n: bigint): ReadonlyArray<number> => (n >= 0n ? head(0, n) : head(1, -1n - n))

export const concat = (...parts: ReadonlyArray<ArrayLike<number>>): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

export const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)
export const equal = (a: Uint8Array, b: Uint8Array): boolean => compare(a, b) === 0

/** The one spelling of an item; the entries of a map are put in order. */
export const write = (node: Content): Uint8Array => {
  switch (node.kind) {
    case "int":
      return concat(int(node.int))
    case "bytes":
      return concat(head(2, BigInt(node.bytes.length)), node.bytes)
    case "text": {
      const utf8 = new TextEncoder().encode(node.text)
      return concat(head(3, BigInt(utf8.length)), utf8)
    }
    case "array":
      return concat(head(4, BigInt(node.items.length)), ...node.items.map(write))
    case "map": {
      const entries: Array<readonly [Uint8Array, Uint8Array]> = []
      for (let i = 0; i + 1 < node.items.length; i += 2) entries.push([write(node.items[i]!), write(node.items[i + 1]!)])
      entries.sort((a, b) => compare(keyBytes(a[0]), keyBytes(b[0])))
      return concat(head(5, BigInt(entries.length)), ...entries.flat())
    }
    case "bool":
      return Uint8Array.of(node.bool ? 0xf5 : 0xf4)
    case "float":
      return concat(float(node.float))
    case "null":
      return Uint8Array.of(0xf6)
  }
}

/** A text key without its head: keys are ordered by their bytes, not by their encoding, in which shorter ones would come first. */
const keyBytes = (encoded: Uint8Array): Uint8Array => {
  const size = encoded[0]! & 31
  return encoded.subarray(size < 24 ? 1 : 1 + (1 << (size - 24)))
}

/** How many arrays and maps the deepest item within stands in. */
export const depthOf = (node: Node): number =>
  node.kind === "array" || node.kind === "map" ? node.items.reduce((most, item) => Math.max(most, 1 + depthOf(item)), 0) : 0

/** What is wrong with an item that was read, its order and its ranges, but for its depth; null when nothing is. */
const wrongIn = (node: Node): string | null => {
  if (node.kind === "int" && (node.int > greatest || node.int < -greatest)) return "beyond 2^53−1"
  if (node.kind === "map") {
    const keys = node.items.filter((_, i) => i % 2 === 0)
    for (const key of keys) {
      if (key.kind !== "text") return "a key that is no text"
      if (["__proto__", "constructor", "prototype"].includes(key.text)) return "a forbidden key"
    }
    if (new Set(keys.map((key) => (key.kind === "text" ? key.text : ""))).size < keys.length) return "a key twice"
  }
  if (node.kind !== "array" && node.kind !== "map") return null
  return node.items.reduce<string | null>((wrong, item) => wrong ?? wrongIn(item), null)
}

/** Reads one item of DC1: everything that is not its one spelling is a fault. Without `depthMax` depth is for the caller. */
export const read = (bytes: Uint8Array, depthMax: number | null = 16): Read => {
  const { node, fault } = scan(bytes)
  if (node === null || fault !== null) return { node, fault }
  const wrong = wrongIn(node) ?? (equal(write(node), bytes) ? null : "not the one spelling")
  if (wrong !== null) return { node, fault: wrong }
  return depthMax !== null && depthOf(node) > depthMax ? { node, fault: "too deep" } : { node, fault: null }
}

// Making items -------------------------------------------------------------------------------------------------------------------

export type Made = null | boolean | number | bigint | string | Uint8Array | ReadonlyArray<Made> | Map<string, Made>

const at = { start: 0, head: 0, end: 0 }

/** An item of a plain value. */
export const node = (value: Made): Node => {
  if (value === null) return { kind: "null", ...at }
  if (typeof value === "boolean") return { kind: "bool", bool: value, ...at }
  if (typeof value === "bigint") return { kind: "int", int: value, ...at }
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? { kind: "int", int: BigInt(value), ...at } : { kind: "float", float: value, ...at }
  }
  if (typeof value === "string") return { kind: "text", text: value, ...at }
  if (value instanceof Uint8Array) return { kind: "bytes", bytes: value, ...at }
  if (value instanceof Map) return { kind: "map", items: [...value].flatMap(([key, each]) => [node(key), node(each)]), ...at }
  return { kind: "array", items: (value as ReadonlyArray<Made>).map(node), ...at }
}

export const make = (value: Made): Uint8Array => write(node(value))
