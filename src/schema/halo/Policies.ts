/**
 * Which policy stands in the past of each operation: of those that no later one has seen, that of the greatest rank, then of the greatest id.
 */
import type { Ancestry } from "./Ancestry.ts"
import type { Deed } from "./Operation.ts"

/** An operation that sets the policy, or the Genesis. */
export interface Setting {
  readonly id: string
  readonly rank: number
  readonly deed: Deed
}

export class Policies {
  /** The causal heads among operations that set the policy, of each operation's past with itself. */
  private readonly heads: Array<ReadonlyArray<number>> = []
  private readonly ancestry: Ancestry
  private readonly settingOf: (op: number) => Setting | undefined

  /** `settingOf` tells of an operation that was taken; of 0, what stands before any was set. */
  constructor(ancestry: Ancestry, settingOf: (op: number) => Setting | undefined) {
    this.ancestry = ancestry
    this.settingOf = settingOf
  }

  /** Takes the next operation. */
  add(parents: ReadonlyArray<number>): void {
    this.heads.push(this.after(parents))
  }

  /** The last operation that was taken sets the policy. */
  set(op: number): void {
    this.heads[op] = [op]
  }

  isLocked(op: number): boolean {
    return this.isLockedBy(this.heads[op]!)
  }

  /** The same of an operation with these parents. */
  isLockedAfter(parents: ReadonlyArray<number>): boolean {
    return this.isLockedBy(this.after(parents))
  }

  private after(parents: ReadonlyArray<number>): ReadonlyArray<number> {
    const [first, ...others] = parents.map((parent) => this.heads[parent]!)
    if (first === undefined) return []
    if (others.every((heads) => heads === first)) return first
    const all = [...new Set([first, ...others].flat())]
    return all.filter((head) => !all.some((other) => this.ancestry.isBefore(head, other)))
  }

  private isLockedBy(heads: ReadonlyArray<number>): boolean {
    let winner: Setting | null = null
    for (const head of heads) {
      const setting = this.settingOf(head)!
      const order = winner === null ? 1 : setting.rank - winner.rank
      if (order > 0 || (order === 0 && setting.id > winner!.id)) winner = setting
    }
    const deed = (winner ?? this.settingOf(0))?.deed
    return deed !== undefined && "isLocked" in deed && deed.isLocked
  }
}
