/**
 * The primitives: SHA-256, Ed25519 under one predicate, X25519, what derives keys, what seals, and randomness.
 *
 * Hashing is synchronous everywhere, so that pure code may take it as an argument. Signatures are verified as one Effect over a
 * list. All layers accept exactly the same signatures (predicate P, docs/security.md): peers that disagreed would never converge.
 * Private keys as bytes exist only between `generate` and a Keyring.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** A synchronous SHA-256: 32 bytes. */
export type Hash = (bytes: Uint8Array) => Uint8Array

/** An Ed25519 (RFC 8032, `secretKey` is the seed) or X25519 (RFC 7748) key pair: 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

export interface HkdfOptions {
  /** None unless said. */
  readonly salt?: Uint8Array
  readonly length?: number
}

/** A claim that `publicKey` signed `message`. */
export interface Signed {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

export class Crypto extends Context.Service<
  Crypto,
  {
    readonly hash: Hash
    /** Unpredictable bytes. */
    readonly random: (length: number) => Effect.Effect<Uint8Array>
    /** A new Ed25519 key pair. */
    readonly generate: Effect.Effect<KeyPair>
    /** A new X25519 key pair. */
    readonly generateAgreement: Effect.Effect<KeyPair>
    /** The Ed25519 pair of a seed, and the X25519 pair of a scalar: of the recovery keys, which a phrase gives. */
    readonly pairOf: (secretKey: Uint8Array) => KeyPair
    readonly agreementOf: (secretKey: Uint8Array) => KeyPair
    /** The 64-byte Ed25519 signature (RFC 8032, deterministic). */
    readonly sign: (key: KeyPair, message: Uint8Array) => Effect.Effect<Uint8Array>
    /** Whether each signature holds under predicate P. Never fails: what cannot be read does not hold. */
    readonly verify: (list: ReadonlyArray<Signed>) => Effect.Effect<ReadonlyArray<boolean>>
    /** HMAC-SHA512 (RFC 2104): 64 bytes. */
    readonly hmac512: (key: Uint8Array, message: Uint8Array) => Uint8Array
    /** HKDF-SHA256 (RFC 5869): `length` bytes (32 unless said), at most 8,160; a RangeError beyond. */
    readonly hkdf: (key: Uint8Array, info: Uint8Array, options?: HkdfOptions) => Uint8Array
    /** PBKDF2 with HMAC-SHA512 (RFC 8018), 64 bytes: as slow as `rounds` says. */
    readonly pbkdf2: (password: Uint8Array, salt: Uint8Array, rounds: number) => Uint8Array
    /** X25519 (RFC 7748): what both sides share, 32 bytes; null for a key of small order, with which anybody would share it. */
    readonly agree: (secretKey: Uint8Array, publicKey: Uint8Array) => Uint8Array | null
    /**
     * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): the ciphertext and a tag of 16 bytes behind it. A key of 32 bytes and a nonce of
     * 24, a RangeError else. Under one key no nonce is used twice; drawn by `random`, none is. `associated` is not sealed, and bound.
     */
    readonly seal: (key: Uint8Array, nonce: Uint8Array, message: Uint8Array, associated?: Uint8Array) => Uint8Array
    /** The message; null for what was not sealed like this, or was altered. */
    readonly open: (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated?: Uint8Array) => Uint8Array | null
    /** Whether a public key may be admitted at all: canonical, on the curve, not of small order. */
    readonly isKeyValid: (publicKey: Uint8Array) => boolean
  }
>()("troupe/platform/Crypto") {}
