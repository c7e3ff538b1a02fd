/**
 * Plants a bug in a copy of this tree, lets a process of its own look for it there, and runs the ordinary tests of its room.
 */
import { fork, spawn } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type Mutant, planted } from "../test/simulation/mutants/Mutant.ts"
import type { Looked, Task } from "./MutantWorker.ts"

const root = resolve(import.meta.dirname, "..")
/** What a tree needs to run its scenarios and its tests. */
const copied = ["src", "test", "demo", "docs", "examples", "scripts", "package.json", "tsconfig.json", "vitest.config.ts"]

/** A copy of this tree with the bug in it, as long as it is used. */
export const withMutant = async <A>(mutant: Mutant, use: (folder: string) => Promise<A>): Promise<A> => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-mutant-"))
  try {
    for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
    const file = join(folder, mutant.file)
    writeFileSync(file, planted(readFileSync(file, "utf8"), mutant))
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Looks for the bug that is planted in a folder. Fails when the process does, or takes more than so many minutes. */
export const look = (task: Task, minutes: number): Promise<Looked> =>
  new Promise((done, failed) => {
    const child = fork(join(import.meta.dirname, "MutantWorker.ts"), { timeout: minutes * 60_000, silent: true })
    let looked: Looked | null = null
    let said = ""
    child.once("message", (message) => {
      looked = message as Looked
    })
    child.stderr!.on("data", (text) => {
      said = `${said}${text}`.slice(-10_000)
    })
    child.once("error", failed)
    child.once("close", (code, signal) => {
      if (looked !== null) done(looked)
      else
        failed(
          new Error(`the process that looked in ${task.faulty} ended with ${signal ?? code}, and had found nothing\n${said}`)
        )
    })
    child.send(task)
  })

/**
 * The first of the ordinary tests of its room that fails with the bug in it, or null when all pass. They have more time, since others look
 * for bugs beside them.
 */
export const failingUnitTest = (folder: string, { unitTests }: Mutant): Promise<string | null> =>
  new Promise((done, failed) => {
    const vitest = join(root, "node_modules/vitest/vitest.mjs")
    const options = ["run", "--bail=1", "--testTimeout=120000", "--hookTimeout=120000"]
    const env = { ...process.env, NO_COLOR: "1" }
    const child = spawn(process.execPath, [vitest, ...options, ...unitTests], { cwd: folder, env })
    let said = ""
    for (const output of [child.stdout, child.stderr]) output.on("data", (text) => void (said += text))
    child.once("error", failed)
    child.once("close", (code) => done(code === 0 ? null : (/ FAIL +(.+)/.exec(said)?.[1] ?? said.slice(-1_000))))
  })
