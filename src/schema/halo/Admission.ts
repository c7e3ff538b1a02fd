/**
 * Texts that two people pass on by hand until one is a member of the other's space, or a device is one of an identity's.
 *
 * The host's *offer* says what the other comes into. The guest's *acceptance* has his signature to just that. The host's *welcome* has
 * the operations, and where peers may be found. None of them is a secret, and none admits by itself. Whoever sees an offer can accept
 * it, so whose acceptance it is the host has to know by how it came to him. Bytes: docs/format.md#offers-acceptances-and-welcomes.
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { decodeWith, type Reader, type Writer } from "../platform/Codec.ts"
import { operationBytesMax, ticketUrlsMax, welcomeBytesMax } from "../platform/Limits.ts"
import { acceptDeviceMessage, acceptMessage, type DeviceKeys } from "./Acceptance.ts"
import { AdmissionInvalid, readText, textOf } from "./AdmissionText.ts"
import { type AddedDevice, type Certificate, readCertificate, writeCertificate } from "./Certificate.ts"
import { identityId, readIdentityGenesis } from "./Identity.ts"
import type { Hash, Signed } from "./Label.ts"
import type { Role } from "./Operation.ts"
import { type DecodedOperation, decodeOperation } from "./OperationCodec.ts"

export { AdmissionInvalid }

// Offers ------------------------------------------------------------------------------------------------------------------------

/** What is offered: a role in a space, or to be a device of an identity. `genesis` is what makes the id of it. */
export type OfferContent =
  | { readonly kind: "space"; readonly genesis: Uint8Array; readonly role: Role }
  | { readonly kind: "device"; readonly genesis: Uint8Array }

export type Offer =
  /** The Genesis as it was read: its signatures have to hold. */
  | (OfferContent & { readonly kind: "space"; readonly space: Uint8Array; readonly founding: DecodedOperation })
  | (OfferContent & { readonly kind: "device"; readonly identity: Uint8Array; readonly recovery: Uint8Array })

const genesisBytesMax = operationBytesMax + 128

export const encodeOffer = (offer: OfferContent): string =>
  offer.kind === "space"
    ? textOf("space offer", (to) => to.bytes(offer.genesis).int(offer.role))
    : textOf("device offer", (to) => to.bytes(offer.genesis))

export const decodeOffer = (text: string, hash: Hash): Result.Result<Offer, AdmissionInvalid> =>
  readText<Offer>(text, "offer", {
    "space offer": (from) => {
      const genesis = from.bytes(genesisBytesMax).slice()
      const founding = decodeOperation(genesis, null, hash)
      if (Result.isFailure(founding)) return from.fail(founding.failure.message)
      return { kind: "space", genesis, role: readRole(from), space: founding.success.space, founding: founding.success }
    },
    "device offer": (from) => {
      const genesis = from.bytes(genesisBytesMax).slice()
      const { recovery } = readWhole(genesis, from)
      return { kind: "device", genesis, identity: identityId(genesis, hash), recovery }
    }
  })

const readRole = (from: Reader): Role => {
  const role = from.uint(4)
  if (role === 0) from.fail("an offer of no role")
  return role as Role
}

const readWhole = (genesis: Uint8Array, from: Reader) => {
  const result = decodeWith(genesis, readIdentityGenesis)
  return Result.isSuccess(result) ? result.success : from.fail(result.failure.reason)
}

// Acceptances -------------------------------------------------------------------------------------------------------------------

/** Everything that an Admit needs. */
export interface SpaceAcceptance extends AddedDevice {
  readonly kind: "space"
  readonly space: Uint8Array
  readonly role: Role
  readonly certificate: Certificate
}

/** Everything that an AddDevice needs. */
export interface DeviceAcceptance extends AddedDevice {
  readonly kind: "device"
  readonly identity: Uint8Array
}

/** What has to be verified before it is made an operation: signatures, and keys that it brings in. */
interface Claims {
  readonly signatures: ReadonlyArray<Signed>
  readonly keys: ReadonlyArray<Uint8Array>
}

export type Acceptance = (SpaceAcceptance & Claims) | (DeviceAcceptance & Claims)

/** What the guest's device signs to accept an offer, with the identity that it comes as; to a device's offer, as which it comes. */
export const acceptingMessage = (offer: Offer, keys: DeviceKeys, identity: Uint8Array, hash: Hash): Uint8Array =>
  offer.kind === "space"
    ? acceptMessage({ ...keys, identity, space: offer.space, role: offer.role }, hash)
    : acceptDeviceMessage({ ...keys, identity: offer.identity }, hash)

export const encodeAcceptance = (acceptance: SpaceAcceptance | DeviceAcceptance): string => {
  const { acceptance: signature, agreement, device } = acceptance
  if (acceptance.kind === "device")
    return textOf("device acceptance", (to) => to.bytes(acceptance.identity).bytes(device).bytes(agreement).bytes(signature))
  const { certificate, role, space } = acceptance
  return textOf("space acceptance", (to) =>
    writeCertificate(to.bytes(space).int(role), certificate).bytes(agreement).bytes(signature)
  )
}

export const decodeAcceptance = (text: string, hash: Hash): Result.Result<Acceptance, AdmissionInvalid> =>
  readText<Acceptance>(text, "acceptance", {
    "space acceptance": (from) => {
      const [space, role] = [from.fixed(32), readRole(from)]
      const certificate = readCertificate(from, hash)
      const [agreement, acceptance] = [from.fixed(32), from.fixed(64)]
      const { device, identity, recovery } = certificate
      const message = acceptMessage({ space, identity, role, device, agreement }, hash)
      const signatures = [...certificate.signatures, { publicKey: device, message, signature: acceptance }]
      return { kind: "space", space, role, certificate, device, agreement, acceptance, signatures, keys: [recovery, device] }
    },
    "device acceptance": (from) => {
      const [identity, device, agreement, acceptance] = [from.fixed(32), from.fixed(32), from.fixed(32), from.fixed(64)]
      const message = acceptDeviceMessage({ identity, device, agreement }, hash)
      const signatures = [{ publicKey: device, message, signature: acceptance }]
      return { kind: "device", identity, device, agreement, acceptance, signatures, keys: [device] }
    }
  })

// Welcomes ----------------------------------------------------------------------------------------------------------------------

export interface WelcomeContent {
  /** The space; to a device, the identity. */
  readonly space: Uint8Array
  /** To a device, the bytes of IdentityGenesis. */
  readonly genesis: Uint8Array | null
  /** SignedOps, parents first: at least the admission and all in its past. What is missing comes from peers. */
  readonly operations: ReadonlyArray<Uint8Array>
  /** Where signaling may be found. */
  readonly locators: ReadonlyArray<string>
}

/** To a device, with the recovery key of its identity. Each operation has still to be read and verified. */
export type Welcome =
  | (WelcomeContent & { readonly kind: "space"; readonly genesis: null })
  | (WelcomeContent & { readonly kind: "device"; readonly genesis: Uint8Array; readonly recovery: Uint8Array })

/** The operations of a space do not fit into a text. */
export class WelcomeTooLarge extends Data.TaggedError("WelcomeTooLarge")<{ readonly bytes: number }> {
  override get message() {
    return `a welcome of ${this.bytes} bytes of operations exceeds ${welcomeBytesMax}. Put in those alone that lie in the past of the admission; the others come from any member.`
  }
}

const locatorBytesMax = 2_048

export const encodeWelcome = ({
  genesis,
  locators,
  operations,
  space
}: WelcomeContent): Result.Result<string, WelcomeTooLarge> => {
  const bytes = operations.reduce((sum, each) => sum + each.length, 0)
  if (bytes > welcomeBytesMax) return Result.fail(new WelcomeTooLarge({ bytes }))
  const written = (to: Writer): Writer => {
    to.array(operations.length)
    for (const each of operations) to.bytes(each)
    to.array(locators.length)
    for (const each of locators) to.text(each)
    return to
  }
  return Result.succeed(
    genesis === null
      ? textOf("space welcome", (to) => written(to.bytes(space)))
      : textOf("device welcome", (to) => written(to.bytes(genesis)))
  )
}

export const decodeWelcome = (text: string, hash: Hash): Result.Result<Welcome, AdmissionInvalid> =>
  readText<Welcome>(text, "welcome", {
    "space welcome": (from) => ({ kind: "space", genesis: null, space: from.fixed(32), ...readWelcome(from) }),
    "device welcome": (from) => {
      const genesis = from.bytes(genesisBytesMax)
      const { recovery } = readWhole(genesis, from)
      return { kind: "device", genesis, recovery, space: identityId(genesis, hash), ...readWelcome(from) }
    }
  })

const readWelcome = (from: Reader): Pick<WelcomeContent, "operations" | "locators"> => {
  const operations: Array<Uint8Array> = []
  let bytes = 0
  for (let n = from.array(welcomeBytesMax); n > 0; n--) {
    const operation = from.bytes(welcomeBytesMax)
    bytes += operation.length
    if (bytes > welcomeBytesMax) from.fail(`operations of more than ${welcomeBytesMax} bytes`)
    operations.push(operation)
  }
  const locators: Array<string> = []
  for (let n = from.array(ticketUrlsMax); n > 0; n--) locators.push(from.text(locatorBytesMax))
  return { operations, locators }
}
