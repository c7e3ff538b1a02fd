/**
 * Where a membership or a device comes from, told in sentences for people.
 *
 * Names of identities and devices are the reader's business: he gives a function that has one for each key.
 */
import type { Membership } from "./Membership.ts"
import type { Entry } from "./MembershipEntry.ts"
import { type Deed, roles } from "./Operation.ts"
import type { Origin } from "./Provenance.ts"

/** The name that people know an identity, or a device, by. */
export type NameOf = (kind: "identity" | "device", key: string) => string

/** A sentence for each operation of an origin, the first of which is that which let in, and what took away what it gave. */
export const told = (membership: Membership, origin: Origin, nameOf: NameOf): ReadonlyArray<string> =>
  origin.map((entry) => [sentence(entry, nameOf), ...ends(membership, entry, nameOf)].join(" "))

const roleName = (role: number): string => Object.entries(roles).find(([, number]) => number === role)?.[0] ?? "nobody"

const sentence = (entry: Entry, nameOf: NameOf): string => {
  const { deed } = entry.operation
  const signer = signerOf(entry, nameOf)
  switch (deed.type) {
    case "Genesis":
      return `${nameOf("identity", deed.subject.identity)} founded the space with ${nameOf("device", deed.subject.device)}.`
    case "Admit": {
      const { device, identity } = deed.subject
      return `${signer} admitted ${nameOf("identity", identity)} as ${roleName(deed.role)}, with ${nameOf("device", device)}.`
    }
    case "Redeem": {
      const { device, identity } = deed.subject
      const entered = `${nameOf("identity", identity)} came in as ${roleName(deed.role)} by an invitation, with ${nameOf("device", device)}`
      return `${entered}, hosted by ${nameOf("device", deed.host)}.`
    }
    case "Invite":
      return `${signer} made an invitation for the role ${roleName(deed.role)}, which ${deed.hosts === "members" ? "members" : "admins"} may host.`
    case "AddDevice":
      return `${signer} added ${nameOf("device", deed.device)}.`
    case "Unknown":
      return `${signer} did what this version of Troupe does not know. Update Troupe.`
    case "Cap":
    case "RemoveDevice":
    case "Leave":
    case "RevokeInvite":
      return `${signer} ${revoking(deed, nameOf)}.`
    default:
      return `${signer} ${doing(deed)}.`
  }
}

/** What somebody did that neither lets in nor takes away. */
const doing = (deed: Deed): string => {
  switch (deed.type) {
    case "SetPolicy":
      return deed.isLocked ? "locked the space" : "opened the space to whom members let in"
    case "AdmitFeed":
      return "began to write"
    case "Endorse":
      return "vouched for what was withheld"
    case "ForkProof":
      return "showed that somebody wrote two histories"
    default:
      return `did what grants nothing (${deed.type})`
  }
}

const signerOf = ({ identity, operation, role, signer }: Entry, nameOf: NameOf): string => {
  if (identity === "") return `Somebody with the key ${operation.by}`
  const name = nameOf("identity", identity)
  const means = signer === "member" ? "the seed phrase" : nameOf("device", operation.by)
  return `${name} (${roleName(role)}, by ${means})`
}

/** Why it does not count, or what took away what it gave. */
const ends = (membership: Membership, entry: Entry, nameOf: NameOf): ReadonlyArray<string> => {
  const causes = (ids: ReadonlyArray<string>) => ids.map((id) => cause(membership.entry(id), nameOf))
  switch (entry.standing) {
    case "malformed":
      return ["This does not count: who signed it had no such right."]
    case "quarantined": {
      const cutBy = causes(entry.cutBy)
      return [`This does not count${cutBy.length > 0 ? `: ${cutBy.join("; ")}` : ", since what it rests on does not"}.`]
    }
    case "valid": {
      const endedBy = [...new Set(entry.grants.flatMap((grant) => grant.endedBy))]
      return causes(endedBy).map((each) => `Later ${each}.`)
    }
  }
}

/** What a revocation did, as part of a sentence. */
const cause = (entry: Entry | undefined, nameOf: NameOf): string => {
  if (entry === undefined) return "somebody took it away"
  return `${signerOf(entry, nameOf)} ${revoking(entry.operation.deed, nameOf)}`
}

const revoking = (deed: Deed, nameOf: NameOf): string => {
  switch (deed.type) {
    case "Leave":
      return "left"
    case "Cap": {
      const name = nameOf("identity", deed.identity)
      return deed.maxRole === 0 ? `removed ${name}` : `lowered ${name} to ${roleName(deed.maxRole)}`
    }
    case "RemoveDevice":
      return `removed ${nameOf("device", deed.device)}`
    default:
      return "revoked the invitation"
  }
}
