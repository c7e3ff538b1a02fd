/**
 * Carries the control operations of a space beside its feeds, on the same channel and before them. A part of `Replicator`.
 *
 * The machine is the one with which the peer was let in; here it is only carried on.
 */
import * as Effect from "effect/Effect"
import { encodeControl } from "../../schema/halo/ControlMessage.ts"
import type { ControlEvent } from "../../schema/halo/ControlSync.ts"
import type { StoredFeed } from "../../services/echo/FeedStore.ts"
import { type Entered, receiveControl } from "../../services/halo/Entrance.ts"
import type { StorageError } from "../../services/platform/Storage.ts"

export class ReplicatorOperations {
  private readonly entered: Entered
  private readonly now: () => number
  /** Feeds that no operation admits yet. */
  private readonly hidden = new Set<StoredFeed>()

  constructor(entered: Entered, now: () => number) {
    this.entered = entered
    this.now = now
  }

  private step(event: ControlEvent) {
    return this.entered.sync.step(event, this.now())
  }

  /** Whether a feed may be spoken of: not before the operation that admits it is here, and goes first. */
  tells(feed: StoredFeed): boolean {
    const isAdmitted = this.entered.operations.deviceOf(feed.text) !== undefined
    if (!isAdmitted) this.hidden.add(feed)
    return isAdmitted
  }

  /** Feeds that were not to be spoken of, and are now. */
  revealed(): ReadonlyArray<StoredFeed> {
    const feeds = [...this.hidden]
    this.hidden.clear()
    return feeds.filter((feed) => this.tells(feed))
  }

  readonly summary = (): Uint8Array => this.entered.operations.set.summary()

  /** The peer has told the hash of its operations. */
  readonly summed = (ops: Uint8Array): void => {
    this.step({ _tag: "Summed", ops })
  }

  /** When there may be something to say though nothing happens. */
  get wakeAt(): number {
    return this.entered.sync.wakeAt
  }

  /** Why the connection ends, or null. */
  get ending(): string | null {
    return this.entered.sync.ending
  }

  /** Takes in a frame that is about operations, before more is read. */
  receive(frame: Uint8Array): Effect.Effect<void, StorageError> {
    return receiveControl(frame, this.entered, this.now)
  }

  /** Says all that is due; answers why the connection ends now, or null. */
  speak<E>(write: (frames: ReadonlyArray<Uint8Array>) => Effect.Effect<void, E>): Effect.Effect<string | null, E> {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const { actions, messages } = this.step({ _tag: "Writable" })
        if (messages.length > 0) yield* write(messages.map(encodeControl))
        for (const action of actions) if (action._tag === "Close") return action.reason
        if (messages.length === 0) return null
      }
    })
  }
}
