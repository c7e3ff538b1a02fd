/**
 * The scenario of actors: each of its checkers finds the mistake that it is there for, and a seed is one execution.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../src/layers/simulation/World.ts"
import { actors } from "./scenarios/Actors.ts"
import type { Mistake } from "./scenarios/Bank.ts"

const peers = ["p1", "p2", "p3"]
const ran = (seed: number, mistake: Mistake | null) => {
  const { layer, run } = actors(mistake)
  return World.run({ peers, seed, layer: layer! }, run)
}

/** A seed in which each shows, among the first ten. */
const mistakes: ReadonlyArray<readonly [Mistake, says: string]> = [
  ["deposit without command", "applied twice: Deposit"],
  ["reply before durable", "lost: "],
  ["no resuming", "liveness: "],
  ["no refund", "on the way although every transfer is over"]
]

describe("World: the scenario of actors", () => {
  it.live("[W15] is one execution for a seed, and finds nothing wrong", () =>
    Effect.gen(function* () {
      const first = yield* ran(1, null)
      assert.deepStrictEqual(first.value.violations, [])
      assert.strictEqual((yield* ran(1, null)).trace, first.trace)
    })
  )

  for (const [mistake, says] of mistakes) {
    it.live(`[W16] finds a program with ${mistake}`, () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 10; seed++) {
          const { violations } = (yield* ran(seed, mistake)).value
          if (violations.some((violation) => violation.includes(says))) return
        }
        assert.fail(`no seed says "${says}"`)
      })
    )
  }
})
