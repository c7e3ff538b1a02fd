/**
 * A connection to one peer, over whatever socket: channels by name, each with credit of its own, and a heartbeat.
 *
 * Nothing here knows spaces or members; the swarm that opens a channel lets both ends prove themselves on it first.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import { type Reason, reasons } from "../../schema/mesh/MuxFrame.ts"

/** Messages both ways, in order, each of at most `messageBytesMax`. */
export interface Channel {
  readonly name: string
  readonly version: number
  readonly space: Uint8Array
  /** Waits while the other end does not take what was sent. */
  readonly send: (message: Uint8Array) => Effect.Effect<void, ConnectionClosed>
  /** The next message; taking it gives its credit back. */
  readonly take: Effect.Effect<Uint8Array, ConnectionClosed>
  /** Lets the other end send more than an introduction, once one knows who it is. */
  readonly widen: Effect.Effect<void>
  readonly close: (reason: Reason, text?: string) => Effect.Effect<void>
  /** The same channel as a socket, each frame a message; closing its reader's scope closes the channel. */
  readonly socket: Socket.Socket
}

export interface Connection {
  readonly open: (name: string, version: number, space: Uint8Array) => Effect.Effect<Channel, ConnectionClosed>
  /** The next channel that the other end opens. Who does not want it closes it. */
  readonly accept: Effect.Effect<Channel, ConnectionClosed>
  /** Asks for a sign of life, and ends the connection when there is none within 5 s. Answers whether there was. */
  readonly probe: Effect.Effect<boolean>
  /** Ends the connection, with a reason that the other end is told if it listens. */
  readonly end: (reason: Reason, text?: string) => Effect.Effect<void>
  /** Waits for the end. */
  readonly ended: Effect.Effect<ConnectionClosed>
  readonly bytesOnWire: () => number
}

export class Connections extends Context.Service<
  Connections,
  {
    /** Speaks on a socket that is connected; the scope owns the connection, and its end closes the socket. */
    readonly over: (
      socket: Socket.Socket,
      options: { readonly isInitiator: boolean }
    ) => Effect.Effect<Connection, ConnectionClosed, Scope.Scope>
  }
>()("troupe/mesh/Connections") {}

/** The channel, or the connection below it, has ended. `lost`: the transport went without a word. */
export class ConnectionClosed extends Schema.TaggedError<ConnectionClosed>()("ConnectionClosed", {
  reason: Schema.Literals([...reasons, "lost"]),
  detail: Schema.String,
  isOurs: Schema.Boolean
}) {
  override get message() {
    const who = this.isOurs ? "this end" : "the other end"
    return `the connection was ended by ${who}: ${this.reason}${this.detail === "" ? "" : ` (${this.detail})`}. It is tried again.`
  }
}
