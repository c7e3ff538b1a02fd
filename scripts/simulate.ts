/**
 * `npm run simulate -- --scenario actors --seeds 200 --peers 3`: seeds of a scenario under faults, each a world of its own.
 *
 * Ends 0 when nothing was violated. A seed that fails is run once more, since one seed is one execution: if the second run differs, that
 * is said too. With `--json` the last line of standard output is one JSON object.
 */
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { keep, told } from "../src/layers/simulation/ReportNode.ts"
import { hunt } from "../src/layers/simulation/WorldHunt.ts"
import { planOf } from "../src/services/simulation/Simulation.ts"
import type { Verdict } from "../src/services/simulation/Trial.ts"
import { scenarios } from "../test/simulation/scenarios/index.ts"

interface Result extends Verdict {
  readonly seed: number
  readonly says: string | null
}

/** Runs a seed; of one that fails, the least that shows it is written down. */
const runSeed = async (name: string, seed: number, peers: number): Promise<Result> => {
  const scenario = { ...scenarios[name]!, peers }
  const plan = await Effect.runPromise(planOf(scenario, seed))
  const { found, verdict } = await Effect.runPromise(hunt(scenario, plan, 200))
  const says =
    found &&
    told(
      keep(found, () => `npm run simulate -- --scenario ${name} --seed ${seed} --peers ${peers}`),
      found
    )
  return { ...verdict, seed, says }
}

interface Asked {
  readonly scenario: string
  readonly first: number
  readonly seeds: number
  readonly peers: number
  readonly jobs: number
  readonly json: boolean
}

const usage = `npm run simulate -- [--scenario ${Object.keys(scenarios).join("|")}] [--seeds N | --seed N] [--peers N] [--jobs N] [--json]`

const misused = (why: string): never => {
  process.stderr.write(`${why}\nWrite: ${usage}\n`)
  process.exit(2)
}

const count = (name: string, text: string | undefined, otherwise: number, least: number, most: number): number => {
  if (text === undefined) return otherwise
  const n = Number(text)
  return Number.isSafeInteger(n) && n >= least && n <= most
    ? n
    : misused(`--${name} takes a number from ${least} to ${most}, and not "${text}".`)
}

const readArgs = (): Asked => {
  try {
    const { values } = parseArgs({
      strict: true,
      options: {
        scenario: { type: "string" },
        seeds: { type: "string" },
        seed: { type: "string" },
        peers: { type: "string" },
        jobs: { type: "string" },
        json: { type: "boolean" }
      }
    })
    const scenario = values.scenario ?? "replication"
    if (scenarios[scenario] === undefined) misused(`There is no scenario ${scenario}.`)
    if (values.seed !== undefined && values.seeds !== undefined)
      misused("--seed runs one seed and --seeds the first ones: give one of them.")
    const isOne = values.seed !== undefined
    return {
      scenario,
      first: count("seed", values.seed, 1, 0, 2 ** 32),
      seeds: isOne ? 1 : count("seeds", values.seeds, 20, 1, 1_000_000),
      peers: count("peers", values.peers, 3, 2, 50),
      jobs: count("jobs", values.jobs, availableParallelism(), 1, 64),
      json: values.json === true
    }
  } catch (error) {
    return misused(error instanceof Error ? `${error.message}.` : String(error))
  }
}

/** The seeds that a worker takes: every `jobs`-th. */
const seedsOf = ({ first, jobs, seeds }: Asked, worker: number): ReadonlyArray<number> =>
  Array.from({ length: seeds }, (_, i) => first + i).filter((_, i) => i % jobs === worker)

const work = async (asked: Asked, worker: number, tell: (result: Result) => void): Promise<void> => {
  for (const seed of seedsOf(asked, worker)) tell(await runSeed(asked.scenario, seed, asked.peers))
}

const runAll = async (asked: Asked, tell: (result: Result) => void): Promise<void> => {
  const jobs = Math.min(asked.jobs, asked.seeds)
  if (jobs === 1) return work({ ...asked, jobs }, 0, tell)
  const one = (worker: number) =>
    new Promise<void>((resolve, reject) => {
      const thread = new Worker(new URL(import.meta.url), { workerData: { asked: { ...asked, jobs }, worker } })
      thread.on("message", tell)
      thread.on("error", reject)
      thread.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
    })
  await Promise.all(Array.from({ length: jobs }, (_, worker) => one(worker)))
}

const add = (sum: { [name: string]: number }, more: { readonly [name: string]: number }): void => {
  for (const [name, n] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + n
}

const listed = (counts: { readonly [name: string]: number }): string =>
  Object.entries(counts)
    .map(([name, n]) => `${name} ${n}`)
    .join(", ")

const main = async (): Promise<void> => {
  const asked = readArgs()
  const say = (line: string): void => void (asked.json ? process.stderr : process.stdout).write(`${line}\n`)
  const began = performance.now()
  const failing: Array<{ readonly seed: number; readonly violations: ReadonlyArray<string> }> = []
  const faults: { [name: string]: number } = {}
  const met: { [name: string]: number } = {}
  let [virtualSeconds, operations, withCrashBeforeSync, done] = [0, 0, 0, 0]
  await runAll(asked, (result) => {
    done++
    virtualSeconds += result.virtualSeconds
    operations += result.operations
    add(faults, result.faults)
    add(met, result.met)
    if ((result.faults["crashBeforeSync"] ?? 0) > 0) withCrashBeforeSync++
    if (result.violations.length > 0) {
      failing.push({ seed: result.seed, violations: result.violations.map(({ check, says }) => `${check}: ${says}`) })
      say(result.says!)
    } else if (done % 20 === 0) say(`${done} of ${asked.seeds} seeds`)
  })
  failing.sort((a, b) => a.seed - b.seed)
  const seconds = (performance.now() - began) / 1_000
  const result = {
    scenario: asked.scenario,
    seeds: asked.seeds,
    peers: asked.peers,
    violations: failing.reduce((sum, { violations }) => sum + violations.length, 0),
    failing,
    virtualSeconds: Math.round(virtualSeconds),
    seconds: Math.round(seconds * 10) / 10,
    seedsPerMinute: Math.round((asked.seeds * 60) / seconds),
    virtualPerSecond: Math.round(virtualSeconds / seconds),
    faults,
    seedsWithCrashBeforeSync: withCrashBeforeSync,
    operations,
    met
  }
  say(
    `${result.seeds} seeds, ${result.virtualSeconds} virtual seconds in ${result.seconds} s: ${result.seedsPerMinute} seeds a minute, ${result.virtualPerSecond} virtual seconds a second`
  )
  say(`${operations} operations; faults that changed something: ${listed(faults)}`)
  if (Object.keys(met).length > 0) say(`met: ${listed(met)}`)
  say(failing.length === 0 ? "no violation" : `${failing.length} seeds fail`)
  if (asked.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  process.exitCode = failing.length === 0 ? 0 : 1
}

if (isMainThread) await main()
else {
  const { asked, worker } = workerData as { readonly asked: Asked; readonly worker: number }
  await work(asked, worker, (result) => parentPort!.postMessage(result))
}
