/**
 * Which signatures and which new keys the payload of a control operation holds.
 *
 * Each is over a label and all that it agrees to, so none can be moved into another operation. docs/format.md#control-operations
 */
import * as Result from "effect/Result"
import { decodeForkProof, decodeManifest, headMessage, manifestMessage } from "../echo/Feed.ts"
import { acceptMessage, redeemHostMessage } from "./Acceptance.ts"
import type { Hash, Signed } from "./Label.ts"
import type { Frame } from "./OperationFrame.ts"
import type { Payload } from "./Payload.ts"

/** All that can be told without other operations. */
export const signaturesOf = (payload: Payload, frame: Frame, hash: Hash): ReadonlyArray<Signed> => {
  switch (payload.type) {
    case "Genesis":
      return payload.certificate.signatures
    case "Admit":
      return [...payload.certificate.signatures, accepted(payload, frame, hash)]
    case "Redeem":
      return [...payload.certificate.signatures, accepted(payload, frame, hash), hosted(payload, frame, hash)]
    case "AdmitFeed":
      return ofManifest(payload.manifest, hash)
    case "ForkProof":
      return ofProof(payload.proof)
    default:
      return []
  }
}

type Entering = Payload & { readonly type: "Admit" | "Redeem" }

const accepted = ({ acceptance, agreement, certificate, device, role }: Entering, { space }: Frame, hash: Hash): Signed => {
  const { identity } = certificate
  return { publicKey: device, message: acceptMessage({ space, identity, role, device, agreement }, hash), signature: acceptance }
}

const hosted = (payload: Payload & { readonly type: "Redeem" }, { proof }: Frame, hash: Hash): Signed => {
  const { agreement, certificate, device, host, hostSignature } = payload
  // a Redeem without a proof was refused when it was read
  const message = redeemHostMessage({ invite: proof!, identity: certificate.identity, device, agreement }, hash)
  return { publicKey: host, message, signature: hostSignature }
}

const ofManifest = (bytes: Uint8Array, hash: Hash): ReadonlyArray<Signed> => {
  const manifest = Result.getOrThrow(decodeManifest(bytes))
  const message = manifestMessage(manifest, hash)
  return [
    { publicKey: manifest.feed, message, signature: manifest.feedSignature },
    { publicKey: manifest.device, message, signature: manifest.deviceSignature }
  ]
}

const ofProof = (bytes: Uint8Array): ReadonlyArray<Signed> => {
  const { a, b, feed } = Result.getOrThrow(decodeForkProof(bytes))
  return [a, b].map(({ head: { length, root, signature } }) => ({
    publicKey: feed,
    message: headMessage(feed, length, root),
    signature
  }))
}

/** The Ed25519 keys that it brings in. */
export const keysOf = (payload: Payload): ReadonlyArray<Uint8Array> => {
  switch (payload.type) {
    case "Genesis":
    case "Admit":
    case "Redeem":
      return [payload.certificate.recovery, payload.device]
    case "AddDevice":
      return [payload.device]
    case "Invite":
      return [payload.key]
    case "AdmitFeed":
      return [Result.getOrThrow(decodeManifest(payload.manifest)).feed]
    default:
      return []
  }
}
