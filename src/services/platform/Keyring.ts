/**
 * The private keys of this device. They never leave it: one asks it to sign, or to agree on a secret.
 *
 * Keys are named by their public key and made for one purpose. No key serves another one: what signs does not agree, and what agrees
 * does not sign.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { StorageError } from "./Storage.ts"

/** What a key is for: a device or one of its feeds (Ed25519, which sign), or agreeing on a secret with somebody (X25519). */
export type Purpose = "device" | "feed" | "agreement"

export class Keyring extends Context.Service<
  Keyring,
  {
    /** Makes a key pair, keeps it durably, and answers its public key (32 bytes): Ed25519, or for `agreement` X25519. */
    readonly generate: (purpose: Purpose) => Effect.Effect<Uint8Array, StorageError>
    /** The public keys held for a purpose, oldest first. */
    readonly list: (purpose: Purpose) => Effect.Effect<ReadonlyArray<Uint8Array>, StorageError>
    readonly has: (publicKey: Uint8Array) => Effect.Effect<boolean, StorageError>
    /** The Ed25519 signature (64 bytes) of a key that signs. */
    readonly sign: (publicKey: Uint8Array, message: Uint8Array) => Effect.Effect<Uint8Array, KeyMissing | StorageError>
    /** What a key for `agreement` shares with the X25519 key of somebody else (RFC 7748): 32 bytes, to be put through HKDF. */
    readonly agree: (
      publicKey: Uint8Array,
      other: Uint8Array
    ) => Effect.Effect<Uint8Array, KeyMissing | AgreementRefused | StorageError>
    /** Forgets a key for good; what it does not hold is forgotten already. */
    readonly remove: (publicKey: Uint8Array) => Effect.Effect<void, StorageError>
  }
>()("troupe/platform/Keyring") {}

/** This device does not hold the private key, or holds it for another purpose. */
export class KeyMissing extends Schema.TaggedError<KeyMissing>()("KeyMissing", { publicKey: Schema.String }) {
  override get message() {
    return `this device holds no private key for ${this.publicKey}. Use the device that made it, or make a new key.`
  }
}

/** The other's key is of small order, or none: anybody would share that secret. */
export class AgreementRefused extends Schema.TaggedError<AgreementRefused>()("AgreementRefused", { other: Schema.String }) {
  override get message() {
    return `${this.other} is no key to agree on a secret with: anybody could know it. Refuse whoever sent it, or ask for another key.`
  }
}
