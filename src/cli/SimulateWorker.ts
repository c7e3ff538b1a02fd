/**
 * A worker process of `troupe simulate`: imports the test file once, and runs the seeds and plans that it is told to.
 *
 * Worlds are loops that wait for nobody, so a process is what two of them can run in at the same time; and one that lives long is fast.
 */
import * as Effect from "effect/Effect"
import * as PlansNode from "../layers/simulation/PlansNode.ts"
import * as ReportNode from "../layers/simulation/ReportNode.ts"
import { hunt } from "../layers/simulation/WorldHunt.ts"
import * as WorldTrial from "../layers/simulation/WorldTrial.ts"
import type { Plan } from "../schema/simulation/Plan.ts"
import { counted, verdictOf } from "../schema/simulation/Report.ts"
import { timeline } from "../schema/simulation/Timeline.ts"
import { planOf, type Simulation } from "../services/simulation/Simulation.ts"
import type { Verdict } from "../services/simulation/Trial.ts"
import { StepNotJson } from "../services/simulation/Workload.ts"
import { collect, Refused } from "./SimulateFile.ts"
import { type Command, type Reply, type Setup, type Shown, shrunkMax, type Task } from "./SimulateMessage.ts"

const setup = JSON.parse(process.argv[2]!) as Setup
const simulations = new Map<string, Simulation>()
/** How often which check of a test was broken, as far as this process knows. */
const broken = new Map<string, number>()
/** Seeds of which a plan that failed before still breaks that check: it is small already, and stays. */
const told = new Set<string>()
/** Tests of which a plan was run. */
const begun = new Set<string>()

const reply = (message: Reply): void => void process.send!(message)

/** Tells that a world begins, before it can keep everybody waiting. */
const begins = (plan: Plan | null): void => reply({ is: "begins", plan })

const simulationOf = (name: string): Simulation => {
  const found = simulations.get(name)
  if (found !== undefined) return found
  throw new Refused(`${setup.file} has no simulated test "${name}", only ${[...simulations.keys()].join(", ")}.`)
}

/** The test of a plan, or null when the plan is passed over. */
const fitting = (old: PlansNode.OldPlan): Simulation | null => {
  const simulation = simulationOf(old.plan.name)
  try {
    return PlansNode.fits(simulation, old) ? simulation : null
  } catch (error) {
    throw new Refused(PlansNode.messageOf(error))
  }
}

/** Adds to how often a check of a test was broken, and answers that. */
const breaks = (test: string, check: string, times: number): number => {
  const key = JSON.stringify([test, check])
  const sum = (broken.get(key) ?? 0) + times
  broken.set(key, sum)
  return sum
}

const keyOf = (test: string, check: string, seed: number): string => JSON.stringify([test, check, seed])

const isKnown = ({ check, seed, test }: Command & { readonly is: "known" }): void => {
  if (seed === null) breaks(test, check, shrunkMax)
  else told.add(keyOf(test, check, seed))
}

const again = (path: string): string => `${setup.replay} ${PlansNode.quoted(path)}`

/** Whether nothing of that test was run in this process yet. */
const isFirst = (test: string): boolean => {
  const is = !begun.has(test)
  begun.add(test)
  return is
}

/** Runs a plan; one that fails is made smaller, kept and told. */
const hunted = async (
  simulation: Simulation,
  plan: Plan,
  shrink: number,
  old?: string
): Promise<readonly [Verdict, Shown | null]> => {
  const isTold = (check: string): boolean => old === undefined && told.has(keyOf(plan.name, check, plan.seed))
  const isKnown = (check: string): boolean => breaks(plan.name, check, 1) > shrunkMax || isTold(check)
  const goesOn = (): boolean => {
    begins(null)
    return false
  }
  begins(plan)
  const { found, verdict } = await Effect.runPromise(
    hunt(simulation, plan, shrink, { isKnown, isOver: goesOn, isTwice: isFirst(plan.name) })
  )
  if (found === null) return [verdict, null]
  const kept = ReportNode.keep(found, again)
  return [verdict, { told: ReportNode.told(kept, found, old), timeline: timeline(kept.report), plan: kept.plan }]
}

const once = (simulation: Simulation, plan: Plan): Promise<Verdict> => {
  begins(plan)
  return Effect.runPromise(WorldTrial.run(simulation, plan))
}

const replayed = async (simulation: Simulation, plan: Plan, path: string): Promise<readonly [Verdict, Shown]> => {
  const lines: Array<string> = []
  begins(plan)
  const verdict = await Effect.runPromise(WorldTrial.run(simulation, plan, (line) => lines.push(line)))
  const { diagram, lost, report } = ReportNode.drawn(plan, verdict, lines, again(path))
  const says = report.failure === null ? "holds now" : `${verdictOf(report)}: ${ReportNode.plain(report.failure.says)}`
  const told = [
    says,
    `  seed     ${plan.seed} of "${plan.name}"`,
    `  plan     ${path}: ${counted(plan.events.length, "event")}`,
    `  diagram  ${diagram ?? `could not be kept (${lost})`}`
  ]
  return [verdict, { told: told.join("\n"), timeline: timeline(report), plan: path }]
}

const seeds = async ({ count, first, isHunted, test }: Task & { readonly is: "seeds" }): Promise<void> => {
  const simulation = simulationOf(test)
  for (let seed = first; seed < first + count; seed++) {
    const plan = await Effect.runPromise(planOf(simulation, seed, setup.file))
    const [verdict, shown] = isHunted ? await hunted(simulation, plan, setup.shrink) : [await once(simulation, plan), null]
    reply({ is: "ran", ran: { test, isOld: false, seed, verdict, shown } })
    // lets messages in
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const work = async (task: Task): Promise<void> => {
  if (task.is === "seeds") return seeds(task)
  const { path, plan } = task
  const { name, seed } = plan
  const simulation = fitting({ path, plan, isKept: task.is === "replay" || task.isKept })
  if (simulation === null) return
  const [verdict, shown] = task.is === "replay" ? await replayed(simulation, plan, path) : await hunted(simulation, plan, 0, path)
  reply({ is: "ran", ran: { test: name, isOld: task.is === "plan", seed, verdict, shown } })
}

const refused = (error: unknown): void => {
  if (!(error instanceof Refused || error instanceof StepNotJson)) throw error
  reply({ is: "refused", says: error.message })
}

process.on("message", (command: Command) => {
  if (command.is === "known") isKnown(command)
  else work(command).then(() => reply({ is: "done" }), refused)
})
// Ctrl-C reaches all processes of a terminal: whoever started this one ends it
process.on("SIGINT", () => {})
process.on("disconnect", () => process.exit())

collect(setup.file).then((found) => {
  for (const each of found) simulations.set(each.name, setup.peers === null ? each : { ...each, peers: setup.peers })
  reply({ is: "ready", tests: found.map(({ name, peers, seeds }) => ({ name, peers, seeds })) })
}, refused)
