/** `it.simulated.fails`, `skip` and `only` in Vitest, run from outside: what passes, what fails with which words, and what is left behind. */
import { existsSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folder, node, simulate, vitest } from "./simulate.ts"

const root = resolve(import.meta.dirname, "..", "..")
const timeout = 60_000

const source = `
import { it } from ${JSON.stringify(join(root, "src/testing/index.ts"))}
import { none } from ${JSON.stringify(join(root, "src/schema/simulation/Faults.ts"))}
import * as Effect from "effect/Effect"

const options = { peers: 1, seeds: 3, faults: none }
const breaks = (check) => (world) => world.violated(check, "it is broken")
const late = (world) => (world.plan.seed === 3 ? world.violated("whole", "it is broken") : Effect.void)
`
const tests = `
it.simulated.fails("finds it in its third seed", options, late)
it.simulated.fails("finds it by its name", { ...options, breaks: "whole" }, late)
it.simulated.fails("hears what is said", { ...options, breaks: "said" }, (world) => Effect.sync(() => world.say("said", "so")))
it.simulated.fails("finds what the world finds", { ...options, breaks: "the world" }, () => Effect.sync(() => Date.now()))
it.simulated.fails("holds", options, () => Effect.sync(() => console.log("it holds")))
it.simulated.fails("breaks another", { ...options, breaks: "whole" }, breaks("half"))
it.simulated.fails("slips", options, () => Effect.sync(() => undefined.length))
it.simulated.fails("takes too long", { ...options, seeds: 100000, timeout: 200 }, () => Effect.void)
it.simulated.skip("is left out", options, breaks("whole"))
it.simulated("is run", options, () => Effect.void)
`

/** A folder with a test file in it. */
const project = (text: string) =>
  Effect.map(folder, (cwd) => {
    symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"))
    writeFileSync(join(cwd, "one.test.mjs"), source + text)
    return cwd
  })

const run = (cwd: string, env: { readonly [name: string]: string } = {}) =>
  node([vitest, "run", "--root", cwd, "--reporter=verbose"], { cwd, env: { NO_COLOR: "1", ...env } })

describe("it.simulated.fails", () => {
  it.live(
    "[W35] passes when a seed breaks a promise, fails when none does, and keeps nothing",
    () =>
      Effect.gen(function* () {
        const cwd = yield* project(tests)
        const { err, out } = yield* run(cwd)
        const passes = ["finds it in its third seed", "finds it by its name", "hears what is said", "finds what the world finds"]
        for (const name of [...passes, "is run"]) assert.match(out, new RegExp(`✓ .*${name}`))
        assert.match(out, /↓ .*is left out/)
        assert.match(out, /Tests +4 failed \| 5 passed \| 1 skipped/)
        assert.match(err, /SimulationFailure: none of 3 seeds breaks a promise, and one should\n/)
        assert.match(err, /SimulationFailure: none of 3 seeds breaks "whole", and one should; broken were "half"\n/)
        assert.match(err, /SimulationFailure: seed 1 shows nothing: the test itself: TypeError fails at 0 s: Cannot read/)
        assert.match(
          err,
          /SimulationFailure: none of the first \d+ of 100000 seeds breaks a promise in 0\.2 s; raise timeout or lower/
        )
        assert.isFalse(existsSync(join(cwd, ".troupe")))
        assert.notMatch(out + err, /it holds/)
      }),
    timeout
  )

  it.live(
    "[W35] is skipped with SEED and PLAN, which are about tests that hold, and left out by troupe simulate, as skip is",
    () =>
      Effect.gen(function* () {
        const cwd = yield* project(tests)
        const { code, out } = yield* run(cwd, { SEED: "1" })
        assert.strictEqual(code, 0)
        assert.match(out, /Tests +1 passed \| 9 skipped/)
        const all = yield* simulate(["one.test.mjs", "--jobs", "1"], { cwd })
        assert.strictEqual(all.code, 0, all.err)
        assert.match(all.out, /^3 seeds,/)
      }),
    timeout
  )
})

describe("it.simulated.only", () => {
  it.live(
    "keeps the other tests of its file from being run",
    () =>
      Effect.gen(function* () {
        const cwd = yield* project(`
it.simulated.only("is run alone", options, () => Effect.void)
it.simulated("is not run", options, breaks("whole"))
`)
        // where CI is set, Vitest refuses any `only`
        const { code, out } = yield* run(cwd, { CI: "" })
        assert.strictEqual(code, 0)
        assert.match(out, /Tests +1 passed \| 1 skipped/)
      }),
    timeout
  )
})
