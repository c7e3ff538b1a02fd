/**
 * What is given to `always`: looked at whenever something has happened, and told when it checks nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Event } from "../../src/schema/simulation/Plan.ts"
import type { Trial } from "../../src/services/simulation/Trial.ts"
import { type Doing, Note, ran, step, write } from "./trials.ts"

describe("Trial: always", () => {
  it.live("[W30] looks at what has to hold always whenever something has happened, and stops there", () =>
    Effect.gen(function* () {
      const { violations } = yield* ran([step("a", 2_000)], (world) =>
        Effect.gen(function* () {
          const shared = yield* world.together("Notes")
          const count = shared.in(world.peer("bob"), (space) => Effect.map(space.query(Note).all, (all) => all.length))
          yield* world.always(
            "bob sees nothing",
            Effect.map(count, (found) => found === 0 || `bob sees ${found}`)
          )
          yield* world.play(() => write(shared, world, "ann", "hello"))
          yield* Effect.sleep("1 hour")
        })
      )
      assert.deepStrictEqual(
        violations.map(({ check, says }) => [check, says]),
        [["bob sees nothing", "bob sees 1"]]
      )
      assert.isBelow(violations[0]!.seconds, 5)
    })
  )

  it.live("[W30] takes an invariant that dies for a broken promise, and looks at the others all the same", () =>
    Effect.gen(function* () {
      const dies = yield* ran([step("a", 1_000)], (world) =>
        Effect.andThen(
          world.always("can be asked", Effect.die(new TypeError("no such thing"))),
          world.play(() => Effect.void)
        )
      )
      assert.deepStrictEqual(
        [dies.violations[0]?.check, dies.violations[0]?.says.split("\n")[0]],
        ["can be asked", "no such thing"]
      )
      const waits = yield* ran([step("a", 1_000)], (world) =>
        Effect.gen(function* () {
          let done = 0
          yield* world.always("never answers", Effect.never)
          yield* world.always(
            "nobody steps",
            Effect.sync(() => done === 0)
          )
          yield* world.play(() =>
            Effect.andThen(
              world.note("stepped"),
              Effect.sync(() => done++)
            )
          )
        })
      )
      assert.strictEqual(waits.violations[0]?.check, "nobody steps")
      const idle = yield* ran([], (world) => world.always("is asked at least once", Effect.succeed(false)))
      assert.strictEqual(idle.violations[0]?.check, "is asked at least once")
    })
  )

  it.live("[W30] takes an invariant that has never answered in time for one that checks nothing, and says so", () =>
    Effect.gen(function* () {
      const idle = () => Effect.void
      const told = (holds: Effect.Effect<boolean, string>, body: (world: Trial<Doing>) => Effect.Effect<unknown, unknown>) =>
        Effect.map(
          ran(body === idle ? [] : [step("a", 1_000)], (world) => Effect.andThen(world.always("is whole", holds), body(world))),
          ({ violations }) => violations.map(({ check, says }) => `${check}: ${says}`)
        )
      const played = (world: Trial<Doing>) => world.play()
      const waits = "is whole: it takes longer than a second whenever it is asked, and what has to hold always must not wait"
      const slow = Effect.as(Effect.sleep("1500 millis"), true)
      assert.deepStrictEqual(yield* told(slow, played), [waits])
      assert.deepStrictEqual(yield* told(slow, idle), [waits])
      assert.deepStrictEqual(yield* told(Effect.never, played), [waits])
      const fails = "is whole: it fails whenever it is asked, the last time with no such thing"
      assert.deepStrictEqual(yield* told(Effect.fail("no such thing"), played), [fails])
      // what is wrong is told before how slowly it was
      const wrong = yield* told(Effect.as(Effect.sleep("1500 millis"), false), played)
      assert.deepStrictEqual(wrong, ["is whole: it does not hold", waits])
    })
  )

  it.live("[W30] asks an invariant that waits at the very end for a minute, when nothing is broken any more", () =>
    Effect.gen(function* () {
      const last = (seconds: number, held: boolean) =>
        Effect.map(
          ran([step("a", 1_000)], (world) =>
            Effect.gen(function* () {
              const answers = Effect.flatMap(world.isCalm, (isCalm) =>
                Effect.as(Effect.sleep(isCalm ? seconds * 1_000 : 0), held)
              )
              yield* world.always(
                "is whole",
                Effect.flatMap(world.isCalm, (isCalm) => (isCalm ? answers : Effect.succeed(true)))
              )
              yield* world.play()
            })
          ),
          ({ violations }) => violations.map(({ says }) => says)
        )
      assert.deepStrictEqual(yield* last(10, true), [])
      assert.deepStrictEqual(yield* last(10, false), ["it does not hold"])
      assert.deepStrictEqual(yield* last(100, true), ["it has not answered within 60 s although everything has healed"])
    })
  )

  it.live("[W30] asks again what a peer that stands still cannot answer", () =>
    Effect.gen(function* () {
      const frozen: Event = { id: "freeze1", at: 500, kind: "freeze", peer: "bob", lasts: 5_000 }
      const { violations } = yield* ran([frozen, step("a", 1_000)], (world) =>
        Effect.andThen(world.always("bob answers", world.peer("bob").run(Effect.succeed(true))), world.play())
      )
      assert.deepStrictEqual(violations, [])
    })
  )
})
