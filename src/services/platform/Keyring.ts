/**
 * The private keys of this device. They never leave it: one asks it to sign.
 *
 * Keys are named by their public key and a purpose, so that a device key and the feed keys of its spaces are told apart.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { StorageError } from "./Storage.ts"

/** What a key is for: a device itself, one of its feeds (both Ed25519), or what is sealed for a device (X25519). */
export type Purpose = "device" | "feed" | "agreement"

export class Keyring extends Context.Service<
  Keyring,
  {
    /** Makes a key pair, keeps it durably, and answers its public key (32 bytes). */
    readonly generate: (purpose: Purpose) => Effect.Effect<Uint8Array, StorageError>
    /** The public keys held for a purpose, oldest first. */
    readonly list: (purpose: Purpose) => Effect.Effect<ReadonlyArray<Uint8Array>, StorageError>
    readonly has: (publicKey: Uint8Array) => Effect.Effect<boolean, StorageError>
    readonly sign: (publicKey: Uint8Array, message: Uint8Array) => Effect.Effect<Uint8Array, KeyMissing | StorageError>
    readonly remove: (publicKey: Uint8Array) => Effect.Effect<void, StorageError>
  }
>()("troupe/platform/Keyring") {}

/** This device does not hold the private key. */
export class KeyMissing extends Schema.TaggedError<KeyMissing>()("KeyMissing", { publicKey: Schema.String }) {
  override get message() {
    return `this device holds no private key for ${this.publicKey}. Use the device that made it, or make a new key.`
  }
}
