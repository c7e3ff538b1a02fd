/**
 * XChaCha20-Poly1305 on Node: OpenSSL for what is long, plain JavaScript for what is short.
 *
 * OpenSSL has the cipher with a nonce of 12 bytes, and the longer nonce is one block of HChaCha20 before it (draft-irtf-cfrg-xchacha-03,
 * 2.3). Making a cipher there costs as much as sealing some kilobytes: of 200 bytes it takes twice as long as plain JavaScript, and of
 * 64 KiB a fifth.
 */
import * as crypto from "node:crypto"
import { hchacha } from "@noble/ciphers/chacha.js"
import { isLE } from "@noble/ciphers/utils.js"
import * as Cipher from "../../schema/platform/XChaCha20Poly1305.ts"

/** From here on OpenSSL is the faster one. */
const nativeBytesMin = 4_096

/** As schema/platform/XChaCha20Poly1305.ts, to the bit. */
export const seal: typeof Cipher.seal = (key, nonce, message, associated) =>
  (message.length < nativeBytesMin ? Cipher.seal : sealNatively)(key, nonce, message, associated)

/** As schema/platform/XChaCha20Poly1305.ts, to the bit. */
export const open: typeof Cipher.open = (key, nonce, sealed, associated) =>
  (sealed.length < nativeBytesMin ? Cipher.open : openNatively)(key, nonce, sealed, associated)

const algorithm = "chacha20-poly1305"
const options = { authTagLength: Cipher.tagBytes }

/** `seal` by OpenSSL, whatever the length. */
export const sealNatively: typeof Cipher.seal = (key, nonce, message, associated) => {
  if (!isNative(key, nonce)) return Cipher.seal(key, nonce, message, associated)
  const cipher = crypto.createCipheriv(algorithm, subkey(key, nonce), shortNonce(nonce), options)
  if (associated !== undefined) cipher.setAAD(associated, { plaintextLength: message.length })
  const sealed = new Uint8Array(message.length + Cipher.tagBytes)
  sealed.set(cipher.update(message))
  cipher.final()
  sealed.set(cipher.getAuthTag(), message.length)
  return sealed
}

/** `open` by OpenSSL, whatever the length. */
export const openNatively: typeof Cipher.open = (key, nonce, sealed, associated) => {
  if (!isNative(key, nonce) || sealed.length < Cipher.tagBytes) return Cipher.open(key, nonce, sealed, associated)
  const end = sealed.length - Cipher.tagBytes
  const cipher = crypto.createDecipheriv(algorithm, subkey(key, nonce), shortNonce(nonce), options)
  if (associated !== undefined) cipher.setAAD(associated, { plaintextLength: end })
  cipher.setAuthTag(sealed.subarray(end))
  const message = cipher.update(sealed.subarray(0, end))
  try {
    cipher.final()
  } catch {
    return null
  }
  return new Uint8Array(message.buffer, message.byteOffset, message.length)
}

/** The words of HChaCha20 are taken from memory as they lie, which is right for the order of nearly all machines. */
const isNative = (key: Uint8Array, nonce: Uint8Array): boolean =>
  isLE && key.length === Cipher.sealKeyBytes && nonce.length === Cipher.nonceBytes

const subkey = (key: Uint8Array, nonce: Uint8Array): Uint8Array => {
  const words = new Uint32Array(8)
  hchacha(sigma, wordsOf(key), wordsOf(nonce.subarray(0, 16)), words)
  return new Uint8Array(words.buffer)
}

/** The words of a copy, since a view of the bytes need not begin at a multiple of four. */
const wordsOf = (bytes: Uint8Array): Uint32Array => new Uint32Array(Uint8Array.from(bytes).buffer)

/** "expand 32-byte k" (RFC 8439, 2.3). */
const sigma = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574)

const shortNonce = (nonce: Uint8Array): Uint8Array => Uint8Array.of(0, 0, 0, 0, ...nonce.subarray(16))
