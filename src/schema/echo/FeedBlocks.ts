/**
 * Change sets parted into blocks: as few as the limits of a block allow, in the order in which they came.
 */
import { Unencodable } from "../platform/Codec.ts"
import { blockBytesMax, blockChangeSetsMax } from "../platform/Limits.ts"
import type { ChangeSet } from "./ChangeSet.ts"
import { encodePlain, sizeOf } from "./ChangeSetCodec.ts"

export interface EncodedBlock {
  /** Its plain content. */
  readonly plain: Uint8Array
  /** The last counter in the block. */
  readonly counter: number
}

/** A block's content besides its change sets and the feeds that they cite. */
const roomBytes = 64

/**
 * Encodes change sets whose counters ascend. Where they skip, a new block begins, since within one they continue each other.
 * `own` is the number of the feed itself, and `feedId` names the others. Throws `Unencodable` for what no block can hold.
 */
export const encodeBlocks = (
  changeSets: ReadonlyArray<ChangeSet>,
  own: number,
  feedId: (index: number) => Uint8Array
): ReadonlyArray<EncodedBlock> => {
  const blocks: Array<EncodedBlock> = []
  let group: Array<ChangeSet> = []
  let bytes = 0
  let next = 0
  for (let i = 0; i < changeSets.length; i++) {
    const changeSet = changeSets[i]!
    const size = sizeOf(changeSet)
    const isFull = bytes + size > blockBytesMax - roomBytes || group.length === blockChangeSetsMax
    if (group.length > 0 && (isFull || changeSet.first !== next)) {
      encodeGroup(group, own, feedId, blocks)
      group = []
      bytes = 0
    }
    group.push(changeSet)
    bytes += size
    next = changeSet.first + changeSet.mutations.length
  }
  if (group.length > 0) encodeGroup(group, own, feedId, blocks)
  return blocks
}

/** As one block, or as two when the feeds that it cites do not fit. */
const encodeGroup = (
  group: ReadonlyArray<ChangeSet>,
  own: number,
  feedId: (index: number) => Uint8Array,
  to: Array<EncodedBlock>
): void => {
  const last = group[group.length - 1]!
  try {
    const plain = encodePlain(group, own, feedId)
    to.push({ plain, counter: last.first + last.mutations.length - 1 })
  } catch (error) {
    if (!(error instanceof Unencodable) || group.length === 1) throw error
    const half = group.length >>> 1
    encodeGroup(group.slice(0, half), own, feedId, to)
    encodeGroup(group.slice(half), own, feedId, to)
  }
}
