/** The places of an entrance, when somebody takes more than his own. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { SwarmEntrance } from "../../src/layers/mesh/SwarmEntrance.ts"

describe("SwarmEntrance", () => {
  it.effect("lets no member keep others out by taking all places, and takes nobody's only one", () =>
    Effect.gen(function* () {
      const entrance = new SwarmEntrance()
      const coming = (device: string, entering: Effect.Effect<void>) =>
        entrance.within(device, true, entering, (reason) => Effect.fail(reason))
      const stay = (device: string) => Effect.forkChild(coming(device, Effect.never), { startImmediately: true })
      const only = yield* stay("Bob's phone")
      const many = yield* Effect.forEach(Array.from({ length: 15 }), () => stay("Mallory's"))
      assert.strictEqual(yield* Effect.flip(coming("Mallory's", Effect.void)), "there is no room to let it in")
      yield* coming("Carol's tablet", Effect.void)
      assert.deepStrictEqual(yield* Fiber.await(many[0]!), Exit.fail("another device has its place"))
      assert.isUndefined(only.pollUnsafe())
      assert.strictEqual(entrance.size, 15)
    })
  )
})
