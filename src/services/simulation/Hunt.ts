/**
 * What comes of looking for a plan that fails.
 */
import type { Plan } from "../../schema/simulation/Plan.ts"
import type { Shrunk } from "../../schema/simulation/Shrink.ts"
import type { Verdict, Violation } from "./Trial.ts"

/** A failure, and the least that shows it. */
export interface Found {
  /** As it was found. */
  readonly plan: Plan
  readonly verdict: Verdict
  /** The smaller plan, what came of it, and its trace, line by line. */
  readonly shrunk: Shrunk
  readonly again: Verdict
  readonly failure: Violation
  readonly lines: ReadonlyArray<string>
}

export interface Hunted {
  readonly verdict: Verdict
  /** Null when all promises held, or when enough is known of the one that did not. */
  readonly found: Found | null
}
