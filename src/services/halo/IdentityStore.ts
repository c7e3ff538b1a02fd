/**
 * The identities that this device is a device of: their keys here, and the graph of operations that says which devices are theirs.
 *
 * Several may live on one device. Each has a device key of its own, so that nobody who meets two of them can tell that they are one
 * person's. What the words give (the recovery keys) is never kept.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { RecoveredIdentity } from "../../schema/halo/Identity.ts"
import type { MnemonicInvalid } from "../../schema/halo/Mnemonic.ts"
import type { KeyMissing } from "../platform/Keyring.ts"
import type { StorageError } from "../platform/Storage.ts"
import type { NotPermitted, SpaceOperations } from "./OperationStore.ts"

/** An identity as this device holds it: public keys, 32 bytes each. */
export interface HeldIdentity {
  readonly id: Uint8Array
  /** The same as text, base64url. */
  readonly text: string
  /** The bytes of `IdentityGenesis`. */
  readonly genesis: Uint8Array
  /** The key by which this device signs and is known as a device of the identity, and the one to which keys are sealed. */
  readonly device: Uint8Array
  readonly deviceText: string
  readonly agreement: Uint8Array
}

export class IdentityStore extends Context.Service<
  IdentityStore,
  {
    /** Makes an identity whose first device is this one. The phrase is answered once and kept nowhere. */
    readonly create: (
      words: 12 | 24
    ) => Effect.Effect<
      { readonly identity: HeldIdentity; readonly phrase: Redacted.Redacted<string> },
      NotPermitted | KeyMissing | StorageError
    >
    /**
     * Makes the keys of this device for an identity that another device holds; the same ones when it is asked again. They wait to be let in
     * until as many others were made since as may wait.
     */
    readonly prepare: (genesis: Uint8Array) => Effect.Effect<HeldIdentity, StorageError>
    /** All identities that this device is a device of, the earliest first: those that were prepared, too, once operations make it one. */
    readonly list: Effect.Effect<ReadonlyArray<HeldIdentity>, StorageError>
    /** The keys that were prepared for an identity, whether it has taken this device in or not; null when there are none. */
    readonly prepared: (text: string) => Effect.Effect<HeldIdentity | null, StorageError>
    readonly find: (text: string) => Effect.Effect<HeldIdentity, IdentityMissing | StorageError>
    /** The operations of an identity's own graph. */
    readonly operations: (identity: HeldIdentity) => Effect.Effect<SpaceOperations, StorageError, Scope.Scope>
    /** The bytes of the certificate that this device shows when it comes into a space. */
    readonly certificate: (identity: HeldIdentity) => Effect.Effect<Uint8Array, IdentityMissing | StorageError>
    /** The recovery keys of a phrase as somebody typed it. Wipe them after use. */
    readonly recovered: (typed: Redacted.Redacted<string>) => Effect.Effect<RecoveredIdentity, MnemonicInvalid>
    /** Whether somebody has typed the identity's phrase here, and that somebody has. */
    readonly isConfirmed: (identity: HeldIdentity) => Effect.Effect<boolean, StorageError>
    readonly confirm: (identity: HeldIdentity) => Effect.Effect<void, StorageError>
    /** Removes an identity and its keys from this device, and the operations of its graph. */
    readonly wipe: (identity: HeldIdentity) => Effect.Effect<void, StorageError>
  }
>()("troupe/halo/IdentityStore") {}

/** This device is no device of that identity. */
export class IdentityMissing extends Schema.TaggedError<IdentityMissing>()("IdentityMissing", { identity: Schema.String }) {
  override get message() {
    return this.identity === ""
      ? "this device has no identity. Create one, or add this device to one that you have."
      : `this device is no device of identity ${this.identity}. Add it from one that is, or choose another identity.`
  }
}
