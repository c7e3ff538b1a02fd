/**
 * Payloads of control operations as bytes, one reader and one writer for each type.
 *
 * A type that this version does not know is read as one item, kept and never judged as nonsense. Bytes:
 * docs/format.md#control-operations.
 */
import * as Result from "effect/Result"
import { contradicts, decodeForkProof, decodeManifest } from "../echo/Feed.ts"
import { compareBytes, equalBytes, type Malformed, type Reader, type Writer } from "../platform/Codec.ts"
import { manifestBytesMax, operationBytesMax } from "../platform/Limits.ts"
import { readAddedDevice, readCertificate, writeCertificate } from "./Certificate.ts"
import type { Hash } from "./Label.ts"
import type { Cap, Role } from "./Operation.ts"
import type { Frame } from "./OperationFrame.ts"
import type { Payload, SeenFeed } from "./Payload.ts"

const types = [
  "Genesis",
  "Admit",
  "AddDevice",
  "RemoveDevice",
  "Cap",
  "Leave",
  "SetPolicy",
  "Invite",
  "RevokeInvite",
  "CloseInvite",
  "Redeem",
  "AdmitFeed",
  "KeyRotate",
  "KeyWrap",
  "Endorse",
  "ForkProof"
] as const

/** The number of a payload's type. */
export const numberOf = (payload: Payload): number => (payload.type === "Unknown" ? payload.number : types.indexOf(payload.type))

/** Whether operations of this type may have 256 KiB: those with keys for everybody, and what is not known here. */
export const isLarge = (number: number): boolean => {
  const type = types[number]
  return type === undefined || type === "KeyRotate" || type === "KeyWrap"
}

/** What a payload is read with: the frame before it, and the bytes of the whole operation. */
export interface PayloadContext {
  readonly frame: Frame
  readonly op: Uint8Array
  readonly hash: Hash
}

export const readPayload = (from: Reader, context: PayloadContext): Payload => {
  const { number } = context.frame
  const type = types[number]
  if (type === undefined) return { type: "Unknown", number, content: rest(from, context) }
  return readers[type](from, context)
}

type Read = (from: Reader, context: PayloadContext) => Payload

const readers: { readonly [Type in (typeof types)[number]]: Read } = {
  Genesis: (from, { frame, hash }) => {
    from.tuple(6)
    const certificate = readCertificate(from, hash)
    const device = readCertified(from, certificate.device)
    if (!equalBytes(frame.by, device)) from.fail("a Genesis that its founder's device has not signed")
    if (frame.parents.length > 0 || frame.proof !== null) from.fail("a Genesis with a past")
    const [agreement, nonce, isLocked] = [from.fixed(32), from.fixed(16), readPolicy(from)]
    return { type: "Genesis", certificate, device, agreement, nonce, isLocked, successorOf: readNullable(from) }
  },
  Admit: (from, { hash }) => {
    from.tuple(5)
    const certificate = readCertificate(from, hash)
    const [device, agreement] = [readCertified(from, certificate.device), from.fixed(32)]
    const role = readWithin(from, 1, 4) as Role
    return { type: "Admit", certificate, device, agreement, role, acceptance: from.fixed(64) }
  },
  AddDevice: (from) => ({ type: "AddDevice", ...readAddedDevice(from) }),
  RemoveDevice: (from) => {
    from.tuple(5)
    const [identity, device, reason] = [from.fixed(32), from.fixed(32), from.uint()]
    return { type: "RemoveDevice", identity, device, reason, frontier: readFeeds(from), voidFrom: readNullable(from) }
  },
  Cap: (from) => {
    from.tuple(4)
    const [identity, maxRole] = [from.fixed(32), readWithin(from, 0, 3) as Cap]
    return { type: "Cap", identity, maxRole, frontier: readFeeds(from), voidFrom: readNullable(from) }
  },
  Leave: (from) => {
    from.tuple(0)
    return { type: "Leave" }
  },
  SetPolicy: (from) => {
    from.tuple(1)
    return { type: "SetPolicy", isLocked: readPolicy(from) }
  },
  Invite: (from) => {
    from.tuple(6)
    const [key, role] = [from.fixed(32), readWithin(from, 1, 3) as 1 | 2 | 3]
    const [maxUses, expiresAt] = [from.uint(), from.uint()]
    const hosts = from.uint(1) === 1 ? "members" : "admins"
    return { type: "Invite", key, role, maxUses, expiresAt, hosts, secret: from.fixed(16) }
  },
  RevokeInvite: (from) => ({ type: "RevokeInvite", invite: readInvite(from) }),
  CloseInvite: (from) => ({ type: "CloseInvite", invite: readInvite(from) }),
  Redeem: (from, { frame, hash }) => {
    from.tuple(8)
    if (frame.proof === null) from.fail("a Redeem that names no invitation")
    const certificate = readCertificate(from, hash)
    const [device, agreement] = [readCertified(from, certificate.device), from.fixed(32)]
    const [role, acceptance] = [readWithin(from, 1, 3) as Role, from.fixed(64)]
    const [host, hostProof, hostSignature] = [from.fixed(32), from.fixed(32), from.fixed(64)]
    return { type: "Redeem", certificate, device, agreement, role, acceptance, host, hostProof, hostSignature }
  },
  AdmitFeed: (from, { frame }) => {
    from.tuple(1)
    const bytes = from.bytes(manifestBytesMax)
    const manifest = decoded(from, decodeManifest(bytes))
    if (!equalBytes(manifest.space, frame.space)) from.fail("a manifest of another space")
    if (!equalBytes(manifest.device, frame.by)) from.fail("a feed of another device than its signer")
    return { type: "AdmitFeed", manifest: bytes }
  },
  KeyRotate: (from, context) => ({ type: "KeyRotate", content: rest(from, context) }),
  KeyWrap: (from, context) => ({ type: "KeyWrap", content: rest(from, context) }),
  Endorse: (from) => ({ type: "Endorse", feeds: readFeeds(from) }),
  ForkProof: (from, context) => {
    const bytes = rest(from, context)
    if (!contradicts(decoded(from, decodeForkProof(bytes)), context.hash)) from.fail("a fork proof that proves nothing")
    return { type: "ForkProof", proof: bytes }
  }
}

const decoded = <A>(from: Reader, result: Result.Result<A, Malformed>): A =>
  Result.isSuccess(result) ? result.success : from.fail(result.failure.reason)

/** The one item that is next, as a view. */
const rest = (from: Reader, { op }: PayloadContext): Uint8Array => {
  const start = from.at
  from.item(1)
  return op.subarray(start, from.at)
}

const readWithin = (from: Reader, least: number, most: number): number => {
  const number = from.uint(most)
  if (number < least) from.fail(`${number} is below ${least}`)
  return number
}

const readNullable = (from: Reader): Uint8Array | null => (from.nil() ? null : from.fixed(32))

const readPolicy = (from: Reader): boolean => from.uint(1) === 1

const readInvite = (from: Reader): Uint8Array => {
  from.tuple(1)
  return from.fixed(32)
}

/** A device that is the one of its certificate. */
const readCertified = (from: Reader, certified: Uint8Array): Uint8Array => {
  const device = from.fixed(32)
  if (!equalBytes(device, certified)) from.fail("a certificate of another device")
  return device
}

const readFeeds = (from: Reader): ReadonlyArray<SeenFeed> => {
  const feeds: Array<SeenFeed> = []
  for (let n = from.array(operationBytesMax); n > 0; n--) {
    from.tuple(4)
    const seen = { feed: from.fixed(32), length: readWithin(from, 1, Number.MAX_SAFE_INTEGER), counter: from.uint() }
    const last = feeds[feeds.length - 1]
    if (last !== undefined && compareBytes(last.feed, seen.feed) >= 0) from.fail("feeds are not sorted, or repeated")
    feeds.push({ ...seen, root16: from.fixed(16) })
  }
  return feeds
}

// Writing -----------------------------------------------------------------------------------------------------------------------

const nullable = (to: Writer, bytes: Uint8Array | null): Writer => (bytes === null ? to.nil() : to.bytes(bytes))

const policy = (isLocked: boolean): number => (isLocked ? 1 : 0)

const writeFeeds = (to: Writer, feeds: ReadonlyArray<SeenFeed>): Writer => {
  to.array(feeds.length)
  for (const { counter, feed, length, root16 } of [...feeds].sort((a, b) => compareBytes(a.feed, b.feed)))
    to.array(4).bytes(feed).int(length).int(counter).bytes(root16)
  return to
}

export const writePayload = (to: Writer, payload: Payload): Writer => {
  switch (payload.type) {
    case "Genesis": {
      const { agreement, certificate, device, isLocked, nonce, successorOf } = payload
      writeCertificate(to.array(6), certificate).bytes(device).bytes(agreement).bytes(nonce).int(policy(isLocked))
      return nullable(to, successorOf)
    }
    case "Admit": {
      const { acceptance, agreement, certificate, device, role } = payload
      return writeCertificate(to.array(5), certificate).bytes(device).bytes(agreement).int(role).bytes(acceptance)
    }
    case "AddDevice":
      return to.array(3).bytes(payload.device).bytes(payload.agreement).bytes(payload.acceptance)
    case "RemoveDevice":
      to.array(5).bytes(payload.identity).bytes(payload.device).int(payload.reason)
      return nullable(writeFeeds(to, payload.frontier), payload.voidFrom)
    case "Cap":
      return nullable(writeFeeds(to.array(4).bytes(payload.identity).int(payload.maxRole), payload.frontier), payload.voidFrom)
    case "Leave":
      return to.array(0)
    case "SetPolicy":
      return to.array(1).int(policy(payload.isLocked))
    case "RevokeInvite":
    case "CloseInvite":
      return to.array(1).bytes(payload.invite)
    case "AdmitFeed":
      return to.array(1).bytes(payload.manifest)
    case "Endorse":
      return writeFeeds(to, payload.feeds)
    case "ForkProof":
      return to.raw(payload.proof)
    case "KeyRotate":
    case "KeyWrap":
    case "Unknown":
      return to.raw(payload.content)
    default:
      return writeInvitation(to, payload)
  }
}

const writeInvitation = (to: Writer, payload: Payload & { readonly type: "Invite" | "Redeem" }): Writer => {
  if (payload.type === "Invite") {
    const { expiresAt, hosts, key, maxUses, role, secret } = payload
    to.array(6).bytes(key).int(role).int(maxUses).int(expiresAt)
    return to.int(hosts === "members" ? 1 : 0).bytes(secret)
  }
  const { acceptance, agreement, certificate, device, host, hostProof, hostSignature, role } = payload
  writeCertificate(to.array(8), certificate).bytes(device).bytes(agreement).int(role).bytes(acceptance)
  return to.bytes(host).bytes(hostProof).bytes(hostSignature)
}
