/**
 * Packs troupe, installs the tarball alone into an empty project, and checks there what a user meets.
 *
 * Number and size of the packages against their limits, the types of every entry point, the bin, and the program of the README, whose
 * output must be the one that is printed beside it. `npm run package -- --keep` leaves the project; `--json` prints one object last.
 */
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"

const packagesMax = 50
const megabytesMax = 110
/** Installing from a registry can take its time; a run that hangs must still end. */
const patienceMs = 300_000

const root = resolve(import.meta.dirname, "..")
const say = (line: string) => process.stderr.write(`${line}\n`)

const run = (folder: string, command: string, ...args: ReadonlyArray<string>): string => {
  const env = { ...process.env, PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"]}` }
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8", timeout: patienceMs })
  if (status !== 0) throw new Error(`${[command, ...args].join(" ")} ended with ${error?.message ?? status}\n${stdout}${stderr}`)
  return stdout
}

/** What the folder takes on the disk, in blocks, as du counts it. */
const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).reduce(
    (sum, file) => sum + lstatSync(join(folder, file)).blocks * 512,
    0
  )

const pack = (to: string): string => {
  run(root, "npm", "pack", "--pack-destination", to)
  const tarball = readdirSync(to).find((file) => file.endsWith(".tgz"))
  if (tarball === undefined) throw new Error(`npm pack left no tarball in ${to}`)
  return join(to, tarball)
}

const entries = (project: string): ReadonlyArray<string> => {
  const manifest = JSON.parse(readFileSync(join(project, "node_modules/troupe/package.json"), "utf8")) as {
    readonly exports: object
  }
  return Object.keys(manifest.exports)
    .filter((path) => !path.endsWith(".json"))
    .map((path) => path.replace(/^\./, "troupe"))
}

/** Every entry point loads, and its declarations compile for a strict user. */
const checkEntries = (project: string): ReadonlyArray<string> => {
  const all = entries(project)
  // troupe/testing stands on the user's own test runner, which comes now that the install has been weighed; it loads only under it.
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly devDependencies: Record<string, string>
  }
  const runner = ["vitest", "@effect/vitest"].map((name) => `${name}@${devDependencies[name]}`)
  run(project, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", ...runner)
  for (const name of all.filter((entry) => entry !== "troupe/testing"))
    run(project, "node", "--input-type=module", "--eval", `await import("${name}")`)
  writeFileSync(join(project, "entries.ts"), all.map((name) => `import "${name}"\n`).join(""))
  const compilerOptions = { ...userOptions, noEmit: true, types: ["node"] }
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  run(project, join(root, "node_modules", ".bin", "tsc"), "-p", ".")
  return all
}

const userOptions = {
  target: "ES2024",
  lib: ["ES2024", "DOM", "DOM.Iterable", "ESNext.Disposable"],
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true
}

/** The README's program, as somebody who copies it runs it. */
const checkProgram = (project: string) => {
  const example = join(root, "examples", "two-peers.ts")
  if (!existsSync(example)) throw new Error("examples/two-peers.ts, the program of the README, is not there")
  copyFileSync(example, join(project, "two-peers.ts"))
  const printed = run(project, "node", "two-peers.ts")
  const told = readFileSync(example.replace(/\.ts$/, ".out"), "utf8")
  if (printed !== told) throw new Error(`two-peers.ts printed\n${printed}and examples/two-peers.out says\n${told}`)
}

const main = () => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-package-"))
  const project = join(folder, "project")
  try {
    mkdirSync(project)
    say("packing …")
    const tarball = pack(folder)
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }))
    say("installing it alone …")
    run(project, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", tarball)
    const lock = JSON.parse(readFileSync(join(project, "node_modules/.package-lock.json"), "utf8")) as {
      readonly packages: object
    }
    const packages = Object.keys(lock.packages).length
    const megabytes = Number((bytesIn(join(project, "node_modules")) / 1e6).toFixed(1))
    say(`${packages} packages of at most ${packagesMax}, ${megabytes} MB of at most ${megabytesMax}`)
    if (packages > packagesMax || megabytes > megabytesMax) throw new Error("the install is larger than promised")
    say("running the README's program there …")
    checkProgram(project)
    const loaded = checkEntries(project)
    say(`entry points load and compile: ${loaded.join(", ")}`)
    say(run(project, join("node_modules", ".bin", "troupe"), "--help").split("\n")[0]!)
    if (process.argv.includes("--json"))
      process.stdout.write(`${JSON.stringify({ packages, packagesMax, megabytes, megabytesMax, entries: loaded })}\n`)
  } finally {
    if (process.argv.includes("--keep")) say(`kept in ${project}`)
    else rmSync(folder, { recursive: true, force: true })
  }
}

try {
  main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
