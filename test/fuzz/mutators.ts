/**
 * Ways in which bytes go wrong: by accident (bits, lengths, order), by spelling (the same item written otherwise), and by meaning
 * (another item, canonically written).
 *
 * Each takes bytes that hold one item and answers others. They know nothing of formats: those are mutated in signing.ts, which signs
 * what comes out of these.
 */
import { bigEndian, type Content, concat, type Node, node, scan, write } from "./cbor.ts"
import type { Random } from "./random.ts"

/** `others` are whole items to take pieces from. */
export type Mutator = (bytes: Uint8Array, random: Random, others: ReadonlyArray<Uint8Array>) => Mutant

/** What came out, and where in the original it went wrong: from `from` to before `to`. */
export interface Mutant {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

const replace = (bytes: Uint8Array, from: number, to: number, by: ArrayLike<number>): Mutant => ({
  bytes: concat(bytes.subarray(0, from), by, bytes.subarray(to)),
  from,
  to: Math.max(to, from + 1)
})

/** Flips one bit at a place. */
export const flip = (bytes: Uint8Array, at: number, bit: number): Mutant => replace(bytes, at, at + 1, [bytes[at]! ^ (1 << bit)])

// By accident ---------------------------------------------------------------------------------------------------------------------

const bitFlip: Mutator = (bytes, random) => flip(bytes, random.below(bytes.length), random.below(8))

const telling = [0x00, 0x17, 0x18, 0x1b, 0x20, 0x40, 0x58, 0x5f, 0x60, 0x78, 0x80, 0x9f, 0xa0, 0xc0, 0xf4, 0xf6, 0xf7, 0xfb, 0xff]
const byteSet: Mutator = (bytes, random) => {
  const at = random.below(bytes.length)
  return replace(bytes, at, at + 1, [random.below(2) === 0 ? random.pick(telling) : random.below(256)])
}

const truncate: Mutator = (bytes, random) => replace(bytes, random.below(bytes.length), bytes.length, [])

const extend: Mutator = (bytes, random, others) => {
  const more = random.below(2) === 0 ? random.bytes(1 + random.below(40)) : random.pick(others)
  return replace(bytes, bytes.length, bytes.length, more)
}

const splice: Mutator = (bytes, random, others) => {
  const other = random.pick(others)
  const [from, start] = [random.below(bytes.length), random.below(other.length)]
  const piece = other.subarray(start, start + 1 + random.below(64))
  return replace(bytes, from, random.below(2) === 0 ? from : Math.min(bytes.length, from + piece.length), piece)
}

const swap: Mutator = (bytes, random) => {
  const size = 1 + random.below(Math.min(40, Math.floor(bytes.length / 2)))
  const first = random.below(bytes.length - 2 * size + 1)
  const second = first + size + random.below(bytes.length - first - 2 * size + 1)
  const [a, b] = [bytes.subarray(first, first + size), bytes.subarray(second, second + size)]
  return replace(bytes, first, second + size, concat(b, bytes.subarray(first + size, second), a))
}

// By spelling ---------------------------------------------------------------------------------------------------------------------

/** An item and all within it. */
const within = (root: Node): ReadonlyArray<Node> =>
  root.kind === "array" || root.kind === "map" ? [root, ...root.items.flatMap(within)] : [root]

/** All items within bytes, as they stand there. */
const nodesOf = (bytes: Uint8Array): ReadonlyArray<Node> => {
  const { node: root } = scan(bytes)
  return root === null ? [] : within(root)
}

const argumentOf = (bytes: Uint8Array, { head, start }: Node): bigint =>
  head === start + 1
    ? BigInt(bytes[start]! & 31)
    : bytes.subarray(start + 1, head).reduce((n, byte) => n * 256n + BigInt(byte), 0n)

const infoOf: { readonly [size: number]: number } = { 1: 24, 2: 25, 4: 26, 8: 27 }

const withArgument = (bytes: Uint8Array, at: Node, argument: bigint, size: number): Mutant => {
  const type = bytes[at.start]! & 0xe0
  const head = size === 0 ? [type | Number(argument)] : [type | infoOf[size]!, ...bigEndian(argument, size)]
  return replace(bytes, at.start, at.head, head)
}

const sized = (bytes: Uint8Array): ReadonlyArray<Node> =>
  nodesOf(bytes).filter(({ kind }) => !["bool", "null", "float"].includes(kind))

/** The argument in more bytes than it needs. */
const widen: Mutator = (bytes, random, others) => {
  const places = sized(bytes)
  if (places.length === 0) return bitFlip(bytes, random, others)
  const at = random.pick(places)
  const sizes = [1, 2, 4, 8].filter((size) => size > at.head - at.start - 1)
  return sizes.length === 0 ? bitFlip(bytes, random, others) : withArgument(bytes, at, argumentOf(bytes, at), random.pick(sizes))
}

/** Another length, or another integer, and nothing else. */
const tamper: Mutator = (bytes, random, others) => {
  const places = sized(bytes)
  if (places.length === 0) return bitFlip(bytes, random, others)
  const at = random.pick(places)
  const n = argumentOf(bytes, at)
  const claims = [n + 1n, n === 0n ? 1n : n - 1n, 0n, 23n, 255n, 65_535n, 2n ** 32n, 2n ** 33n, 2n ** 53n, 2n ** 64n - 1n]
  const claim = random.pick(claims)
  const size = claim < 24n ? 0 : claim < 256n ? 1 : claim < 65_536n ? 2 : claim < 2n ** 32n ? 4 : 8
  return withArgument(bytes, at, claim, size)
}

/** An item twice, or not at all, with the count as it was or put right. */
const listed =
  (isTwice: boolean): Mutator =>
  (bytes, random, others) => {
    const lists = nodesOf(bytes).filter((each) => each.kind === "array" && each.items.length > 0)
    if (lists.length === 0) return bitFlip(bytes, random, others)
    const list = random.pick(lists)
    const items = list.kind === "array" ? list.items : []
    const which = random.pick(items)
    const changed = isTwice
      ? replace(bytes, which.start, which.start, bytes.subarray(which.start, which.end))
      : replace(bytes, which.start, which.end, [])
    if (random.below(4) === 0) return changed
    const count = BigInt(items.length + (isTwice ? 1 : -1))
    // the count stands before the item, so the places in it are the same
    const size = count < 24n ? 0 : 1
    return { ...withArgument(changed.bytes, list, count, size), from: list.start, to: which.end }
  }

// By meaning ----------------------------------------------------------------------------------------------------------------------

const integers = [
  0,
  1,
  2,
  3,
  4,
  5,
  9,
  16,
  17,
  64,
  255,
  256,
  1_024,
  1_025,
  4_097,
  10_001,
  65_536,
  2 ** 32,
  2 ** 53 - 2,
  2 ** 53 - 1,
  -1
]
const texts = ["", "a", "title", "__proto__", "constructor", "prototype", "é", "\u{1f600}", "x".repeat(256), "x".repeat(257)]

const another = (old: Node, random: Random, all: ReadonlyArray<Node>): Content => {
  switch (random.below(8)) {
    case 0:
      return node(random.pick(integers))
    case 1:
      return node(random.pick(texts))
    case 2:
      return node(random.bytes(random.pick([0, 1, 16, 24, 31, 32, 33, 64, 65])))
    case 3:
      return node(random.pick([null, true, false, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]))
    case 4:
      return node(random.pick([[], [0], [1, 0, 1], [1, 1, 1], [2, 7], [[]], [0, 1, null, true]]))
    case 5: {
      let deep: Content = node(1)
      for (let n = random.pick([1, 10, 14, 15, 16, 17, 18]); n > 0; n--) deep = { kind: "array", items: [node(0), at(deep)] }
      return deep
    }
    case 6:
      return { kind: "map", items: [node(random.pick(texts)), old] }
    default:
      return random.pick(all)
  }
}

const at = (content: Content): Node => ({ ...content, start: 0, head: 0, end: 0 })

/** Near to what was there, where that means something. */
const near = (old: Node, random: Random): Content | null => {
  if (old.kind === "int")
    return node(random.below(2) === 0 ? old.int + BigInt(random.below(7) - 3) : BigInt(random.pick(integers)))
  if (old.kind === "bytes" && old.bytes.length > 0) return { kind: "bytes", bytes: bitFlip(old.bytes, random, []).bytes }
  if (old.kind === "text") return node(random.pick([...texts, `${old.text}x`, old.text.slice(1)]))
  if (old.kind === "bool") return node(!old.bool)
  return old.kind === "array" && old.items.length > 1 ? { kind: "array", items: [...old.items].reverse() } : null
}

/** Another item in the place of one, in the one spelling that it has. */
const exchange: Mutator = (bytes, random, others) => {
  const { fault, node: root } = scan(bytes)
  if (root === null || fault !== null) return bitFlip(bytes, random, others)
  const all = within(root)
  const target = random.pick(all)
  const by = (random.below(3) > 0 ? near(target, random) : null) ?? another(target, random, all)
  const build = (each: Node): Node => {
    if (each === target) return at(by)
    return each.kind === "array" || each.kind === "map" ? { ...each, items: each.items.map(build) } : each
  }
  return { bytes: write(build(root)), from: target.start, to: target.end }
}

export const mutators: { readonly [name: string]: Mutator } = {
  "bit flip": bitFlip,
  "byte set": byteSet,
  truncate,
  extend,
  splice,
  swap,
  widen,
  "length tamper": tamper,
  duplicate: listed(true),
  drop: listed(false),
  exchange
}
