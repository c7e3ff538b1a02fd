/**
 * The scenarios: each checker of the bank finds the mistake that it is there for, a seed is one execution, and plans that failed hold.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { oldPlans } from "../../src/layers/simulation/PlansNode.ts"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import { planOf } from "../../src/services/simulation/Simulation.ts"
import { actors } from "./scenarios/Actors.ts"
import type { Mistake } from "./scenarios/Bank.ts"
import { scenarios } from "./scenarios/index.ts"

const ran = (seed: number, mistake: Mistake | null) => {
  const scenario = actors(mistake)
  return Effect.flatMap(planOf(scenario, seed), (plan) => WorldTrial.run(scenario, plan))
}

/** What each breaks, in one of the first ten seeds. */
const mistakes: ReadonlyArray<readonly [Mistake, check: string, says: string]> = [
  ["deposit without command", "applied twice", "Deposit"],
  ["reply before durable", "lost", ""],
  ["no resuming", "liveness", ""],
  ["no refund", "money", "on the way although every transfer is over"]
]

describe("World: the scenario of actors", () => {
  it.live("[W15] is one execution for a seed, and finds nothing wrong", () =>
    Effect.gen(function* () {
      const first = yield* ran(1, null)
      assert.deepStrictEqual(first.violations, [])
      assert.strictEqual((yield* ran(1, null)).trace, first.trace)
    })
  )

  for (const [mistake, name, said] of mistakes) {
    it.live(`[W16] finds a program with ${mistake}`, () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 10; seed++) {
          const { violations } = yield* ran(seed, mistake)
          if (violations.some(({ check, says }) => check === name && says.includes(said))) return
        }
        assert.fail(`no seed breaks "${name}"`)
      })
    )
  }
})

describe("World: the scenario of membership", () => {
  it.live("finds members that agree with each other and with the rules, and seeds that take rights away at the same time", () =>
    Effect.gen(function* () {
      const met: { [name: string]: number } = {}
      for (let seed = 1; seed <= 5; seed++) {
        const plan = yield* planOf(scenarios["membership"]!, seed)
        const verdict = yield* WorldTrial.run(scenarios["membership"]!, plan)
        assert.deepStrictEqual(verdict.violations, [], `seed ${seed}`)
        for (const [name, times] of Object.entries(verdict.met)) met[name] = (met[name] ?? 0) + times
      }
      for (const name of ["removals", "concurrent removals", "withheld", "kept of who was removed"])
        assert.isAbove(met[name] ?? 0, 0, name)
    })
  )
})

describe("World: plans that failed once", () => {
  const file = "test/simulation/scenarios/simulated.ts"
  for (const scenario of Object.values(scenarios))
    for (const { plan } of oldPlans(file, scenario.name))
      it.live(`[W33] seed ${plan.seed} of ${scenario.name} holds`, () =>
        Effect.gen(function* () {
          assert.deepStrictEqual((yield* WorldTrial.run(scenario, plan)).violations, [])
        })
      )
})
