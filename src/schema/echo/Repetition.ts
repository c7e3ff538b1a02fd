/**
 * Whether a change that is asked for again is the one that was made: the same mutations of the same objects, in the same order.
 *
 * Values may differ, because a repetition may be made of a newer state. Of a record only the leaves that differed were written, none when
 * it was as it is: a repetition names it as a whole (`Draft`), which stands for all of them.
 */
import { type Mutation, opCreate, opLife, opPut, opRemove } from "./ChangeSet.ts"
import { isRecord } from "./Registers.ts"

/** `feedOf` gives the feeds that `stored` cites the numbers that `again` cites them by. */
export const isRepetition = (
  stored: ReadonlyArray<Mutation>,
  feedOf: (feed: number) => number,
  again: ReadonlyArray<Mutation>
): boolean => {
  let next = 0
  for (const mutation of again) {
    const isWhole = mutation.op === opPut && isRecord(mutation.value)
    const isFound = next < stored.length && isSame(stored[next]!, feedOf, mutation)
    if (isFound) {
      const isLeaf = isWithin(stored[next]!)
      next++
      while (isLeaf && next < stored.length && isWithin(stored[next]!) && isSame(stored[next]!, feedOf, mutation)) next++
    } else if (!isWhole) return false
  }
  return next === stored.length
}

/** Whether it writes something inside a property. */
const isWithin = ({ path }: Mutation): boolean => path.length > 1

const isSame = (stored: Mutation, feedOf: (feed: number) => number, again: Mutation): boolean => {
  // a leaf that was removed is part of a record that was put
  const op = isWithin(stored) && stored.op === opRemove ? opPut : stored.op
  if (op !== again.op) return false
  if (op === opCreate) return stored.name === again.name
  if (stored.counter !== again.counter || feedOf(stored.feed) !== again.feed) return false
  return op === opLife ? stored.value === again.value : stored.path[0] === again.path[0]
}
