/**
 * `npm run bench -- actors|feeds|idle|membership|objects|replicate|sealed|simulation`: Troupe beside its rivals, and whether the aims hold.
 *
 * The rivals are dependencies of bench/package.json alone, installed from its own lock file when they are missing. With `--json` the
 * last line of standard output is one JSON object, and everything else goes to standard error. Ends 0 when it ran and every result was
 * right; an aim that was missed is said in its line. Results are kept in bench/results/.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import type { Options, Report } from "./src/Report.ts"

type Bench = (options: Options) => Promise<Report>

const benches: Record<string, () => Promise<{ readonly run: Bench }>> = {
  actors: () => import("./actors.ts"),
  feeds: () => import("./feeds.ts"),
  idle: () => import("./idle.ts"),
  membership: () => import("./membership.ts"),
  objects: () => import("./objects.ts"),
  replicate: () => import("./replicate.ts"),
  sealed: () => import("./sealed.ts"),
  simulation: () => import("./simulation.ts")
}

/** Benches in which Troupe is alone. */
const alone: ReadonlyArray<string> = ["idle", "membership", "replicate", "sealed", "simulation"]

const usage = `npm run bench -- ${Object.keys(benches).join("|")} [--rounds N] [--json]`

const misused = (why: string): never => {
  process.stderr.write(`${why}\nWrite: ${usage}\n`)
  process.exit(2)
}

const asked = (): { readonly name: string; readonly json: boolean; readonly options: Options } => {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { rounds: { type: "string" }, json: { type: "boolean" } }
    })
    const [name = "", ...rest] = positionals
    if (benches[name] === undefined || rest.length > 0)
      return misused(name === "" ? "Which benchmark?" : `There is no ${positionals.join(" ")}.`)
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds)
    if (rounds !== undefined && (!Number.isSafeInteger(rounds) || rounds < 1)) return misused("Rounds are a number from 1 on.")
    return { name, json: values.json === true, options: rounds === undefined ? {} : { rounds } }
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error))
  }
}

const folder = import.meta.dirname

const manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>
}

/** Installs the rivals unless all of them are there, in the versions that are asked for. */
const install = (): void => {
  const isThere = ([name, version]: readonly [string, string]): boolean => {
    const file = path.join(folder, "node_modules", name, "package.json")
    return fs.existsSync(file) && (JSON.parse(fs.readFileSync(file, "utf8")) as { readonly version: string }).version === version
  }
  if (Object.entries(manifest.dependencies).every(isThere)) return
  process.stderr.write("installing the rivals of the benchmarks (bench/package.json)\n")
  execFileSync("npm", ["ci", "--prefix", folder, "--no-audit", "--no-fund"], {
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32"
  })
}

const { json, name, options } = asked()
if (!alone.includes(name)) install()
const { run } = await benches[name]!()
const print = (line: string): void => void (json ? process.stderr : process.stdout).write(`${line}\n`)
const machine = {
  cpu: os.cpus()[0]?.model ?? "unknown",
  cpus: os.cpus().length,
  memory: os.totalmem(),
  node: process.version,
  platform: process.platform
}
print(`${machine.cpus} × ${machine.cpu}, Node ${process.version}`)
const { ratios, rows } = await run({ ...options, print })
const versions = manifest.dependencies
const result = JSON.stringify({ bench: name, machine, versions, date: new Date().toISOString(), results: rows, ratios })
fs.mkdirSync(path.join(folder, "results"), { recursive: true })
fs.writeFileSync(path.join(folder, "results", `${name}.json`), `${result}\n`)
if (json) process.stdout.write(`${result}\n`)
