/**
 * Feeds as bytes: manifests, blocks, heads, runs, and proofs that a feed forked.
 *
 * One signature over (feed, length, root) covers every block before it, so a receiver verifies one signature for a whole run.
 * Everything here is pure; hashes are an argument, and what a signature is over is given to who signs or verifies.
 * Bytes: docs/format.md#feeds. Trees: Merkle.ts.
 */
import * as Result from "effect/Result"
import { decodeWith, equalBytes, Malformed, type Reader, Writer } from "../platform/Codec.ts"
import { blockBytesMax, forkProofBytesMax, manifestBytesMax, proofNodesMax } from "../platform/Limits.ts"
import { Unsupported } from "./ChangeSet.ts"
import { type Hash, type Leaves, Peaks, peaksBefore, prove, putU64, rootOfProof } from "./Merkle.ts"

/** Binds a feed key to a space, a device and an incarnation. Both keys sign. */
export interface Manifest {
  readonly space: Uint8Array
  readonly device: Uint8Array
  readonly feed: Uint8Array
  readonly incarnation: number
  readonly feedSignature: Uint8Array
  readonly deviceSignature: Uint8Array
}

/** What the writer signed: the feed had this root at this length (in blocks). */
export interface Head {
  readonly length: number
  readonly root: Uint8Array
  readonly signature: Uint8Array
}

/** Consecutive blocks on the wire, verified by the head at their end. */
export interface Run {
  readonly feed: Uint8Array
  readonly from: number
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly head: Head
  /** The peaks at `from`, when the receiver is not there already; else null. */
  readonly proof: ReadonlyArray<Uint8Array> | null
}

/** One of two blocks that a feed has at one index: under which head, and the proof that it is there. */
export interface Branch {
  readonly head: Head
  readonly leaf: Uint8Array
  readonly proof: ReadonlyArray<Uint8Array>
}

/** Two heads of one feed that contradict each other at `index`. */
export interface ForkProof {
  readonly feed: Uint8Array
  readonly index: number
  readonly a: Branch
  readonly b: Branch
}

const label = (text: string): Uint8Array => new TextEncoder().encode(`${text}/v0\0`)

const join = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

// Manifests ---------------------------------------------------------------------------------------------------------------------

const manifestLabel = label("echo/manifest")
const manifestSignatureLabel = label("echo/manifest-sig")

/** What both signatures of a manifest are over. */
export const manifestMessage = (
  manifest: Pick<Manifest, "space" | "device" | "feed" | "incarnation">,
  hash: Hash
): Uint8Array => {
  const { device, feed, incarnation, space } = manifest
  const content = new Writer().array(5).int(0).bytes(space).bytes(device).bytes(feed).int(incarnation).finish()
  return join(manifestSignatureLabel, hash(join(manifestLabel, content)))
}

export const encodeManifest = (manifest: Manifest): Uint8Array => {
  const { device, deviceSignature, feed, feedSignature, incarnation, space } = manifest
  const to = new Writer().array(7).int(0).bytes(space).bytes(device).bytes(feed).int(incarnation)
  return to.bytes(feedSignature).bytes(deviceSignature).finish()
}

const readManifest = (from: Reader): Manifest => {
  from.tuple(7)
  if (from.uint() !== 0) from.fail("a manifest of another version")
  const space = from.fixed(32).slice()
  const device = from.fixed(32).slice()
  const feed = from.fixed(32).slice()
  const incarnation = from.uint()
  return { space, device, feed, incarnation, feedSignature: from.fixed(64).slice(), deviceSignature: from.fixed(64).slice() }
}

/** Reads a manifest; whether its signatures hold is for who asks. */
export const decodeManifest = (bytes: Uint8Array): Result.Result<Manifest, Malformed> =>
  bytes.length > manifestBytesMax
    ? Result.fail(new Malformed({ reason: "a manifest too large", offset: manifestBytesMax }))
    : decodeWith(bytes, readManifest)

// Heads -------------------------------------------------------------------------------------------------------------------------

const headLabel = label("halo/feed-head")

/** What a head's signature is over: label || feed || u64 length || root. */
export const headMessage = (feed: Uint8Array, length: number, root: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headLabel.length + 72)
  bytes.set(headLabel)
  bytes.set(feed, headLabel.length)
  putU64(bytes, headLabel.length + 32, length)
  bytes.set(root, headLabel.length + 40)
  return bytes
}

const writeHead = (to: Writer, { length, root, signature }: Head): Writer => to.array(3).int(length).bytes(root).bytes(signature)

const readHead = (from: Reader): Head => {
  from.tuple(3)
  return { length: from.uint(), root: from.fixed(32).slice(), signature: from.fixed(64).slice() }
}

// Blocks ------------------------------------------------------------------------------------------------------------------------

/** The most bytes that a block may have, its envelope included. */
export const envelopeBytesMax = blockBytesMax + 128

const unsealedKeyId = new Uint8Array(16)
const unsealedNonce = new Uint8Array(24)
const envelopeStart = new Writer().array(5).int(0).int(0).bytes(unsealedKeyId).bytes(unsealedNonce).finish()

/** What stands before the plain content in a block of version 0 and suite 0: an envelope whose key id and nonce are zero. */
export const blockStart = (plain: Uint8Array): Uint8Array => {
  scratch.reset()
  return scratch.raw(envelopeStart).bytesStart(plain.length).finish()
}

const scratch = new Writer()

/** The whole block. */
export const encodeBlock = (plain: Uint8Array): Uint8Array => join(blockStart(plain), plain)

const readBlock = (from: Reader): Uint8Array => {
  const items = from.array(envelopeBytesMax)
  if (items === 0) from.fail("an empty block")
  const version = from.uint()
  if (version !== 0) throw new Unsupported({ what: `block version ${version}` })
  if (items < 2) from.fail("a block without a suite")
  const suite = from.uint()
  if (suite !== 0) throw new Unsupported({ what: `suite ${suite}` })
  if (items !== 5) from.fail("a block has five items")
  if (!equalBytes(from.fixed(16), unsealedKeyId)) from.fail("an unsealed block with a key")
  if (!equalBytes(from.fixed(24), unsealedNonce)) from.fail("an unsealed block with a nonce")
  return from.bytes(blockBytesMax)
}

/** The plain content of a block, as a view into it; what a newer version wrote is told from what nobody may write. */
export const decodeBlock = (bytes: Uint8Array): Result.Result<Uint8Array, Unsupported | Malformed> => {
  try {
    return decodeWith(bytes, readBlock)
  } catch (error) {
    if (error instanceof Unsupported) return Result.fail(error)
    throw error
  }
}

// Forks -------------------------------------------------------------------------------------------------------------------------

const writeNodes = (to: Writer, nodes: ReadonlyArray<Uint8Array>): Writer => {
  to.array(nodes.length)
  for (const node of nodes) to.bytes(node)
  return to
}

const readNodes = (from: Reader): ReadonlyArray<Uint8Array> => {
  const nodes: Array<Uint8Array> = []
  for (let n = from.array(proofNodesMax); n > 0; n--) nodes.push(from.fixed(32).slice())
  return nodes
}

export const encodeForkProof = ({ a, b, feed, index }: ForkProof): Uint8Array => {
  const to = writeHead(writeHead(new Writer(2_048).array(8).bytes(feed), a.head), b.head).int(index)
  return writeNodes(writeNodes(to.bytes(a.leaf), a.proof).bytes(b.leaf), b.proof).finish()
}

const readForkProof = (from: Reader): ForkProof => {
  from.tuple(8)
  const feed = from.fixed(32).slice()
  const headA = readHead(from)
  const headB = readHead(from)
  const index = from.uint()
  const a = { head: headA, leaf: from.fixed(32).slice(), proof: readNodes(from) }
  const b = { head: headB, leaf: from.fixed(32).slice(), proof: readNodes(from) }
  return { feed, index, a, b }
}

/** Reads a fork proof; whether it proves anything is for `contradicts` and two signatures. */
export const decodeForkProof = (bytes: Uint8Array): Result.Result<ForkProof, Malformed> =>
  bytes.length > forkProofBytesMax
    ? Result.fail(new Malformed({ reason: "a fork proof too large", offset: forkProofBytesMax }))
    : decodeWith(bytes, readForkProof)

/** Whether both heads cover `index`, with different leaves there. Both signatures have to hold besides. */
export const contradicts = ({ a, b, index }: ForkProof, hash: Hash): boolean => {
  const isThere = ({ head, leaf, proof }: Branch): boolean => {
    const root = index < head.length ? rootOfProof(leaf, index, head.length, proof, hash) : null
    return root !== null && equalBytes(root, head.root)
  }
  return !equalBytes(a.leaf, b.leaf) && isThere(a) && isThere(b)
}

/** One side of a fork proof, from leaves that reach from at most `index` to the head's length. */
export const branchOf = (head: Head, index: number, leaves: Leaves, hash: Hash): Branch => ({
  head,
  leaf: leaves.leaves[index - leaves.from]!,
  proof: prove(leaves, head.length, index, hash)
})

/** What stands in the place of a signature in the head of a run that ends where its feed is frozen, and that the proof of the fork covers. */
export const unsigned: Uint8Array = new Uint8Array(64)

export const isUnsigned = ({ signature }: Head): boolean => equalBytes(signature, unsigned)

/** The root that the feed has before the index at which it forked: both heads cover it. */
export const rootBeforeFork = ({ a, index }: ForkProof, hash: Hash): Uint8Array =>
  new Peaks(index, peaksBefore(index, a.head.length, a.proof)).root(hash)
