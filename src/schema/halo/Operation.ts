/**
 * Control operations of a space, as they are after decoding: who may do what follows from a set of them alone (Membership.ts).
 *
 * Keys, identities and ids of operations are text (base64url). Times are said and decide nothing.
 */

/** What a member may do; a greater one may do all that a lesser may. */
export const roles = { reader: 1, editor: 2, admin: 3, owner: 4 } as const
export type Role = (typeof roles)[keyof typeof roles]

/** 0 is no role: a cap at 0 removes. */
export type Cap = 0 | 1 | 2 | 3

/** How far a feed is: `counter` is the last one of block `length` − 1. */
export interface FeedPoint {
  readonly feed: string
  readonly counter: number
}

/** Who comes in: the identity with its recovery key, and its first device here. */
export interface Subject {
  readonly identity: string
  readonly recovery: string
  readonly device: string
}

export type Deed =
  | { readonly type: "Genesis"; readonly subject: Subject; readonly isLocked: boolean }
  | { readonly type: "Admit"; readonly subject: Subject; readonly role: Role }
  | { readonly type: "AddDevice"; readonly device: string }
  | {
      readonly type: "RemoveDevice"
      readonly identity: string
      readonly device: string
      readonly frontier: ReadonlyArray<FeedPoint>
      /** From this operation on, what the device did does not count, whoever has seen it. */
      readonly voidFrom: string | null
    }
  | {
      readonly type: "Cap"
      readonly identity: string
      readonly maxRole: Cap
      readonly frontier: ReadonlyArray<FeedPoint>
      readonly voidFrom: string | null
    }
  | { readonly type: "Leave" }
  | { readonly type: "SetPolicy"; readonly isLocked: boolean }
  | { readonly type: "Invite"; readonly key: string; readonly role: 1 | 2 | 3; readonly hosts: "admins" | "members" }
  | { readonly type: "RevokeInvite"; readonly invite: string }
  | { readonly type: "CloseInvite"; readonly invite: string }
  /** `role` is the invitation's, `host` the device that let its bearer in, `hostProof` the operation that granted that device. */
  | {
      readonly type: "Redeem"
      readonly subject: Subject
      readonly role: Role
      readonly host: string
      readonly hostProof: string
    }
  | { readonly type: "AdmitFeed"; readonly feed: string; readonly device: string }
  | { readonly type: "KeyRotate" }
  | { readonly type: "KeyWrap" }
  | { readonly type: "Endorse"; readonly feeds: ReadonlyArray<FeedPoint> }
  | { readonly type: "ForkProof"; readonly feed: string; readonly index: number }
  /** Of a later version: it grants nothing here, and others may build on it. */
  | { readonly type: "Unknown"; readonly number: number }

export interface Operation {
  readonly id: string
  readonly parents: ReadonlyArray<string>
  /** The key that signed it: a device's, an identity's recovery key or an invitation's. */
  readonly by: string
  /** The operation that granted that key what it does; null of a genesis. */
  readonly proof: string | null
  readonly deed: Deed
}

/** The feeds that an operation admits or endorses. */
export const feedsIn = (deed: Deed): ReadonlyArray<string> => {
  if (deed.type === "AdmitFeed") return [deed.feed]
  return deed.type === "Endorse" ? [...new Set(deed.feeds.map(({ feed }) => feed))] : []
}

/** What a revocation names. */
export const revoked = (deed: Deed): string | null => {
  switch (deed.type) {
    case "Cap":
      return `member ${deed.identity}`
    case "RemoveDevice":
      return `device ${deed.device}`
    case "RevokeInvite":
      return `invite ${deed.invite}`
    default:
      return null
  }
}
