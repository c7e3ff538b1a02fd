/** Calls between the peers of a world: many at the same time, with preemption between any two operations, and over cuts. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as World from "../../src/layers/simulation/World.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import type { World as Simulated } from "../../src/services/simulation/World.ts"

const Sum = Actor.make("Sum", [
  Rpc.make("Add", { payload: { by: Schema.Int }, success: Schema.Int }).annotate(Actor.Callers, Actor.members)
])

const SumLive = Sum.toLayer(
  Effect.sync(() => {
    let sum = 0
    return Sum.handlers({ Add: ({ by }) => Effect.map(Effect.yieldNow, () => (sum += by)) })
  })
)

/** Connects both peers by a space, and answers how Ann calls the sum at Bob's. */
const connected = (world: Simulated) =>
  Effect.gen(function* () {
    const [ann, bob] = [world.peer("ann"), world.peer("bob")]
    const theirs = yield* bob.run(Effect.map(Peer, ({ device }) => device))
    const ticket = yield* ann.run(
      Effect.flatMap(Peer, ({ spaces }) => Effect.map(spaces.create({ name: "x", members: [theirs] }), ({ ticket }) => ticket))
    )
    yield* bob.run(Effect.flatMap(Peer, ({ spaces }) => spaces.open(ticket)))
    yield* ann.run(Effect.flatMap(Peer, ({ spaces }) => Effect.flatMap(spaces.open(ticket), (space) => space.synced(theirs))))
    return (calls: number) =>
      ann.run(
        Effect.provide(
          Effect.flatMap(Sum.client("s"), (sum) =>
            Effect.forEach(Array(calls).fill(1), (by) => Effect.result(sum.Add({ by }, { timeout: 60_000 })), {
              concurrency: "unbounded"
            })
          ),
          Sum.placed(() => theirs)
        )
      )
  })

describe("World: calls between peers", () => {
  it.live("answer all of many at a time, the same way in each run of a seed", () =>
    Effect.gen(function* () {
      for (const seed of [1, 2, 3]) {
        const run = World.run({ peers: ["ann", "bob"], seed, preemption: 8, layer: SumLive }, (world) =>
          Effect.flatMap(connected(world), (call) => call(300))
        )
        const { trace, value } = yield* run
        const sums = value.map((result) => (result._tag === "Success" ? result.success : result.failure._tag))
        assert.deepStrictEqual(
          sums.sort((a, b) => Number(a) - Number(b)),
          Array.from({ length: 300 }, (_, i) => i + 1)
        )
        assert.strictEqual((yield* run).trace, trace)
      }
    })
  )

  it.live("fail typed when the connection is reset under them, and go on over the next one", () =>
    World.run({ peers: ["ann", "bob"], seed: 4, layer: SumLive }, (world) =>
      Effect.gen(function* () {
        const call = yield* connected(world)
        const reset = Effect.andThen(Effect.sleep("20 millis"), world.reset("ann", "bob"))
        const [results] = yield* Effect.all([call(20), reset], { concurrency: "unbounded" })
        const errors = results.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
        assert.isAbove(errors.length, 0)
        for (const error of errors) assert.deepInclude(error, { _tag: "ActorUnreachable", isSent: true } as never)
        yield* Effect.sleep("30 seconds")
        assert.deepStrictEqual(
          (yield* call(3)).map(({ _tag }) => _tag),
          ["Success", "Success", "Success"]
        )
      })
    )
  )
})
