/**
 * Certificates: how an identity's recovery key made a device, device by device, so that nobody else can pass off his own as its.
 *
 * A link is an AddDevice of the identity's own space. The first is signed by the recovery key and each next one by the device before
 * it, and names that link's operation as its proof. Whoever admits cannot change any of it. Bytes: docs/format.md#identities.
 */
import * as Result from "effect/Result"
import { Unsupported } from "../echo/ChangeSet.ts"
import { decodeWith, equalBytes, type Malformed, Reader, Writer } from "../platform/Codec.ts"
import { certificateLinksMax, operationBytesMax } from "../platform/Limits.ts"
import { acceptDeviceMessage, type DeviceKeys } from "./Acceptance.ts"
import { identityId, readIdentityGenesis } from "./Identity.ts"
import type { Hash, Signed } from "./Label.ts"
import { type Frame, operationId, operationMessage, readFrame, readSigned } from "./OperationFrame.ts"

/** That a device was made one of an identity's. Whether the signatures hold is for who asks. */
export interface Certificate extends DeviceKeys {
  readonly identity: Uint8Array
  /** The identity's recovery keys: Ed25519, and X25519. */
  readonly recovery: Uint8Array
  readonly encryption: Uint8Array
  /** The bytes of IdentityGenesis, and of each link, the recovery key's first. */
  readonly genesis: Uint8Array
  readonly links: ReadonlyArray<Uint8Array>
  /** All of its signatures: of each link, who made it and the device that accepted. */
  readonly signatures: ReadonlyArray<Signed>
}

/** The payload of AddDevice. */
export interface AddedDevice extends DeviceKeys {
  readonly acceptance: Uint8Array
}

const addDeviceNumber = 2

export const readAddedDevice = (from: Reader): AddedDevice => {
  from.tuple(3)
  return { device: from.fixed(32), agreement: from.fixed(32), acceptance: from.fixed(64) }
}

const identityGenesisBytesMax = 128

/** Writes `[IdentityGenesis as bstr, [SignedOp as bstr...]]`. */
export const writeCertificate = (to: Writer, { genesis, links }: Pick<Certificate, "genesis" | "links">): Writer => {
  to.array(2).bytes(genesis).array(links.length)
  for (const link of links) to.bytes(link)
  return to
}

export const encodeCertificate = (certificate: Pick<Certificate, "genesis" | "links">): Uint8Array =>
  writeCertificate(new Writer(1_024), certificate).finish()

/** What the next link has to come from: the key that signs it, and the operation that made this key a device. */
interface Chain {
  readonly by: Uint8Array
  readonly proof: Uint8Array | null
}

interface Link extends AddedDevice {
  readonly id: Uint8Array
  readonly signatures: ReadonlyArray<Signed>
}

/** Reads a certificate whose links follow one from another. */
export const readCertificate = (from: Reader, hash: Hash): Certificate => {
  from.tuple(2)
  const genesis = from.bytes(identityGenesisBytesMax)
  const { encryption, recovery } = whole(genesis, readIdentityGenesis)
  const identity = identityId(genesis, hash)
  const links: Array<Uint8Array> = []
  const signatures: Array<Signed> = []
  let last: Link | null = null
  for (let n = from.array(certificateLinksMax); n > 0; n--) {
    const bytes = from.bytes(operationBytesMax)
    const chain: Chain = last === null ? { by: recovery, proof: null } : { by: last.device, proof: last.id }
    last = readLink(bytes, identity, chain, hash)
    links.push(bytes)
    signatures.push(...last.signatures)
  }
  if (last === null) return from.fail("a certificate without a device")
  const { agreement, device } = last
  return { identity, recovery, encryption, device, agreement, genesis, links, signatures }
}

/** A certificate by itself, as texts that people exchange hold it. */
export const decodeCertificate = (bytes: Uint8Array, hash: Hash): Result.Result<Certificate, Malformed | Unsupported> => {
  try {
    return decodeWith(Uint8Array.from(bytes), (from) => readCertificate(from, hash))
  } catch (error) {
    if (error instanceof Unsupported) return Result.fail(error)
    throw error
  }
}

const readLink = (bytes: Uint8Array, identity: Uint8Array, chain: Chain, hash: Hash): Link => {
  const { op, signature } = whole(bytes, readSigned)
  const added = whole(op, (from) => {
    checkLink(from, readFrame(from), identity, chain)
    return readAddedDevice(from)
  })
  const { acceptance, device } = added
  const signatures = [
    { publicKey: chain.by, message: operationMessage(op, hash), signature },
    { publicKey: device, message: acceptDeviceMessage({ ...added, identity }, hash), signature: acceptance }
  ]
  return { ...added, id: operationId(op, hash), signatures }
}

/** A proof is a hash, so a link that names the one before was made after it, whatever lies between. */
const checkLink = (from: Reader, { by, number, parents, proof, space }: Frame, identity: Uint8Array, chain: Chain): void => {
  if (number !== addDeviceNumber) from.fail("a certificate with another operation than AddDevice")
  if (!equalBytes(space, identity)) from.fail("a certificate with a link of another identity")
  if (!equalBytes(by, chain.by)) from.fail("a certificate with a link that the one before has not signed")
  const isRoot = chain.proof === null
  const isProven = proof === null ? isRoot : !isRoot && equalBytes(proof, chain.proof!)
  if (!isProven || isRoot !== (parents.length === 0))
    from.fail("a certificate with a link that does not follow from the one before")
}

/** Reads all of some bytes within others. */
const whole = <A>(bytes: Uint8Array, read: (from: Reader) => A): A => {
  const from = new Reader(bytes)
  const value = read(from)
  from.finish()
  return value
}
