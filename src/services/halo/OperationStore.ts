/**
 * The control operations of each space that this device holds: verified, kept, never truncated, and judged as a set.
 *
 * An operation counts once its signatures hold and all its parents are here; until then it waits, within bounds. Who is a member follows
 * from the set alone (schema/halo/Membership.ts), so it does not matter from whom or in which order operations come.
 * Bytes: docs/format.md#control-operations.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Membership } from "../../schema/halo/Membership.ts"
import type { DecodedOperation } from "../../schema/halo/OperationCodec.ts"
import type { OperationSet } from "../../schema/halo/OperationSet.ts"
import type { Payload } from "../../schema/halo/Payload.ts"
import type { KeyPair } from "../platform/Crypto.ts"
import type { KeyMissing } from "../platform/Keyring.ts"
import type { StorageError } from "../platform/Storage.ts"

/** What became of operations that came. */
export interface Taken {
  /** Those that are new here and count, parents first. */
  readonly added: ReadonlyArray<DecodedOperation>
  /** How many wait for their parents now, of these. */
  readonly waiting: number
  /** Why others were refused, each in words. */
  readonly refused: ReadonlyArray<string>
}

/** Who signs an operation: a device of this keyring, or a recovery key that is at hand for a moment. */
export type Signer = { readonly device: Uint8Array } | { readonly recovery: KeyPair }

/** The operations of one open space. */
export interface SpaceOperations {
  readonly space: Uint8Array
  /** The machine that judges; it is changed by `take` and `publish` alone. */
  readonly membership: Membership
  /** The ids that are here, as both ends of a connection compare them. */
  readonly set: OperationSet
  /** The heads of the graph of operations, sorted: ids of those that no other has as a parent. */
  readonly heads: () => ReadonlyArray<Uint8Array>
  /** What is known of an operation that is here, by its id as text. */
  readonly find: (id: string) => DecodedOperation | undefined
  /** All operations, parents first. */
  readonly list: () => ReadonlyArray<DecodedOperation>
  /** The device that signed the manifest of a feed that some operation admits, as text: standing or not. */
  readonly deviceOf: (feed: string) => string | undefined
  /** How many operations wait here for their parents. */
  readonly waiting: () => number
  /** What was found that a newer version of Troupe has written, or null: the space is then read, and not written. */
  readonly unsupported: () => string | null
  /**
   * Verifies operations as they came (`SignedOp`) and keeps those that hold and whose parents are here. Never fails for what they are.
   * One whose parents are not here waits in memory, and is taken with them.
   */
  readonly take: (operations: ReadonlyArray<Uint8Array>) => Effect.Effect<Taken, StorageError>
  /** Makes an operation on top of what stands here, by the best right of its signer, signs and keeps it. */
  readonly publish: (
    payload: Payload,
    signer: Signer
  ) => Effect.Effect<DecodedOperation, NotPermitted | KeyMissing | StorageError>
  /** Calls the listener after each change, in the fiber that made it, with what was added; it must not block. */
  readonly watch: (listener: (added: ReadonlyArray<DecodedOperation>) => void) => Effect.Effect<void, never, Scope.Scope>
}

/** Who founds a space: a device with its keys, and the bytes of its certificate. */
export interface Founding {
  readonly device: Uint8Array
  readonly agreement: Uint8Array
  readonly certificate: Uint8Array
  readonly isLocked: boolean
}

export class OperationStore extends Context.Service<
  OperationStore,
  {
    /** Opens the operations of a space. What was stored is not verified anew. Opened twice, it is the same set. */
    readonly open: (space: Uint8Array, identity: Uint8Array | null) => Effect.Effect<SpaceOperations, StorageError, Scope.Scope>
    /** Founds a space by a device of an identity, by the certificate that says so. Answers the space's id. */
    readonly found: (founding: Founding) => Effect.Effect<Uint8Array, KeyMissing | StorageError>
    /** What operations would make of a space by themselves, judged as those of an open one are; nothing of them is kept. */
    readonly judge: (
      space: Uint8Array,
      identity: Uint8Array | null,
      operations: ReadonlyArray<Uint8Array>
    ) => Effect.Effect<Membership, StorageError>
    /** Removes all operations of a space that is not open. */
    readonly wipe: (space: Uint8Array) => Effect.Effect<void, StorageError>
  }
>()("troupe/halo/OperationStore") {}

/** The signer has no right to what was asked, as far as this device knows. */
export class NotPermitted extends Schema.TaggedError<NotPermitted>()("NotPermitted", {
  what: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.what} is not permitted: ${this.reason}`
  }
}
