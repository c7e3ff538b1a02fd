/**
 * The peers of a topic, each as an authenticated channel.
 *
 * Above it nobody sees signaling, transports or handshakes: a swarm calls `onPeer` once for every channel that a member of the space
 * opened and proved, runs what it answers until the channel ends, and connects again for as long as its scope is open.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"

/** A channel to a member's device, after both ends have proved their device keys. Each frame is one message. */
export interface PeerChannel {
  /** The other device's public key, 32 bytes, and the same as text (base64url). */
  readonly device: Uint8Array
  readonly deviceText: string
  readonly socket: Socket.Socket
  /** Bytes that crossed the connection so far, both directions, framing included. */
  readonly bytesOnWire: () => number
}

export class Swarm extends Context.Service<
  Swarm,
  {
    /** Joins the swarm of a space and stays in it until the scope closes. */
    readonly join: (options: {
      readonly space: Uint8Array
      readonly device: Uint8Array
      readonly isMember: (device: Uint8Array) => boolean
      /** The name and version of the channel, `echo/replicate` and 0. */
      readonly channel: string
      readonly version: number
      /** Runs in a fiber and scope of its own; its failure closes that channel and nothing else. */
      readonly onPeer: (peer: PeerChannel) => Effect.Effect<void, unknown, Scope.Scope>
    }) => Effect.Effect<void, never, Scope.Scope>
  }
>()("troupe/mesh/Swarm") {}
