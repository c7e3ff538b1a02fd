/**
 * Crypto by node:crypto, synchronously: the promise of WebCrypto costs more than the hash, and two to three times the signature.
 *
 * OpenSSL verifies first and predicate P decides what it refuses (schema/platform/Ed25519.ts), so it speeds up and never judges.
 * Imported keys are kept, because importing one costs as much as a signature: private ones for as long as their pair lives,
 * public ones for the last `publicKeysMax` that were used.
 */

import * as crypto from "node:crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { holds, isKeyValid, isWellFormed, secretKeyBytes } from "../../schema/platform/Ed25519.ts"
import { checkedLength } from "../../schema/platform/Hkdf.ts"
import { Crypto, type Hash, type KeyPair, type Signed } from "../../services/platform/Crypto.ts"
import { open, seal } from "./CryptoCipherNode.ts"

export interface Options {
  /** Where randomness comes from; the operating system unless said. */
  readonly random?: (length: number) => Uint8Array
}

export const make = (options: Options = {}): Crypto["Service"] => {
  const random = options.random ?? ((length: number) => crypto.randomFillSync(new Uint8Array(length)))
  const privateKeys = new WeakMap<KeyPair, crypto.KeyObject>()
  const publicKeys = new PublicKeys()

  const privateKey = (pair: KeyPair): crypto.KeyObject => {
    let key = privateKeys.get(pair)
    if (key === undefined) {
      key = importSeed(pair.secretKey)
      privateKeys.set(pair, key)
    }
    return key
  }

  const pairOf = (secretKey: Uint8Array): KeyPair => {
    const key = importSeed(secretKey)
    // the public key is the end of its DER form
    const publicKey = plain(crypto.createPublicKey(key).export({ format: "der", type: "spki" })).slice(spkiPrefix.length)
    const pair = { publicKey, secretKey }
    privateKeys.set(pair, key)
    return pair
  }

  const holdsNatively = ({ message, publicKey, signature }: Signed): boolean => {
    try {
      return crypto.verify(null, message, publicKeys.get(publicKey), signature)
    } catch {
      return false
    }
  }

  const verifyOne = (signed: Signed): boolean =>
    isWellFormed(signed.publicKey, signed.signature) &&
    (holdsNatively(signed) || holds(signed.publicKey, signed.message, signed.signature))

  return {
    hash,
    random: (length) => Effect.sync(() => random(length)),
    generate: Effect.sync(() => pairOf(random(secretKeyBytes))),
    generateAgreement: Effect.sync(() => agreementOf(random(secretKeyBytes))),
    pairOf,
    agreementOf,
    sign: (pair, message) => Effect.sync(() => plain(crypto.sign(null, message, privateKey(pair)))),
    verify: (list) => Effect.sync(() => list.map(verifyOne)),
    hmac512: (key, message) => plain(crypto.createHmac("sha512", key).update(message).digest()),
    hkdf: (key, info, { length = 32, salt = noSalt } = {}) =>
      new Uint8Array(crypto.hkdfSync("sha256", key, salt, info, checkedLength(length))),
    pbkdf2: (password, salt, rounds) => plain(crypto.pbkdf2Sync(password, salt, rounds, 64, "sha512")),
    agree,
    seal,
    open,
    isKeyValid
  }
}

const noSalt = new Uint8Array()

export const layer: Layer.Layer<Crypto> = Layer.sync(Crypto, () => make())

/** A Buffer's `slice` shares memory and a Uint8Array's copies, so none leaves this file. */
const plain = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)

const hash: Hash = (bytes) => plain(crypto.hash("sha256", bytes, "buffer"))

/** RFC 8410: what stands before the 32 bytes of a key. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex")
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex")

const agreementPkcs8 = Buffer.from("302e020100300506032b656e04220420", "hex")
const agreementSpki = Buffer.from("302a300506032b656e032100", "hex")

const importPrivateKey = (prefix: Buffer, secretKey: Uint8Array): crypto.KeyObject => {
  const der = Buffer.concat([prefix, secretKey])
  try {
    return crypto.createPrivateKey({ key: der, format: "der", type: "pkcs8" })
  } finally {
    der.fill(0)
  }
}

const importSeed = (seed: Uint8Array): crypto.KeyObject => importPrivateKey(pkcs8Prefix, seed)
const importAgreementKey = (secretKey: Uint8Array): crypto.KeyObject => importPrivateKey(agreementPkcs8, secretKey)

const agreementOf = (secretKey: Uint8Array): KeyPair => {
  const key = importAgreementKey(secretKey)
  const publicKey = plain(crypto.createPublicKey(key).export({ format: "der", type: "spki" })).slice(agreementSpki.length)
  return { publicKey, secretKey }
}

const agree = (secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null => {
  try {
    const own = importAgreementKey(secretKey)
    const other = crypto.createPublicKey({ key: Buffer.concat([agreementSpki, publicKey]), format: "der", type: "spki" })
    return plain(crypto.diffieHellman({ privateKey: own, publicKey: other }))
  } catch {
    return null
  }
}

const publicKeysMax = 1_024

/** The most recently used public keys, imported. */
class PublicKeys {
  private readonly byText = new Map<string, crypto.KeyObject>()

  get(publicKey: Uint8Array): crypto.KeyObject {
    const text = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).toString("latin1")
    let key = this.byText.get(text)
    if (key !== undefined) {
      // a Map keeps the order of insertion: the first is the one unused for longest
      this.byText.delete(text)
    } else {
      key = crypto.createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: "der", type: "spki" })
      if (this.byText.size >= publicKeysMax) this.byText.delete(this.byText.keys().next().value!)
    }
    this.byText.set(text, key)
    return key
  }
}
