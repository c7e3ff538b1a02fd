/**
 * What control operations carry, by their types, as it is in memory.
 *
 * Bytes of it: PayloadCodec.ts. What follows from it: Operation.ts and Membership.ts.
 */
import type { DeviceKeys } from "./Acceptance.ts"
import type { AddedDevice, Certificate } from "./Certificate.ts"
import type { Cap, Role } from "./Operation.ts"

/** How far a feed was seen: its length in blocks, at least 1, its last counter and the first 16 bytes of its root there. */
export interface SeenFeed {
  readonly feed: Uint8Array
  readonly length: number
  readonly counter: number
  readonly root16: Uint8Array
}

/** Why a device was removed. Decides nothing; `voidFrom` does. A number that is not known is shown as `unsaid`. */
export const removalReasons = { unsaid: 0, replaced: 1, lost: 2, stolen: 3 } as const

interface Founding extends DeviceKeys {
  readonly type: "Genesis"
  readonly certificate: Certificate
  /** 16 random bytes. */
  readonly nonce: Uint8Array
  readonly isLocked: boolean
  /** The space in whose place this one is founded. */
  readonly successorOf: Uint8Array | null
}

interface Admitting extends AddedDevice {
  readonly type: "Admit"
  readonly certificate: Certificate
  readonly role: Role
}

interface RemovingDevice {
  readonly type: "RemoveDevice"
  readonly identity: Uint8Array
  readonly device: Uint8Array
  /** One of `removalReasons`, or a number of a later version. */
  readonly reason: number
  readonly frontier: ReadonlyArray<SeenFeed>
  readonly voidFrom: Uint8Array | null
}

interface Capping {
  readonly type: "Cap"
  readonly identity: Uint8Array
  readonly maxRole: Cap
  readonly frontier: ReadonlyArray<SeenFeed>
  readonly voidFrom: Uint8Array | null
}

interface Inviting {
  readonly type: "Invite"
  readonly key: Uint8Array
  readonly role: 1 | 2 | 3
  /** What hosts enforce: how often, and until when (milliseconds since 1970). Evaluation knows neither. */
  readonly maxUses: number
  readonly expiresAt: number
  readonly hosts: "admins" | "members"
  /** 16 random bytes. */
  readonly secret: Uint8Array
}

interface Redeeming extends AddedDevice {
  readonly type: "Redeem"
  readonly certificate: Certificate
  /** The invitation's. */
  readonly role: Role
  readonly host: Uint8Array
  readonly hostProof: Uint8Array
  readonly hostSignature: Uint8Array
}

/** Bytes are views into those of the operation. */
export type Payload =
  | Founding
  | Admitting
  | (AddedDevice & { readonly type: "AddDevice" })
  | RemovingDevice
  | Capping
  | { readonly type: "Leave" }
  | { readonly type: "SetPolicy"; readonly isLocked: boolean }
  | Inviting
  | { readonly type: "RevokeInvite" | "CloseInvite"; readonly invite: Uint8Array }
  | Redeeming
  /** The bytes of the feed's manifest (schema/echo/Feed.ts). */
  | { readonly type: "AdmitFeed"; readonly manifest: Uint8Array }
  /** One DC1 item, which encryption will read. */
  | { readonly type: "KeyRotate" | "KeyWrap"; readonly content: Uint8Array }
  | { readonly type: "Endorse"; readonly feeds: ReadonlyArray<SeenFeed> }
  /** The bytes of a proof (schema/echo/Feed.ts). */
  | { readonly type: "ForkProof"; readonly proof: Uint8Array }
  /** Of a later version: one DC1 item. */
  | { readonly type: "Unknown"; readonly number: number; readonly content: Uint8Array }
