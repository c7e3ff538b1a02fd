/** `npm run simulate` and `npm run chaos`: the scenarios on the engine of `troupe simulate`. */
import { resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { node } from "./simulate.ts"

const root = resolve(import.meta.dirname, "..", "..")
const script = (name: string, args: ReadonlyArray<string>) =>
  node([resolve(root, "scripts", `${name}.ts`), ...args], { cwd: root })
const timeout = 120_000

describe("npm run simulate", () => {
  it.live(
    "--twice runs a seed three times, and it is one execution",
    () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* script("simulate", [
          "--scenario",
          "actors",
          "--seed",
          "3",
          "--twice",
          "--jobs",
          "1",
          "--json"
        ])
        assert.strictEqual(code, 0, err)
        const { same, scenario, seeds } = JSON.parse(out) as { readonly [key: string]: unknown }
        assert.deepStrictEqual([same, scenario, seeds], [true, "actors", 1])
      }),
    timeout
  )

  it.live.each([
    { args: ["--scenario", "tragedy"], says: /no simulated test "tragedy", only "replication", "actors"/ },
    { args: ["--seed", "1", "--seeds", "2"], says: /--seed and --seeds say two things/ },
    { args: ["--peers", "none"], says: /--peers[\s\S]*Type: npm run simulate -- \[--scenario/ }
  ])("called wrongly ($args) says so, and ends with 2", ({ args, says }) =>
    Effect.gen(function* () {
      const { code, err, out } = yield* script("simulate", args)
      assert.deepStrictEqual([code, out], [2, ""])
      assert.match(err, says)
    })
  )
})

describe("npm run chaos", () => {
  it.live(
    "prints its first seed, runs until its time is over, and tells what came of it",
    () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* script("chaos", ["--minutes", "0.01", "--scenario", "actors", "--jobs", "1", "--json"])
        assert.match(err, /^seeds from \d+ on, for 0\.01 minutes\n/)
        const { failing, seeds } = JSON.parse(out) as { readonly failing: ReadonlyArray<unknown>; readonly seeds: number }
        assert.isAtLeast(seeds, 1)
        // its seeds are new each time: what they find is no matter of this test
        assert.strictEqual(code, failing.length === 0 ? 0 : 1)
      }),
    timeout
  )
})
