/**
 * `it.simulated`: a test of many worlds, each of a plan of its own, in a Vitest file:
 *
 *     it.simulated("no item is bought twice", { peers: ["ann", "bob", "cy"], seeds: 200 }, (world) => Effect.gen(function* () { … }))
 *
 * Plans that failed before come first: those in `plans/` beside the file, which are kept with the code, and those in `.troupe/`. A failure
 * is shrunk, and says how to run it again. The same file is run over more seeds, in several processes, by `troupe simulate FILE`.
 * With SEED=7 one seed is run, with PLAN=path one plan. `it.simulated.fails` is a test of a checker: one that some seed has to break.
 */
import { it as base } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { TestContext } from "vitest"
import type { Plan } from "../schema/simulation/Plan.ts"
import { counted } from "../schema/simulation/Report.ts"
import * as Simulation from "../services/simulation/Simulation.ts"
import { type Trial, Violated } from "../services/simulation/Trial.ts"

/** Plans that are tried to find the least that fails. */
const shrinkBudget = 200

export interface Options<S> extends Simulation.Options<S> {
  /** Milliseconds of real time for all seeds; two minutes unless said, 0 for no end. */
  readonly timeout?: number
}

export interface FailsOptions<S> extends Options<S> {
  /** The promise that has to be broken; any of the body's own unless said. */
  readonly breaks?: string
}

type Body<S> = (world: Trial<S>) => Effect.Effect<unknown, unknown>

/** Set by whoever collects the tests of a file instead of Vitest, as `troupe simulate` does. */
const collector = Symbol.for("troupe/testing/simulations")

type Collecting = { [collector]?: (simulation: Simulation.Simulation) => void }

const timeoutUsual = 120_000
// Vitest's own timer would say nothing of what was reached
const untimed = { timeout: 0 }

/** A test as Vitest's function of that kind takes it. */
const taken =
  (test: typeof base | typeof base.only) =>
  <S = never>(name: string, options: Options<S>, body: Body<S>): void => {
    const simulation = Simulation.make(name, options, body)
    const collect = (globalThis as Collecting)[collector]
    if (collect !== undefined) collect(simulation)
    else test(name, untimed, (context) => runAll(simulation, context, options.timeout ?? timeoutUsual))
  }

const skip = <S = never>(name: string, _options: Options<S>, _body: Body<S>): void => {
  base.skip(name, () => {})
}

/** A test that passes when a seed breaks a promise: that of a checker, which is given a program with a mistake. */
const fails = <S = never>(name: string, options: FailsOptions<S>, body: Body<S>): void => {
  const simulation = Simulation.make(name, options, body)
  // nobody looks for more seeds that fail as they should
  if ((globalThis as Collecting)[collector] !== undefined) return
  base(name, untimed, (context) => breaksSome(simulation, context, options.timeout ?? timeoutUsual, options.breaks))
}

/** Vitest's `it`, as `@effect/vitest` extends it, with tests of many worlds. */
export const it = Object.assign(base, { simulated: Object.assign(taken(base), { fails, only: taken(base.only), skip }) })

/** What runs worlds touches Node, and is loaded by whoever runs them. */
const runner = async () => ({
  ...(await import("../layers/simulation/PlansNode.ts")),
  ...(await import("../layers/simulation/ReportNode.ts")),
  ...(await import("../layers/simulation/WorldHunt.ts")),
  ...(await import("../layers/simulation/WorldTrial.ts"))
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
    await holds(simulation, await Effect.runPromise(Simulation.planOf(simulation, each, file)), file, isOver, {
      isTwice: held === 0
    })
  }
}

/** Runs seeds until one breaks the promise, and fails when none does. Nothing is kept of it. */
const breaksSome = async (
  simulation: Simulation.Simulation,
  { skip }: TestContext,
  timeout: number,
  breaks: string | undefined
): Promise<void> => {
  const { asked, pause, run, timer } = await runner()
  const { plan: one, seed: only } = asked()
  if (one !== undefined || only !== undefined) return skip("SEED and PLAN are about tests that hold")
  const isOver = timer(timeout)
  const what = breaks === undefined ? "a promise" : `"${breaks}"`
  const broken = new Set<string>()
  const { seeds } = simulation
  for (let seed = 1; seed <= seeds; seed++) {
    await pause()
    if (isOver())
      throw failure(
        `none of the first ${seed - 1} of ${seeds} seeds breaks ${what} in ${timeout / 1_000} s; raise timeout or lower seeds`
      )
    const plan = await Effect.runPromise(Simulation.planOf(simulation, seed))
    const { violations } = await Effect.runPromise(run(simulation, plan, undefined, false))
    const [first] = violations
    if (first === undefined) continue
    if (violations.some(({ check }) => check === breaks)) return
    if (breaks === undefined && !isOfTest(first.check)) return
    if (isOfTest(first.check)) throw failure(`seed ${seed} shows nothing: ${new Violated(first).message}`)
    for (const { check } of violations) broken.add(check)
  }
  const others = [...broken].map((check) => `"${check}"`).join(", ")
  throw failure(
    `none of ${counted(seeds, "seed")} breaks ${what}, and one should${others === "" ? "" : `; broken were ${others}`}`
  )
}

/** Whether a check is about the test and its surroundings, so that breaking it shows nothing about a promise. */
const isOfTest = (check: string): boolean => ["the world", "peers start"].includes(check) || check.startsWith("the test itself: ")

/** Runs a plan, and fails with what it breaks. `old` is where it stood. */
const holds = async (
  simulation: Simulation.Simulation,
  plan: Plan,
  file: string,
  isOver: () => boolean,
  {
    budget = shrinkBudget,
    isTwice = false,
    old
  }: { readonly budget?: number; readonly isTwice?: boolean; readonly old?: string } = {}
): Promise<void> => {
  const { hunt, keep, quoted, told } = await runner()
  const { found } = await Effect.runPromise(hunt(simulation, plan, budget, { isOver, isTwice }))
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
