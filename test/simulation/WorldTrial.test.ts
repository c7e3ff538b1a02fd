/**
 * Trials: a plan happens as it says, what is broken is named.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as WorldHunt from "../../src/layers/simulation/WorldHunt.ts"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import { none, only } from "../../src/schema/simulation/Faults.ts"
import type { Event } from "../../src/schema/simulation/Plan.ts"
import * as Simulation from "../../src/services/simulation/Simulation.ts"
import { type Doing, planOf, ran, step, trial, workload, write } from "./trials.ts"

describe("Trial", () => {
  it.live("[W29] lets each step happen at its time, at its peer, one after the other", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const verdict = yield* ran([step("a", 1_000), step("b", 1_500), step("c", 1_500, "bob")], (world) =>
        world.play(({ do: what }, peer) =>
          Effect.gen(function* () {
            seen.push(`${what} ${peer.name} ${yield* world.seconds}`)
            yield* Effect.sleep("2 seconds")
          })
        )
      )
      assert.deepStrictEqual(verdict.violations, [])
      assert.deepStrictEqual(seen.sort(), ["a ann 1", "b ann 3", "c bob 1.5"])
      assert.strictEqual(verdict.operations, 3)
    })
  )

  it.live("[W29] has taken every step when it is calm, those at the very end and those that had to wait for others, too", () =>
    Effect.gen(function* () {
      // the first ends at the very moment at which it is looked whether any is left
      const late = [step("a", 9_000), step("b", 9_500)]
      for (let seed = 1; seed <= 20; seed++) {
        for (const steps of [late, [step("c", 10_000)]]) {
          let taken = 0
          const body = trial((world) =>
            Effect.gen(function* () {
              yield* world.play(() => Effect.map(Effect.sleep("2 seconds"), () => taken++))
              if (taken < steps.length) return yield* world.violated("all are taken", `${taken} of ${steps.length}`)
            })
          )
          const plan = planOf(steps)
          const verdict = yield* WorldTrial.run(body, { ...plan, seed, world: { ...plan.world, preemption: 8 } })
          assert.deepStrictEqual([verdict.violations, verdict.operations], [[], steps.length], `seed ${seed}`)
        }
      }
    })
  )

  it.live(
    "[W29] takes a typed failure of a step for what faults do, a defect for a mistake, and one that never ends for another",
    () =>
      Effect.gen(function* () {
        const failing = yield* ran([step("a", 100)], (world) => world.play(() => Effect.fail("no")))
        assert.deepStrictEqual([failing.violations, failing.operations], [[], 0])
        const [defect] = (yield* ran([step("a", 100)], (world) => world.play(() => Effect.die(new Error("oh"))))).violations
        assert.deepStrictEqual([defect?.check, defect?.peer], ["no defect", "ann"])
        assert.include(defect?.says, "oh")
        const [hanging] = (yield* ran([step("a", 100)], (world) => world.play(() => Effect.never))).violations
        assert.deepStrictEqual([hanging?.check, hanging?.peer], ["steps end", "ann"])
      })
  )

  it.live("[W29] counts what steps fail with, and takes ten that all fail with the same for a mistake", () =>
    Effect.gen(function* () {
      const steps = Array.from({ length: 10 }, (_, i) => step(`s${i}`, 100 * i))
      const no = (of: ReadonlyArray<Event>, name: (what: string) => string | null) =>
        ran(of, (world) =>
          world.play(({ do: what }) => {
            const tag = name(what)
            return tag === null ? Effect.void : Effect.fail({ _tag: tag })
          })
        )
      const all = yield* no(steps, () => "NotFound")
      assert.deepStrictEqual(all.failed, { NotFound: 10 })
      assert.deepStrictEqual(
        all.violations.map(({ check, says }) => `${check}: ${says}`),
        ["steps succeed: all 10 steps fail with NotFound"]
      )
      const some = yield* no(steps, (what) => (what === "s3" ? null : "NotFound"))
      assert.deepStrictEqual([some.violations, some.failed], [[], { NotFound: 9 }])
      const two = yield* no(steps, (what) => (what === "s3" ? "Other" : "NotFound"))
      assert.deepStrictEqual([two.violations, two.failed], [[], { NotFound: 9, Other: 1 }])
      assert.deepStrictEqual((yield* no(steps.slice(1), () => "NotFound")).violations, [])
    })
  )

  it.live("[W30] tells first that a step has asked the host, and what to take instead, before what came of it", () =>
    Effect.gen(function* () {
      const asks = (call: () => unknown) => ran([step("a", 100)], (world) => world.play(() => Effect.sync(call)))
      const [first] = (yield* asks(() => Date.now())).violations
      assert.strictEqual(first?.check, "the world")
      const advice = 'Take it from Clock, Random, Crypto or a service, or let the world answer (host: "answer").'
      assert.include(first?.says, `Date.now was called inside a simulated world. ${advice} It was called here:`)
      assert.include(first?.says, "WorldTrial.test.ts")
      // to what the world cannot answer, either, it is no way out
      const [other] = (yield* asks(() => fetch("https://example.org"))).violations
      assert.include(other?.says, "fetch was called inside a simulated world. Take it from Clock")
      assert.notInclude(other?.says, "answer")
    })
  )

  it.live("[W30] names what a body finds broken, when and where", () =>
    Effect.gen(function* () {
      const { violations } = yield* ran([], (world) =>
        Effect.gen(function* () {
          yield* Effect.sleep("3 seconds")
          yield* world.check("has a long name", ({ name }) => Effect.succeed(name.length > 2 || `${name} is short`))
        })
      )
      assert.deepStrictEqual(violations, [{ check: "has a long name", says: "cy is short", peer: "cy", seconds: 3 }])
    })
  )

  it.live("[W30] finds nothing left of a peer that was cut off at the end, since it can still close what it has", () =>
    Effect.gen(function* () {
      const { violations } = yield* ran([], (world) =>
        Effect.gen(function* () {
          const shared = yield* world.together("Notes")
          yield* Effect.sleep("5 seconds")
          yield* world.partition([["bob"], ["ann", "cy", "kube"]])
          yield* write(shared, world, "bob", "alone")
          yield* Effect.sleep("25 seconds")
        })
      )
      assert.deepStrictEqual(violations, [])
    })
  )

  it.live("[W30] finds what a program leaves running after its peer was closed", () =>
    Effect.gen(function* () {
      const { violations } = yield* ran([], (world) =>
        world.peer("bob").run(Effect.andThen(Effect.forkDetach(Effect.sleep("1 day")), Effect.void))
      )
      assert.deepStrictEqual(
        violations.map(({ check, peer, says }) => [check, peer, says]),
        [["nothing left", "bob", "1 fiber, 1 timer and 0 connections or places after it was closed"]]
      )
    })
  )
})

describe("Hunt", () => {
  /** Fails when bob was frozen and ann has written afterwards. */
  const fragile = trial((world) =>
    Effect.gen(function* () {
      let wasFrozen = false
      yield* Effect.forkChild(
        Effect.forever(
          Effect.gen(function* () {
            const found = yield* Effect.timeoutOption(world.peer("bob").run(Effect.sleep("10 millis")), "50 millis")
            if (found._tag === "None") wasFrozen = true
            yield* Effect.sleep("20 millis")
          })
        )
      )
      yield* world.play((_, peer) =>
        wasFrozen && peer.name === "ann" ? world.violated("ann waits for bob", "she did not", "ann") : Effect.void
      )
    })
  )

  it.live("[W32] makes a plan that fails as small as it can be, and it still fails so", () =>
    Effect.gen(function* () {
      const steps = Array.from({ length: 12 }, (_, i) => step(`s${i}`, 700 * i, ["ann", "bob", "cy"][i % 3]))
      const frozen: Event = { id: "freeze1", at: 2_300, kind: "freeze", peer: "bob", lasts: 3_700 }
      const others: ReadonlyArray<Event> = [
        { id: "slow1", at: 1_000, kind: "slowDisk", peer: "cy", lasts: 2_000, amount: 100 },
        { id: "reset1", at: 4_000, kind: "reset", peer: "cy", lasts: 0 }
      ]
      const plan = planOf([...steps, frozen, ...others].sort((a, b) => a.at - b.at))
      const { found } = yield* WorldHunt.hunt(fragile, plan, 200)
      assert.deepStrictEqual(
        found?.shrunk.plan.events.map(({ kind, peer }) => [kind, peer]),
        [
          ["freeze", "bob"],
          ["step", "ann"]
        ]
      )
      assert.deepStrictEqual(
        [found?.failure.check, found?.again.violations[0]?.check],
        ["ann waits for bob", "ann waits for bob"]
      )
      assert.isTrue(found?.lines.some((line) => line.includes(" violated ")))
    })
  )

  it.live("[W32] says of a test that is decided by something else that it is no single execution", () =>
    Effect.gen(function* () {
      let runs = 0
      const moody = trial((world) => Effect.andThen(world.note("run", ++runs), world.violated("holds", `not in run ${runs}`)))
      const { found } = yield* WorldHunt.hunt(moody, planOf([]), 50)
      assert.strictEqual(found?.failure.check, "one execution")
      assert.match(found?.failure.says ?? "", /\nline \d+ was {2}\d+ run 2\nand then {6}\d+ run 3$/)
    })
  )

  it.live("[W32] runs what holds a second time where it is told to, and says in which line it was no single execution", () =>
    Effect.gen(function* () {
      let runs = 0
      const moody = trial((world) => world.note("run", ++runs))
      assert.strictEqual((yield* WorldHunt.hunt(moody, planOf([]), 50)).found, null)
      const { found } = yield* WorldHunt.hunt(moody, planOf([]), 50, { isTwice: true })
      assert.strictEqual(found?.failure.check, "one execution")
      assert.match(found?.failure.says ?? "", /\nline \d+ was {2}\d+ run 2\nand then {6}\d+ run 3$/)
      const steady = trial((world) => world.note("run"))
      assert.strictEqual((yield* WorldHunt.hunt(steady, planOf([]), 50, { isTwice: true })).found, null)
    })
  )
})

describe("a world that halts", () => {
  const halts = {
    stuck: () => Effect.promise(() => Promise.resolve(1)),
    circle: () => Effect.forever(Effect.yieldNow),
    limit: () => Effect.never
  }

  it.live.each(["stuck", "circle", "limit"] as const)("[W8] has a trace, too (%s), the same in each run of a seed", (how) =>
    Effect.gen(function* () {
      const halting = trial((world) => Effect.andThen(world.note("begins"), halts[how]()))
      const [first, again] = [yield* WorldTrial.run(halting, planOf([])), yield* WorldTrial.run(halting, planOf([]))]
      assert.deepStrictEqual(
        first.violations.map(({ check }) => check),
        ["the world"]
      )
      assert.match(first.trace, /^[0-9a-f]{64}$/)
      assert.strictEqual(again.trace, first.trace)
    })
  )

  it.live("[W32] is told as no single execution when it was another before it halted", () =>
    Effect.gen(function* () {
      let runs = 0
      const moody = trial((world) => Effect.andThen(world.note("run", ++runs), Effect.never))
      const { found } = yield* WorldHunt.hunt(moody, planOf([]), 50)
      assert.strictEqual(found?.failure.check, "one execution")
      // who asked the host is told that first
      const asks = trial((world) => Effect.andThen(world.note("run", ++runs), () => Effect.succeed(Date.now())))
      assert.strictEqual((yield* WorldHunt.hunt(asks, planOf([]), 50)).found?.failure.check, "the world")
    })
  )
})

describe("Simulation", () => {
  it.live("[W29] makes of one seed one plan, of which a kind less leaves the rest as it is", () =>
    Effect.gen(function* () {
      const with2 = Simulation.make("two", { faults: only("crash", "reset"), workload }, () => Effect.void)
      const with1 = Simulation.make("two", { faults: only("crash"), workload }, () => Effect.void)
      const [plan, again, less] = [
        yield* Simulation.planOf(with2, 3),
        yield* Simulation.planOf(with2, 3),
        yield* Simulation.planOf(with1, 3)
      ]
      assert.deepStrictEqual(plan, again)
      assert.deepStrictEqual(
        less.events,
        plan.events.filter(({ kind }) => kind !== "reset")
      )
      assert.notDeepEqual(plan, yield* Simulation.planOf(with2, 4))
    })
  )
})

describe("Trial: what a review found", () => {
  it.live("[W30] tells when something was said, and of a peer whose program does not begin", () =>
    Effect.gen(function* () {
      const said = yield* ran([], (world) =>
        Effect.andThen(
          Effect.sleep("7 seconds"),
          Effect.sync(() => world.say("late", "so late"))
        )
      )
      assert.deepStrictEqual(said.violations, [{ check: "late", says: "so late", peer: null, seconds: 7 }])
      const layer = Layer.effectDiscard(Effect.fail(new Error("MISSING_KEY is not set")))
      const broken = Simulation.make<Doing>("a trial", { peers: ["ann", "bob", "cy"], faults: none, workload, layer }, (world) =>
        world.play(() => Effect.void)
      )
      const [first] = (yield* WorldTrial.run(broken, planOf([step("a", 100)]))).violations
      assert.strictEqual(first?.check, "peers start")
      assert.include(first?.says, "MISSING_KEY is not set")
    })
  )

  it.live("[W30] keeps the kinds of slips in a body apart, so that none is made smaller into another", () =>
    Effect.gen(function* () {
      const type = yield* ran([], () => Effect.die(new TypeError("undefined is no function")))
      const range = yield* ran([], () => Effect.die(new RangeError("too far")))
      assert.deepStrictEqual(
        [type.violations[0]?.check, range.violations[0]?.check],
        ["the test itself: TypeError", "the test itself: RangeError"]
      )
      assert.include(type.violations[0]?.says, "WorldTrial.test.ts")
    })
  )

  it.live("[W32] prints what a program prints, once, and fails because of it in no way", () =>
    Effect.gen(function* () {
      const printed: Array<unknown> = []
      const log = console.log
      console.log = (...said: ReadonlyArray<unknown>) => void printed.push(said[0])
      try {
        const talks = trial((world) =>
          world.play(() =>
            Effect.andThen(
              Effect.sync(() => console.log("hello")),
              world.violated("is quiet", "it is not")
            )
          )
        )
        const { found } = yield* WorldHunt.hunt(talks, planOf([step("a", 100)]), 20)
        assert.strictEqual(found?.failure.check, "is quiet")
        assert.deepStrictEqual(printed, ["hello"])
      } finally {
        console.log = log
      }
    })
  )
})
