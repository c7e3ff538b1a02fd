/**
 * `npm run simulate:mutants`: bugs that are planted in copies of this tree, which the scenarios have to find as they are.
 *
 * Ends 0 when all are found, the median of the seeds that it took is at most 30, each plan was made at most 10 events small, and at least
 * half of the bugs pass the ordinary tests of their room. With `--json` the last line of standard output is one JSON object.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { encodePlan, eventText } from "../src/schema/simulation/Plan.ts"
import { mutants } from "../test/simulation/mutants/index.ts"
import type { Mutant } from "../test/simulation/mutants/Mutant.ts"
import { failingUnitTest, look, withMutant } from "./MutantHunt.ts"
import type { Looked } from "./MutantWorker.ts"

const medianMax = 30
const eventsMax = 10
/** Runs in which a plan is made smaller. */
const budget = 300
/** Within which all seeds of one mutant must have been run. */
const minutesMax = 120

const usage = `npm run simulate:mutants -- [--only NAME]… [--most SEEDS] [--jobs N] [--no-unit] [--keep] [--json]
  --only NAME  those alone whose names have this in them
  --most N     seeds that are tried at most; 1000 unless said
  --jobs N     bugs that are looked for at a time; 2 unless said
  --no-unit    without the ordinary tests of the rooms
  --keep       the plan of each stays under .troupe/mutants/`

const misused = (why: string): never => {
  process.stderr.write(`${why}\nWrite: ${usage}\n`)
  process.exit(2)
}

const count = (name: string, text: string | undefined, otherwise: number): number => {
  const n = Number(text ?? otherwise)
  return Number.isSafeInteger(n) && n >= 1 && n <= 10_000
    ? n
    : misused(`--${name} takes a number from 1 to 10,000, and not "${text}".`)
}

const readArgs = () => {
  try {
    const text = { type: "string" } as const
    const flag = { type: "boolean" } as const
    const options = {
      only: { ...text, multiple: true },
      most: text,
      jobs: text,
      "no-unit": flag,
      keep: flag,
      json: flag
    } as const
    const { values } = parseArgs({ strict: true, options })
    const { only } = values
    const asked = mutants.filter(({ name }) => only === undefined || only.some((part) => name.includes(part)))
    if (asked.length === 0)
      misused(`No planted bug is named so. There are:\n${mutants.map(({ name }) => `  ${name}`).join("\n")}`)
    return {
      asked,
      most: count("most", values.most, 1_000),
      jobs: count("jobs", values.jobs, 2),
      isWithUnit: values["no-unit"] !== true,
      keep: values.keep === true,
      json: values.json === true
    }
  } catch (error) {
    return misused(error instanceof Error ? `${error.message}.` : String(error))
  }
}

const args = readArgs()
const say = (line: string): void => void (args.json ? process.stderr : process.stdout).write(`${line}\n`)

interface Outcome extends Looked {
  readonly mutant: Mutant
  /** The first of the ordinary tests that fails, null when all pass, and undefined when they were not run. */
  readonly failing: string | null | undefined
}

const outcomeOf = (mutant: Mutant): Promise<Outcome> =>
  withMutant(mutant, async (faulty) => {
    const looked = await look(
      { faulty, scenario: String(mutant.scenario), most: args.most, budget, enough: eventsMax },
      minutesMax
    )
    return { ...looked, mutant, failing: args.isWithUnit ? await failingUnitTest(faulty, mutant) : undefined }
  })

const told = ({ alsoRight, failing, found, mutant }: Outcome): string => {
  const unit = failing === undefined ? "" : failing === null ? "; unit tests pass" : `; found by ${failing}`
  const what = found === null ? `NOT FOUND in ${args.most} seeds` : `seed ${found.seed}, ${found.checks.join(", ")}`
  const lines = [`${mutant.name}: ${what}${unit}`]
  if (found !== null) {
    lines.push(`  ${found.failure.says}`, `  ${found.before} events, shrunk to ${found.plan.events.length}`)
    for (const event of found.plan.events) lines.push(`    ${String(event.at).padStart(6)} ms  ${eventText(event)}`)
  }
  for (const { failure, seed } of alsoRight)
    lines.push(`  seed ${seed} breaks the right program, too: ${failure.check}: ${failure.says}`)
  return lines.join("\n")
}

const keep = ({ found, mutant }: Outcome): void => {
  if (found === null) return
  const folder = join(".troupe", "mutants")
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${mutant.name.replaceAll(/\W+/g, "-")}.json`), encodePlan(found.plan))
}

const lines = (outcomes: ReadonlyArray<Outcome>) =>
  outcomes.map(({ failing, found, mutant }) => ({
    mutant: mutant.name,
    scenario: String(mutant.scenario),
    seeds: found?.seed ?? args.most,
    events: found?.plan.events.length ?? null,
    checker: found?.failure.check ?? null,
    checks: found?.checks ?? [],
    unitTestsPass: failing === undefined ? null : failing === null
  }))

const table = (each: ReturnType<typeof lines>): string => {
  const rows: ReadonlyArray<ReadonlyArray<string>> = [
    ["mutant", "scenario", "seeds", "events", "checker", "unit tests"],
    ...each.map(({ checker, events, mutant, scenario, seeds, unitTestsPass: passes }) => {
      const unit = passes === null ? "-" : passes ? "pass" : "fail"
      return [mutant, scenario, String(seeds), String(events ?? "-"), checker ?? "NOT FOUND", unit]
    })
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const outcomes = new Map<Mutant, Outcome>()
const waiting = [...args.asked]
const work = async (): Promise<void> => {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const outcome = await outcomeOf(mutant)
    outcomes.set(mutant, outcome)
    say(told(outcome))
    if (args.keep) keep(outcome)
  }
}
await Promise.all(Array.from({ length: args.jobs }, work))

const each = lines(args.asked.map((mutant) => outcomes.get(mutant)!))
const found = each.filter(({ checker }) => checker !== null).length
const seeds = each.map((one) => one.seeds).sort((a, b) => a - b)
const medianSeeds = (seeds[(seeds.length - 1) >> 1]! + seeds[seeds.length >> 1]!) / 2
const passing = each.filter(({ unitTestsPass: passes }) => passes === true).length
say(`\n${table(each)}\n`)
say(`broken by one or another: ${[...new Set(each.flatMap(({ checks }) => checks))].sort().join(", ")}`)
say(`${found} of ${each.length} found, median of seeds ${medianSeeds}; the ordinary tests pass with ${passing} of them`)
if (args.json) process.stdout.write(`${JSON.stringify({ mutants: each.length, found, medianSeeds, each })}\n`)
const isEachSmall = each.every(({ events }) => events !== null && events <= eventsMax)
const isUnitFair = !args.isWithUnit || passing * 2 >= each.length
process.exitCode = found === each.length && medianSeeds <= medianMax && isEachSmall && isUnitFair ? 0 : 1
