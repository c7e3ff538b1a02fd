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
import * as ReportNode from "../layers/simulation/ReportNode.ts"
import { hunt } from "../layers/simulation/WorldHunt.ts"
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

const runAll = async (simulation: Simulation.Simulation, file: string): Promise<void> => {
  const asked = ReportNode.asked()
  const old = asked === null ? ReportNode.oldPlans(file, simulation.name) : []
  for (const plan of asked?.plan === undefined ? old : [asked.plan]) await holds(simulation, plan)
  if (asked?.plan !== undefined) return
  const seeds = asked?.seed === undefined ? Array.from({ length: simulation.seeds }, (_, i) => i + 1) : [asked.seed]
  for (const seed of seeds) await holds(simulation, await Effect.runPromise(Simulation.planOf(simulation, seed, file)))
}

const holds = async (simulation: Simulation.Simulation, plan: Plan): Promise<void> => {
  const { found } = await Effect.runPromise(hunt(simulation, plan, shrinkBudget))
  if (found === null) return
  const kept = ReportNode.keep(found, (path) => `PLAN=${path} npx vitest run -t ${JSON.stringify(simulation.name)}`)
  const error = new Error(ReportNode.told(kept, found))
  error.name = "SimulationFailure"
  // the frames of a world's loop say nothing
  error.stack = `${error.name}: ${error.message}`
  throw error
}
