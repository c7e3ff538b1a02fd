/**
 * The port for a duplex, ordered, reliable connection to a peer that signaling found, presented as an `effect/socket` Socket.
 *
 * A socket carries binary frames of at most `frameBytesMax`; closing its reader's scope closes the connection at both ends.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"

/** What two ends agree on through signaling before they connect. */
export interface Meeting {
  /** 16 random bytes, the same at both ends. */
  readonly id: Uint8Array
  readonly isInitiator: boolean
  /** Signals of this meeting, both ways (SDP and candidates for WebRTC; nothing for others). */
  readonly signals: Queue.Dequeue<Uint8Array>
  readonly signal: (payload: Uint8Array) => Effect.Effect<void>
}

export class Transport extends Context.Service<
  Transport,
  {
    readonly name: string
    /** Connects to the other end of the meeting; the scope owns the connection. */
    readonly connect: (meeting: Meeting) => Effect.Effect<Socket.Socket, ConnectFailed, Scope.Scope>
  }
>()("troupe/mesh/Transport") {}

export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", {
  transport: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `no ${this.transport} connection: ${this.reason}. It is tried again; check that the KUBE can be reached.`
  }
}
