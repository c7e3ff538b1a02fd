/**
 * Runs children so that a crash of one is answered by a policy, and touches the others only when they are meant to fall together.
 *
 * A child is an Effect with a scope of its own: each restart runs it anew, in a fresh scope, when the finalizers of the one before are
 * done. What keeps its own state and fibers, as actors do, is adopted instead (`over`) and reports its crashes. Supervisors form a tree:
 * what one cannot mend it escalates to the one above, and a top one ends with the cause.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Policy, Strategy } from "../../schema/actor/Supervision.ts"

/** What befell a child. `supervisor` is the path of names from the top, with slashes. */
export interface Lifecycle {
  readonly _tag: "Started" | "Crashed" | "Resumed" | "Restarted" | "Stopped" | "Escalated"
  readonly supervisor: string
  readonly child: string
  /** The defect or error of `Crashed` and `Escalated`, else null. */
  readonly cause: Cause.Cause<unknown> | null
}

/** Why a child is no longer there: it came to its end or was told to stop, its crash was answered so, or the crash of another. */
export type Ended = "stopped" | "crashed" | "escalated"

/** What a supervisor needs of a child that keeps its own state. None of these may fail. */
export interface Supervised {
  readonly name: string
  /** Goes on after a crash with the state as it is. */
  readonly resume: Effect.Effect<void>
  /** Throws the state away, and anything that is under way with it. */
  readonly suspend: Effect.Effect<void>
  /** Starts anew after `suspend`. */
  readonly restart: Effect.Effect<void>
  readonly end: (why: Ended) => Effect.Effect<void>
}

export interface SupervisorOptions {
  readonly name: string
  /** `one-for-one` unless said otherwise. */
  readonly strategy?: Strategy
  /** `restart()` unless said otherwise: three times within 10 seconds. */
  readonly policy?: Policy
  /** The supervisor that escalations go to. Without one, an escalation ends everything here. */
  readonly above?: Supervision
}

/** One supervisor with its children. */
export interface Supervision {
  /** The path of names from the top. */
  readonly name: string
  /**
   * Runs a child until it ends by itself, and again whenever its policy says so. Names are unique among children that are there: a second
   * one with a name dies. `gone` is called, in line, once the child is no longer there and its finalizers are done.
   */
  readonly run: <E, R>(
    name: string,
    child: Effect.Effect<void, E, R>,
    gone?: (why: Ended) => void
  ) => Effect.Effect<void, never, Exclude<R, Scope.Scope>>
  /** Ends a child, and waits for its finalizers. */
  readonly stop: (name: string) => Effect.Effect<void>
  /** The children that are there, in the order in which they were started. */
  readonly children: () => ReadonlyArray<string>
  /** Waits until no restart and no end is under way. */
  readonly settled: Effect.Effect<void>
  /** The cause that ended everything here, once there is one. */
  readonly ended: Effect.Effect<Cause.Cause<unknown>>
  /** Reports the crash of an adopted child, or of a supervisor below. */
  readonly crashed: (child: Supervised, cause: Cause.Cause<unknown>) => void
  /** Takes in a child that keeps its own state, or that `members` answers from now on. */
  readonly adopt: (child: Supervised) => void
  /** Lets go of an adopted child that has ended. */
  readonly leave: (child: Supervised) => void
}

export class Supervisor extends Context.Service<
  Supervisor,
  {
    /** Opens a supervisor. When the scope closes its children end, the last one first. */
    readonly open: (options: SupervisorOptions) => Effect.Effect<Supervision, never, Scope.Scope>
    /** The same over children that somebody else keeps; `members` answers those that there are. */
    readonly over: (
      options: SupervisorOptions & { readonly members: () => Iterable<Supervised> }
    ) => Effect.Effect<Supervision, never, Scope.Scope>
    /** What happens from now on, at all supervisors. A listener that is slow misses the oldest. */
    readonly events: Stream.Stream<Lifecycle>
  }
>()("troupe/actor/Supervisor") {}
