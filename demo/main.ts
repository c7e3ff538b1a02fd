/**
 * `npm run demo`: two peers as real processes bring a real data set from one to the other, through a kill and a cut, and prove it.
 *
 * Exit code 0 says that every claim holds, 1 that one does not (and which), 2 that it was called wrongly. What happens, in order, is
 * in scenario.ts; what must hold of it in claims.ts.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { ChildDied } from "./child.ts"
import { citiesInFile } from "./cities.ts"
import { cutEditsMin, type Evidence, failed } from "./claims.ts"
import { processes } from "./processes.ts"
import { Progress } from "./progress.ts"
import { scenario } from "./scenario.ts"
import { simulated } from "./simulated.ts"

/** Cities in a world, unless told otherwise: enough for all that the scenario needs. */
const simulatedLimit = 2_000

const usage = `npm run demo -- [--limit N] [--keep DIR] [--json]
       npm run demo -- --simulated [--seed N] [--trace FILE] [--limit N] [--json]

  --limit N   imports the first N cities instead of all ${citiesInFile}; at least ${cutEditsMin}
  --keep DIR  keeps the peers' folders and journals in DIR, which must be new or empty
  --simulated runs the same in a simulated world, in which one seed is one execution; takes ${simulatedLimit} cities unless told otherwise
  --seed N    the seed of the world; 1 unless told otherwise
  --trace FILE  writes the events of the world, a line each
  --json      prints one JSON object as the last line of standard output, everything else on standard error`

class Misuse extends Error {}
class Help extends Error {}

interface Asked {
  readonly limit: number
  readonly keep: string | null
  readonly json: boolean
  /** Null for real processes. */
  readonly world: { readonly seed: number; readonly trace: string | null } | null
}

const readArgs = (args: ReadonlyArray<string>): Asked => {
  const { values } = parsed(args)
  if (values.help === true) throw new Help()
  const isSimulated = values.simulated === true
  if (!isSimulated && (values.seed ?? values.trace) !== undefined)
    throw new Misuse("--seed and --trace belong to a world: add --simulated")
  if (isSimulated && values.keep !== undefined) throw new Misuse("a world keeps no folders: leave out --keep or --simulated")
  const limit = values.limit === undefined ? (isSimulated ? simulatedLimit : citiesInFile) : Number(values.limit)
  if (!Number.isInteger(limit) || limit < cutEditsMin || limit > citiesInFile)
    throw new Misuse(`--limit takes a number from ${cutEditsMin} to ${citiesInFile}, and not "${values.limit}"`)
  const keep = values.keep === undefined ? null : resolve(values.keep)
  if (keep !== null && existsSync(keep) && readdirSync(keep).length > 0)
    throw new Misuse(`${keep} is not empty. Name a folder that is, or one that is not there yet`)
  return { limit, keep, json: values.json === true, world: isSimulated ? worldOf(values.seed, values.trace) : null }
}

const worldOf = (seed: string | undefined, trace: string | undefined) => {
  const number = seed === undefined ? 1 : Number(seed)
  if (!Number.isSafeInteger(number) || number < 0) throw new Misuse(`--seed takes a whole number from 0 on, and not "${seed}"`)
  return { seed: number, trace: trace === undefined ? null : resolve(trace) }
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

/** What is about to happen, for who has never seen it. */
const story = (
  limit: number
): string => `Two people on two devices, here two processes that meet through a third. Alice makes a space, lets Bob in, and imports
${limit} cities, while both edit. Bob's process is killed and started again; his network falls silent while both change the same
cities, and comes back. Then both must hold the same, and what they signed is verified by somebody else.
`

const table = ({ audits, model, result, silence, states }: Evidence): string => {
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["who is in", `${states.alice.people.join(" and ")}, as each of the two judges by itself`],
    ["objects on both sides", `${result.objects} (${states.alice.cities} cities, ${states.alice.visits} visits)`],
    ["change sets", `${result.changes}, of them ${result.inFlight} under way when bob was killed`],
    ["bob was killed at", `${result.killedAt} objects (pids ${result.pids.bob.join(", then ")})`],
    ["cut", `${result.partitionSeconds} s; meanwhile ${result.cutEdits.alice} edits by alice and ${result.cutEdits.bob} by bob`],
    ["in the cut", `${silence.bytes} bytes on the link; ${model.remarks} remarks that both wrote`],
    ["registers in conflict", `${result.conflicts}, on both sides the same: what both wrote at once is kept`],
    ["on bob's link", `${(result.bytesOnWire / 1e6).toFixed(1)} MB, both directions`],
    ["signatures verified anew", `${audits.alice.signatures} (alice) and ${audits.bob.signatures} (bob)`],
    ["state of each", result.peers.map(({ stateHash }) => stateHash).join(" and ")],
    ["by the journals", `${result.model}, folded naively from what both noted of their writes`],
    ["by the audit", `${result.audit}, found in what both left, with all signatures verified anew`],
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

const failedWith = (error: { readonly message: string }): number => {
  console.error(`FAILED: ${error.message}`)
  return 1
}

/** In processes: a child that ends unasked ends the run. */
const inProcesses = (asked: Asked): Effect.Effect<number> =>
  Effect.gen(function* () {
    const progress = new Progress(asked.limit, process.stderr)
    const path = yield* folder(asked.keep)
    console.error(story(asked.limit))
    const deaths = yield* Deferred.make<never, ChildDied>()
    const playing = Effect.flatMap(processes(path, deaths), (stage) => scenario({ limit: asked.limit, progress }, stage))
    return yield* Effect.raceFirst(Effect.scoped(playing), Deferred.await(deaths)).pipe(
      Effect.ensuring(Effect.sync(() => progress.clear())),
      Effect.map((evidence) => report(asked, evidence)),
      Effect.catch((error) => Effect.sync(() => failedWith(error)))
    )
  }).pipe(Effect.scoped)

/** In a world. Nothing is shown while it lasts: it is over in moments, and a terminal belongs to the host. */
const inWorld = (asked: Asked, { seed, trace }: NonNullable<Asked["world"]>): Effect.Effect<number> => {
  const events: Array<string> = []
  const onEvent = (line: string): void => {
    if (trace !== null) events.push(`${line}\n`)
  }
  const progress = { enter: () => undefined, hold: () => undefined }
  return simulated({ limit: asked.limit, progress, seed, onEvent }).pipe(
    Effect.map((evidence) => {
      if (trace !== null) writeFileSync(trace, events.join(""))
      return report(asked, evidence)
    }),
    Effect.catch((error) => Effect.sync(() => failedWith(error)))
  )
}

const demo = (asked: Asked): Effect.Effect<number> => (asked.world === null ? inProcesses(asked) : inWorld(asked, asked.world))

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
