/** `it.simulated` in Vitest, run from outside: what a failure says there, and that SEED and PLAN are heard. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folder, node, shop, simulate, vitest } from "./simulate.ts"

const config = join(shop, "../vitest.config.ts")

const run = (cwd: string, env: { readonly [name: string]: string }) =>
  node([vitest, "run", "--config", config, "--reporter=verbose", "-t", "its till"], { cwd, env: { NO_COLOR: "1", ...env } })

const timeout = 120_000

describe("it.simulated in Vitest", () => {
  it.live(
    "passes when all seeds hold",
    () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* run(yield* folder, {})
        assert.strictEqual(code, 0, err)
        assert.match(out, /✓ .*counts in the till/)
      }),
    timeout
  )

  it.live(
    "fails with what is broken, the shrunk plan, and the command that runs it again: PLAN",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const { code, err } = yield* run(cwd, { MISTAKE: "1" })
        assert.strictEqual(code, 1)
        assert.match(err, /SimulationFailure: sold once fails at \d+\.\d+ s on bob: item 7 was sold/)
        assert.match(err, /seed +1 of "counts in the till"/)
        const [html, PLAN] = readdirSync(join(cwd, ".troupe")).map((name) => `.troupe/${name}`)
        assert.match(PLAN!, /^\.troupe\/counts-in-the-till-[0-9a-f]{8}-1\.json$/)
        assert.strictEqual(html, PLAN!.replace(/json$/, "html"))
        assert.match(err, new RegExp(`plan +${PLAN}: \\d+ events, shrunk to 1 in \\d+ runs`))
        assert.match(err, new RegExp(`replay +PLAN=${PLAN} npx vitest run \\S+/Shop\\.ts\n`))

        const again = yield* run(cwd, { MISTAKE: "1", PLAN: PLAN! })
        assert.strictEqual(again.code, 1)
        assert.match(again.err, /sold once fails[\s\S]*1 event\n/)
        assert.strictEqual((yield* run(cwd, { PLAN: PLAN! })).code, 0)

        // the same plan on the command line
        const { code: same } = yield* simulate(["--plan", PLAN!], { cwd, env: { MISTAKE: "1" } })
        assert.strictEqual(same, 1)
      }),
    timeout
  )

  it.live(
    "runs one seed alone: SEED",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        // seeds 1 and 2 sell item 7, and seed 3 does not
        assert.strictEqual((yield* run(cwd, { MISTAKE: "1", SEED: "3" })).code, 0)
        const { code, err } = yield* run(cwd, { MISTAKE: "1", SEED: "2" })
        assert.strictEqual(code, 1)
        assert.match(err, /seed +2 of "counts in the till"/)
      }),
    timeout
  )
})
