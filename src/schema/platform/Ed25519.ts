/**
 * The one rule by which every replica judges Ed25519 signatures and keys: predicate P (docs/security.md).
 *
 * Verifiers disagree about malformed signatures, and peers that disagree about one signature never converge. P: A and R are canonical
 * encodings (y < p, no negative zero) and not of small order, S < L, and the cofactored equation of RFC 8032, 5.1.7 holds.
 * `isWellFormed` is the part that needs no curve; `holds` is all of it. An accelerator may accept what is well-formed and what it
 * verifies itself (the equation without cofactor implies the one with it); what it refuses is decided here.
 */
import { ed25519 } from "@noble/curves/ed25519.js"

export const publicKeyBytes = 32
export const secretKeyBytes = 32
const signatureBytes = 64

/** Whether `publicKey` signed `message` under P. */
export const holds = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  if (!isWellFormed(publicKey, signature)) return false
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false
  }
}

/** The conditions of P on the bytes alone: lengths, canonical and large-order A and R, S < L. */
export const isWellFormed = (publicKey: Uint8Array, signature: Uint8Array): boolean =>
  publicKey.length === publicKeyBytes &&
  signature.length === signatureBytes &&
  isPointAllowed(publicKey, 0) &&
  isPointAllowed(signature, 0) &&
  isScalarReduced(signature, 32)

/** Whether a public key may be admitted: P's conditions on A, and A is on the curve. */
export const isKeyValid = (publicKey: Uint8Array): boolean => {
  if (publicKey.length !== publicKeyBytes || !isPointAllowed(publicKey, 0)) return false
  try {
    ed25519.Point.fromBytes(publicKey, false)
    return true
  } catch {
    return false
  }
}

/** L, the order of the base point, little-endian (RFC 8032, 5.1). */
const order = littleEndian(2n ** 252n + 27742317777372353535851937790883648493n)

/** The y coordinates of the eight points of small order; a sign bit makes eight of them, and the two negative zeros. */
const smallOrderY: ReadonlyArray<Uint8Array> = [
  0n,
  1n,
  2n ** 255n - 20n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
].map(littleEndian)

function littleEndian(n: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn))
}

const isPointAllowed = (bytes: Uint8Array, at: number): boolean =>
  isBelowP(bytes, at) && !smallOrderY.some((y) => hasY(bytes, at, y))

/** y < p = 2^255 − 19, which in bytes is ed ff … ff 7f. */
const isBelowP = (bytes: Uint8Array, at: number): boolean => {
  if ((bytes[at + 31]! & 0x7f) !== 0x7f) return true
  for (let i = 30; i > 0; i--) if (bytes[at + i] !== 0xff) return true
  return bytes[at]! < 0xed
}

const hasY = (bytes: Uint8Array, at: number, y: Uint8Array): boolean => {
  if ((bytes[at + 31]! & 0x7f) !== y[31]) return false
  for (let i = 30; i >= 0; i--) if (bytes[at + i] !== y[i]) return false
  return true
}

/** S < L, so that a signature has no second spelling (RFC 8032, 5.1.7). */
const isScalarReduced = (bytes: Uint8Array, at: number): boolean => {
  for (let i = 31; i >= 0; i--) {
    const difference = bytes[at + i]! - order[i]!
    if (difference !== 0) return difference < 0
  }
  return false
}
