/**
 * The Merkle mountain range over a feed's blocks: leaves, peaks, roots, and proofs that a block is where a head says.
 *
 * Appending needs the peaks alone (one hash a block and one more for each carry), so a feed is written and verified from any length on
 * without what came before. Leaves, nodes and roots are hashed under prefixes of their own (RFC 9162, 2.1), so that none can be
 * passed off as another. Hash inputs are laid out in one reused buffer. Bytes: docs/format.md#feeds.
 */

/** SHA-256, synchronous. It must not keep its argument, which is overwritten by the next hash. */
export type Hash = (bytes: Uint8Array) => Uint8Array

/** Consecutive leaves, and the peaks of all leaves before them. */
export interface Leaves {
  readonly from: number
  readonly peaks: ReadonlyArray<Uint8Array>
  readonly leaves: ReadonlyArray<Uint8Array>
}

/** The peaks of a range that grows leaf by leaf; the largest comes first. */
export class Peaks {
  length: number
  private readonly nodes: Array<Uint8Array>

  constructor(length = 0, nodes: ReadonlyArray<Uint8Array> = []) {
    this.length = length
    this.nodes = [...nodes]
  }

  copy(): Peaks {
    return new Peaks(this.length, this.nodes)
  }

  list(): ReadonlyArray<Uint8Array> {
    return [...this.nodes]
  }

  append(leaf: Uint8Array, hash: Hash): void {
    let node = leaf
    // every trailing one of the length is a peak as high as the node, and carries
    for (let rest = this.length; rest % 2 === 1; rest = (rest - 1) / 2) node = nodeHash(this.nodes.pop()!, node, hash)
    this.nodes.push(node)
    this.length++
  }

  root(hash: Hash): Uint8Array {
    return rootHash(this.length, this.nodes, hash)
  }
}

let scratch = new Uint8Array(4_096)

const reserve = (bytes: number): Uint8Array => {
  if (scratch.length < bytes) scratch = new Uint8Array(2 ** Math.ceil(Math.log2(bytes)))
  return scratch
}

const twoTo32 = 2 ** 32

/** Writes an integer as 8 bytes, big-endian. */
export const putU64 = (to: Uint8Array, at: number, n: number): void => {
  const high = Math.floor(n / twoTo32)
  to[at] = high >>> 24
  to[at + 1] = high >>> 16
  to[at + 2] = high >>> 8
  to[at + 3] = high
  to[at + 4] = n >>> 24
  to[at + 5] = n >>> 16
  to[at + 6] = n >>> 8
  to[at + 7] = n
}

/** SHA-256(00 || u64 size || block) */
export const leafHash = (block: Uint8Array, hash: Hash): Uint8Array => {
  const to = reserve(leafStartBytes + block.length)
  to.set(block, leafStartBytes)
  return leafHashAt(to, leafStartBytes, block.length, hash)
}

/** What is hashed before a block. */
const leafStartBytes = 9

/** The leaf of a block that has room before it in its buffer. */
export const leafHashAt = (buffer: Uint8Array, at: number, length: number, hash: Hash): Uint8Array => {
  const from = at - leafStartBytes
  buffer[from] = 0
  putU64(buffer, from + 1, length)
  return hash(buffer.subarray(from, at + length))
}

/** SHA-256(01 || left || right) */
const nodeHash = (left: Uint8Array, right: Uint8Array, hash: Hash): Uint8Array => {
  const to = scratch
  to[0] = 1
  to.set(left, 1)
  to.set(right, 33)
  return hash(to.subarray(0, 65))
}

/** SHA-256(02 || u64 length || (u64 height || peak)*), the largest peak first */
const rootHash = (length: number, peaks: ReadonlyArray<Uint8Array>, hash: Hash): Uint8Array => {
  const to = scratch
  to[0] = 2
  putU64(to, 1, length)
  const heights = peakHeights(length)
  let at = 9
  for (let i = 0; i < heights.length; i++) {
    putU64(to, at, heights[i]!)
    to.set(peaks[i]!, at + 8)
    at += 40
  }
  return hash(to.subarray(0, at))
}

/** The heights of the peaks at a length, which are the ones of its binary form, the highest first. */
export const peakHeights = (length: number): ReadonlyArray<number> => {
  const heights: Array<number> = []
  for (let height = 0, rest = length; rest > 0; height++, rest = Math.floor(rest / 2)) if (rest % 2 === 1) heights.push(height)
  return heights.reverse()
}

/** The peaks of what begins with these leaves, grown to its end. */
export const peaksAfter = ({ from, leaves, peaks }: Leaves, hash: Hash): Peaks => {
  const grown = new Peaks(from, peaks)
  for (const leaf of leaves) grown.append(leaf, hash)
  return grown
}

/** The node over the leaves [start, start + 2^height), where that is one of the peaks before `from`, or reaches to `from` or beyond. */
const nodeAt = (range: Leaves, start: number, height: number, hash: Hash): Uint8Array => {
  if (start >= range.from) {
    if (height === 0) return range.leaves[start - range.from]!
  } else if (start + 2 ** height <= range.from) {
    let at = 0
    const heights = peakHeights(range.from)
    for (let i = 0; i < heights.length; i++) {
      if (at === start && heights[i] === height) return range.peaks[i]!
      at += 2 ** heights[i]!
    }
  }
  const half = 2 ** (height - 1)
  return nodeHash(nodeAt(range, start, height - 1, hash), nodeAt(range, start + half, height - 1, hash), hash)
}

/**
 * The proof that leaf `index` (one of `range`'s own) is in the tree of `length` leaves: its siblings from below up to its peak, then
 * all other peaks, the largest first.
 */
export const prove = (range: Leaves, length: number, index: number, hash: Hash): ReadonlyArray<Uint8Array> => {
  const siblings: Array<Uint8Array> = []
  const others: Array<Uint8Array> = []
  let start = 0
  for (const height of peakHeights(length)) {
    const size = 2 ** height
    if (index < start || index >= start + size) others.push(nodeAt(range, start, height, hash))
    else {
      for (let level = 0; level < height; level++) {
        const place = Math.floor((index - start) / 2 ** level)
        const sibling = place % 2 === 0 ? place + 1 : place - 1
        siblings.push(nodeAt(range, start + sibling * 2 ** level, level, hash))
      }
    }
    start += size
  }
  return [...siblings, ...others]
}

/** The root that a proof of leaf `index` among `length` leaves leads to, or null when the proof has not the one length it can have. */
export const rootOfProof = (
  leaf: Uint8Array,
  index: number,
  length: number,
  proof: ReadonlyArray<Uint8Array>,
  hash: Hash
): Uint8Array | null => {
  const heights = peakHeights(length)
  let start = 0
  const own = heights.findIndex((height) => index < (start += 2 ** height))
  const height = heights[own]
  if (height === undefined || proof.length !== height + heights.length - 1) return null
  let place = index - (start - 2 ** height)
  let node = leaf
  for (let level = 0; level < height; level++) {
    node = place % 2 === 0 ? nodeHash(node, proof[level]!, hash) : nodeHash(proof[level]!, node, hash)
    place = Math.floor(place / 2)
  }
  const peaks = proof.slice(height)
  peaks.splice(own, 0, node)
  return rootHash(length, peaks, hash)
}

/** The peaks of the leaves before `index`, which stand in every proof of leaf `index` among `length` leaves that has the length it can have. */
export const peaksBefore = (index: number, length: number, proof: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const heights = peakHeights(length)
  let start = 0
  const own = heights.findIndex((height) => index < (start += 2 ** height))
  const height = heights[own]!
  const place = index - (start - 2 ** height)
  // where the way up comes from the right, its sibling lies before
  const left = proof.slice(0, height).filter((_, level) => Math.floor(place / 2 ** level) % 2 === 1)
  return [...proof.slice(height, height + own), ...left.reverse()]
}
