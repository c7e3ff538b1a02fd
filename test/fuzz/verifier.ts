/**
 * The second opinion on everything that peers send and storage keeps: manifests, runs, fork proofs, messages and tickets.
 *
 * Naive on purpose and written from docs/format.md alone: it shares no code and no constant with src/, keeps all leaves, and computes
 * roots by recursion from nothing. Contents of blocks: content.ts.
 */
import { ed25519 } from "@noble/curves/ed25519.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bigEndian, compare, concat, equal, make, type Node, read } from "./cbor.ts"

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

// Cryptography -------------------------------------------------------------------------------------------------------------------

/** What was asked before is remembered. */
const verdicts = new Map<string, boolean>()
const remembered = (asked: string, answer: () => boolean): boolean => {
  const known = verdicts.get(asked) ?? answer()
  verdicts.set(asked, known)
  return known
}

const isPoint = (bytes: Uint8Array): boolean => {
  try {
    return bytes.length === 32 && !ed25519.Point.fromBytes(bytes, false).isSmallOrder()
  } catch {
    return false
  }
}

/** Whether a key may be admitted: canonical, on the curve, not of small order. */
export const isKey = (bytes: Uint8Array): boolean => remembered(hex(bytes), () => isPoint(bytes))

/** Predicate P. */
export const isSigned = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  remembered(hex(concat(key, signature, message)), () => {
    const isWhole = signature.length === 64 && isKey(key) && isPoint(signature.subarray(0, 32))
    return isWhole && verify(key, message, signature)
  })

const verify = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  try {
    return ed25519.verify(signature, message, key, { zip215: false })
  } catch {
    return false
  }
}

/** id(label, x) of format version 0. */
export const idOf = (label: string, bytes: Uint8Array): Uint8Array => sha256(concat(ascii(`${label}/v0\0`), bytes))

/** What is signed of a labelled id. */
export const overId = (label: string, bytes: Uint8Array): Uint8Array => concat(ascii(`${label}-sig/v0\0`), idOf(label, bytes))

// Trees --------------------------------------------------------------------------------------------------------------------------

export const leafOf = (block: Uint8Array): Uint8Array => sha256(concat([0], bigEndian(BigInt(block.length), 8), block))
const nodeOf = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(concat([1], left, right))

/** The heights of the perfect trees that a length consists of, the largest first. */
export const heightsOf = (length: number): ReadonlyArray<number> => {
  const binary = length.toString(2)
  return length === 0 ? [] : [...binary].flatMap((digit, i) => (digit === "1" ? [binary.length - 1 - i] : []))
}

const treeOf = (leaves: ReadonlyArray<Uint8Array>): Uint8Array => {
  if (leaves.length === 1) return leaves[0]!
  const half = leaves.length / 2
  return nodeOf(treeOf(leaves.slice(0, half)), treeOf(leaves.slice(half)))
}

export const peaksOf = (leaves: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  let at = 0
  return heightsOf(leaves.length).map((height) => treeOf(leaves.slice(at, (at += 2 ** height))))
}

export const rootOf = (length: number, peaks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const parts = heightsOf(length).map((height, i) => concat(bigEndian(BigInt(height), 8), peaks[i]!))
  return sha256(concat([2], bigEndian(BigInt(length), 8), ...parts))
}

/** The root that a proof of one leaf leads to; null when the proof has another length than it must have. */
export const rootProven = (
  leaf: Uint8Array,
  index: number,
  length: number,
  proof: ReadonlyArray<Uint8Array>
): Uint8Array | null => {
  const heights = heightsOf(length)
  let start = 0
  for (const [which, height] of heights.entries()) {
    const size = 2 ** height
    if (index >= start + size) {
      start += size
      continue
    }
    if (proof.length !== height + heights.length - 1) return null
    const climb = (node: Uint8Array, place: number, level: number): Uint8Array => {
      if (level === height) return node
      const sibling = proof[level]!
      const parent = place % 2 === 0 ? nodeOf(node, sibling) : nodeOf(sibling, node)
      return climb(parent, Math.floor(place / 2), level + 1)
    }
    const others = proof.slice(height)
    return rootOf(length, [...others.slice(0, which), climb(leaf, index - start, 0), ...others.slice(which)])
  }
  return null
}

export const headMessage = (feed: Uint8Array, length: number, root: Uint8Array): Uint8Array =>
  concat(ascii("halo/feed-head/v0\0"), feed, bigEndian(BigInt(length), 8), root)

// Shapes -------------------------------------------------------------------------------------------------------------------------

/** What is asked of an item; `null` means that it is something else. */
export const uint = (node: Node | undefined): number | null => (node?.kind === "int" && node.int >= 0n ? Number(node.int) : null)
export const bytesOf = (node: Node | undefined, length: number): Uint8Array | null =>
  node?.kind === "bytes" && node.bytes.length === length ? node.bytes : null
export const listOf = (node: Node | undefined): ReadonlyArray<Node> | null => (node?.kind === "array" ? node.items : null)
const tuple = (node: Node | undefined, length: number): ReadonlyArray<Node> | null => {
  const items = listOf(node)
  return items?.length === length ? items : null
}
/** All of a list by one shape, or null. */
const each = <A>(node: Node | undefined, most: number, shape: (item: Node) => A | null): ReadonlyArray<A> | null => {
  const items = listOf(node)
  if (items === null || items.length > most) return null
  const made = items.map(shape)
  return made.some((one) => one === null) ? null : (made as ReadonlyArray<A>)
}

const isAll = (...parts: ReadonlyArray<unknown>): boolean => parts.every((part) => part !== null)

export interface Head {
  readonly length: number
  readonly root: Uint8Array
  readonly signature: Uint8Array
}

const headOf = (node: Node | undefined): Head | null => {
  const items = tuple(node, 3)
  const [length, root, signature] = [uint(items?.[0]), bytesOf(items?.[1], 32), bytesOf(items?.[2], 64)]
  return length === null || root === null || signature === null ? null : { length, root, signature }
}

// Manifests ----------------------------------------------------------------------------------------------------------------------

export interface Manifest {
  readonly space: Uint8Array
  readonly device: Uint8Array
  readonly feed: Uint8Array
  readonly content: Uint8Array
  readonly feedSignature: Uint8Array
  readonly deviceSignature: Uint8Array
}

export const readManifest = (bytes: Uint8Array): Manifest | null => {
  const { fault, node } = read(bytes)
  const items = fault === null && bytes.length <= 1_024 ? tuple(node ?? undefined, 7) : null
  if (items === null) return null
  const [version, incarnation] = [uint(items[0]), uint(items[4])]
  const [space, device, feed] = [bytesOf(items[1], 32), bytesOf(items[2], 32), bytesOf(items[3], 32)]
  const [feedSignature, deviceSignature] = [bytesOf(items[5], 64), bytesOf(items[6], 64)]
  if (version !== 0 || incarnation === null || space === null || device === null || feed === null) return null
  if (feedSignature === null || deviceSignature === null) return null
  return { space, device, feed, content: make([0, space, device, feed, incarnation]), feedSignature, deviceSignature }
}

// Runs and forks ------------------------------------------------------------------------------------------------------------------

export interface Run {
  readonly feed: Uint8Array
  readonly from: number
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly head: Head
  readonly proof: ReadonlyArray<Uint8Array> | null
}

const runOf = (items: ReadonlyArray<Node>): Run | null => {
  const feed = bytesOf(items[1], 32)
  const from = uint(items[2])
  const blocks = each(items[3], 4_096, (item) => (item.kind === "bytes" ? item.bytes : null))
  const head = headOf(items[4])
  const proof = items[5]?.kind === "null" ? null : each(items[5], 64, (item) => bytesOf(item, 32))
  if (feed === null || from === null || blocks === null || head === null) return null
  if (items[5]?.kind !== "null" && proof === null) return null
  return blocks.length > 0 && head.length === from + blocks.length ? { feed, from, blocks, head, proof } : null
}

interface Branch {
  readonly head: Head
  readonly leaf: Uint8Array
  readonly proof: ReadonlyArray<Uint8Array>
}

export interface ForkProof {
  readonly feed: Uint8Array
  readonly index: number
  readonly branches: ReadonlyArray<Branch>
}

const forkOf = (node: Node | undefined): ForkProof | null => {
  const items = tuple(node, 8)
  if (items === null) return null
  const [feed, index] = [bytesOf(items[0], 32), uint(items[3])]
  const branch = (head: Head | null, leaf: Uint8Array | null, proof: ReadonlyArray<Uint8Array> | null): Branch | null =>
    head === null || leaf === null || proof === null ? null : { head, leaf, proof }
  const nodes = (at: number) => each(items[at], 64, (item) => bytesOf(item, 32))
  const a = branch(headOf(items[1]), bytesOf(items[4], 32), nodes(5))
  const b = branch(headOf(items[2]), bytesOf(items[6], 32), nodes(7))
  return feed === null || index === null || a === null || b === null ? null : { feed, index, branches: [a, b] }
}

export const readFork = (bytes: Uint8Array): ForkProof | null => {
  const { fault, node } = read(bytes)
  return fault === null && node !== null && bytes.length <= 16_384 ? forkOf(node) : null
}

/** Whether both heads are signed, cover the index, and have different leaves there. */
export const isFork = ({ branches, feed, index }: ForkProof): boolean => {
  const [a, b] = [branches[0]!, branches[1]!]
  if (equal(a.leaf, b.leaf)) return false
  return branches.every(({ head, leaf, proof }) => {
    const root = index < head.length ? rootProven(leaf, index, head.length, proof) : null
    return root !== null && equal(root, head.root) && isSigned(feed, headMessage(feed, head.length, head.root), head.signature)
  })
}

// Messages ------------------------------------------------------------------------------------------------------------------------

export type Message =
  | { readonly type: "Data"; readonly run: Run }
  | { readonly type: "Manifest"; readonly manifest: Uint8Array }
  | { readonly type: "Fork"; readonly proof: Uint8Array }
  | { readonly type: "Summary" | "Range" | "Have" | "Want" | "Refuse" }

const lengthOf = (node: Node): { readonly feed: Uint8Array; readonly length: number } | null => {
  const items = tuple(node, 3)
  const [feed, length, root, frozenAt] = [bytesOf(items?.[0], 32), uint(items?.[1]), bytesOf(items?.[2], 16), uint(items?.[2])]
  if (feed === null || length === null) return null
  return root !== null || (frozenAt !== null && frozenAt >= length) ? { feed, length } : null
}

const isRange = (items: ReadonlyArray<Node>): boolean => {
  const [from, to, count] = [bytesOf(items[2], 32), bytesOf(items[3], 32), uint(items[4])]
  if (uint(items[1]) !== 0 || from === null || to === null || count === null || compare(from, to) > 0) return false
  if (bytesOf(items[5], 32) !== null) return true
  const listed = each(items[5], 32, lengthOf)
  if (listed === null || listed.length !== count) return false
  return listed.every(({ feed }, i) => {
    const isAfter = i === 0 ? compare(feed, from) >= 0 : compare(feed, listed[i - 1]!.feed) > 0
    return isAfter && compare(feed, to) <= 0
  })
}

const isWant = (node: Node): true | null => {
  const items = tuple(node, 3)
  const from = uint(items?.[1])
  if (items === null || bytesOf(items[0], 32) === null || from === null) return null
  if (items[2]!.kind === "null") return true
  const to = uint(items[2])
  return to !== null && to >= from ? true : null
}

const isSome = (list: ReadonlyArray<unknown> | null): boolean => list !== null && list.length > 0

/** One message of the channel, or null when it is none. */
export const readMessage = (frame: Uint8Array): Message | null => {
  if (frame.length > 1_310_720) return null
  // blocks, manifests and proofs are bytes here and read by who takes them
  const { fault, node } = read(frame)
  const items = fault === null ? listOf(node ?? undefined) : null
  if (items === null) return null
  const sizes = new Map([
    [0, 4],
    [1, 6],
    [2, 2],
    [3, 2],
    [4, 6],
    [5, 2],
    [10, 3],
    [11, 2]
  ])
  const type = uint(items[0])
  if (type === null || sizes.get(type) !== items.length) return null
  switch (type) {
    case 0:
      return isAll(bytesOf(items[1], 32), bytesOf(items[2], 32), bytesOf(items[3], 32)) ? { type: "Summary" } : null
    case 1:
      return isRange(items) ? { type: "Range" } : null
    case 2:
      return isSome(each(items[1], 4_096, lengthOf)) ? { type: "Have" } : null
    case 3:
      return isSome(each(items[1], 4_096, isWant)) ? { type: "Want" } : null
    case 4: {
      const run = runOf(items)
      return run === null ? null : { type: "Data", run }
    }
    case 5:
      return items[1]!.kind === "bytes" && items[1]!.bytes.length <= 1_024
        ? { type: "Manifest", manifest: items[1]!.bytes }
        : null
    case 10: {
      const reason = items[1]!
      const isShort = reason.kind === "text" && reason.end - reason.head <= 64
      return isShort && (items[2]!.kind === "null" || bytesOf(items[2], 32) !== null) ? { type: "Refuse" } : null
    }
    default: {
      const proof = frame.subarray(items[1]!.start, items[1]!.end)
      return proof.length <= 16_384 && forkOf(items[1]) !== null ? { type: "Fork", proof } : null
    }
  }
}

// Tickets -------------------------------------------------------------------------------------------------------------------------

const isGenesis = (bytes: Uint8Array): boolean => {
  const { fault, node } = read(bytes)
  const items = fault === null ? tuple(node ?? undefined, 3) : null
  if (items === null || uint(items[0]) !== 0 || bytesOf(items[1], 16) === null) return false
  const devices = each(items[2], 1_000, (item) => bytesOf(item, 32))
  if (devices === null || devices.length === 0) return false
  return devices.every((device, i) => isKey(device) && (i === 0 || compare(devices[i - 1]!, device) < 0))
}

/** The id of the space that a ticket names, or null when it is no ticket. White space around it does not count. */
export const readTicket = (text: string): Uint8Array | null => {
  const trimmed = text.trim()
  if (trimmed.length > 65_536 || !/^[A-Za-z0-9_-]*$/.test(trimmed)) return null
  const bytes = new Uint8Array(Buffer.from(trimmed, "base64url"))
  if (Buffer.from(bytes).toString("base64url") !== trimmed) return null
  const { fault, node } = read(bytes)
  const items = fault === null ? tuple(node ?? undefined, 4) : null
  if (items === null || uint(items[0]) !== 0 || items[1]!.kind !== "bytes") return null
  const id = idOf("echo/genesis", items[1]!.bytes)
  const check = bytesOf(items[3], 4)
  if (check === null || compare(check, id.slice(0, 4)) !== 0) return null
  const urls = each(items[2], 16, (item) => (item.kind === "text" && item.end - item.head <= 2_048 ? true : null))
  return urls !== null && isGenesis(items[1]!.bytes) ? id : null
}
