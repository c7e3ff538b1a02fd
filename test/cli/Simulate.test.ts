/** `troupe simulate` as people and scripts meet it: how it ends, what it prints where, and what wrong calls are told. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folder, shop, simulate } from "./simulate.ts"

interface Result {
  readonly scenario: string
  readonly seeds: number
  readonly violations: number
  readonly failing: ReadonlyArray<{
    readonly seed: number
    readonly check: string
    readonly says: string
    readonly plan: string | null
  }>
  readonly faults: { readonly [kind: string]: number }
  readonly table: ReadonlyArray<{
    readonly state: string
    readonly event: string
    readonly left: number
    readonly crashed: number
  }>
  readonly trace?: string
}

const lastLine = (out: string): Result => JSON.parse(out.trim().split("\n").at(-1)!) as Result
const mistake = { MISTAKE: "1" }
const timeout = 60_000

describe("troupe simulate", () => {
  it.live(
    "runs all simulated tests of a file and ends with 0 when all hold, with progress on standard error alone",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const { code, err, out } = yield* simulate([shop, "--jobs", "2"], { cwd })
        assert.strictEqual(code, 0, err)
        assert.match(out, /^10 seeds, \d+ virtual seconds in [\s\S]*crash \d+[\s\S]*no violation\n$/)
        assert.match(err, /^\d+ of 10 seeds, [\d.]+ a second\n/)
        assert.isFalse(existsSync(join(cwd, ".troupe")))
      }),
    timeout
  )

  it.live(
    "with --json writes one object to standard output, the sums of commands.md",
    () =>
      Effect.gen(function* () {
        const { code, out } = yield* simulate([shop, "--jobs", "1", "--seeds", "2", "--json"], { cwd: yield* folder })
        assert.strictEqual(code, 0)
        assert.strictEqual(out.trim().split("\n").length, 1)
        assert.hasAllKeys(JSON.parse(out), [
          ...["scenario", "seeds", "peers", "violations", "failing", "virtualSeconds", "seconds", "seedsPerMinute"],
          ...["virtualPerSecond", "faults", "seedsWithCrashBeforeSync", "operations", "failedSteps", "met", "table"]
        ])
        const { failing, scenario, seeds, table, violations } = lastLine(out)
        assert.includeDeepMembers(
          table.map(({ event, state }) => [state, event]),
          [
            ["frozen", "thaw"],
            ["step", "ok"],
            ["up", "close"],
            ["up", "crash"]
          ]
        )
        assert.deepStrictEqual(
          { failing, scenario, seeds, violations },
          { failing: [], scenario: "sells on, counts in the till", seeds: 4, violations: 0 }
        )
      }),
    timeout
  )

  it.live(
    "shrinks what fails, and a plan is one execution: the same violation and the same trace, until it holds",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const one = ["--test", "counts in the till", "--seed", "1", "--jobs", "1"]
        const found = yield* simulate([shop, ...one, "--json"], { cwd, env: mistake })
        assert.strictEqual(found.code, 1, found.err)
        const [failing] = lastLine(found.out).failing
        const path = failing!.plan!
        assert.match(found.err, new RegExp(`replay +npm run troupe -- simulate --plan ${path}\n`))
        assert.match(found.err, /seconds +ann +bob/)
        assert.match(found.err, /shrunk to 1 in/)
        assert.isTrue(existsSync(join(cwd, path.replace(/json$/, "html"))))

        const again = ["--plan", path, "--json"]
        const first = yield* simulate(again, { cwd, env: mistake })
        const second = yield* simulate(again, { cwd, env: mistake })
        assert.deepStrictEqual([first.code, second.code], [1, 1])
        const [once, twice] = [lastLine(first.out), lastLine(second.out)]
        assert.deepStrictEqual(once.failing, [failing!])
        assert.deepStrictEqual([twice.failing, twice.trace], [once.failing, once.trace])
        assert.match(first.err, /sold once fails at .* on bob: item 7 was sold/)

        const mended = yield* simulate(["--plan", path], { cwd })
        assert.strictEqual(mended.code, 0)
        assert.match(mended.out, /seconds +ann +bob[\s\S]*holds now\n/)
      }),
    timeout
  )

  it.live(
    "runs plans that failed before first, and counts a check that fails in many seeds without shrinking all",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const args = [shop, "--test", "counts in the till", "--jobs", "1", "--seeds", "20", "--json"]
        const { code, err, out } = yield* simulate(args, { cwd, env: mistake })
        assert.strictEqual(code, 1)
        const { failing } = lastLine(out)
        assert.isAbove(failing.length, 5)
        assert.lengthOf(
          failing.filter(({ plan }) => plan !== null),
          5
        )
        assert.lengthOf(err.match(/^ {2}replay /gm) ?? [], 5)
        assert.match(err, new RegExp(`fails in ${failing.length} seeds, ${failing.length - 5} of them counted alone`))

        const after = yield* simulate([shop, "--seeds", "1", "--jobs", "1"], { cwd })
        assert.strictEqual(after.code, 0)
        assert.match(after.out, /^5 plans that failed before, first\n7 seeds/)
      }),
    timeout
  )

  it.live(
    "counts the seed of a plan that still fails, and leaves the plan as it is",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const args = [shop, "--test", "counts in the till", "--seeds", "1", "--jobs", "1"]
        const first = yield* simulate(args, { cwd, env: mistake })
        assert.match(first.out, /shrunk to 1 in/)
        const again = yield* simulate(args, { cwd, env: mistake })
        assert.match(again.out, /^1 plan that failed before, first\n[\s\S]* failed again: sold once/)
        assert.notMatch(again.out, /shrunk to/)
        assert.match(again.out, /fails in 2 seeds, 1 of them counted alone: 1\n2 of 2 failed\n$/)
      }),
    timeout
  )

  it.live(
    "with --twice says whether each seed is one execution, in one process and in a fresh one",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const args = [shop, "--test", "sells on", "--seeds", "2", "--twice", "--jobs", "2"]
        const same = yield* simulate(args, { cwd })
        assert.strictEqual(same.code, 0, same.err)
        assert.include(JSON.parse(same.out.trim().split("\n").at(-1)!), { same: true, seeds: 2 })
        const other = yield* simulate(args, { cwd, env: { BREAKS: "execution" } })
        assert.strictEqual(other.code, 1)
        assert.match(other.out, /seed 1 of "sells on" was not one execution/)
        assert.match(other.out, /\{"same":false,.*\}\n$/)
      }),
    timeout
  )

  it.live(
    "ends all of its processes at Ctrl-C, and has then shown nothing",
    () =>
      Effect.gen(function* () {
        const call = { cwd: yield* folder, stopAt: /a second/ }
        const { code, out } = yield* simulate([shop, "--jobs", "2", "--seeds", "1000000"], call)
        assert.deepStrictEqual([code, out], [1, ""])
      }),
    timeout
  )

  it.live(
    "names what a worker was doing that ended by itself",
    () =>
      Effect.gen(function* () {
        const { code, err } = yield* simulate([shop, "--jobs", "2"], { cwd: yield* folder, env: { BREAKS: "process" } })
        assert.strictEqual(code, 1)
        assert.match(err, /WorkerCrashed: a worker process ended by itself \(code 7\) while it ran seed \d of "sells on"/)
        assert.match(err, /the shop burns down/)
      }),
    timeout
  )
})

const plan = (more: object, step: object = { item: 1 }): string =>
  JSON.stringify({
    ...{ format: 1, file: shop, name: "counts in the till", seed: 1 },
    world: { peers: ["ann", "bob"], preemption: 0, network: "usual", trouble: 1_000 },
    events: [{ id: "step1", at: 0, kind: "step", peer: "ann", step }],
    ...more
  })

describe("troupe simulate, called wrongly", () => {
  it.live.each([
    { args: [], says: /^Name a test file, or a plan with --plan\.$/ },
    { args: ["nowhere.ts"], says: /^There is no file nowhere\.ts\.$/ },
    { args: ["plain.ts"], says: /^plain\.ts has no simulated test: write it\.simulated/ },
    { args: [shop, "--test", "sells"], says: /has no simulated test "sells", only "sells on", "counts in the till"\.$/ },
    { args: [shop, "--peers", "4"], says: /"counts in the till" have names/ },
    { args: [shop, "--seed", "1", "--seeds", "2"], says: /^--seed and --seeds say two things/ },
    { args: [shop, "--jobs", "0"], says: /from 1 to 64, not 0[\s\S]*Type: troupe simulate / },
    { args: [shop, "--plan", "x.json"], says: /^--plan and FILE say two things/ },
    { args: ["--plan", "gone.json"], says: /^gone\.json cannot be read|no such file.*gone\.json/ },
    { args: ["--plan", "plan.json"], file: "{", says: /^plan\.json is no plan of this version: .*$/ },
    { args: ["--plan", "plan.json"], file: plan({ format: 2 }), says: /^plan\.json is no plan of this version: .*format/ },
    { args: ["--plan", "plan.json"], file: plan({ name: "sells" }), says: /has no simulated test "sells"/ },
    { args: ["--plan", "plan.json"], file: plan({ file: null }), says: /does not say which file its test is in/ },
    {
      args: ["--plan", "plan.json"],
      file: plan({}, { item: "x" }),
      says: /event step1 \(item x\) is no step of this test: .*item/
    },
    {
      args: ["--plan", "plan.json"],
      file: plan({ events: [{ id: "step1", at: 0, kind: "step", peer: "eve", step: { item: 1 } }] }),
      says: /event step1 is about eve, and its peers are ann, bob/
    }
  ])(
    "($args) says what is wrong in a sentence, and ends with 2",
    ({ args, file, says }) =>
      Effect.gen(function* () {
        const cwd = yield* folder
        writeFileSync(join(cwd, "plain.ts"), "export const plain: boolean = true\n")
        if (file !== undefined) writeFileSync(join(cwd, "plan.json"), file)
        const { code, err, out } = yield* simulate(args, { cwd })
        assert.deepStrictEqual([code, out], [2, ""], err)
        assert.match(err.trim(), says)
        assert.notMatch(err, /^ +at /m)
      }),
    timeout
  )

  it.live(
    "a file that cannot be loaded is shown with where it fails",
    () =>
      Effect.gen(function* () {
        const { code, err } = yield* simulate([shop], { cwd: yield* folder, env: { BREAKS: "load" } })
        assert.strictEqual(code, 2)
        assert.match(err, /Shop\.ts cannot be loaded: Error: this file does not load\n +at .*Shop\.ts:\d+/)
      }),
    timeout
  )

  it.live(
    "runs JavaScript, too",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        // what imports nothing but by URL needs no node_modules
        const testing = new URL("../../src/testing/index.ts", import.meta.url).href
        writeFileSync(
          join(cwd, "small.mjs"),
          `import { it } from ${JSON.stringify(testing)}\nit.simulated("idles", { peers: 2, seeds: 2 }, (world) => world.play())\n`
        )
        const { code, err, out } = yield* simulate(["small.mjs", "--jobs", "1"], { cwd })
        assert.strictEqual(code, 0, err)
        assert.match(out, /^2 seeds/)
      }),
    timeout
  )
})
