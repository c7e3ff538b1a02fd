/**
 * `it.simulated`: a test of many worlds, each of a plan of its own, in a Vitest file:
 *
 *     it.simulated("no item is bought twice", { peers: ["ann", "bob", "cy"], seeds: 200 }, (world) => Effect.gen(function* () { … }))
 *
 * Plans that failed before come first: those in `plans/` beside the file, which are kept with the code, and those in `.troupe/`. A failure
 * is shrunk, and says how to run it again. The same file is run over more seeds, in several processes, by `troupe simulate FILE`.
 * With SEED=7 one seed is run, with PLAN=path one plan.
 */
import { it as base } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Plan } from "../schema/simulation/Plan.ts"
import * as Simulation from "../services/simulation/Simulation.ts"
import type { Trial } from "../services/simulation/Trial.ts"

/** Plans that are tried to find the least that fails. */
const shrinkBudget = 200

export interface Options<S> extends Simulation.Options<S> {
  /** Milliseconds of real time for all seeds; two minutes unless said. */
  readonly timeout?: number
}

type Body<S> = (world: Trial<S>) => Effect.Effect<unknown, unknown>

/** Set by whoever collects the tests of a file instead of Vitest, as `troupe simulate` does. */
const collector = Symbol.for("troupe/testing/simulations")

type Collecting = { [collector]?: (simulation: Simulation.Simulation) => void }

const simulated = <S = never>(name: string, options: Options<S>, body: Body<S>): void => {
  const simulation = Simulation.make(name, options, body)
  const collect = (globalThis as Collecting)[collector]
  if (collect !== undefined) collect(simulation)
  else base(name, { timeout: options.timeout ?? 120_000 }, ({ task }) => runAll(simulation, task.file.filepath))
}

/** Vitest's `it`, as `@effect/vitest` extends it, with tests of many worlds. */
export const it = Object.assign(base, { simulated })

/** What runs worlds touches Node, and is loaded by whoever runs them. */
const runner = async () => ({
  ...(await import("../layers/simulation/ReportNode.ts")),
  ...(await import("../layers/simulation/WorldHunt.ts"))
})

const runAll = async (simulation: Simulation.Simulation, path: string): Promise<void> => {
  const { asked, here, oldPlans } = await runner()
  const { plan, seed } = asked() ?? {}
  const file = here(path)
  // a plan that is asked for is small already
  if (plan !== undefined) return holds(simulation, plan, file, 0)
  if (seed === undefined) for (const old of oldPlans(file, simulation.name)) await holds(simulation, old, file)
  const seeds = seed === undefined ? Array.from({ length: simulation.seeds }, (_, i) => i + 1) : [seed]
  for (const each of seeds) await holds(simulation, await Effect.runPromise(Simulation.planOf(simulation, each, file)), file)
}

const holds = async (simulation: Simulation.Simulation, plan: Plan, file: string, budget = shrinkBudget): Promise<void> => {
  const { hunt, keep, told } = await runner()
  const { found } = await Effect.runPromise(hunt(simulation, plan, budget))
  if (found === null) return
  const kept = keep(found, (path) => `PLAN=${path} npx vitest run ${file} -t ${JSON.stringify(simulation.name)}`)
  const error = new Error(told(kept, found))
  error.name = "SimulationFailure"
  // the frames of a world's loop say nothing
  error.stack = `${error.name}: ${error.message}`
  throw error
}
