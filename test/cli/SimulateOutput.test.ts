/** What `troupe simulate` writes reaches who reads it slowly, however much it is. */
import { spawn } from "node:child_process"
import { symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { bin, folder } from "./simulate.ts"

const root = resolve(import.meta.dirname, "..", "..")
const source = `
import { it } from ${JSON.stringify(join(root, "src/testing/index.ts"))}
import { none } from ${JSON.stringify(join(root, "src/schema/simulation/Faults.ts"))}
it.simulated("talks", { peers: 1, seeds: 200, faults: none }, (world) => world.violated("is short", "long ".repeat(2_000)))
`

/** Runs a call whose standard output nobody reads until it has said on standard error how it ended. */
const readLate = (args: ReadonlyArray<string>, cwd: string) =>
  Effect.callback<string>((resume) => {
    const child = spawn(process.execPath, [bin, "simulate", ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] })
    let [out, err] = ["", ""]
    const read = () => child.stdout.on("data", (bytes) => (out += bytes))
    child.stderr.on("data", (bytes) => {
      const before = err
      err += bytes
      // a process that does not wait is gone by then
      if (!/of 200 failed\n/.test(before) && /of 200 failed\n/.test(err)) setTimeout(read, 500)
    })
    child.on("exit", read)
    child.on("close", () => resume(Effect.succeed(out)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("troupe simulate, read slowly", () => {
  it.live(
    "with --json writes its whole line before it ends, and bounds what a failure says",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"))
        writeFileSync(join(cwd, "one.test.mjs"), source)
        const out = yield* readLate(["one.test.mjs", "--jobs", "1", "--shrink", "0", "--json"], cwd)
        assert.isAbove(out.length, 2 * 65_536)
        const { failing } = JSON.parse(out) as { readonly failing: ReadonlyArray<{ readonly says: string }> }
        assert.lengthOf(failing, 200)
        for (const { says } of failing) assert.strictEqual(says, `${"long ".repeat(400).slice(0, 1_999)}…`)
      }),
    60_000
  )
})
