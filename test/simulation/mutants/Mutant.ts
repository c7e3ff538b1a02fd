/**
 * What a planted bug is: a small edit of real source, which the scenarios have to find with the checkers that they have anyway.
 */
import type { scenarios } from "../scenarios/index.ts"

/** The mistakes of which there is at least one. */
export const kinds = [
  "acknowledge before durable",
  "sync what was written after the sync began",
  "forget to resend after a heal",
  "apply before dependencies",
  "dependencies taken at the flush",
  "tie broken by arrival",
  "skip one verification",
  "off by one in a frontier",
  "lost wake-up",
  "queue without bound",
  "append to a feed after rollback",
  "reply lost on restart",
  "acknowledgement counted twice",
  "trust the wall clock",
  "batch dropped when a queue is full",
  "timer that survives its actor",
  "synced from what was sent",
  "retraction forgotten after a failed flush"
] as const

/** Others that are worth their place. */
export const otherKinds = [
  "clean up what is another's",
  "one batch written as two",
  "use of what is stale",
  "given up at a close",
  "told less than there is",
  "told before it is so",
  "decided by no seed",
  "a right that nobody gave",
  "a right kept or taken too long"
] as const

/** `from` occurs once in the file. */
export interface Edit {
  readonly from: string
  readonly to: string
}

export interface Mutant {
  readonly name: string
  readonly kind: (typeof kinds)[number] | (typeof otherKinds)[number]
  /** What was got wrong. */
  readonly says: string
  /** Which execution shows it, and what is then not as promised. */
  readonly seen: string
  readonly file: string
  readonly edits: ReadonlyArray<Edit>
  readonly scenario: keyof typeof scenarios
  /** The ordinary tests of its room, which may notice it too. */
  readonly unitTests: ReadonlyArray<string>
}

/** The source with the bug in it. */
export const planted = (source: string, { edits, name }: Mutant): string =>
  edits.reduce((text, { from, to }) => {
    const parts = text.split(from)
    if (parts.length !== 2) throw new Error(`${name}: this stands there ${parts.length - 1} times, and not once: ${from}`)
    return parts.join(to)
  }, source)

/** Lines that an edit takes away or puts in, the greater number: what both begin or end with is only there to find the place. */
export const changedLines = ({ from, to }: Edit): number => {
  const [before, after] = [from.split("\n"), to.split("\n")]
  while (before.length > 0 && before[0] === after[0]) {
    before.shift()
    after.shift()
  }
  while (before.length > 0 && before.at(-1) === after.at(-1)) {
    before.pop()
    after.pop()
  }
  return Math.max(before.length, after.length)
}
