/**
 * `evaluate`: who is a member of a space, with which role and devices, as a pure machine over a set of operations.
 *
 * Taking away needs strictly more authority than what is taken has, so what voids what points down only: one result, no tie-break, no
 * clock. An operation stands when every right that it uses was granted by one that stands, and no revocation that stands cuts it off:
 * one that its signer's right falls to, and in whose past it does not lie. The answer is a function of the set; operations may come in
 * any order that keeps parents first, one by one or all at once. docs/security.md#membership
 */
import { Ancestry } from "./Ancestry.ts"
import { dominates, type Grant, into, type Known, ofSelf, type Right, rankOfGrant, structural } from "./Grants.ts"
import type { DeviceRight, Entry, Member, OwnRight, Revocation, Said, Standing } from "./MembershipEntry.ts"
import { feedsIn, type Operation, revoked } from "./Operation.ts"
import { Policies } from "./Policies.ts"
import { type Node, Revoking } from "./Revoking.ts"
import { memberOf, Roster } from "./Roster.ts"
import { Upcoming } from "./Upcoming.ts"

export type { DeviceRight, DeviceStanding, Member, OwnRight, Revocation, Said, Standing } from "./MembershipEntry.ts"

const noGrants: ReadonlyArray<Grant> = []

/** Stands where an identity's own space has nothing: before the first operation. */
const itself: Operation = { id: "", parents: [], by: "", proof: null, deed: { type: "Leave" } }

export class Membership {
  private readonly ancestry = new Ancestry()
  private readonly nodes: Array<Node> = []
  private readonly valid: Array<boolean> = []
  private readonly numbers = new Map<string, number>()
  /** Grants by what a revocation names: an identity, a device's key, an invitation's operation. */
  private readonly grantsAt = new Map<string, Array<Grant>>()
  private readonly grantsOfKey = new Map<string, Array<Grant>>()
  /** Memberships and devices of an identity. */
  private readonly grantsOf = new Map<string, Array<Grant>>()
  private readonly roster = new Roster()
  /** Identities of which a right has begun or ceased to stand since `roster` was told. */
  private readonly changed = new Set<string>()
  /** Operations that admit a feed, or endorse some of it. */
  private readonly feeds = new Map<string, Array<number>>()
  private readonly revocationsAt = new Map<string, Array<number>>()
  private readonly policies = new Policies(this.ancestry, (op) => this.nodes[op]!)
  private readonly revoking = new Revoking(this.ancestry, this.nodes, (id) => this.numbers.get(id))
  private readonly upcoming = new Upcoming((op) => this.nodes[op]!.right!.rank)
  private readonly known: Known
  /** What lies in the past of everything and was never added: in an identity's own space, the identity itself. */
  private readonly before: ReadonlyArray<number>

  /** Of a space, whose first operation is its Genesis; with an identity, of its own space, in which its recovery key is the root. */
  constructor(own: { readonly identity: string; readonly recovery: string } | null = null) {
    const self = own === null ? null : ofSelf(own.identity, own.recovery)
    this.known = {
      ancestry: this.ancestry,
      grantsOf: (id) => this.nodes[this.numbers.get(id) ?? -1]?.grants ?? noGrants,
      isLocked: (op) => this.isLockedIn((other) => this.ancestry.isBefore(other, op)),
      self
    }
    this.before = self === null ? [] : [this.ancestry.add([])]
    if (self === null) return
    this.nodes.push({ operation: itself, right: null, grants: [self], kills: [] })
    this.valid.push(true)
    this.list(self)
    this.changed.add(self.identity)
  }

  has(id: string): boolean {
    return this.numbers.has(id)
  }

  get size(): number {
    return this.numbers.size
  }

  /** Takes operations whose parents are here or before them; answers how many were new. */
  add(operations: Iterable<Operation>): number {
    const before = this.nodes.length
    for (const operation of operations) if (!this.has(operation.id)) this.enter(operation)
    this.settle()
    return this.nodes.length - before
  }

  /** What has a say on how much of a feed counts: what stands and endorsed some of it, and what admitted it, standing or cut off. */
  about(feed: string): ReadonlyArray<Said> {
    return (this.feeds.get(feed) ?? []).flatMap((op) => {
      const {
        operation: { deed },
        right
      } = this.nodes[op]!
      const stands = this.valid[op]!
      if (right === null || (!stands && deed.type !== "AdmitFeed")) return []
      return [{ deed, role: right.role, rank: right.rank, stands, revokedBy: this.revocationsOf(right, stands) }]
    })
  }

  /** What took the rights away, by which something was done: of what is cut off also what took those away that these go back to. */
  private revocationsOf({ uses }: Right, stands: boolean): ReadonlyArray<Revocation> {
    const ops = stands ? new Set(uses.flatMap((grant) => this.killersOf(grant))) : this.revokersOf(uses)
    return [...ops].map((op) => ({ deed: this.nodes[op]!.operation.deed, rank: this.nodes[op]!.right!.rank }))
  }

  /** Takes one operation whose parents are here; what follows from it is known once `settle` has been called. */
  enter(operation: Operation): void {
    const parents = this.parentsOf(operation)
    const op = this.ancestry.add(parents)
    const found = structural(this.known, op, operation)
    const node: Node = { operation, right: found?.right ?? null, grants: found?.grants ?? noGrants, kills: [] }
    this.nodes.push(node)
    this.valid.push(false)
    this.numbers.set(operation.id, op)
    if (found === null) return
    if (operation.deed.type === "SetPolicy") this.policies.add(op)
    for (const grant of found.right.uses) grant.users.push(op)
    for (const grant of found.grants) this.list(grant)
    this.listRevocation(op, node)
    for (const feed of feedsIn(operation.deed)) into(this.feeds, feed, op)
    this.upcoming.add(op)
  }

  private parentsOf({ parents }: Operation): ReadonlyArray<number> {
    return parents.length === 0 ? this.before : parents.map((parent) => this.numbers.get(parent)!)
  }

  // What takes away what ----------------------------------------------------------------------------------------------------------

  private list(grant: Grant): void {
    const target = this.targetOf(grant)
    into(this.grantsAt, target, grant)
    into(this.grantsOfKey, grant.key, grant)
    for (const revocation of this.revocationsAt.get(target) ?? []) this.meet(revocation, grant)
    if (grant.kind !== "invite") into(this.grantsOf, grant.identity, grant)
  }

  private targetOf({ identity, key, kind, op }: Grant): string {
    if (kind === "invite") return `invite ${this.nodes[op]!.operation.id}`
    return kind === "member" ? `member ${identity}` : `device ${key}`
  }

  private listRevocation(op: number, { operation: { deed }, right }: Node): void {
    if (deed.type === "Leave") {
      const own = right!.uses[right!.uses.length - 1]!
      this.meet(op, own)
      return
    }
    const target = revoked(deed)
    if (target === null) return
    into(this.revocationsAt, target, op)
    for (const grant of this.grantsAt.get(target) ?? []) this.meet(op, grant)
  }

  private meet(revocation: number, grant: Grant): void {
    if (!this.revoking.kills(revocation, grant)) return
    this.nodes[revocation]!.kills.push(grant)
    grant.killers.push(revocation)
  }

  /** Judges what may stand, the greatest rank first: what an operation depends on is judged before it. */
  settle(): void {
    for (let op = this.upcoming.next(); op >= 0; op = this.upcoming.next()) {
      if (!this.valid[op] && this.nodes[op]!.right!.uses.every((grant) => this.mayUse(op, grant))) this.stand(op)
    }
  }

  private stand(op: number): void {
    const { grants, kills } = this.nodes[op]!
    this.valid[op] = true
    for (const { identity, users } of grants) {
      this.changed.add(identity)
      for (const user of users) if (!this.valid[user]) this.upcoming.add(user)
    }
    for (const grant of kills) {
      this.changed.add(grant.identity)
      for (const user of grant.users) if (this.valid[user] && this.revoking.cuts(op, user, grant)) this.fall(user)
    }
  }

  /** What uses a right that is gone falls with it, whatever else is true of it; what it had cut off may stand again. */
  private fall(first: number): void {
    const falling = [first]
    this.valid[first] = false
    for (let op = falling.pop(); op !== undefined; op = falling.pop()) {
      const { grants, kills } = this.nodes[op]!
      for (const { identity, users } of grants) {
        this.changed.add(identity)
        for (const user of users) {
          if (this.valid[user]) falling.push(user)
          this.valid[user] = false
        }
      }
      for (const grant of kills) {
        this.changed.add(grant.identity)
        for (const user of grant.users) if (!this.valid[user] && this.revoking.cuts(op, user, grant)) this.upcoming.add(user)
      }
    }
  }

  private mayUse(op: number, grant: Grant): boolean {
    if (!this.valid[grant.op]) return false
    return !grant.killers.some((revocation) => this.valid[revocation]! && this.revoking.cuts(revocation, op, grant))
  }

  // What a key may do -------------------------------------------------------------------------------------------------------------

  /** Whether an operation whose parents are here is within its signer's right, as its past tells: an answer that never changes. */
  isWithinRight(operation: Operation): boolean {
    const parents = this.parentsOf(operation)
    const next = this.nodes.length
    const isBefore = (a: number, b: number) =>
      b === next ? parents.some((parent) => parent === a || this.ancestry.isBefore(a, parent)) : this.ancestry.isBefore(a, b)
    const isLocked = (op: number) => this.isLockedIn((other) => isBefore(other, op))
    return structural({ ...this.known, ancestry: { isBefore }, isLocked }, next, operation) !== null
  }

  /** The best right that a device or a recovery key has now, and the operation that gave it; null when none stands. */
  rightOf(key: string): OwnRight | null {
    let best: Grant | null = null
    for (const grant of this.grantsOfKey.get(key) ?? []) {
      const stands = grant.kind !== "invite" && this.isLive(grant) && (grant.member === null || this.isLive(grant.member))
      if (stands && (best === null || rankOfGrant(grant) > rankOfGrant(best))) best = grant
    }
    if (best === null) return null
    return { proof: this.nodes[best.op]!.operation.id || null, identity: best.identity, role: best.role, rank: rankOfGrant(best) }
  }

  /** Whether whoever has a key stands above a member, by each of the memberships that he has: else he would keep one of them. */
  isAbove(key: string, identity: string): boolean {
    const own = (this.grantsOfKey.get(key) ?? noGrants).filter((grant) => grant.kind !== "invite" && this.isLive(grant))
    const theirs = (this.grantsOf.get(identity) ?? noGrants).filter((grant) => grant.kind === "member" && this.isLive(grant))
    return theirs.every((member) => own.some((grant) => dominates(grant, member)))
  }

  /** Whose feed it is: an identity, or undefined when none has admitted it. Where two have, the least id says, whichever came first. */
  ownerOf(feed: string): string | undefined {
    const admissions = (this.feeds.get(feed) ?? []).filter((op) => this.nodes[op]!.operation.deed.type === "AdmitFeed")
    const [first] = admissions.sort((a, b) => (this.nodes[a]!.operation.id < this.nodes[b]!.operation.id ? -1 : 1))
    return first === undefined ? undefined : this.nodes[first]!.right!.identity
  }

  /** All devices that an identity was ever given here, standing or not. */
  devicesOf(identity: string): ReadonlyArray<string> {
    return [...new Set((this.grantsOf.get(identity) ?? []).flatMap(({ key, kind }) => (kind === "device" ? [key] : [])))]
  }

  /** Operations that stand, and that no other which stands comes after. */
  validHeads(): ReadonlyArray<string> {
    const isCovered = new Uint8Array(this.nodes.length)
    const heads: Array<string> = []
    for (let op = this.nodes.length - 1; op >= this.before.length; op--) {
      const [isValid, { operation }] = [this.valid[op], this.nodes[op]!]
      if (isValid && isCovered[op] === 0) heads.push(operation.id)
      if (!isValid && isCovered[op] === 0) continue
      for (const parent of operation.parents) isCovered[this.numbers.get(parent)!] = 1
    }
    return heads
  }

  /** Whether nobody is let in any more, by all that is here. */
  isLockedNow(): boolean {
    return this.policies.isLocked((op) => this.valid[op]!)
  }

  /** The same by what lies in a past alone, and stands by what lies there. */
  private isLockedIn(isPast: (op: number) => boolean): boolean {
    const then = this.revoking.within(isPast)
    return this.policies.isLocked((op) => isPast(op) && then.stood(op))
  }

  standing(id: string): Standing {
    const op = this.numbers.get(id) ?? -1
    if ((this.nodes[op]?.right ?? null) === null) return "malformed"
    return this.valid[op] ? "valid" : "quarantined"
  }

  /**
   * Whose key it is by the operation that granted it, standing or not: an identity; empty of an invitation; undefined of no grant. With
   * null, whose recovery key it is in an identity's own space.
   */
  holder(proof: string | null, key: string): string | undefined {
    const { self } = this.known
    if (proof === null) return self?.key === key ? self.identity : undefined
    return this.known.grantsOf(proof).find((grant) => grant.key === key)?.identity
  }

  /** An operation that is here, as those see it who ask why. */
  entry(id: string): Entry | undefined {
    const op = this.numbers.get(id)
    if (op === undefined) return undefined
    const { grants, operation, right } = this.nodes[op]!
    const uses = right?.uses ?? noGrants
    return {
      place: op,
      operation,
      standing: this.standing(id),
      identity: right?.identity ?? "",
      role: right?.role ?? 0,
      signer: uses[0]?.kind ?? null,
      rights: this.idsOf(uses.map((grant) => grant.op)),
      cutBy: this.idsOf(uses.flatMap((grant) => this.killersOf(grant).filter((each) => this.revoking.cuts(each, op, grant)))),
      grants: grants.map((grant) => {
        const { identity, key, kind, role } = grant
        return { kind, identity, key, role, endedBy: this.idsOf(this.killersOf(grant)) }
      })
    }
  }

  /** Ids of the operations that made an identity a member or gave it a device, standing or not, in the order in which they came. */
  admissionsOf(identity: string): ReadonlyArray<string> {
    return this.idsOf((this.grantsOf.get(identity) ?? noGrants).map(({ op }) => op))
  }

  /** Each once; what was never added has none. */
  private idsOf(ops: ReadonlyArray<number>): ReadonlyArray<string> {
    return [...new Set(ops)].map((op) => this.nodes[op]!.operation.id).filter((id) => id !== itself.id)
  }

  private killersOf({ killers }: Grant): ReadonlyArray<number> {
    return killers.filter((revocation) => this.valid[revocation])
  }

  private isLive({ killers, op }: Grant): boolean {
    return this.valid[op]! && !killers.some((revocation) => this.valid[revocation])
  }

  /** An identity as it stands, or undefined when it is not in. */
  member(identity: string): Member | undefined {
    return this.refreshed().find(identity)
  }

  /** Everybody who is in, in the order of identities: a list that stays as it is. */
  members(): ReadonlyArray<Member> {
    return this.refreshed().list()
  }

  /** What a device is by its key. */
  device(key: string): DeviceRight {
    const all = this.grantsAt.get(`device ${key}`) ?? noGrants
    const standing = all.filter((grant) => this.isLive(grant) && (grant.member === null || this.isLive(grant.member)))
    const idsOf = (ops: Iterable<number>) => [...new Set(ops)].map((op) => this.nodes[op]!.operation.id)
    const grants = idsOf(all.map(({ op }) => op))
    if (standing.length > 0) return { standing: "member", grants, live: idsOf(standing.map(({ op }) => op)), revocations: [] }
    return { standing: all.length === 0 ? "stranger" : "former", grants, live: [], revocations: idsOf(this.revokersOf(all)) }
  }

  /**
   * What took a device's right away, and what makes that stand although somebody had cut it off: ids of all that has to be known, with what
   * comes before it, to judge of the device as it is judged here.
   */
  causesOf(key: string): ReadonlyArray<string> {
    const causes = new Set(this.revokersOf(this.grantsAt.get(`device ${key}`) ?? noGrants))
    // with all that these rights go back to
    const resting = new Set(causes)
    for (const op of resting)
      for (const grant of this.nodes[op]!.right?.uses ?? noGrants) {
        resting.add(grant.op)
        for (const killer of grant.killers) {
          if (this.valid[killer] || !this.revoking.cuts(killer, op, grant)) continue
          for (const other of this.revokersOf(this.nodes[killer]!.right!.uses)) resting.add(other) && causes.add(other)
        }
      }
    return this.idsOf([...causes])
  }

  /** What stands and takes away these grants, or one that they go back to. */
  private revokersOf(grants: ReadonlyArray<Grant>): ReadonlySet<number> {
    const revokers = new Set<number>()
    const seen = new Set(grants)
    for (const grant of seen) {
      for (const op of grant.killers) if (this.valid[op]) revokers.add(op)
      if (grant.member !== null) seen.add(grant.member)
      if (!this.valid[grant.op]) for (const used of this.nodes[grant.op]!.right!.uses) seen.add(used)
    }
    return revokers
  }

  private refreshed(): Roster {
    const isLive = (grant: Grant) => this.isLive(grant)
    this.roster.update(this.changed, (identity) => memberOf(identity, this.grantsOf.get(identity) ?? noGrants, isLive))
    this.changed.clear()
    return this.roster
  }
}
