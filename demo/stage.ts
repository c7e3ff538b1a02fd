/**
 * Where the demo takes place: processes of this machine with a proxy between them, or a simulated world. The scenario knows only this.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Audited, Calls, Held, Modelled, PeerCalls, Silence } from "./calls.ts"
import type { Change } from "./naive.ts"
import type { Name } from "./progress.ts"

/** What went wrong on a stage, said in a sentence. */
export interface StageError {
  readonly message: string
}

type Input<F> = F extends (...input: infer I) => unknown ? I : never
type Output<F> = F extends (...input: never) => infer O ? O : never

/** One life of somebody, asked by calls. */
export interface Player<C extends Calls<C>> {
  readonly name: string
  /** The process's id, or the number of the life. */
  readonly pid: number
  readonly ask: <K extends keyof C & string>(call: K, ...input: Input<C[K]>) => Effect.Effect<Output<C[K]>, StageError>
  /** Ends it at once, as SIGKILL does. */
  readonly kill: Effect.Effect<void>
  /** Ends it in order. */
  readonly close: Effect.Effect<void, StageError>
}

export interface Stage {
  /** Begins a life, on what the one before has left. */
  readonly begin: (
    name: Name,
    life: number,
    onHeld: (held: Held) => void
  ) => Effect.Effect<Player<PeerCalls>, StageError, Scope.Scope>
  /** From now on nothing crosses Bob's link, in either direction, and nothing is closed. */
  readonly silence: Effect.Effect<void, StageError>
  /** Resets all of Bob's link, which then works again. */
  readonly reset: Effect.Effect<Silence, StageError>
  /** Bytes on Bob's link, both directions. */
  readonly bytes: Effect.Effect<number, StageError>
  /** Takes a copy of what is left of a life, and answers how to audit it. */
  readonly keep: (name: Name, ticket: string) => Effect.Effect<Effect.Effect<Audited, StageError>, StageError, Scope.Scope>
  /** Audits what is left of a peer, and compares it with all journals. */
  readonly audit: (name: Name, ticket: string) => Effect.Effect<Audited, StageError>
  readonly model: (uncovered: ReadonlyArray<Change>, limit: number) => Effect.Effect<Modelled, StageError>
  /** Seconds since the stage was set. */
  readonly seconds: Effect.Effect<number>
}
