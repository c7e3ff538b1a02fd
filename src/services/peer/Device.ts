/**
 * The key that this device signs with, and is known by.
 *
 * Made once and kept in the Keyring; identities with several devices come with step 4 and stand above it.
 */
import * as Context from "effect/Context"

export class Device extends Context.Service<
  Device,
  {
    /** Ed25519 public key, 32 bytes. */
    readonly publicKey: Uint8Array
    /** The same as text, base64url. */
    readonly text: string
  }
>()("troupe/peer/Device") {}
