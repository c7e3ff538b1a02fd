/**
 * One operation as Membership has judged it: how it stands, by what right it was made, and what became of what it granted.
 */
import type { Grant } from "./Grants.ts"
import type { Operation, Role } from "./Operation.ts"

/**
 * An operation's standing: it counts, it was within its signer's right and was cut off, it never was within it, or it is of a type that
 * this version does not know.
 */
export type Standing = "valid" | "quarantined" | "malformed" | "unknown"

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
