/**
 * Which policy stands: of what set it, that which nothing of the same kind has seen; of several the greatest rank, then the greatest id.
 */
import type { Ancestry } from "./Ancestry.ts"
import type { Node } from "./Revoking.ts"

export class Policies {
  /** Numbers of the operations that set it. */
  private readonly settings: Array<number> = []
  private readonly ancestry: Ancestry
  private readonly nodeOf: (op: number) => Node

  constructor(ancestry: Ancestry, nodeOf: (op: number) => Node) {
    this.ancestry = ancestry
    this.nodeOf = nodeOf
  }

  /** Takes an operation that sets the policy; later ones have greater numbers. */
  add(op: number): void {
    this.settings.push(op)
  }

  /** Whether it is `locked` by those operations that stand; by the Genesis where none does. */
  isLocked(stands: (op: number) => boolean): boolean {
    const seen = this.ancestry.covered()
    let winner: Node | null = null
    for (const op of this.settings.toReversed()) {
      if (seen.has(op) || !stands(op)) continue
      seen.add(op)
      const node = this.nodeOf(op)
      if (winner === null || isAbove(node, winner)) winner = node
    }
    const { deed } = (winner ?? this.nodeOf(0)).operation
    return "isLocked" in deed && deed.isLocked
  }
}

const isAbove = (a: Node, b: Node): boolean => {
  const order = a.right!.rank - b.right!.rank
  return order > 0 || (order === 0 && a.operation.id > b.operation.id)
}
