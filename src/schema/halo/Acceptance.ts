/**
 * What a device signs when it comes in, so that nobody is made a member, or a device, that did not want to be.
 *
 * Each names all that is accepted: space, identity, role and both keys. Bytes: docs/format.md#control-operations.
 */
import { Writer } from "../platform/Codec.ts"
import { type Hash, Label } from "./Label.ts"
import type { Role } from "./Operation.ts"

/** A device: its Ed25519 key, and its X25519 key. */
export interface DeviceKeys {
  readonly device: Uint8Array
  readonly agreement: Uint8Array
}

const acceptLabel = new Label("halo/accept")
const acceptDeviceLabel = new Label("halo/accept-device")
const redeemHostLabel = new Label("halo/redeem-host")

/** What the first device of a new member signs: that it wants to be in this space in this role. */
export const acceptMessage = (
  accepted: DeviceKeys & { readonly space: Uint8Array; readonly identity: Uint8Array; readonly role: Role },
  hash: Hash
): Uint8Array => {
  const { agreement, device, identity, role, space } = accepted
  const to = new Writer().array(5).bytes(space).bytes(identity).int(role).bytes(device).bytes(agreement)
  return acceptLabel.message(to.take(), hash)
}

/** What a device signs that becomes one of an identity, in the identity's own space and in all others. */
export const acceptDeviceMessage = (accepted: DeviceKeys & { readonly identity: Uint8Array }, hash: Hash): Uint8Array => {
  const { agreement, device, identity } = accepted
  return acceptDeviceLabel.message(new Writer().array(3).bytes(identity).bytes(device).bytes(agreement).take(), hash)
}

/** What a member's device signs that lets in the bearer of an invitation. */
export const redeemHostMessage = (
  hosted: DeviceKeys & { readonly invite: Uint8Array; readonly identity: Uint8Array },
  hash: Hash
): Uint8Array => {
  const { agreement, device, identity, invite } = hosted
  const to = new Writer().array(4).bytes(invite).bytes(identity).bytes(device).bytes(agreement)
  return redeemHostLabel.message(to.take(), hash)
}
