/**
 * Clocks that are wrong, each peer's own, and laptops that sleep.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as World from "../../src/layers/simulation/World.ts"
import type { SimulatedPeer } from "../../src/services/simulation/World.ts"
import { shows, together, write } from "./tasks.ts"

const options = { peers: ["ann", "bob"], seed: 1, limit: "1 hour" } as const

const wall = (peer: SimulatedPeer) => peer.run(Clock.currentTimeMillis)
const monotonic = (peer: SimulatedPeer) => peer.run(Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n)))

describe("World: clocks", () => {
  it.live("[W20] are skewed, jump and drift for one peer alone, through its lives", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const [ann, bob] = [world.peer("ann"), world.peer("bob")]
        const ahead = Effect.gen(function* () {
          return Math.round(((yield* wall(ann)) - (yield* wall(bob))) / 100) / 10
        })
        yield* ann.run(Effect.void)
        yield* bob.run(Effect.void)
        assert.strictEqual(yield* ahead, 0)
        yield* ann.setClock({ skew: "-1 hour" })
        yield* ann.crash()
        yield* ann.restart
        yield* ann.run(Effect.void)
        assert.strictEqual(yield* ahead, -3_600)
        yield* ann.jumpClock("2 hours")
        yield* ann.jumpClock(-1_000)
        assert.strictEqual(yield* ahead, 3_599)
        yield* ann.setClock({ skew: 0, driftPpm: 20_000 })
        const [before, since] = [yield* monotonic(ann), yield* monotonic(bob)]
        yield* Effect.sleep("1000 seconds")
        assert.strictEqual(yield* ahead, 20)
        assert.strictEqual(Math.round(((yield* monotonic(ann)) - before) / 1_000), 1_020)
        assert.strictEqual(Math.round(((yield* monotonic(bob)) - since) / 1_000), 1_000)
        const began = yield* world.seconds
        yield* ann.run(Effect.sleep("1 second"))
        assert.closeTo((yield* world.seconds) - began, 0.980393, 1e-5)
        yield* ann.setClock({ skew: 0, driftPpm: 0 })
        const { drifted, jumped, skewed } = yield* ann.touched
        for (const times of [drifted, jumped, skewed]) assert.isAbove(times, 0)
        assert.strictEqual(yield* ahead, 0)
        assert.strictEqual((yield* ann.touched).skewed, skewed)
        assert.deepInclude(yield* bob.touched, { drifted: 0, jumped: 0, skewed: 0 })
      })
    )
  )

  it.live("[W20] that are hours and per cents apart keep nobody from what the others write", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* together(world)
        yield* ann.setClock({ skew: "-3 hours", driftPpm: 50_000 })
        yield* bob.setClock({ driftPpm: -50_000 })
        yield* write(ann, ticket, "long ago")
        yield* write(bob, ticket, "now")
        yield* ann.jumpClock("6 hours")
        yield* write(ann, ticket, "to come")
        for (const peer of [ann, bob]) yield* shows(peer, ticket, ["first", "long ago", "now", "to come"])
      })
    )
  )

  it.live(
    "[W26] stand in a sleep of minutes: timers come late and all at once, and connections that were given up are made anew",
    () =>
      World.run(options, (world) =>
        Effect.gen(function* () {
          const { ann, bob, ticket } = yield* together(world)
          const rang: Array<number> = []
          const alarm = (seconds: number) =>
            Effect.andThen(
              Effect.sleep(seconds * 1_000),
              Effect.map(world.seconds, (now) => rang.push(Math.floor(now)))
            )
          const ringing = yield* Effect.forkChild(bob.run(Effect.forEach([10, 60, 200], alarm, { concurrency: 3 })))
          yield* Effect.sleep("1 second")
          yield* bob.freeze
          const until = Math.floor(yield* world.seconds) + 600
          yield* write(ann, ticket, "while bob slept")
          yield* Effect.sleep("10 minutes")
          assert.deepStrictEqual(rang, [])
          yield* bob.thaw
          yield* Fiber.join(ringing)
          assert.deepStrictEqual(rang, [until, until, until])
          assert.isAtLeast((yield* bob.touched).held, 3)
          assert.strictEqual((yield* ann.touched).held, 0)
          yield* shows(bob, ticket, ["first", "while bob slept"])
          yield* write(bob, ticket, "awake")
          yield* shows(ann, ticket, ["awake", "first", "while bob slept"])
          assert.strictEqual(yield* ann.close, 0)
        })
      )
  )
})
