/**
 * The primitives: SHA-256, Ed25519 under one predicate, and randomness.
 *
 * Hashing is synchronous everywhere, so that pure code may take it as an argument. Signatures are verified as one Effect over a
 * list. All layers accept exactly the same signatures (predicate P, docs/security.md): peers that disagreed would never converge.
 * Private keys as bytes exist only between `generate` and a Keyring.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** A synchronous SHA-256: 32 bytes. */
export type Hash = (bytes: Uint8Array) => Uint8Array

/** An Ed25519 key pair (RFC 8032): 32 bytes each; `secretKey` is the seed. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
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
    readonly generate: Effect.Effect<KeyPair>
    /** The 64-byte Ed25519 signature (RFC 8032, deterministic). */
    readonly sign: (key: KeyPair, message: Uint8Array) => Effect.Effect<Uint8Array>
    /** Whether each signature holds under predicate P. Never fails: what cannot be read does not hold. */
    readonly verify: (list: ReadonlyArray<Signed>) => Effect.Effect<ReadonlyArray<boolean>>
    /** Whether a public key may be admitted at all: canonical, on the curve, not of small order. */
    readonly isKeyValid: (publicKey: Uint8Array) => boolean
  }
>()("troupe/platform/Crypto") {}
