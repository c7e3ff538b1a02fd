/**
 * Carries the feeds of a space between this device and one peer, over a channel that the peer has proved its device key on.
 *
 * It never gives up while the channel is open: it compares, asks, sends, and acknowledges what it has stored. Messages and rules:
 * docs/format.md#replication.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Frontier } from "../../schema/echo/Frontier.ts"
import type { PeerChannel } from "../mesh/Swarm.ts"
import type { StorageError } from "../platform/Storage.ts"
import type { SpaceFeeds } from "./FeedStore.ts"

/** What a space wants to know of one peer, called in line; nothing of it may block. */
export interface Observer {
  /** What this device has applied now. */
  readonly frontier: () => Frontier
  /** The peer has stored a feed up to this length, by its own word; it had `before` by what was heard of it before. */
  readonly acknowledged: (feed: string, length: number, before?: number) => void
  /** Blocks of a feed up to this length were handed to the channel. */
  readonly sent: (feed: string, length: number) => void
  /** A feed is not taken from this peer for now, for this reason, or (null) is taken again. */
  readonly refused: (feed: string, reason: string | null) => void
}

export class Replicator extends Context.Service<
  Replicator,
  {
    /** Runs until the channel ends. */
    readonly run: (
      feeds: SpaceFeeds,
      peer: PeerChannel,
      observer: Observer
    ) => Effect.Effect<void, ReplicationFailed | StorageError, Scope.Scope>
  }
>()("troupe/echo/Replicator") {}

/** The peer said something that no peer of this version says, or went against what it had promised; the channel is closed. */
export class ReplicationFailed extends Schema.TaggedError<ReplicationFailed>()("ReplicationFailed", {
  device: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `replication with ${this.device} ended: ${this.reason}. It begins again with the next connection.`
  }
}
