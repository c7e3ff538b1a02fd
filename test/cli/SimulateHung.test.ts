/** What `troupe simulate` does about a world that gives way to nobody and does not end. */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folder, simulate } from "./simulate.ts"

const root = resolve(import.meta.dirname, "..", "..")
const source = `
import { it } from ${JSON.stringify(join(root, "src/testing/index.ts"))}
import { none } from ${JSON.stringify(join(root, "src/schema/simulation/Faults.ts"))}
import * as Effect from "effect/Effect"
it.simulated("goes round", { peers: 1, seeds: 3, faults: none }, ({ plan }) =>
  Effect.sync(() => {
    while (plan.seed === 2 && process.env.MISTAKE !== undefined) {}
  })
)
`
const env = { MISTAKE: "1" }

describe("troupe simulate, of a world that does not end", () => {
  it.live(
    "says in which seed it still is, then ends its process, keeps the plan and goes on with the next",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"))
        writeFileSync(join(cwd, "one.test.mjs"), source)
        const args = ["--jobs", "1", "--world-seconds", "2", "--json"]
        const { code, err, out } = yield* simulate(["one.test.mjs", ...args], { cwd, env })
        assert.strictEqual(code, 1, err)
        assert.match(err, /still in seed 2 of "goes round" after 1 s\n/)
        assert.match(err, /the world fails at 0\.000 s: it did not end within 2 s of real time/)
        const { failing, seeds } = JSON.parse(out)
        assert.strictEqual(seeds, 3)
        assert.deepInclude(failing[0], { seed: 2, check: "the world" })
        assert.lengthOf(failing, 1)
        const path = failing[0].plan
        assert.include(readFileSync(join(cwd, path), "utf8"), '"seed":2')

        const again = yield* simulate(["--plan", path, "--world-seconds", "1"], { cwd, env })
        assert.deepStrictEqual([again.code, /did not end within 1 s/.test(again.out)], [1, true], again.err)
        const mended = yield* simulate(["--plan", path], { cwd })
        assert.strictEqual(mended.code, 0, mended.err)
      }),
    60_000
  )
})
