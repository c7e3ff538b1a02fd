/**
 * A process that looks for one planted bug: seed after seed of its scenario in the tree that has the bug, until a promise is broken.
 *
 * Only what the bug alone breaks counts: the same plan must hold in the right tree, also at each step in which it is made smaller, until it is
 * small enough.
 */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import type { Plan } from "../src/schema/simulation/Plan.ts"
import { shrink } from "../src/schema/simulation/Shrink.ts"
import type { Violation } from "../src/services/simulation/Trial.ts"

/** What is asked of the process. */
export interface Task {
  /** Where the tree with the bug stands. */
  readonly faulty: string
  readonly scenario: string
  /** Seeds that are tried at most. */
  readonly most: number
  /** Runs in which what was found is made smaller, */
  readonly budget: number
  /** and how few events are few enough. */
  readonly enough: number
}

export interface Found {
  /** The seed that found it, which is the number of seeds that were needed. */
  readonly seed: number
  readonly failure: Violation
  /** All that the plan as it was drawn breaks, by the names of the checks. */
  readonly checks: ReadonlyArray<string>
  /** Events of the plan as it was drawn. */
  readonly before: number
  readonly plan: Plan
}

export interface Looked {
  readonly found: Found | null
  /** Seeds whose plan the right program does not hold either, with what it breaks. */
  readonly alsoRight: ReadonlyArray<{ readonly seed: number; readonly failure: Violation }>
}

/** Runs a plan in the tree of a folder, and answers which promises are broken, in their order. */
type Tree = (plan: Plan) => Promise<ReadonlyArray<Violation>>

const right = resolve(import.meta.dirname, "..")

const modules = async (root: string, scenario: string) => {
  const { run } = (await import(
    `${root}/src/layers/simulation/WorldTrial.ts`
  )) as typeof import("../src/layers/simulation/WorldTrial.ts")
  const { planOf } = (await import(
    `${root}/src/services/simulation/Simulation.ts`
  )) as typeof import("../src/services/simulation/Simulation.ts")
  const { scenarios } = (await import(
    `${root}/test/simulation/scenarios/index.ts`
  )) as typeof import("../test/simulation/scenarios/index.ts")
  const simulation = scenarios[scenario]!
  const tree: Tree = async (plan) => (await Effect.runPromise(run(simulation, plan))).violations
  return { tree, planOf: (seed: number) => Effect.runPromise(planOf(simulation, seed)) }
}

/** Whichever promise the bug breaks, the right tree keeps it. */
const smaller = async (plan: Plan, { budget, enough }: Task, faulty: Tree, whole: Tree): Promise<Plan> => {
  const shrinking = shrink(plan, budget)
  let least = plan
  let turn = shrinking.next()
  while (turn.done !== true && least.events.length > enough) {
    const isFailing = (await faulty(turn.value)).length > 0 && (await whole(turn.value)).length === 0
    if (isFailing) least = turn.value
    turn = shrinking.next(isFailing)
  }
  return least
}

const look = async (task: Task): Promise<Looked> => {
  const { faulty, most, scenario } = task
  const mutant = await modules(faulty, scenario)
  const whole = await modules(right, scenario)
  const alsoRight: Array<Looked["alsoRight"][number]> = []
  for (let seed = 1; seed <= most; seed++) {
    const drawn = await whole.planOf(seed)
    const broken = await mutant.tree(drawn)
    const [failure] = broken
    if (failure === undefined) continue
    const [other] = await whole.tree(drawn)
    if (other !== undefined) {
      alsoRight.push({ seed, failure: other })
      continue
    }
    const plan = await smaller(drawn, task, mutant.tree, whole.tree)
    const checks = [...new Set(broken.map(({ check }) => check))]
    return { found: { seed, failure, checks, before: drawn.events.length, plan }, alsoRight }
  }
  return { found: null, alsoRight }
}

process.once("message", async (task: Task) => {
  process.send!(await look(task))
  process.disconnect()
})
