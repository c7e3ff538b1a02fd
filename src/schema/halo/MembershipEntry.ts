/**
 * What Membership answers: of members, devices and rights that stand, and of each operation how it was judged.
 */
import type { Grant } from "./Grants.ts"
import type { Deed, Operation, Role } from "./Operation.ts"

/** An operation's standing: it counts, it was within its signer's right and was cut off, or it never was within it. */
export type Standing = "valid" | "quarantined" | "malformed"

type GrantKind = Grant["kind"]

/** A right as an operation granted it, and what took it away: ids of revocations that stand. */
export interface Granted {
  readonly kind: GrantKind
  /** Whose; empty of an invitation. */
  readonly identity: string
  readonly key: string
  readonly role: Role
  readonly endedBy: ReadonlyArray<string>
}

/** An operation with the right by which it was made and what became of it, for who asks why (Provenance.ts). */
export interface Entry {
  /** In the order in which operations came: parents first. */
  readonly place: number
  readonly operation: Operation
  readonly standing: Standing
  /** Who signed, with which role and by which key; empty, 0 and null when nobody had that right, or needed one. */
  readonly identity: string
  readonly role: Role | 0
  readonly signer: GrantKind | null
  /** Ids of the operations that granted what it uses. */
  readonly rights: ReadonlyArray<string>
  /** Ids of the revocations that stand and cut it off from one of these. */
  readonly cutBy: ReadonlyArray<string>
  readonly grants: ReadonlyArray<Granted>
}

export interface Member {
  readonly identity: string
  readonly role: Role
  readonly devices: ReadonlyArray<string>
}

/** A right that stands: the operation that gave it, to whom, and what it permits. */
export interface OwnRight {
  /** Null of an identity's recovery key in its own space. */
  readonly proof: string | null
  readonly identity: string
  readonly role: Role
  readonly rank: number
}

/** What took a right away, and the rank of who did it. */
export interface Revocation {
  readonly deed: Deed
  readonly rank: number
}

/** An operation about a feed, with the role and rank of its signer, and what has taken his right away since. */
export interface Said {
  readonly deed: Deed
  readonly role: Role | 0
  readonly rank: number
  /** Whether it stands, or was cut off. */
  readonly stands: boolean
  readonly revokedBy: ReadonlyArray<Revocation>
}

/** Whether a device never was in, is, or was. */
export type DeviceStanding = "stranger" | "member" | "former"

/** What a device is; the operations that let it in, those of them by which it is in, and those that took it out again: ids. */
export interface DeviceRight {
  readonly standing: DeviceStanding
  readonly grants: ReadonlyArray<string>
  readonly live: ReadonlyArray<string>
  readonly revocations: ReadonlyArray<string>
}
