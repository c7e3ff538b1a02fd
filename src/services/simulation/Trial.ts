/**
 * A world with a plan: the steps of a test and the faults happen in it, then all heals, and what was promised is looked at.
 *
 * The body of a simulated test is given one. Whatever it finds broken stops the world there, with the name of the promise, since a
 * shorter plan counts only when the same promise is broken.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Plan } from "../../schema/simulation/Plan.ts"
import type { Row } from "../../schema/simulation/TraceStates.ts"
import type { OpenError, Space } from "../echo/SpaceService.ts"
import type { PeerDown, SimulatedPeer, World } from "./World.ts"

/** A space that all peers of a world are members of. */
export interface Shared {
  readonly ticket: string
  /** Uses the space in the present life of a peer, opening it first when it is not open there. */
  readonly in: <A, E>(
    peer: SimulatedPeer,
    use: (space: Space) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | OpenError | PeerDown>
}

export interface Trial<S = never> extends World {
  readonly plan: Plan
  /**
   * Lets the plan happen: each step and each fault at its time. A peer takes its steps one after the other; what a step fails with is noted
   * and is no violation, since faults make things fail. Then everything heals, whoever is down is started, and steps that have not ended a
   * minute later are a violation.
   */
  readonly play: (perform?: (step: S, peer: SimulatedPeer) => Effect.Effect<unknown, unknown>) => Effect.Effect<void, Violated>
  /** Makes a space in which all peers are members. */
  readonly together: (name: string) => Effect.Effect<Shared>
  /** All peers whose disk has not rotted come to equal frontiers and equal state, within a time; their audits find nothing. */
  readonly converged: (space: Shared, options: { readonly within: Duration.Input }) => Effect.Effect<void, Violated>
  /** Something that has to hold now at each peer whose disk has not rotted: true, or what is wrong. To fail is wrong, too. */
  readonly check: <E>(
    name: string,
    holds: (peer: SimulatedPeer) => Effect.Effect<boolean | string, E>
  ) => Effect.Effect<void, Violated>
  /**
   * Something that has to hold from now on, looked at whenever something has happened, and at the end. It must not wait. Asked of a peer that
   * stands still or is down it may be late or fail at times; one that has not answered within a second at any time is a violation.
   */
  readonly always: <E>(name: string, holds: Effect.Effect<boolean | string, E>) => Effect.Effect<void>
  /** A promise is broken: notes it and goes on; the first one noted is the failure. */
  readonly say: (check: string, says: string, peer?: string) => void
  /** A promise is broken: ends the world. */
  readonly violated: (check: string, says: string, peer?: string) => Effect.Effect<never, Violated>
  /** Counts something that happened, for the summary. */
  readonly met: (name: string, times?: number) => void
  /** Whether the time of trouble is over. */
  readonly isCalm: Effect.Effect<boolean>
}

/** A promise that was broken. */
export interface Violation {
  readonly check: string
  readonly says: string
  readonly peer: string | null
  /** Seconds of virtual time. */
  readonly seconds: number
}

/** A promise of a simulated test is broken. */
export class Violated extends Schema.TaggedError<Violated>()("Violated", {
  check: Schema.String,
  says: Schema.String,
  peer: Schema.NullOr(Schema.String),
  seconds: Schema.Number
}) {
  override get message() {
    return `${this.check} fails at ${this.seconds} s${this.peer === null ? "" : ` on ${this.peer}`}: ${this.says}`
  }
}

/** What came of a plan. */
export interface Verdict {
  /** Broken promises, the first one first; none when all held. */
  readonly violations: ReadonlyArray<Violation>
  /** The SHA-256 of the trace, in hex; empty when the world asked the host for what it may not have. */
  readonly trace: string
  readonly virtualSeconds: number
  /** Steps that ended well. */
  readonly operations: number
  /** How many steps failed in a way that their types tell, by its name. */
  readonly failed: { readonly [error: string]: number }
  /** How often which fault changed something. */
  readonly faults: { readonly [kind: string]: number }
  /** In which events peers left which states, and where crashes came. */
  readonly table: ReadonlyArray<Row>
  /** How often what was met that a test counts. */
  readonly met: { readonly [name: string]: number }
}
