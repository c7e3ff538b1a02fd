/**
 * An identity: the hash of its recovery keys and a nonce, all three of which follow from the seed phrase alone.
 *
 * So who has the words knows the identity again without anything else. Bytes: docs/format.md#identities.
 */
import { type Reader, Writer } from "../platform/Codec.ts"
import { type Hash, Label } from "./Label.ts"
import { type Hmac, recoveryKey } from "./RecoveryKeys.ts"

/** What an identity is the hash of: the public recovery keys for signing (Ed25519) and encryption (X25519), and 16 bytes. */
export interface IdentityGenesis {
  readonly recovery: Uint8Array
  readonly encryption: Uint8Array
  readonly nonce: Uint8Array
}

/** An identity with its secret recovery keys, as they are while a phrase is at hand. Wipe them after use. */
export interface RecoveredIdentity {
  readonly identity: Uint8Array
  /** The bytes of `IdentityGenesis`. */
  readonly genesis: Uint8Array
  /** Signs for the identity itself (Ed25519; the secret is the seed of RFC 8032). */
  readonly recovery: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
  /** Opens what is sealed for the identity itself (X25519; the secret is the scalar). */
  readonly encryption: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
}

/** The primitives that an identity is made with. */
export interface IdentityPrimitives {
  readonly hash: Hash
  /** HMAC-SHA512. */
  readonly hmac: Hmac
  /** HKDF-SHA256 without salt, 32 bytes. */
  readonly hkdf: (key: Uint8Array, info: Uint8Array) => Uint8Array
  /** The Ed25519 public key of a seed. */
  readonly signingKeyOf: (secretKey: Uint8Array) => Uint8Array
  /** The X25519 public key of a scalar. */
  readonly encryptionKeyOf: (secretKey: Uint8Array) => Uint8Array
}

const identityLabel = new Label("halo/identity")
const nonceInfo = new TextEncoder().encode("halo/identity-nonce/v1")
const nonceBytes = 16

/** Encodes `[1, R32, RE32, nonce16]`. */
export const encodeIdentityGenesis = ({ encryption, nonce, recovery }: IdentityGenesis): Uint8Array =>
  new Writer(128).array(4).int(1).bytes(recovery).bytes(encryption).bytes(nonce).finish()

export const readIdentityGenesis = (from: Reader): IdentityGenesis => {
  from.tuple(4)
  if (from.uint() !== 1) from.fail("an identity of another version")
  return { recovery: from.fixed(32), encryption: from.fixed(32), nonce: from.fixed(nonceBytes) }
}

/** The identity that an `IdentityGenesis` makes: 32 bytes. */
export const identityId = (genesis: Uint8Array, hash: Hash): Uint8Array => identityLabel.id(genesis, hash)

/** The identity of the 64-byte seed of a phrase (`seedOf` in RecoveryKeys.ts). */
export const identityOf = (seed: Uint8Array, primitives: IdentityPrimitives, account = 0): RecoveredIdentity => {
  const { encryptionKeyOf, hash, hkdf, hmac, signingKeyOf } = primitives
  const signing = recoveryKey(seed, "signing", hmac, account)
  const opening = recoveryKey(seed, "encryption", hmac, account)
  const recovery = { publicKey: signingKeyOf(signing), secretKey: signing }
  const encryption = { publicKey: encryptionKeyOf(opening), secretKey: opening }
  const nonce = hkdf(recoveryKey(seed, "backup", hmac, account), nonceInfo).slice(0, nonceBytes)
  const genesis = encodeIdentityGenesis({ recovery: recovery.publicKey, encryption: encryption.publicKey, nonce })
  return { identity: identityId(genesis, hash), genesis, recovery, encryption }
}
