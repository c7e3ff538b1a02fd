/**
 * What people get wrong who write their first test of a world, and what they are told.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Trial } from "../../src/services/simulation/Trial.ts"
import { type Doing, ran, step } from "./trials.ts"

type Body = (world: Trial<Doing>) => Effect.Effect<unknown, unknown>

/** What the compiler does not let through. */
const loosely = (answer: unknown) => answer as Effect.Effect<never>

const circular: { _tag: string; self?: unknown } = { _tag: "Circular" }
circular.self = circular

const slips: ReadonlyArray<readonly [what: string, body: Body, says: RegExp]> = [
  [
    "a body that is async",
    (world) => loosely((async () => world.play())()),
    /^the test itself: TypeError: the body answers a promise, and no Effect: write Effect\.gen\(function\* \(\) \{ … \}\)/
  ],
  ["a body without return", () => loosely(undefined), /^the test itself: TypeError: the body answers undefined, and no Effect/],
  [
    "a step that is async",
    (world) => world.play(() => loosely(Promise.resolve(1))),
    /^no defect: TypeError: the step answers a promise/
  ],
  [
    "a step that waits for a promise",
    (world) => world.play(() => Effect.promise(async () => 1)),
    /^steps end: do a has not ended 60 s after everything had healed \(a native promise never settles in a world\)$/
  ],
  [
    "a check that answers no Effect",
    (world) =>
      Effect.andThen(
        world.play(),
        world.check("is whole", () => loosely(true))
      ),
    /^the test itself: TypeError: what "is whole" asks answers true, and no Effect/
  ],
  [
    "a check that says nothing",
    (world) =>
      Effect.andThen(
        world.play(),
        world.check("is whole", () => loosely(Effect.void))
      ),
    /^is whole: undefined was answered, and neither true nor what is wrong$/
  ],
  [
    "an invariant that says nothing",
    (world) => Effect.andThen(world.always("is whole", loosely(Effect.void)), world.play()),
    /^is whole: undefined was answered/
  ],
  [
    "play that is called twice",
    (world) => Effect.andThen(world.play(), world.play()),
    /^the test itself: Error: play was called twice, and a plan happens once: take all steps in one call$/
  ],
  [
    "play that is called twice at once",
    (world) => Effect.all([world.play(), world.play()], { concurrency: 2 }),
    /^the test itself: Error: play was called twice/
  ],
  [
    "a check without yield*",
    (world) =>
      Effect.andThen(
        world.play(),
        Effect.sync(() => void world.check("is whole", () => Effect.succeed(false)))
      ),
    /^the checks run: check "is whole" was made and never run: write yield\* before it$/
  ],
  [
    "converged without yield*",
    (world) =>
      Effect.gen(function* () {
        const shared = yield* world.together("Notes")
        yield* world.play()
        void world.converged(shared, { within: "1 minute" })
      }),
    /^the checks run: converged was made and never run: write yield\* before it$/
  ],
  [
    "an invariant without yield*",
    (world) => {
      void world.always("is whole", Effect.succeed(false))
      return world.play()
    },
    /^the checks run: always "is whole" was made and never run/
  ],
  [
    "a check that fails",
    (world) =>
      Effect.andThen(
        world.play(),
        world.check("is whole", (peer) => Effect.andThen(peer.crash(), peer.close).pipe(Effect.as(true)))
      ),
    /^is whole: it has no answer: ann is down \(life 1\)/
  ],
  ["a failure that is nothing", () => Effect.fail(undefined), /^the test itself: a undefined: undefined$/],
  ["an error that contains itself", () => Effect.fail(circular), /^the test itself: Circular: .*\[Circular\]/],
  ["an error with a bigint", () => Effect.fail({ _tag: "Large", amount: 1n }), /^the test itself: Large: .*1n/],
  ["what is thrown and no error", () => Effect.die("oh no"), /^the test itself: a string: oh no$/],
  [
    "a plan that is not played",
    () => Effect.void,
    /^the plan happens: 1 event of the plan did not happen, since the body has not called play: call it, or take Faults\.none and no workload$/
  ]
]

describe("Trial: slips", () => {
  it.live.each(slips)("[W30] tells %s what is wrong", ([, body, expected]) =>
    Effect.gen(function* () {
      const { violations } = yield* ran([step("a", 100)], body)
      const [first] = violations
      assert.match(`${first?.check}: ${first?.says.replace(/^Error: /, "").split("\n")[0]}`, expected)
    })
  )
})
