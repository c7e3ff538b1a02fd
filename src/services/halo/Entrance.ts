/**
 * Where a device that has proved its key is let in, or not: before anything else is said on its channel.
 *
 * Both ends bring each other to the same control operations, and then each is a member to the other; what keeps them the same afterwards
 * goes with the channel. Rules: schema/halo/ControlSync.ts. Messages: docs/format.md#control-operations-on-the-wire.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ControlSync } from "../../schema/halo/ControlSync.ts"
import type { Channel, ConnectionClosed } from "../mesh/Connection.ts"
import type { StorageError } from "../platform/Storage.ts"
import type { SpaceOperations } from "./OperationStore.ts"

export interface Entering {
  readonly operations: SpaceOperations
  /** The public key by which this device is known in the space. */
  readonly self: Uint8Array
  /** The key that the other end has proved. */
  readonly device: Uint8Array
  readonly channel: Channel
}

/** A device that is in. */
export interface Entered {
  readonly operations: SpaceOperations
  readonly self: Uint8Array
  /** Whoever goes on with the channel runs it from now on; it is told of what is added to the operations. */
  readonly sync: ControlSync
  /** From now on this is called when the machine may have something to say; it must not block. */
  readonly listen: (listener: () => void) => void
}

export class Entrance extends Context.Service<
  Entrance,
  {
    /** Ends when both are inside. For as long as the scope is open the machine is told of what is added. */
    readonly enter: (entering: Entering) => Effect.Effect<Entered, EntranceRefused | ConnectionClosed | StorageError, Scope.Scope>
  }
>()("troupe/halo/Entrance") {}

/** One of both is no member, as far as the other knows, or did not come to the same operations. */
export class EntranceRefused extends Schema.TaggedError<EntranceRefused>()("EntranceRefused", { reason: Schema.String }) {
  override get message() {
    return `a device was not let in: ${this.reason}. It is tried again, later each time.`
  }
}
