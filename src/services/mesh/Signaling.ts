/**
 * The port that brings peers together: find who is at a topic, and pass them signals until a transport connects.
 *
 * It has no authority: it may lose, delay or invent anything, and everything above verifies. Every layer passes the suite in
 * `troupe/testing`. Frames of the WebSocket layer: docs/format.md#signaling.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

/** A peer as signaling knows it: 16 random bytes as hex, made anew each time a topic is joined. */
export type PeerId = string

export type SignalingEvent =
  | { readonly _tag: "Joined"; readonly peer: PeerId }
  | { readonly _tag: "Left"; readonly peer: PeerId }
  | { readonly _tag: "Signal"; readonly peer: PeerId; readonly payload: Uint8Array }

/** A topic that was joined; its scope leaves it. */
export interface Topic {
  /** Another one after a stranger has taken it; all who are there are then told again. */
  readonly self: PeerId
  /** Bounded; what happens while the line is down is made good by `Left` and `Joined` when it is back. */
  readonly events: Queue.Dequeue<SignalingEvent>
  /** Passes at most 64 KiB to a peer of this topic; lost silently when it is gone. */
  readonly send: (to: PeerId, payload: Uint8Array) => Effect.Effect<void>
}

export class Signaling extends Context.Service<
  Signaling,
  {
    /** Joins a topic (32 bytes). Never gives up: it dials again, with growing pauses, for as long as its scope is open. */
    readonly join: (topic: Uint8Array) => Effect.Effect<Topic, never, Scope.Scope>
  }
>()("troupe/mesh/Signaling") {}
