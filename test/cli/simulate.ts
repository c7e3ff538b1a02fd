/**
 * Calls of `troupe simulate` for tests: each is a real process, in an empty folder of its own.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import * as Effect from "effect/Effect"

const root = resolve(import.meta.dirname, "..", "..")
/** The test file that they run. */
export const shop = join(root, "test/cli/simulated/Shop.ts")
export const bin = join(root, "src/cli/main.ts")
export const vitest = join(root, "node_modules/vitest/vitest.mjs")

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** An empty folder, gone afterwards. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "troupe-simulate-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

interface Call {
  readonly cwd: string
  readonly env?: { readonly [name: string]: string }
  /** Gets Ctrl-C once standard error matches. */
  readonly stopAt?: RegExp
}

/** The environment without what this run of Vitest has put there. */
const outside = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV|SEED$|PLAN$|MISTAKE|BREAKS)/.test(name))
)

/** Runs a program of Node to its end. */
export const node = (args: ReadonlyArray<string>, { cwd, env = {}, stopAt }: Call): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...outside, ...env }, stdio: ["ignore", "pipe", "pipe"] })
    let out = ""
    let err = ""
    child.stdout.on("data", (bytes) => (out += bytes))
    child.stderr.on("data", (bytes) => {
      err += bytes
      if (stopAt?.test(err) === true) child.kill("SIGINT")
    })
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

export const simulate = (args: ReadonlyArray<string>, call: Call): Effect.Effect<Ended> => node([bin, "simulate", ...args], call)
