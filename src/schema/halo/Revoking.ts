/**
 * What a revocation takes away, and what it cuts off thereby: it points down only, so nobody can duel. docs/security.md#membership
 */
import type { Ancestry } from "./Ancestry.ts"
import { dominates, type Grant, type Right, rankOfGrant } from "./Grants.ts"
import type { Operation } from "./Operation.ts"

/** An operation that was taken, by its number. */
export interface Node {
  readonly operation: Operation
  /** Null when its signer had no such right. */
  readonly right: Right | null
  readonly grants: ReadonlyArray<Grant>
  /** What it takes away if it stands. */
  readonly kills: Array<Grant>
}

export class Revoking {
  private readonly ancestry: Ancestry
  private readonly nodes: ReadonlyArray<Node>
  private readonly numberOf: (id: string) => number | undefined

  constructor(ancestry: Ancestry, nodes: ReadonlyArray<Node>, numberOf: (id: string) => number | undefined) {
    this.ancestry = ancestry
    this.nodes = nodes
    this.numberOf = numberOf
  }

  /** Whether a revocation takes a grant away, if it stands: never one that came after it. */
  kills(revocation: number, grant: Grant): boolean {
    if (grant.op === revocation || this.ancestry.isBefore(revocation, grant.op)) return false
    const { operation, right } = this.nodes[revocation]!
    const { deed } = operation
    switch (deed.type) {
      case "Cap":
        return grant.role > deed.maxRole && dominates(right!, grant)
      case "Leave":
        return true
      case "RevokeInvite":
        return right!.role > grant.role
      case "RemoveDevice":
        if (grant.identity !== deed.identity) return false
        if (right!.identity !== grant.identity) return dominates(right!, grant.member!)
        return right!.rank > rankOfGrant(grant) || right!.uses[0] === grant
      default:
        return false
    }
  }

  /** Whether an operation that uses a grant is cut off by a revocation that takes it away. */
  cuts(revocation: number, op: number, grant: Grant): boolean {
    if (op === revocation) return false
    const { operation, right } = this.nodes[revocation]!
    const { deed } = operation
    // who goes by himself takes nothing with him, and nobody above him
    if (deed.type === "Leave" || (deed.type === "RemoveDevice" && right!.uses[0] === grant))
      return this.ancestry.isBefore(revocation, op) && this.nodes[op]!.right!.rank <= right!.rank
    if (!this.ancestry.isBefore(op, revocation)) return true
    const from = "voidFrom" in deed && deed.voidFrom !== null ? this.numberOf(deed.voidFrom) : undefined
    return from !== undefined && (from === op || this.ancestry.isBefore(from, op))
  }

  /** What stands by what lies in a past alone. */
  within(isPast: (op: number) => boolean): Then {
    return new Then(this, this.nodes, isPast)
  }
}

/** A past by itself, as if nothing else had ever been: what it answers never changes. Judged is only what is asked about. */
class Then {
  private readonly revoking: Revoking
  private readonly nodes: ReadonlyArray<Node>
  private readonly isPast: (op: number) => boolean
  private readonly judged = new Map<number, boolean>()
  /** Of rights that were granted, what stands and takes them away. */
  private readonly killers = new Map<Grant, ReadonlyArray<number>>()

  constructor(revoking: Revoking, nodes: ReadonlyArray<Node>, isPast: (op: number) => boolean) {
    this.revoking = revoking
    this.nodes = nodes
    this.isPast = isPast
  }

  /** Whether an operation of the past stood, which neither grants nor takes away. */
  stood(op: number): boolean {
    return this.rightOf(op).uses.every((grant) => {
      const killers = this.killersOf(grant)
      return this.judged.get(grant.op)! && !killers.some((killer) => this.revoking.cuts(killer, op, grant))
    })
  }

  private killersOf(grant: Grant): ReadonlyArray<number> {
    const known = this.killers.get(grant)
    if (known !== undefined) return known
    const killers = grant.killers.filter(this.isPast)
    this.judge([grant.op, ...killers])
    const standing = killers.filter((killer) => this.judged.get(killer)!)
    this.killers.set(grant, standing)
    return standing
  }

  /** Judges operations with all that they go back to and all that cuts that off, the greatest rank first. */
  private judge(ops: ReadonlyArray<number>): void {
    const concerned = new Set(ops.filter((op) => !this.judged.has(op)))
    for (const op of concerned)
      for (const grant of this.rightOf(op).uses)
        for (const other of [grant.op, ...grant.killers.filter(this.isPast)]) if (!this.judged.has(other)) concerned.add(other)
    const isCut = (op: number, grant: Grant) =>
      grant.killers.some((killer) => this.judged.get(killer) === true && this.revoking.cuts(killer, op, grant))
    const rank = (op: number) => this.rightOf(op).rank
    for (const op of [...concerned].sort((a, b) => rank(b) - rank(a) || a - b)) {
      const { uses } = this.rightOf(op)
      this.judged.set(
        op,
        uses.every((grant) => this.judged.get(grant.op)! && !isCut(op, grant))
      )
    }
  }

  private rightOf(op: number): Right {
    return this.nodes[op]!.right!
  }
}
