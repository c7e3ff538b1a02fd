/**
 * Plans as files: where one is written, which of them belong to a test, and what keeps one from being run.
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import * as Result from "effect/Result"
import { unfitName, unfitNames } from "../../schema/simulation/PeerNames.ts"
import { decodePlan, type Event, isStep, type Plan, stepText } from "../../schema/simulation/Plan.ts"
import type { Simulation } from "../../services/simulation/Simulation.ts"

/** Where failures are written, beside where the command was called. */
export const folder = ".troupe"
/** Letters of a test's name in the name of a file; with those of three bytes, too, it stays below 255 bytes. */
const readableMax = 60

export interface OldPlan {
  readonly path: string
  readonly plan: Plan
  /** Stands in `plans/`, with the code, and not among the last failures. */
  readonly isKept: boolean
}

/** A path as it is typed where the command was called, so that a plan can be kept with the code. */
export const here = (path: string): string => relative(process.cwd(), path)

/** A word as a POSIX shell takes it for one. */
export const quoted = (word: string): string =>
  /^[\p{L}\p{M}\p{N}_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

/** A line on standard error, once in a process. */
export const warn = (line: string): void => {
  if (warned.has(line)) return
  warned.add(line)
  process.stderr.write(`${line}\n`)
}
const warned = new Set<string>()

/** Where a plan is written, without the file's ending. The hash keeps names apart that look the same in the name of a file. */
export const pathOf = ({ file, name, seed }: Plan): string => {
  const readable = name
    .normalize()
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, "-")
    .slice(0, readableMax)
    // half a letter may be left at the end
    .replaceAll(/^-+|[-\ud800-\udbff]+$/g, "")
  const whole = JSON.stringify([file === null ? null : here(resolve(file)), name])
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, 8)
  return join(folder, `${readable === "" ? "" : `${readable}-`}${hash}-${seed}`)
}

/** Reads a plan file; throws with what is wrong with it. */
export const planAt = (path: string): Plan => {
  const plan = decodePlan(textAt(path))
  if (Result.isSuccess(plan)) return plan.success
  const why = oneLine(plan.failure)
  throw new Error(`${path} is no plan of this version: ${why}. Remove it, or run the seed again that it came from.`)
}

const textAt = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`)
  }
}

export const messageOf = (error: unknown): string => oneLine(error instanceof Error ? error.message : String(error))

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, " ")

/** What the environment asks for instead of all seeds: SEED, one seed; PLAN, the path of one plan. */
export const asked = (): { readonly seed?: number; readonly plan?: OldPlan } => {
  const { PLAN, SEED } = process.env
  if (PLAN === "") throw new Error("PLAN is the path of a plan, and it is empty.")
  if (PLAN !== undefined) return { plan: { path: PLAN, plan: planAt(PLAN), isKept: true } }
  if (SEED === undefined) return {}
  const seed = /^\d+$/.test(SEED) ? Number(SEED) : Number.NaN
  if (Number.isSafeInteger(seed)) return { seed }
  throw new Error(`SEED is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${JSON.stringify(SEED)}.`)
}

const plansBeside = (file: string): string => join(dirname(file), "plans")

/** Whether a plan is of that file. One that stands beside the file is known by the file's last name, wherever it was found. */
const isOfFile = ({ path, plan }: OldPlan, file: string): boolean => {
  if (plan.file === null || resolve(plan.file) === resolve(file)) return true
  return resolve(dirname(path)) === resolve(plansBeside(file)) && basename(plan.file) === basename(file)
}

export const isOf = (old: OldPlan, file: string, name: string): boolean => old.plan.name === name && isOfFile(old, file)

/**
 * Plans of a test that failed before: those kept beside its file, and those of the last failures. What is none among the kept is thrown,
 * and among the others told on standard error.
 */
export const oldPlans = (file: string, name: string): ReadonlyArray<OldPlan> =>
  [...plansIn(plansBeside(file), true), ...plansIn(folder, false)].filter((old) => isOf(old, file, name))

const plansIn = (path: string, isKept: boolean): ReadonlyArray<OldPlan> => {
  const passed = <A>(read: () => A): ReadonlyArray<A> => {
    if (isKept) return [read()]
    try {
      return [read()]
    } catch (error) {
      warn(`Passed over: ${messageOf(error)}`)
      return []
    }
  }
  if (!existsSync(path)) return []
  const files = passed(() => readdirSync(path)).flat()
  return files
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => passed(() => ({ path: join(path, file), plan: planAt(join(path, file)), isKept })))
}

/** Tells of kept plans that no test runs: theirs is not in the file any more, or the file is gone. */
export const warnOfOrphans = (file: string, tests: ReadonlyArray<string>): void => {
  for (const old of plansIn(plansBeside(file), true)) {
    const { name, file: of } = old.plan
    const isGone = of !== null && !isOfFile(old, file) && !existsSync(of) && !existsSync(join(dirname(file), basename(of)))
    const advice = "Write there what the test is called now, or remove the plan."
    if (isGone) warn(`${old.path} is run by no test: there is no file ${of}. ${advice}`)
    else if (of !== null && isOfFile(old, file) && !tests.includes(name))
      warn(`${old.path} is run by no test: ${file} has none that is called "${name}". ${advice}`)
  }
}

/** What keeps a plan from being run: it was edited, or its test is another one by now. */
export const misfit = (simulation: Simulation, { events, world }: Plan): string | null => {
  const { peers, trouble } = world
  const wrong = peers.length === 0 ? "it has no peers" : unfitNames(peers)
  if (wrong !== null) return wrong
  const known = simulation.peers
  const strange = typeof known === "number" || "from" in known ? undefined : peers.find((peer) => !known.includes(peer))
  if (strange !== undefined) return `its peer ${strange} is none of this test`
  const ids = events.map(({ id }) => id)
  const twice = ids.find((id, at) => ids.indexOf(id) !== at)
  if (twice !== undefined) return `two of its events are called ${twice}`
  for (const event of events) {
    const stranger = namesIn(event).find((name) => !peers.includes(name))
    if (stranger !== undefined) return `its event ${event.id} is about ${stranger}, and its peers are ${peers.join(", ")}`
    if (event.kind === "clone") {
      const { other = "" } = event
      const unfit = unfitName(other, true)
      if (unfit !== null) return `its event ${event.id} makes a clone, and ${unfit}`
    }
    if (event.at < 0) return `its event ${event.id} is before all others, at ${event.at}`
    if (event.at > trouble)
      return `its event ${event.id} would never happen: it is at ${event.at}, and the trouble of its world is over at ${trouble}`
    if (!isStep(event)) continue
    try {
      simulation.workload?.lane(event.step)
    } catch (error) {
      return `its event ${event.id} (${stepText(event.step)}) is no step of this test: ${messageOf(error)}`
    }
  }
  return null
}

const namesIn = (event: Event): ReadonlyArray<string> => {
  const { peer } = event
  // the other of a clone is a machine that there was not before
  const others = isStep(event) || event.kind === "clone" ? [] : [event.other, ...(event.side ?? [])]
  return [peer, ...others].filter((name) => typeof name === "string")
}

/** Whether a plan can be run; throws with what to do when it cannot, and tells it instead of one of the last failures. */
export const fits = (simulation: Simulation, { isKept, path, plan }: OldPlan): boolean => {
  const why = misfit(simulation, plan)
  if (why === null) return true
  const says = `${path} is no plan of "${plan.name}": ${why}.`
  if (isKept) throw new Error(`${says} Mend it or remove it, or run its seed ${plan.seed} again.`)
  warn(`Passed over: ${says}`)
  return false
}

/** Whether so many milliseconds of real time are over since this was called; never with 0, as in Vitest. */
export const timer = (millis: number): (() => boolean) => {
  const began = performance.now()
  return () => millis > 0 && performance.now() - began >= millis
}

/** Lets the host do what is due. */
export const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
