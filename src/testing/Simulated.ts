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
import type { TestContext } from "vitest"
import type { Plan } from "../schema/simulation/Plan.ts"
import { counted } from "../schema/simulation/Report.ts"
import * as Simulation from "../services/simulation/Simulation.ts"
import type { Trial } from "../services/simulation/Trial.ts"

/** Plans that are tried to find the least that fails. */
const shrinkBudget = 200

export interface Options<S> extends Simulation.Options<S> {
  /** Milliseconds of real time for all seeds; two minutes unless said, 0 for no end. */
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
  // Vitest's own timer would say nothing of what was reached
  else base(name, { timeout: 0 }, (context) => runAll(simulation, context, options.timeout ?? 120_000))
}

/** Vitest's `it`, as `@effect/vitest` extends it, with tests of many worlds. */
export const it = Object.assign(base, { simulated })

/** What runs worlds touches Node, and is loaded by whoever runs them. */
const runner = async () => ({
  ...(await import("../layers/simulation/PlansNode.ts")),
  ...(await import("../layers/simulation/ReportNode.ts")),
  ...(await import("../layers/simulation/WorldHunt.ts"))
})

/** The tests of a file, in whichever suite. */
const namesIn = (tasks: TestContext["task"]["file"]["tasks"]): ReadonlyArray<string> =>
  tasks.flatMap((task) => (task.type === "suite" ? namesIn(task.tasks) : [task.name]))

const runAll = async (simulation: Simulation.Simulation, { skip, task }: TestContext, timeout: number): Promise<void> => {
  const { asked, fits, here, isOf, oldPlans, pause, timer, warnOfOrphans } = await runner()
  const file = here(task.file.filepath)
  const { name } = simulation
  const { plan: one, seed } = asked()
  const isOver = timer(timeout)
  if (one !== undefined) {
    if (!isOf(one, file, name)) return skip(`${one.path} is a plan of another test`)
    fits(simulation, one)
    // a plan that is asked for is small already
    return holds(simulation, one.plan, file, isOver, { budget: 0 })
  }
  const seeds = seed === undefined ? Array.from({ length: simulation.seeds }, (_, i) => i + 1) : [seed]
  const inTime = async (held: number): Promise<void> => {
    // Vitest hears nothing while worlds run
    await pause()
    if (!isOver()) return
    throw failure(`${held} of ${counted(seeds.length, "seed")} held in ${timeout / 1_000} s; raise timeout or lower seeds`)
  }
  if (seed === undefined) {
    warnOfOrphans(file, namesIn(task.file.tasks))
    for (const { path, plan } of oldPlans(file, name).filter((old) => fits(simulation, old))) {
      await inTime(0)
      await holds(simulation, plan, file, isOver, { old: path })
    }
  }
  for (const [held, each] of seeds.entries()) {
    await inTime(held)
    await holds(simulation, await Effect.runPromise(Simulation.planOf(simulation, each, file)), file, isOver)
  }
}

/** Runs a plan, and fails with what it breaks. `old` is where it stood. */
const holds = async (
  simulation: Simulation.Simulation,
  plan: Plan,
  file: string,
  isOver: () => boolean,
  { budget = shrinkBudget, old }: { readonly budget?: number; readonly old?: string } = {}
): Promise<void> => {
  const { hunt, keep, quoted, told } = await runner()
  const { found } = await Effect.runPromise(hunt(simulation, plan, budget, undefined, isOver))
  if (found === null) return
  const kept = keep(found, (path) => `PLAN=${quoted(path)} npx vitest run ${quoted(file)}`)
  throw failure(told(kept, found, old))
}

const failure = (says: string): Error => {
  const error = new Error(says)
  error.name = "SimulationFailure"
  // the frames of a world's loop say nothing
  error.stack = `${error.name}: ${error.message}`
  return error
}
