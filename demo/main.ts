/**
 * `npm run demo`: two peers as real processes bring a real data set from one to the other, through a kill and a cut, and prove it.
 *
 * Exit code 0 says that every claim holds, 1 that one does not (and which), 2 that it was called wrongly. What happens, in order, is
 * in scenario.ts; what must hold of it in claims.ts.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { citiesInFile } from "./cities.ts"
import { cutEditsMin, type Evidence, failed } from "./claims.ts"
import { Progress } from "./progress.ts"
import { scenario } from "./scenario.ts"

const usage = `npm run demo -- [--limit N] [--keep DIR] [--json]

  --limit N   imports the first N cities instead of all ${citiesInFile}; at least ${cutEditsMin}
  --keep DIR  keeps the peers' folders and journals in DIR, which must be new or empty
  --json      prints one JSON object as the last line of standard output, everything else on standard error`

class Misuse extends Error {}
class Help extends Error {}

interface Asked {
  readonly limit: number
  readonly keep: string | null
  readonly json: boolean
}

const readArgs = (args: ReadonlyArray<string>): Asked => {
  const { values } = parsed(args)
  if (values.help === true) throw new Help()
  if (values.simulated === true) throw new Misuse("--simulated comes with step 2. Leave it out to run real processes")
  const limit = values.limit === undefined ? citiesInFile : Number(values.limit)
  if (!Number.isInteger(limit) || limit < cutEditsMin || limit > citiesInFile)
    throw new Misuse(`--limit takes a number from ${cutEditsMin} to ${citiesInFile}, and not "${values.limit}"`)
  const keep = values.keep === undefined ? null : resolve(values.keep)
  if (keep !== null && existsSync(keep) && readdirSync(keep).length > 0)
    throw new Misuse(`${keep} is not empty. Name a folder that is, or one that is not there yet`)
  return { limit, keep, json: values.json === true }
}

const parsed = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        limit: { type: "string" },
        keep: { type: "string" },
        json: { type: "boolean" },
        simulated: { type: "boolean" },
        seed: { type: "string" },
        trace: { type: "string" },
        help: { type: "boolean" }
      }
    })
  } catch (error) {
    throw new Misuse((error as Error).message)
  }
}

const folder = (keep: string | null) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      if (keep === null) return mkdtempSync(join(tmpdir(), "troupe-demo-"))
      mkdirSync(keep, { recursive: true })
      return keep
    }),
    (path) => Effect.sync(() => (keep === null ? rmSync(path, { recursive: true, force: true }) : undefined))
  )

const table = ({ audits, model, result, silence, states }: Evidence): string => {
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["objects on both sides", `${result.objects} (${states.alice.cities} cities, ${states.alice.visits} visits)`],
    ["change sets", `${result.changes}, of them ${result.inFlight} under way when bob was killed`],
    ["bob was killed at", `${result.killedAt} objects (pids ${result.pids.bob.join(", then ")})`],
    ["cut", `${result.partitionSeconds} s; meanwhile ${result.cutEdits.alice} edits by alice and ${result.cutEdits.bob} by bob`],
    ["in the cut", `${silence.bytes} bytes on the link; ${model.remarks} remarks that both wrote`],
    ["registers in conflict", String(result.conflicts)],
    ["on bob's link", `${(result.bytesOnWire / 1e6).toFixed(1)} MB, both directions`],
    ["signatures verified anew", `${audits.alice.signatures} (alice) and ${audits.bob.signatures} (bob)`],
    ["state hash", result.peers.map(({ stateHash }) => stateHash).join(" and ")],
    ["naive model", result.model],
    ["audit", result.audit],
    ["seconds", String(result.seconds)]
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n")
}

const report = (asked: Asked, evidence: Evidence): number => {
  const problems = failed(evidence)
  const out = asked.json ? console.error : console.log
  out(table(evidence))
  for (const problem of problems) console.error(`FAILED: ${problem}`)
  out(problems.length === 0 ? "every claim holds" : `${problems.length} claims do not hold`)
  if (asked.json) console.log(JSON.stringify(evidence.result))
  return problems.length === 0 ? 0 : 1
}

const demo = (asked: Asked): Effect.Effect<number> =>
  Effect.gen(function* () {
    const progress = new Progress(asked.limit, process.stderr)
    const path = yield* folder(asked.keep)
    return yield* scenario({ limit: asked.limit, folder: path, progress }).pipe(
      Effect.map((evidence) => report(asked, evidence)),
      Effect.catch((error) =>
        Effect.sync(() => {
          progress.clear()
          console.error(`FAILED: ${error.message}`)
          return 1
        })
      )
    )
  }).pipe(Effect.scoped)

/** Reads the arguments, runs, and ends the process. */
const main = (args: ReadonlyArray<string>): void => {
  try {
    NodeRuntime.runMain(demo(readArgs(args)), {
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(exitCode(exit))
    })
  } catch (error) {
    if (error instanceof Help) console.log(usage)
    else if (error instanceof Misuse) {
      console.error(`${error.message}.\n\n${usage}`)
      process.exitCode = 2
    } else throw error
  }
}

const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  // the effect's own value is the code
  if (Exit.isSuccess(exit)) return exit.value as number
  if (Cause.hasInterruptsOnly(exit.cause)) return 130
  console.error(Cause.pretty(exit.cause))
  return 1
}

main(process.argv.slice(2))
