/**
 * Where a device that has proved its key is let in, or not: before anything else is said on its channel.
 *
 * Both ends bring each other to the same control operations, and then each is a member to the other; what keeps them the same afterwards
 * goes with the channel. Rules: schema/halo/ControlSync.ts. Messages: docs/format.md#control-operations-on-the-wire.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Run } from "../../schema/echo/Feed.ts"
import { decodeControl, type FeedLength } from "../../schema/halo/ControlMessage.ts"
import type { ControlEvent, ControlSync } from "../../schema/halo/ControlSync.ts"
import type { RunRefused } from "../echo/FeedStore.ts"
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
  /** Where late work is stored, or comes from; without it none is taken or handed in. */
  readonly late?: LateFeeds
}

/** The feeds of a space, as far as it goes for what somebody wrote who had been removed. Devices are public keys as text. */
export interface LateFeeds {
  /** This device's feeds that it may hand in. */
  readonly own: () => ReadonlyArray<FeedLength>
  /** A run of a feed from a place on, of at most so many bytes, or one block. */
  readonly run: (feed: Uint8Array, from: number, maxBytes: number) => Effect.Effect<Run | null, StorageError>
  /** A member has so much of a feed of this device. */
  readonly acknowledged: (device: string, feed: Uint8Array, length: number) => void
  /** How far feeds are here, of those that a device offers: only its own, which some operation admits and no fork has frozen. */
  readonly lengths: (device: string, offered: ReadonlyArray<FeedLength>) => Effect.Effect<ReadonlyArray<FeedLength>, StorageError>
  /** How many bytes a device that is out may hand in now: as many as one connection takes, and as many more a minute. */
  readonly allowed: (device: string) => number
  /** It has handed in as many. */
  readonly spend: (device: string, bytes: number) => void
  /** How many bytes more may be kept of what does not count. */
  readonly room: Effect.Effect<number, StorageError>
  /** Verifies a run and keeps what is new of it, in quarantine. Answers how long the feed is then. */
  readonly keep: (run: Run) => Effect.Effect<number, RunRefused | StorageError>
  /** What keeps late work from going from this device to a member, or from a former member to this one; null when nothing does. */
  readonly hindered: (device: string, reason: string | null) => void
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

/** Takes in a frame that is about operations: what it brings is kept and judged before more is read. */
export const receiveControl = Effect.fnUntraced(function* (
  frame: Uint8Array,
  { operations, sync }: Pick<Entered, "operations" | "sync">,
  now: () => number
): Effect.fn.Return<void, StorageError> {
  const step = (event: ControlEvent) => sync.step(event, now())
  const message = decodeControl(frame)
  const { actions } = step(
    Result.isSuccess(message)
      ? { _tag: "Received", message: message.success }
      : { _tag: "Garbled", reason: message.failure.message }
  )
  for (const action of actions) {
    if (action._tag !== "Take" || sync.ending !== null) continue
    const { refused, waiting } = yield* operations.take(action.operations)
    step({ _tag: "Taken", refused: refused.length, waiting })
  }
})

export class Entrance extends Context.Service<
  Entrance,
  {
    /** Ends when both are inside. For as long as the scope is open the machine is told of what is added. */
    readonly enter: (entering: Entering) => Effect.Effect<Entered, EntranceRefused | ConnectionClosed | StorageError, Scope.Scope>
  }
>()("troupe/halo/Entrance") {}

/** What does not count fills the room that a space has for it. */
export class QuarantineFull extends Schema.TaggedError<QuarantineFull>()("QuarantineFull", {
  device: Schema.String,
  isHere: Schema.Boolean
}) {
  override get message() {
    const device = this.device.slice(0, 8)
    return this.isHere
      ? `late work of device ${device} is not taken: what is withheld here fills its room. Endorse what shall count.`
      : `device ${device} takes no more late work, as what is withheld there fills its room. What is unsent stays here; ask an admin to endorse.`
  }
}

/** One of both is no member, as far as the other knows, or did not come to the same operations. */
export class EntranceRefused extends Schema.TaggedError<EntranceRefused>()("EntranceRefused", { reason: Schema.String }) {
  override get message() {
    return `a device was not let in: ${this.reason}. It is tried again, later each time.`
  }
}
