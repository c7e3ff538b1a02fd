/**
 * What is kept of a failure: the plan as a file, the diagram beside it, and what is said about both; and the plans that were kept before.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import * as Result from "effect/Result"
import { diagram } from "../../schema/simulation/Diagram.ts"
import { decodePlan, encodePlan, eventText, type Plan } from "../../schema/simulation/Plan.ts"
import { type Report, secondsOf } from "../../schema/simulation/Report.ts"
import type { Found } from "../../services/simulation/Hunt.ts"
import type { Verdict, Violation } from "../../services/simulation/Trial.ts"

/** Where failures are written, beside where the command was called. */
const folder = ".troupe"

export interface Kept {
  readonly report: Report
  /** The files. */
  readonly plan: string
  readonly diagram: string
}

/** What is known of a plan that was run. `replay` is the command that runs it again. */
const reportOf = (
  plan: Plan,
  verdict: Verdict,
  failure: Violation | undefined,
  lines: ReadonlyArray<string>,
  replay: string
) => ({
  title: plan.name,
  seed: String(plan.seed),
  peers: plan.world.peers,
  lines,
  failure: failure === undefined ? null : { ...failure, micros: Math.round(failure.seconds * 1_000_000) },
  plan: plan.events.map((event) => ({
    at: event.at,
    peer: event.peer,
    kind: event.kind,
    text: eventText(event)
  })),
  shrunkFrom: null,
  replay,
  trace: verdict.trace
})

/** A path as it is typed where the command was called, so that a plan can be kept with the code. */
export const here = (path: string): string => relative(process.cwd(), path)

const pathOf = ({ name, seed }: Plan): string => join(folder, `${name.replaceAll(/\W+/g, "-")}-${seed}`)

/** Writes the diagram of a plan that was run again, whether it fails or holds. */
export const drawn = (plan: Plan, verdict: Verdict, lines: ReadonlyArray<string>, replay: string): Omit<Kept, "plan"> => {
  const report = reportOf(plan, verdict, verdict.violations[0], lines, replay)
  const path = `${pathOf(plan)}.html`
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, diagram(report))
  return { report, diagram: path }
}

/** Writes plan and diagram. `replay` is given the path of the plan. */
export const keep = (found: Found, replay: (plan: string) => string): Kept => {
  const { again, failure, lines, plan, shrunk } = found
  const path = pathOf(plan)
  const kept = { plan: `${path}.json`, diagram: `${path}.html` }
  const report = {
    ...reportOf(shrunk.plan, again, failure, lines, replay(kept.plan)),
    shrunkFrom: plan.events.length
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(kept.plan, encodePlan(found.shrunk.plan))
  writeFileSync(kept.diagram, diagram(report))
  return { ...kept, report }
}

/** What a failure says in a terminal. */
export const told = ({ report, ...kept }: Kept, found: Found): string => {
  const { check, peer, says, seconds } = found.failure
  const where = peer === null ? "" : ` on ${peer}`
  const { plan: least, tried } = found.shrunk
  const shrunk = tried === 0 ? "" : `, shrunk to ${least.events.length} in ${tried} runs`
  const plan = least.events.map((event) => `    ${secondsOf(event.at * 1_000).padStart(10)}  ${eventText(event)}`)
  return [
    `${check} fails at ${secondsOf(seconds * 1_000_000)}${where}: ${says}`,
    `  seed     ${found.plan.seed} of "${found.plan.name}"`,
    `  plan     ${kept.plan}: ${found.plan.events.length} events${shrunk}`,
    ...plan,
    `  replay   ${report.replay}`,
    `  diagram  ${kept.diagram}`
  ].join("\n")
}

/** What the environment asks for instead of all seeds: SEED, one seed; PLAN, the path of one plan. */
export const asked = (): { readonly seed?: number; readonly plan?: Plan } | null => {
  const { PLAN, SEED } = process.env
  if (PLAN !== undefined) return { plan: planAt(PLAN) }
  return SEED === undefined ? null : { seed: Number(SEED) }
}

/** Plans of a test that failed before: those kept beside its file, and those of the last failures. */
export const oldPlans = (file: string, name: string): ReadonlyArray<Plan> =>
  [join(dirname(file), "plans"), folder].flatMap((path) => plansIn(path, name))

/** The plans of a test that stand in a folder. What is no plan any more is told. */
const plansIn = (path: string, name: string): ReadonlyArray<Plan> => {
  if (!existsSync(path)) return []
  const files = readdirSync(path)
    .filter((file) => file.endsWith(".json"))
    .sort()
  return files.flatMap((file) => {
    const at = join(path, file)
    const plan = planAt(at)
    return plan.name === name ? [plan] : []
  })
}

/** Reads a plan file; throws with what is wrong with it. */
export const planAt = (path: string): Plan => {
  const plan = decodePlan(readFileSync(path, "utf8"))
  if (Result.isSuccess(plan)) return plan.success
  throw new Error(`${path} is no plan of this version: ${plan.failure}. Remove it, or run the seed again that it came from.`)
}
