/** Peers that lie: each lie is told in a world, and the others agree with each other and with the rules all the same. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import { lies } from "../../src/schema/simulation/Lie.ts"
import { planOf } from "../../src/services/simulation/Simulation.ts"
import { scenarios } from "./scenarios/index.ts"

const membership = scenarios["membership"]!

describe("World: peers that lie", () => {
  for (const [at, lie] of lies.entries())
    it.live(`[W37] who would ${lie} takes nothing from the others, and gains nothing that his right does not allow`, () =>
      Effect.gen(function* () {
        let told = 0
        // of three seeds two have a liar, and all lies take turns
        for (const seed of [3 * at + 1, 3 * at + 2]) {
          const { met, violations } = yield* WorldTrial.run(membership, yield* planOf(membership, seed))
          assert.deepStrictEqual(violations, [], `seed ${seed}`)
          told += met[`lies: ${lie}`] ?? 0
        }
        assert.isAbove(told, 0)
      })
    )
})
