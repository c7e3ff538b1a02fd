/**
 * A network inside one process, which several peers share: topics, and pipes between two ends that meet under an id.
 *
 * It is what the Memory layers of Signaling and Transport run on. Give all peers the same one: one `layer` value built once, or
 * `Layer.succeed(MemoryNetwork, yield* make)`. Tests cut and heal it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type { PeerId, SignalingEvent } from "./Signaling.ts"
import type { ConnectFailed } from "./Transport.ts"

/** A place in a topic. */
export interface Place {
  readonly events: Queue.Dequeue<SignalingEvent>
  readonly send: (to: PeerId, payload: Uint8Array) => Effect.Effect<void>
}

/** `reset`: connections end, peers see each other leave. `silent`: nothing ends, and nothing arrives. */
export type Cut = "reset" | "silent"

export class MemoryNetwork extends Context.Service<
  MemoryNetwork,
  {
    readonly join: (topic: Uint8Array, peer: PeerId) => Effect.Effect<Place, never, Scope.Scope>
    /** Waits for the other end, and answers this end of the pipe. */
    readonly meet: (id: Uint8Array) => Effect.Effect<Socket.Socket, ConnectFailed, Scope.Scope>
    readonly cut: (how: Cut) => Effect.Effect<void>
    readonly heal: Effect.Effect<void>
    /** Pipes and places that are open: nothing, when everybody has gone. */
    readonly open: Effect.Effect<number>
  }
>()("troupe/mesh/MemoryNetwork") {}
