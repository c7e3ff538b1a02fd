/**
 * The port to the WebSockets that clients open at a KUBE, with what its routes need beyond a socket: writes that wait.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { HttpServerError } from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"

/** One client's WebSocket. */
export interface Wire {
  /** The address that the client comes from. */
  readonly address: string
  /** The next frames; while nobody pulls, nothing is read from the network. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Uint8Array | string>, Socket.SocketError>
  /** Waits until the network has taken the frame, but for a small buffer. */
  readonly write: (frame: Uint8Array | Socket.CloseEvent) => Effect.Effect<void, Socket.SocketError>
  /** Waits until the client is gone. */
  readonly gone: Effect.Effect<void>
}

export class Wires extends Context.Service<
  Wires,
  {
    /** Upgrades the request that is being served; the scope owns the WebSocket. */
    readonly upgrade: Effect.Effect<Wire, HttpServerError | Socket.SocketError, HttpServerRequest | Scope.Scope>
  }
>()("troupe/kube/Wires") {}
