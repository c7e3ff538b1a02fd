/**
 * The scenarios by name, and how a seed of one is run: in a world, and once more when something was violated.
 */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as World from "../../../src/layers/simulation/World.ts"
import { actors } from "./Actors.ts"
import { replication } from "./Replication.ts"
import type { Scenario, Told } from "./Scenario.ts"

/** Each makes one for a seed. */
export const scenarios: { readonly [name: string]: () => Scenario } = { replication, actors }

export interface Result extends Told {
  readonly seed: number
  readonly trace: string
  readonly virtualSeconds: number
}

const once = async (scenario: string, seed: number, peers: number, onEvent?: (line: string) => void): Promise<Result> => {
  const names = Array.from({ length: peers }, (_, i) => `p${i + 1}`)
  const { layer, run } = scenarios[scenario]!()
  const options = { peers: names, seed, ...(onEvent === undefined ? {} : { onEvent }), ...(layer === undefined ? {} : { layer }) }
  const exit = await Effect.runPromiseExit(World.run(options, run))
  if (Exit.isSuccess(exit)) {
    const { trace, value, virtualSeconds } = exit.value
    return { ...value, seed, trace, virtualSeconds }
  }
  const violations = [`halted: ${Cause.pretty(exit.cause)}`]
  return { seed, trace: "", virtualSeconds: 0, operations: 0, faults: {}, violations }
}

/** Runs a seed; a failing one twice, to say when it is not the same execution. */
export const runSeed = async (
  scenario: string,
  seed: number,
  peers: number,
  onEvent?: (line: string) => void
): Promise<Result> => {
  const first = await once(scenario, seed, peers, onEvent)
  if (first.violations.length === 0) return first
  const again = await once(scenario, seed, peers)
  return again.trace === first.trace
    ? first
    : { ...first, violations: [...first.violations, "not one execution: the same seed had another trace"] }
}
