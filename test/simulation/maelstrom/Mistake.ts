/**
 * Programs of Maelstrom (https://github.com/jepsen-io/maelstrom/blob/main/doc/workloads.md) beside a wrong one of each: a checker that
 * cannot fail checks nothing.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Trial } from "troupe/simulation"
import { it } from "troupe/testing"
import * as WorldTrial from "../../../src/layers/simulation/WorldTrial.ts"
import * as Simulation from "../../../src/services/simulation/Simulation.ts"

const seedsMax = 10

/** A test that one of the first seeds breaks a check. */
export const finds = <S>(
  mistake: string,
  check: string,
  options: Simulation.Options<S>,
  body: (world: Trial<S>) => Effect.Effect<unknown, unknown>
): void =>
  it.live(`finds ${mistake}`, () =>
    Effect.gen(function* () {
      const simulation = Simulation.make(mistake, options, body)
      for (let seed = 1; seed <= seedsMax; seed++) {
        const { violations } = yield* WorldTrial.run(simulation, yield* Simulation.planOf(simulation, seed))
        if (violations.length === 0) continue
        return assert.include(
          violations.map((violation) => violation.check),
          check
        )
      }
      assert.fail(`none of ${seedsMax} seeds breaks anything`)
    })
  )
