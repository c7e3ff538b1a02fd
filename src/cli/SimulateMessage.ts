/**
 * What `troupe simulate` and its worker processes say to each other.
 */
import type { OldPlan } from "../layers/simulation/PlansNode.ts"
import type { Plan } from "../schema/simulation/Plan.ts"
import type { Peers } from "../services/simulation/Simulation.ts"
import type { Verdict } from "../services/simulation/Trial.ts"

/** Seeds that break the same check of a test and are made smaller; the others are counted. */
export const shrunkMax = 5

/** What a worker is told once, as its only argument. */
export interface Setup {
  /** The test file, as the command was given it. */
  readonly file: string
  /** How many peers instead of those that the tests say. */
  readonly peers: number | null
  /** Plans that are tried to make one that fails smaller. */
  readonly shrink: number
  /** The command that runs a plan again, to be followed by its path. */
  readonly replay: string
  /** Seconds of real time after which a world is given up. */
  readonly worldSeconds: number
}

/** Answered by a `Ran` for each seed or plan, then `done`; or by `refused`. */
export type Task =
  /** Seeds one after the other; `isHunted` when one that fails is made small and kept, too. */
  | {
      readonly is: "seeds"
      readonly test: string
      readonly first: number
      readonly count: number
      readonly isHunted: boolean
    }
  /** A plan that failed before. */
  | ({ readonly is: "plan" } & OldPlan)
  /** A plan that is to be looked at, whether it fails or holds. */
  | { readonly is: "replay"; readonly plan: Plan; readonly path: string }

export type Command =
  | Task
  /** Enough is known of this check: seeds that break it, or that one alone, are counted from now on, and not made smaller. */
  | { readonly is: "known"; readonly test: string; readonly check: string; readonly seed: number | null }

/** A test, as its file tells it. */
export interface Test {
  readonly name: string
  readonly seeds: number
  readonly peers: Peers
}

/** What of a run is written down and shown. */
export interface Shown {
  readonly told: string
  readonly timeline: string
  /** Its path; null when it could not be written. */
  readonly plan: string | null
}

export interface Ran {
  readonly test: string
  /** Whether it is a plan that had failed before. */
  readonly isOld: boolean
  readonly seed: number
  readonly verdict: Verdict
  /** Null for what holds and is no replay, and for failures that are only counted. */
  readonly shown: Shown | null
}

export type Reply =
  | { readonly is: "ready"; readonly tests: ReadonlyArray<Test> }
  /** The command was called wrongly: no such test, no test at all, a plan that does not fit. */
  | { readonly is: "refused"; readonly says: string }
  /** A world begins, of this plan or (null) of a smaller one. */
  | { readonly is: "begins"; readonly plan: Plan | null }
  | { readonly is: "ran"; readonly ran: Ran }
  | { readonly is: "done" }
