/**
 * XChaCha20-Poly1305 in plain JavaScript: what seals bytes under a key and a nonce that is long enough to be drawn at random.
 *
 * draft-irtf-cfrg-xchacha-03, 2.3, over RFC 8439. Sealed bytes are the ciphertext and the tag behind it. What was sealed under another
 * key or nonce, with other associated bytes, or was altered, does not open, and nobody learns which of these it was.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js"

export const sealKeyBytes = 32
export const nonceBytes = 24
export const tagBytes = 16

/** The sealed message, `tagBytes` longer than it. A RangeError when key or nonce have another length. */
export const seal = (key: Uint8Array, nonce: Uint8Array, message: Uint8Array, associated?: Uint8Array): Uint8Array => {
  if (!isSized(key, nonce)) throw new RangeError(`a key of ${sealKeyBytes} bytes and a nonce of ${nonceBytes} are needed`)
  return xchacha20poly1305(key, nonce, associated).encrypt(message)
}

/** The message, or null for what does not open. */
export const open = (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated?: Uint8Array): Uint8Array | null => {
  if (!isSized(key, nonce) || sealed.length < tagBytes) return null
  try {
    return xchacha20poly1305(key, nonce, associated).decrypt(sealed)
  } catch {
    return null
  }
}

const isSized = (key: Uint8Array, nonce: Uint8Array): boolean => key.length === sealKeyBytes && nonce.length === nonceBytes
