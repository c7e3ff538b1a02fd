/**
 * A test file for the tests of `troupe simulate`: a suite, an ordinary test, a simulation that holds, and one with a planted mistake.
 *
 * It is named so that `npm test` does not run it by itself. With MISTAKE=1 the shop counts a lost sale as made.
 */

import { assert, describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { beforeAll } from "vitest"
import { only } from "../../../src/schema/simulation/Faults.ts"
import { make } from "../../../src/services/simulation/Workload.ts"
import { it } from "../../../src/testing/index.ts"

const workload = make({ step: Schema.Struct({ item: Schema.Int }), count: 12, by: (draw) => ({ item: draw(9) }) })
const options = { peers: ["ann", "bob"], seeds: 6, faults: only("crash"), workload }

if (process.env["BREAKS"] === "load") throw new Error("this file does not load")

/** What one world leaves to the next, as none may. */
let opened = 0

describe("a shop", () => {
  let isReady = false
  beforeAll(() => {
    isReady = true
  })

  it("opens", () => {
    assert.isTrue(isReady)
    if (process.env["MISTAKE"] !== undefined) assert.fail("an ordinary test was run")
  })

  it.live.each([1, 2])("opens %i times", () => Effect.void)

  it.simulated("sells on", { peers: 2, seeds: 4, faults: only("freeze") }, (world) =>
    Effect.gen(function* () {
      if (process.env["BREAKS"] === "execution") yield* world.note("opened", ++opened)
      yield* world.play()
      yield* world.check("someone is there", (peer) => Effect.succeed(peer.name !== ""))
      if (process.env["BREAKS"] === "process") {
        console.error("the shop burns down")
        process.exit(7)
      }
    })
  )

  describe.each(["till"])("its %s", (name) => {
    it.simulated(`counts in the ${name}`, options, (world) => {
      const sold: Array<number> = []
      const sells = ({ item }: { readonly item: number }) => Effect.sync(() => void sold.push(item))
      return Effect.gen(function* () {
        yield* world.play(sells)
        expect(sold.every((item) => item < 9)).toBe(true)
        if (process.env["MISTAKE"] !== undefined && sold.includes(7)) yield* world.violated("sold once", "item 7 was sold", "bob")
      })
    })
  })
})
