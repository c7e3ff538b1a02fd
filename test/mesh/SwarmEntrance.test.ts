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
        entrance.within(device, device, entering, (reason) => Effect.fail(reason))
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

  it.effect("counts by person: thirty-two devices of one take no more room than one device of another", () =>
    Effect.gen(function* () {
      const entrance = new SwarmEntrance()
      const coming = (device: string, person: string) =>
        Effect.forkChild(
          entrance.within(device, person, Effect.never, (reason) => Effect.fail(reason)),
          { startImmediately: true }
        )
      for (let n = 0; n < 32; n++) yield* coming(`Mallory's ${n}`, "Mallory")
      const others = yield* Effect.forEach(
        Array.from({ length: 15 }, (_, n) => `${n}`),
        (n) => coming(`of ${n}`, n)
      )
      for (let n = 32; n < 64; n++) yield* coming(`Mallory's ${n}`, "Mallory")
      assert.strictEqual(entrance.size, 16)
      for (const each of others) assert.isUndefined(each.pollUnsafe())
    })
  )

  it.effect("gives a place between a person's own devices, so that one that is slow keeps none of the others out", () =>
    Effect.gen(function* () {
      const entrance = new SwarmEntrance()
      const coming = (device: string, person: string) =>
        Effect.forkChild(
          entrance.within(device, person, Effect.never, (reason) => Effect.fail(reason)),
          { startImmediately: true }
        )
      for (let n = 0; n < 15; n++) yield* coming(`of ${n}`, `${n}`)
      const slow = yield* coming("Bob's phone", "Bob")
      const again = yield* coming("Bob's phone", "Bob")
      assert.deepStrictEqual(yield* Fiber.await(again), Exit.fail("there is no room to let it in"))
      const laptop = yield* coming("Bob's laptop", "Bob")
      assert.deepStrictEqual(yield* Fiber.await(slow), Exit.fail("another device has its place"))
      assert.isUndefined(laptop.pollUnsafe())
      assert.strictEqual(entrance.size, 16)
    })
  )
})
