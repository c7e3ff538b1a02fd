/**
 * The rules of membership, word for word and without any thought of speed: pasts are sets, every revocation is held against every use.
 *
 * It shares with the product the shape of an operation, and nothing that decides. Steps are numbered as in docs/security.md.
 */
import type { Operation } from "../../../src/schema/halo/Operation.ts"

interface Grant {
  readonly kind: "member" | "device" | "invite"
  readonly op: string
  readonly key: string
  readonly identity: string
  readonly role: number
  readonly depth: number
  readonly deviceDepth: number
  readonly member: Grant | null
  readonly hosts: string
}

type Rank = readonly [role: number, depth: number, deviceDepth: number]

/** Who signed, as one of its rights says. */
interface Author {
  readonly identity: string
  readonly role: number
  readonly depth: number
  readonly deviceDepth: number
  readonly rank: Rank
}

const compare = (a: Rank, b: Rank): number => a[0] - b[0] || b[1] - a[1] || b[2] - a[2]
const rankOf = ({ depth, deviceDepth, role }: Pick<Grant, "depth" | "deviceDepth" | "role">): Rank => [role, depth, deviceDepth]
const revocations: ReadonlySet<string> = new Set(["Cap", "Leave", "RemoveDevice", "RevokeInvite"])

export class Evaluation {
  readonly order: ReadonlyArray<Operation>
  readonly byId: ReadonlyMap<string, Operation>
  private readonly pasts = new Map<string, Set<string>>()
  private readonly grants = new Map<string, ReadonlyArray<Grant>>()
  readonly authors = new Map<string, Author>()
  readonly uses = new Map<string, ReadonlyArray<Grant>>()
  readonly effective = new Set<string>()
  readonly valid = new Set<string>()

  /** Operations with parents first. */
  constructor(order: ReadonlyArray<Operation>) {
    this.order = order
    this.byId = new Map(order.map((each) => [each.id, each]))
    for (const each of order) {
      // 1
      this.pasts.set(each.id, new Set(each.parents.flatMap((parent) => [parent, ...this.pasts.get(parent)!])))
      this.grants.set(each.id, this.structural(each) ? this.made(each) : [])
    }
    this.takeEffect()
    this.validate()
  }

  isBefore(a: string, b: string): boolean {
    return this.pasts.get(b)!.has(a)
  }

  // 2
  private structural(op: Operation): boolean {
    const { by, deed, id, parents, proof } = op
    const says = (author: Omit<Author, "rank">, uses: ReadonlyArray<Grant>, rank: Rank): boolean => {
      this.authors.set(id, { ...author, rank })
      this.uses.set(id, uses)
      return true
    }
    if (deed.type === "Genesis") {
      const founder = { identity: deed.subject.identity, role: 5, depth: 0, deviceDepth: 0 }
      return parents.length === 0 && id === this.order[0]!.id && says(founder, [], [5, 0, 0])
    }
    const grant = this.grantedTo(by, proof, id)
    if (grant === undefined) return false
    if (grant.kind === "invite") {
      const host = deed.type === "Redeem" ? this.grantedTo(deed.host, deed.hostProof, id) : undefined
      if (deed.type === "Redeem" && deed.role !== grant.role) return false
      if (host === undefined || host.kind !== "device" || host.role < grant.role) return false
      if (grant.hosts === "admins" && host.role < 3) return false
      if (this.isLocked(id)) return false
      return says({ identity: "", role: 0, depth: grant.depth, deviceDepth: 0 }, [grant, host, host.member!], [0, 0, 0])
    }
    if (!this.permits(op, grant)) return false
    const uses = grant.member === null ? [grant] : [grant, grant.member]
    return says(grant, uses, rankOf(grant))
  }

  private grantedTo(key: string, proof: string | null, id: string): Grant | undefined {
    const grant = this.grants.get(proof ?? "")?.find((each) => each.key === key)
    return grant !== undefined && this.isBefore(grant.op, id) ? grant : undefined
  }

  /** The right of a device or an invitation, if the operation that is said to have made it did. */
  granted({ key, proof }: { readonly key: string; readonly proof: string }): Grant | undefined {
    return this.grants.get(proof)?.find((each) => each.key === key)
  }

  private permits({ deed, id }: Operation, grant: Grant): boolean {
    const isRecovery = grant.kind === "member"
    if (isRecovery) {
      if (deed.type === "AddDevice" || deed.type === "Leave") return true
      return deed.type === "RemoveDevice" && (deed.identity === grant.identity || grant.role >= 3)
    }
    switch (deed.type) {
      case "Admit":
        return grant.role >= 3 && (deed.role < grant.role || grant.role === 4) && !this.isLocked(id)
      case "Invite":
        return grant.role >= 3 && deed.role < grant.role
      case "Cap":
        return grant.role >= 3 && deed.identity !== grant.identity
      case "RevokeInvite":
      case "CloseInvite":
      case "SetPolicy":
      case "Endorse":
        return grant.role >= 3
      case "RemoveDevice":
        return deed.identity === grant.identity || grant.role >= 3
      case "Leave":
        return grant.role < 4 && grant.deviceDepth <= 1
      case "KeyRotate":
        return grant.role >= 2
      case "AdmitFeed":
        return deed.device === grant.key
      default:
        return deed.type === "AddDevice" || deed.type === "KeyWrap"
    }
  }

  private isLocked(id: string): boolean {
    const past = this.pasts.get(id)!
    const known = this.order.filter((each) => past.has(each.id))
    if (!known.some(({ deed }) => deed.type === "SetPolicy")) return this.isLockedBy([], this.order[0]!)
    const then = new Evaluation(known)
    return this.isLockedBy(
      known.filter((each) => each.deed.type === "SetPolicy" && then.valid.has(each.id)),
      this.order[0]!
    )
  }

  /** The policy that the past of an operation shows: by what stood there, as if nothing else had ever been. */
  private isLockedBy(set: ReadonlyArray<Operation>, genesis: Operation): boolean {
    const heads = set.filter((each) => !set.some((other) => this.isBefore(each.id, other.id)))
    heads.sort((a, b) => compare(this.authors.get(b.id)!.rank, this.authors.get(a.id)!.rank) || (a.id < b.id ? 1 : -1))
    const { deed } = heads[0] ?? genesis
    return "isLocked" in deed && deed.isLocked
  }

  private made({ deed, id, by }: Operation): ReadonlyArray<Grant> {
    const author = this.authors.get(id)!
    const member = (role: number, depth: number): ReadonlyArray<Grant> => {
      if (!("subject" in deed)) return []
      const { device, identity, recovery } = deed.subject
      const made: Grant = {
        kind: "member",
        op: id,
        key: recovery,
        identity,
        role,
        depth,
        deviceDepth: 0,
        member: null,
        hosts: ""
      }
      return [made, { ...made, kind: "device", key: device, deviceDepth: 1, member: made }]
    }
    const uses = this.uses.get(id)!
    if (deed.type === "Genesis") return member(4, 0)
    if (deed.type === "Admit") return member(deed.role, author.depth + 1)
    if (deed.type === "Redeem") return member(uses[0]!.role, Math.max(uses[0]!.depth, uses[1]!.depth) + 1)
    if (deed.type === "AddDevice") {
      const of = uses[0]!.member ?? uses[0]!
      return [{ ...of, kind: "device", op: id, key: deed.device, deviceDepth: author.deviceDepth + 1, member: of }]
    }
    if (deed.type !== "Invite") return []
    const { hosts, key, role } = deed
    return [{ kind: "invite", op: id, key, identity: by, role, depth: author.depth + 1, deviceDepth: 0, member: null, hosts }]
  }

  // 3
  kills(revocation: string, grant: Grant): boolean {
    if (grant.op === revocation || this.isBefore(revocation, grant.op)) return false
    const { deed } = this.byId.get(revocation)!
    const author = this.authors.get(revocation)!
    const dominates = ({ depth, role }: Grant) => author.role > role || (author.role === 4 && role === 4 && author.depth < depth)
    switch (deed.type) {
      case "Cap":
        return grant.kind === "member" && grant.identity === deed.identity && grant.role > deed.maxRole && dominates(grant)
      case "RemoveDevice":
        if (grant.kind !== "device" || grant.identity !== deed.identity || grant.key !== deed.device) return false
        if (author.identity !== grant.identity) return dominates(grant.member!)
        return compare(author.rank, rankOf(grant)) > 0 || this.isOwn(revocation, grant)
      case "RevokeInvite":
        return grant.kind === "invite" && grant.op === deed.invite && author.role > grant.role
      default:
        return deed.type === "Leave" && this.uses.get(revocation)!.at(-1) === grant
    }
  }

  private isOwn(revocation: string, grant: Grant): boolean {
    return this.uses.get(revocation)![0] === grant
  }

  // 4
  cuts(revocation: string, op: string, grant: Grant): boolean {
    if (op === revocation || !this.kills(revocation, grant)) return false
    const { deed } = this.byId.get(revocation)!
    if (deed.type === "Leave" || this.isOwn(revocation, grant)) {
      const isNotAbove = compare(this.authors.get(op)!.rank, this.authors.get(revocation)!.rank) <= 0
      return this.isBefore(revocation, op) && isNotAbove
    }
    if (!this.isBefore(op, revocation)) return true
    const from = "voidFrom" in deed ? deed.voidFrom : null
    return from !== null && this.byId.has(from) && (from === op || this.isBefore(from, op))
  }

  // 5
  private closure(id: string): ReadonlyArray<readonly [string, Grant]> {
    const pairs: Array<readonly [string, Grant]> = []
    const open = [id]
    for (const op of open) {
      for (const grant of this.uses.get(op)!) {
        pairs.push([op, grant])
        if (!open.includes(grant.op)) open.push(grant.op)
      }
    }
    return pairs
  }

  private takeEffect(): void {
    const all = this.order.filter(({ deed, id }) => revocations.has(deed.type) && this.authors.has(id)).map(({ id }) => id)
    const places = new Map(this.order.map(({ id }, at) => [id, at]))
    const rank = (id: string) => this.authors.get(id)!.rank
    all.sort((a, b) => compare(rank(b), rank(a)) || places.get(a)! - places.get(b)!)
    for (const each of all) {
      const pairs = this.closure(each)
      if (![...this.effective].some((other) => pairs.some(([op, grant]) => this.cuts(other, op, grant)))) this.effective.add(each)
    }
  }

  // 6
  private validate(): void {
    for (const { deed, id } of this.order) {
      const uses = this.uses.get(id)
      if (uses === undefined) continue
      const isCut = (grant: Grant) => [...this.effective].some((each) => this.cuts(each, id, grant))
      const stands = revocations.has(deed.type)
        ? this.effective.has(id)
        : uses.every((grant) => this.valid.has(grant.op) && !isCut(grant))
      if (stands) this.valid.add(id)
    }
  }

  // 7
  private isLive(grant: Grant): boolean {
    return this.valid.has(grant.op) && ![...this.effective].some((each) => this.kills(each, grant))
  }

  /** The keys of all devices that were ever given, standing or not. */
  devices(): ReadonlyArray<string> {
    return [...this.grants.values()].flat().flatMap(({ key, kind }) => (kind === "device" ? [key] : []))
  }

  members(): ReadonlyArray<{ identity: string; role: number; devices: ReadonlyArray<string> }> {
    const live = [...this.grants.values()].flat().filter((grant) => this.isLive(grant))
    const members = live.filter(({ kind }) => kind === "member")
    return [...new Set(members.map(({ identity }) => identity))].sort().map((identity) => {
      const devices = live.filter((each) => each.kind === "device" && each.identity === identity && this.isLive(each.member!))
      const role = Math.max(...members.filter((each) => each.identity === identity).map((each) => each.role))
      return { identity, role, devices: [...new Set(devices.map(({ key }) => key))].sort() }
    })
  }

  standing(id: string): "valid" | "quarantined" | "malformed" {
    if (!this.authors.has(id)) return "malformed"
    return this.valid.has(id) ? "valid" : "quarantined"
  }
}
