/**
 * Crypto in plain JavaScript (@noble): for browsers, and as the other opinion in tests.
 *
 * Eight times slower at signatures than node:crypto, and the same to the bit. Randomness is the platform's, unless one is given.
 */
import { ed25519, x25519 } from "@noble/curves/ed25519.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { pbkdf2 } from "@noble/hashes/pbkdf2.js"
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { holds, isKeyValid, secretKeyBytes } from "../../schema/platform/Ed25519.ts"
import { checkedLength } from "../../schema/platform/Hkdf.ts"
import { open, seal } from "../../schema/platform/XChaCha20Poly1305.ts"
import { Crypto, type KeyPair } from "../../services/platform/Crypto.ts"

export interface Options {
  /** Where randomness comes from; globalThis.crypto unless said. */
  readonly random?: (length: number) => Uint8Array
}

export const make = (options: Options = {}): Crypto["Service"] => {
  const random = options.random ?? platformRandom
  return {
    hash: sha256,
    random: (length) => Effect.sync(() => random(length)),
    generate: Effect.sync(() => pairOf(random(secretKeyBytes))),
    generateAgreement: Effect.sync(() => agreementOf(random(secretKeyBytes))),
    pairOf,
    agreementOf,
    sign: (pair, message) => Effect.sync(() => ed25519.sign(message, pair.secretKey)),
    verify: (list) => Effect.sync(() => list.map((each) => holds(each.publicKey, each.message, each.signature))),
    hmac512: (key, message) => hmac(sha512, key, message),
    hkdf: (key, info, { length = 32, salt } = {}) => hkdf(sha256, key, salt, info, checkedLength(length)),
    pbkdf2: (password, salt, rounds) => pbkdf2(sha512, password, salt, { c: rounds, dkLen: 64 }),
    agree,
    seal,
    open,
    isKeyValid
  }
}

const pairOf = (secretKey: Uint8Array): KeyPair => ({ publicKey: ed25519.getPublicKey(secretKey), secretKey })
const agreementOf = (secretKey: Uint8Array): KeyPair => ({ publicKey: x25519.getPublicKey(secretKey), secretKey })

const agree = (secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null => {
  try {
    return x25519.getSharedSecret(secretKey, publicKey)
  } catch {
    return null
  }
}

export const layer: Layer.Layer<Crypto> = Layer.sync(Crypto, () => make())

/** What getRandomValues gives at once. */
const randomBytesMax = 65_536

const platformRandom = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += randomBytesMax) globalThis.crypto.getRandomValues(bytes.subarray(at, at + randomBytesMax))
  return bytes
}
