/** Plans as files: to which test each belongs, what is said of those that do not fit, and what SEED, PLAN and a timeout do. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as PlansNode from "../../src/layers/simulation/PlansNode.ts"
import { hunt } from "../../src/layers/simulation/WorldHunt.ts"
import { none } from "../../src/schema/simulation/Faults.ts"
import { decodePlan, type Plan } from "../../src/schema/simulation/Plan.ts"
import * as Simulation from "../../src/services/simulation/Simulation.ts"
import { folder, node, simulate, vitest } from "./simulate.ts"

const root = resolve(import.meta.dirname, "..", "..")
const timeout = 120_000

const hostile = "it's $HOME `here` (.*"
const names = ["a b", "a-b", "買う", "--", "x".repeat(300), hostile]

/** What imports nothing but by its path needs no package. */
const source = `
import { it } from ${JSON.stringify(join(root, "src/testing/index.ts"))}
import { none } from ${JSON.stringify(join(root, "src/schema/simulation/Faults.ts"))}
import { make } from ${JSON.stringify(join(root, "src/services/simulation/Workload.ts"))}
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const workload = make({ step: Schema.Struct({ item: Schema.Int }), count: 2 })
const options = { peers: ["ann", "bob"], seeds: 2, faults: none, workload }
const broken = (process.env.BREAKS ?? "")
const test = (name) =>
  it.simulated(name, options, (world) =>
    Effect.andThen(world.play(), broken === "all" || broken === name ? world.violated("whole", "a\\u001b[2Jb") : Effect.void)
  )
for (const name of ${JSON.stringify(names)}) test(name)
it.simulated("slow", { ...options, seeds: 100000, timeout: 300 }, (world) => world.play())
const unjson = make({ step: Schema.Struct({ n: Schema.Number }), by: () => ({ n: Number.NaN }) })
it.simulated("draws NaN", { ...options, workload: unjson }, (world) => world.play())
it.simulated("unfit", options, (world) => world.play())
`

const plan = (name: string, more: object = {}): string =>
  JSON.stringify({
    ...{ format: 1, file: "one.test.mjs", name, seed: 7 },
    world: { peers: ["ann", "bob"], preemption: 0, network: "usual", trouble: 1_000 },
    events: [{ id: "step1", at: 0, kind: "step", peer: "ann", step: { item: 1 } }],
    ...more
  })
const eve = { events: [{ id: "step1", at: 0, kind: "step", peer: "eve", step: { item: 1 } }] }

/** A folder with a test file, plans that are kept beside it, and those of the last failures. */
const project = Effect.map(folder, (cwd) => {
  symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"))
  for (const name of ["plans", ".troupe"]) mkdirSync(join(cwd, name))
  const files = {
    "one.test.mjs": source,
    "two.test.mjs": "",
    "plans/again.json": plan("a b"),
    "plans/of-two.json": plan("a-b", { file: "two.test.mjs", ...eve }),
    "plans/gone.json": plan("renamed"),
    ".troupe/foreign.json": "{}",
    ".troupe/stale.json": plan("a b", eve)
  }
  for (const [path, text] of Object.entries(files)) writeFileSync(join(cwd, path), text)
  return cwd
})

const run = (cwd: string, env: { readonly [name: string]: string }, ...args: ReadonlyArray<string>) =>
  node([vitest, "run", "--root", cwd, "--reporter=verbose", "one.test.mjs", ...args], { cwd, env: { NO_COLOR: "1", ...env } })

const planFiles = (cwd: string) => readdirSync(join(cwd, ".troupe")).filter((name) => /-\d+\.json$/.test(name))

describe("plans in Vitest", () => {
  it.live(
    "belong to a test of a file each, and what does not fit is named",
    () =>
      Effect.gen(function* () {
        const cwd = yield* project
        writeFileSync(join(cwd, "plans/unfit.json"), plan("unfit", eve))
        const { code, err } = yield* run(cwd, { BREAKS: "all" })
        assert.strictEqual(code, 1)

        const kept = planFiles(cwd)
        assert.lengthOf(kept, names.length, kept.join())
        const texts = kept.map((name) => readFileSync(join(cwd, ".troupe", name), "utf8"))
        const told = texts.map((text) => (JSON.parse(text) as Plan).name)
        assert.sameMembers(told, names)
        assert.match(err, /whole fails at \S+ s: a\ufffd\[2Jb\n/)
        assert.match(err, /SimulationFailure: plans\/again\.json failed again: whole fails/)
        assert.match(err, /replay +PLAN=\.troupe\/a-b-[0-9a-f]{8}-1\.json npx vitest run one\.test\.mjs\n/)
        assert.notMatch(err, /of-two/)

        assert.match(err, /Passed over: \.troupe\/foreign\.json is no plan of this version/)
        assert.match(err, /Passed over: \.troupe\/stale\.json is no plan of "a b": its event step1 is about eve/)
        assert.match(err, /plans\/gone\.json is run by no test: one\.test\.mjs has none that is called "renamed"/)
        assert.match(err, /plans\/unfit\.json is no plan of "unfit": .*eve.*Mend it or remove it/)
        assert.match(err, /The step \{"n":NaN\} is none any more .* Schema\.Finite or Schema\.Int/)
        assert.match(err, /SimulationFailure: \d+ of 100000 seeds held in 0\.3 s; raise timeout or lower seeds/)

        // what is printed runs that test, and no other
        const at = told.indexOf(hostile)
        const again = yield* run(cwd, { BREAKS: "all", PLAN: join(".troupe", kept[at]!) })
        assert.strictEqual(again.code, 1)
        assert.match(again.out, /Tests +1 failed \| 8 skipped/)
        assert.include(again.err, `seed     1 of "${hostile}"`)
      }),
    timeout
  )

  it.live(
    "that cannot be written hide no failure",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        symlinkSync(join(root, "node_modules"), join(cwd, "node_modules"))
        writeFileSync(join(cwd, "one.test.mjs"), source)
        writeFileSync(join(cwd, ".troupe"), "a file")
        const { err } = yield* run(cwd, { BREAKS: "a b" }, "-t", "a b")
        assert.match(
          err,
          /SimulationFailure: whole fails at[\s\S]*plan +could not be kept \((EEXIST|ENOTDIR)[^\n]*\): \d+ events?/
        )
        assert.notMatch(err, /replay|diagram/)
      }),
    timeout
  )
})

describe("plans in troupe simulate", () => {
  it.live(
    "that do not fit are passed over in .troupe, and refused in plans",
    () =>
      Effect.gen(function* () {
        const cwd = yield* project
        const one = ["one.test.mjs", "--seeds", "1", "--jobs", "1", "--test"]
        const { code, err, out } = yield* simulate([...one, "a b"], { cwd, env: { BREAKS: "a b" } })
        assert.strictEqual(code, 1, err)
        assert.match(out, /plans\/again\.json failed again: whole fails/)
        assert.match(out, /fails in 2 seeds: 1, 7/)
        assert.match(err, /Passed over: \.troupe\/foreign\.json is no plan/)
        assert.match(err, /Passed over: \.troupe\/stale\.json is no plan of "a b"/)
        assert.match(err, /plans\/gone\.json is run by no test/)
        assert.notMatch(out + err, /of-two/)

        writeFileSync(join(cwd, "plans/unfit.json"), plan("unfit", eve))
        const unfit = yield* simulate([...one, "unfit"], { cwd })
        assert.strictEqual(unfit.code, 2)
        assert.match(unfit.err, /plans\/unfit\.json is no plan of "unfit": .*eve.*Mend it or remove it/)

        const unjson = yield* simulate([...one, "draws NaN"], { cwd })
        assert.strictEqual(unjson.code, 2)
        assert.match(unjson.err, /The step \{"n":NaN\}/)
      }),
    timeout
  )
})

describe("plans as files", () => {
  const made = (file: string | null, name: string): Plan => ({
    ...{ format: 1, file, name, seed: Number.MAX_SAFE_INTEGER, events: [] },
    world: { peers: ["ann"], preemption: 0, network: "usual", trouble: 0 }
  })

  it("have a path of their own each, which every file system takes", () => {
    const files = [null, "a.test.ts", "b/a.test.ts"]
    const all = [...names, "", "\u{20000}".repeat(61), `x${"\u{20000}".repeat(61)}`, "字".repeat(99), "A B", "../../up"]
    const paths = files.flatMap((file) => all.map((name) => PlansNode.pathOf(made(file, name))))
    assert.strictEqual(new Set(paths.map((path) => path.toLowerCase())).size, paths.length)
    for (const path of paths) {
      assert.match(path, /^\.troupe\/[\p{L}\p{N}-]+$/u)
      assert.isBelow(Buffer.byteLength(path), 250)
    }
    assert.strictEqual(PlansNode.pathOf(made("./a.test.ts", "a")), PlansNode.pathOf(made(resolve("a.test.ts"), "a")))
  })

  it.live("are known by the file that they stand beside, wherever they were found", () =>
    Effect.gen(function* () {
      const cwd = yield* folder
      const file = join(cwd, "a.test.ts")
      mkdirSync(join(cwd, "plans"))
      const path = join(cwd, "plans/x.json")
      writeFileSync(path, plan("a", { file: "packages/a/a.test.ts" }))
      assert.deepStrictEqual(
        PlansNode.oldPlans(file, "a").map((old) => old.path),
        [path]
      )
      assert.lengthOf(PlansNode.oldPlans(join(cwd, "b.test.ts"), "a"), 0)
      writeFileSync(join(cwd, "plans/y.json"), "{")
      assert.throws(() => PlansNode.oldPlans(file, "a"), /plans\/y\.json is no plan of this version.*Remove it/)
    })
  )

  it("are refused when something in them would never happen", () => {
    const simulation = Simulation.make("a", { peers: ["ann", "bob"], faults: none }, (world) => world.play())
    const unfit = (more: object) => {
      const decoded = Result.getOrThrow(decodePlan(plan("a", more)))
      return PlansNode.misfit(simulation, decoded)
    }
    const [early, last, late] = [0, 1_000, 1_001].map((at) => ({ id: "step1", at, kind: "step", peer: "ann", step: 1 }))
    const freeze = { id: "freeze1", at: 4_000, kind: "freeze", peer: "ann", lasts: 10 }
    assert.isNull(unfit({ events: [early, { ...last, id: "step2" }] }))
    assert.strictEqual(
      unfit({ events: [{ ...early, id: "step2" }, late] }),
      "its event step1 would never happen: it is at 1001, and the trouble of its world is over at 1000"
    )
    assert.strictEqual(unfit({ events: [early, last].map((event) => ({ ...event, id: "s" })) }), "two of its events are called s")
    assert.match(unfit({ events: [freeze] }) ?? "", /^its event freeze1 would never happen: it is at 4000/)
    assert.match(unfit({ events: [{ ...early, at: -1 }] }) ?? "", /is before all others/)
    const clone = { id: "clone1", at: 0, kind: "clone", peer: "ann", other: "kube", lasts: 0 }
    assert.match(unfit({ events: [clone] }) ?? "", /^its event clone1 makes a clone, and "kube" is a node/)
    const world = { preemption: 0, network: "usual", trouble: 1_000 }
    assert.match(unfit({ events: [], world: { ...world, peers: [] } }) ?? "", /^it has no peers$/)
    assert.match(unfit({ events: [], world: { ...world, peers: ["ann", "ann"] } }) ?? "", /^two peers are called "ann"/)
  })

  it("are quoted for a shell when they need it", () => {
    assert.strictEqual(PlansNode.quoted(".troupe/買う-1.json"), ".troupe/買う-1.json")
    assert.strictEqual(PlansNode.quoted("it's $a"), `'it'\\''s $a'`)
  })
})

describe("SEED", () => {
  it("is a whole number, or refused in a sentence", () => {
    const { SEED } = process.env
    try {
      for (const text of ["abc", "", "1.5", "1e400", "-1", "9007199254740992"]) {
        process.env["SEED"] = text
        assert.throws(() => PlansNode.asked(), `SEED is a whole number from 0 to 9007199254740991, not ${JSON.stringify(text)}.`)
      }
      process.env["SEED"] = "12"
      assert.deepStrictEqual(PlansNode.asked(), { seed: 12 })
    } finally {
      if (SEED === undefined) delete process.env["SEED"]
      else process.env["SEED"] = SEED
    }
  })
})

describe("a time that is over", () => {
  it.live("ends the shrinking with the best that it has", () =>
    Effect.gen(function* () {
      const broken = Simulation.make("broken", { peers: 2, faults: none }, (world) => {
        const ids = world.plan.events.map(({ id }) => id)
        return ids.includes("s3") && ids.includes("s12") ? world.violated("whole", "it is not") : Effect.void
      })
      const events = Array.from({ length: 16 }, (_, n) => ({ id: `s${n}`, at: n, kind: "step", peer: "p1", step: n }))
      const text = plan("broken", { world: { peers: ["p1", "p2"], preemption: 0, network: "usual", trouble: 9 }, events })
      const read = decodePlan(text)
      if (read._tag === "Failure") return assert.fail(read.failure)
      let asked = 0
      const { found } = yield* hunt(broken, read.success, 200, { isOver: () => ++asked > 8 })
      if (found === null) return assert.fail("it holds")
      assert.strictEqual(found.shrunk.tried, 8)
      const { length } = found.shrunk.plan.events
      assert.isTrue(length > 2 && length < 16, `${length} events`)
    })
  )
})
