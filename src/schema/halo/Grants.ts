/**
 * What operations grant, and whether one is within its signer's right as far as its own past tells ("structural").
 *
 * Nothing here depends on what came later or elsewhere, so an answer never changes. Whether a right still stood is Membership.ts.
 * docs/security.md#membership
 */
import type { Ancestry } from "./Ancestry.ts"
import { type Operation, type Role, roles } from "./Operation.ts"

/** A right that an operation made. Of a device, `role` and `depth` are those of its membership. */
export interface Grant {
  readonly kind: "member" | "device" | "invite"
  /** The number of the operation. */
  readonly op: number
  readonly key: string
  readonly role: Role
  /** How many admissions away from the founder. */
  readonly depth: number
  /** Of a device, how many devices away from the recovery key; 0 otherwise. */
  readonly deviceDepth: number
  /** Whose membership or device it is; empty of an invitation. */
  readonly identity: string
  /** Of a device, the membership that it is a device of. */
  readonly member: Grant | null
  /** Of an invitation, whether any member of that role may host it. */
  readonly isHostedByMembers: boolean
  /** Operations that use it, and revocations that take it away, in the order in which they came. */
  readonly users: Array<number>
  readonly killers: Array<number>
}

/** By what right an operation was made. */
export interface Right {
  readonly uses: ReadonlyArray<Grant>
  readonly identity: string
  readonly role: Role | 0
  readonly depth: number
  readonly deviceDepth: number
  /** Of two, who has the greater may take from the other; in which order operations are judged. */
  readonly rank: number
}

const depthBase = 2 ** 20

/** The lexicographic order of (role, −depth, −device depth) as one number. */
const rankOf = (role: number, depth: number, deviceDepth: number): number =>
  (role * depthBase + (depthBase - 1 - depth)) * depthBase + (depthBase - 1 - deviceDepth)

export const rankOfGrant = ({ depth, deviceDepth, role }: Grant): number => rankOf(role, depth, deviceDepth)

/** Whether someone with this right may take that membership: only from who is below him, so that nobody can duel. */
export const dominates = (right: Pick<Right, "role" | "depth">, { depth, role }: Grant): boolean =>
  right.role > role || (right.role === roles.owner && role === roles.owner && right.depth < depth)

const granted = (grant: Partial<Grant> & Pick<Grant, "kind" | "op" | "key" | "role" | "depth">): Grant => ({
  deviceDepth: 0,
  identity: "",
  member: null,
  isHostedByMembers: false,
  users: [],
  killers: [],
  ...grant
})

/** What an operation that admits makes: the membership of its subject, and its first device. */
const admitted = (
  op: number,
  { subject }: { readonly subject: { identity: string; recovery: string; device: string } },
  role: Role,
  depth: number
): ReadonlyArray<Grant> => {
  const member = granted({ kind: "member", op, key: subject.recovery, role, depth, identity: subject.identity })
  return [member, deviceOf(op, subject.device, member, 1)]
}

const deviceOf = (op: number, key: string, member: Grant, deviceDepth: number): Grant =>
  granted({ kind: "device", op, key, role: member.role, depth: member.depth, deviceDepth, identity: member.identity, member })

/** An operation within its signer's right, and what it grants. */
export interface Structural {
  readonly right: Right
  readonly grants: ReadonlyArray<Grant>
}

/** What is known of the past of an operation. */
export interface Known {
  readonly ancestry: Pick<Ancestry, "isBefore">
  /** The grants that an operation made; none if it is outside its signer's right, or unknown. */
  readonly grantsOf: (id: string) => ReadonlyArray<Grant>
  /** Whether the policy `locked` stands in the past of an operation. */
  readonly isLocked: (op: number) => boolean
  /** In an identity's own space, its membership: nobody granted it, and its key is the recovery key. */
  readonly self: Grant | null
}

/** The membership that an identity has in its own space. It lies in the past of everything, as operation 0. */
export const ofSelf = (identity: string, recovery: string): Grant =>
  granted({ kind: "member", op: 0, key: recovery, role: roles.owner, depth: 0, identity })

/** What is done in an identity's own space: it has one member for good. */
const bySelf: ReadonlySet<string> = new Set([
  "AddDevice",
  "RemoveDevice",
  "KeyRotate",
  "KeyWrap",
  "AdmitFeed",
  "Endorse",
  "ForkProof",
  "Unknown"
])

/** Devices that the recovery key adds are roots, so that each device has a certificate; all else has a past. */
const isOfSelf = ({ by, deed, parents, proof }: Operation, self: Grant): boolean => {
  if (!bySelf.has(deed.type)) return false
  const isRoot = deed.type === "AddDevice" && by === self.key && proof === null
  return isRoot === (parents.length === 0)
}

const nobody: Right = { uses: [], identity: "", role: 0, depth: 0, deviceDepth: 0, rank: 0 }

/** The grant that `key` got from an operation in the past of `op`, or has without one. */
const grantIn = (known: Known, op: number, proof: string | null, key: string): Grant | null => {
  if (proof === null) return known.self !== null && known.self.key === key ? known.self : null
  const grant = known.grantsOf(proof).find((each) => each.key === key)
  return grant !== undefined && known.ancestry.isBefore(grant.op, op) ? grant : null
}

const rightOf = (grant: Grant): Right => {
  const { depth, deviceDepth, identity, member, role } = grant
  const uses = member === null ? [grant] : [grant, member]
  return { uses, identity, role, depth, deviceDepth, rank: rankOf(role, depth, deviceDepth) }
}

/** The operation with its right, or null when it has none. */
export const structural = (known: Known, op: number, operation: Operation): Structural | null => {
  const { by, deed, parents, proof } = operation
  if (known.self !== null && !isOfSelf(operation, known.self)) return null
  if (deed.type === "Genesis") {
    if (parents.length > 0 || op !== 0) return null
    const grants = admitted(op, deed, roles.owner, 0)
    return { right: { ...nobody, identity: deed.subject.identity, rank: rankOf(roles.owner + 1, 0, 0) }, grants }
  }
  const grant = grantIn(known, op, proof, by)
  if (grant === null) return null
  // it proves itself, so it counts whatever became of who says it; strangers are not listened to, for they could say it without end
  if (deed.type === "ForkProof") return grant.kind === "device" ? { right: nobody, grants: [] } : null
  if (grant.kind === "invite") return redeemed(known, op, operation, grant)
  const right = rightOf(grant)
  return isPermitted(known, op, operation, grant) ? { right, grants: made(op, operation, right, grant) } : null
}

/** A Redeem is by an invitation's key, and by the host that lets its bearer in: who outranks whom it lets in. */
const redeemed = (known: Known, op: number, { deed }: Operation, invite: Grant): Structural | null => {
  if (deed.type !== "Redeem" || deed.role !== invite.role || known.isLocked(op)) return null
  const host = grantIn(known, op, deed.hostProof, deed.host)
  if (host === null || host.kind !== "device" || host.role < invite.role) return null
  if (!invite.isHostedByMembers && host.role < roles.admin) return null
  const depth = Math.max(invite.depth, host.depth) + 1
  const grants = admitted(op, deed, invite.role, depth)
  const uses = [invite, host, host.member!]
  // what it makes is judged after it
  return { right: { ...nobody, uses, depth: invite.depth, rank: rankOf(invite.role, depth, 0) }, grants }
}

const byRecovery: ReadonlySet<string> = new Set(["AddDevice", "RemoveDevice", "Leave"])
const byAdmins: ReadonlySet<string> = new Set(["Admit", "Cap", "SetPolicy", "Invite", "RevokeInvite", "CloseInvite", "Endorse"])

/** Whether a role permits such an operation, as security.md 2.3 has it. */
const isPermitted = (known: Known, op: number, { deed }: Operation, grant: Grant): boolean => {
  const isByRecovery = grant.kind === "member"
  if (isByRecovery && !byRecovery.has(deed.type)) return false
  if (byAdmins.has(deed.type) && grant.role < roles.admin) return false
  switch (deed.type) {
    case "Admit":
      return (deed.role < grant.role || grant.role === roles.owner) && !known.isLocked(op)
    case "Invite":
      return deed.role < grant.role
    case "Cap":
      return deed.identity !== grant.identity
    case "Leave":
      return grant.deviceDepth <= (grant.role === roles.owner ? 0 : 1)
    case "RemoveDevice":
      return deed.identity === grant.identity || grant.role >= roles.admin
    case "KeyRotate":
      return grant.role >= roles.editor
    case "AdmitFeed":
      return deed.device === grant.key
    case "Redeem":
      return false
    default:
      return true
  }
}

const made = (op: number, { deed }: Operation, right: Right, grant: Grant): ReadonlyArray<Grant> => {
  switch (deed.type) {
    case "Admit":
      return admitted(op, deed, deed.role, right.depth + 1)
    case "AddDevice":
      return [deviceOf(op, deed.device, grant.member ?? grant, right.deviceDepth + 1)]
    case "Invite": {
      const { hosts, key, role } = deed
      return [granted({ kind: "invite", op, key, role, depth: right.depth + 1, isHostedByMembers: hosts === "members" })]
    }
    default:
      return []
  }
}

/** Adds to the list of a key: grants are found by whose they are, and by what may take them away. */
export const into = <A>(lists: Map<string, Array<A>>, key: string, value: A): void => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
