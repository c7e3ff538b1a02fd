/**
 * What is kept of a failure: the plan as a file, the diagram beside it, and what is said about both.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { diagram } from "../../schema/simulation/Diagram.ts"
import { encodePlan, eventText, type Plan } from "../../schema/simulation/Plan.ts"
import { counted, type Report, secondsOf } from "../../schema/simulation/Report.ts"
import type { Found } from "../../services/simulation/Hunt.ts"
import type { Verdict, Violation } from "../../services/simulation/Trial.ts"
import { folder, messageOf, pathOf } from "./PlansNode.ts"

export interface Kept {
  readonly report: Report
  /** The files; null when they could not be written. */
  readonly plan: string | null
  readonly diagram: string | null
  /** Why they could not. */
  readonly lost: string | null
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

/** Writes files; answers why they could not be written, since that must not hide what they would have told. */
const written = (files: ReadonlyArray<readonly [path: string, text: string]>): string | null => {
  try {
    mkdirSync(folder, { recursive: true })
    for (const [path, text] of files) writeFileSync(path, text)
    return null
  } catch (error) {
    return messageOf(error)
  }
}

/** Writes the diagram of a plan that was run again, whether it fails or holds. */
export const drawn = (plan: Plan, verdict: Verdict, lines: ReadonlyArray<string>, replay: string): Omit<Kept, "plan"> => {
  const report = reportOf(plan, verdict, verdict.violations[0], lines, replay)
  const path = `${pathOf(plan)}.html`
  const lost = written([[path, diagram(report)]])
  return { report, diagram: lost === null ? path : null, lost }
}

/** Writes plan and diagram. `replay` is given the path of the plan. */
export const keep = (found: Found, replay: (plan: string) => string): Kept => {
  const { again, failure, lines, plan, shrunk } = found
  const path = pathOf(plan)
  const files = { plan: `${path}.json`, diagram: `${path}.html` }
  const report = {
    ...reportOf(shrunk.plan, again, failure, lines, replay(files.plan)),
    shrunkFrom: plan.events.length
  }
  const lost = written([
    [files.plan, encodePlan(shrunk.plan)],
    [files.diagram, diagram(report)]
  ])
  return lost === null ? { ...files, report, lost } : { plan: null, diagram: null, report, lost }
}

/** Text without what would move the cursor, or worse; lines stay. */
export const plain = (text: string): string => text.replaceAll(/[^\P{Cc}\n]/gu, "\ufffd")

const onOneLine = (text: string): string => plain(text).replaceAll("\n", "\ufffd")

/** What a failure says in a terminal. `old` is the path of the plan that had failed before. */
export const told = ({ report, ...kept }: Kept, found: Found, old?: string): string => {
  const { check, peer, says, seconds } = found.failure
  const where = peer === null ? "" : ` on ${peer}`
  const { plan: least, tried } = found.shrunk
  const shrunk = tried === 0 ? "" : `, shrunk to ${least.events.length} in ${tried} runs`
  const plan = least.events.map((event) => `    ${secondsOf(event.at * 1_000).padStart(10)}  ${onOneLine(eventText(event))}`)
  const path = kept.plan ?? `could not be kept (${kept.lost})`
  return [
    `${old === undefined ? "" : `${old} failed again: `}${onOneLine(check)} fails at ${secondsOf(seconds * 1_000_000)}${where}: ${plain(says)}`,
    `  seed     ${found.plan.seed} of "${onOneLine(found.plan.name)}"`,
    `  plan     ${path}: ${counted(found.plan.events.length, "event")}${shrunk}`,
    ...plan,
    ...(kept.plan === null ? [] : [`  replay   ${report.replay}`, `  diagram  ${kept.diagram}`])
  ].join("\n")
}
