/**
 * One seed is one execution, whatever breaks in it; and what breaks, breaks as it does outside.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as World from "../../src/layers/simulation/World.ts"
import type { World as Simulated } from "../../src/services/simulation/World.ts"
import { inSpace, shows, titles, together, write } from "./tasks.ts"

const options = { peers: ["ann", "bob"], seed: 1, limit: "10 minutes" } as const

// #region troubled
const troubled = (world: Simulated) =>
  Effect.gen(function* () {
    const { ann, bob, ticket } = yield* together(world)
    yield* world.partition([["ann"], ["bob", "kube"]])
    yield* write(ann, ticket, "by ann alone")
    yield* write(bob, ticket, "by bob alone")
    yield* Effect.sleep("30 seconds")
    yield* bob.crash({ how: "machine", disk: "torn" })
    yield* world.heal
    yield* bob.restart
    const all = ["by ann alone", "by bob alone", "first"]
    yield* shows(bob, ticket, all)
    yield* shows(ann, ticket, all)
    return yield* ann.close
  })
// #endregion troubled

describe("World", () => {
  it.live(
    "[W1] is the same execution for the same seed, and another for another, through a partition, a crash and a restart",
    () =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const first = yield* World.run({ ...options, onEvent: (line) => lines.push(line) }, troubled)
        const again = yield* World.run(options, troubled)
        const other = yield* World.run({ ...options, seed: 2 }, troubled)
        assert.deepStrictEqual(again, first)
        assert.notStrictEqual(other.trace, first.trace)
        assert.strictEqual(lines.length, first.events)
        assert.strictEqual(first.value, 0)
        for (const kind of ["partition", "crash", "heal", "boot", "open", "packet", "write"]) {
          assert.isTrue(
            lines.some((line) => line.split(" ")[1] === kind),
            `the trace tells of no ${kind}`
          )
        }
      })
  )

  it.live("[W2] lets nobody begin who was interrupted before, however fibers are interleaved", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 40; seed++) {
        const { virtualSeconds } = yield* World.run({ ...options, seed, preemption: 8 }, () =>
          Effect.forEach(Array.from({ length: 8 }), () =>
            Effect.gen(function* () {
              const fiber = yield* Effect.forkChild(Effect.forever(Effect.sleep("1 second")))
              // the interruption of one that has begun waits for its turn as everything does
              yield* Fiber.interrupt(fiber)
            })
          )
        )
        assert.strictEqual(virtualSeconds, 0)
      }
    })
  )

  it.live("[W2] is another interleaving for another seed: preemption finds a lost update that order alone never shows", () =>
    Effect.gen(function* () {
      const countsWith = Effect.fnUntraced(function* (preemption: number) {
        const counts = new Set<number>()
        for (let seed = 1; seed <= 40; seed++) {
          let count = 0
          const step = Effect.gen(function* () {
            const seen = yield* Effect.sync(() => count)
            for (let i = 0; i < 100; i++) yield* Effect.sync(() => undefined)
            yield* Effect.sync(() => (count = seen + 1))
          })
          const steps = Effect.all([step, step], { concurrency: 2, discard: true })
          yield* World.run({ peers: [], seed, preemption }, () => steps)
          counts.add(count)
        }
        return [...counts].sort()
      })
      assert.deepStrictEqual(yield* countsWith(0), [2])
      assert.deepStrictEqual(yield* countsWith(30), [1, 2])
    })
  )

  it.live("[W3] a machine that loses power keeps what was strict, a full disk refuses, a frozen peer goes on where it was", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* together(world)
        yield* write(bob, ticket, "strict")
        yield* bob.crash({ how: "machine", disk: "lost" })
        assert.strictEqual((yield* Effect.flip(bob.run(Effect.void)))._tag, "PeerDown")
        yield* bob.restart
        yield* shows(bob, ticket, ["first", "strict"])
        yield* bob.fillDisk(true)
        const refused = yield* Effect.flip(write(bob, ticket, "no room"))
        assert.strictEqual(refused._tag, "FlushFailed")
        yield* bob.fillDisk(false)
        yield* ann.freeze
        const writing = yield* Effect.forkChild(write(ann, ticket, "asleep"))
        yield* Effect.sleep("20 seconds")
        assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["first", "strict"])
        yield* ann.thaw
        yield* Fiber.join(writing)
        yield* shows(bob, ticket, ["asleep", "first", "strict"])
      })
    )
  )

  it.live(
    "[W4] a crash at the moment of a sync happens there, and the strict write that it hits was acknowledged to nobody",
    () =>
      World.run(options, (world) =>
        Effect.gen(function* () {
          const { ann, ticket } = yield* together(world)
          const crashing = yield* Effect.forkChild(ann.crashAtSync("lost"), { startImmediately: true })
          const exit = yield* Effect.flip(write(ann, ticket, "never acknowledged"))
          assert.strictEqual(exit._tag, "PeerDown")
          assert.isAtLeast(yield* Fiber.join(crashing), 1)
          yield* ann.restart
          assert.deepStrictEqual(yield* inSpace(ann, ticket, titles), ["first"])
        })
      )
  )

  it.live("[W5] a one-sided cut lets the other direction through, and a reset is survived", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* together(world)
        yield* world.cut("ann", "bob")
        yield* write(ann, ticket, "held back")
        yield* write(bob, ticket, "let through")
        yield* shows(ann, ticket, ["first", "held back", "let through"])
        assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["first", "let through"])
        yield* world.heal
        assert.isAtLeast(yield* world.reset("ann", "bob"), 1)
        yield* shows(bob, ticket, ["first", "held back", "let through"])
      })
    )
  )

  it.live("[W6] time, randomness and the trace are the world's, and two hours are over at once", () =>
    Effect.gen(function* () {
      const body = () =>
        Effect.gen(function* () {
          const began = yield* Clock.currentTimeMillis
          yield* Effect.sleep("2 hours")
          return [began, (yield* Clock.currentTimeMillis) - began, yield* Random.nextInt] as const
        })
      const first = yield* World.run({ peers: [], seed: 3, limit: "3 hours" }, body)
      const again = yield* World.run({ peers: [], seed: 3, limit: "3 hours" }, body)
      assert.deepStrictEqual(first, again)
      assert.deepStrictEqual(first.value.slice(0, 2), [Date.UTC(2030, 0, 1), 7_200_000])
      assert.strictEqual(first.virtualSeconds, 7_200)
    })
  )
})

describe("World: the guard", () => {
  const touched = (name: string, touch: () => unknown) =>
    it.live(`[W7] refuses ${name}, and says who asked for it`, () =>
      Effect.gen(function* () {
        const swallowed = Effect.sync(() => {
          try {
            return touch()
          } catch {
            return "swallowed"
          }
        })
        const error = yield* Effect.flip(World.run({ peers: [], seed: 1 }, () => swallowed))
        assert.strictEqual(error._tag, "HostTouched")
        assert.include(error.message, name)
        assert.include(error.message, "World.test.ts")
      })
    )
  touched("Date.now", () => Date.now())
  touched("new Date()", () => new Date())
  touched("Math.random", () => Math.random())
  touched("performance.now", () => performance.now())
  touched("setTimeout", () => setTimeout(() => undefined, 1))
  touched("setImmediate", () => setImmediate(() => undefined))
  touched("queueMicrotask", () => queueMicrotask(() => undefined))
  touched("process.nextTick", () => process.nextTick(() => undefined))
  touched("process.hrtime", () => process.hrtime.bigint())
  touched("crypto.getRandomValues", () => crypto.getRandomValues(new Uint8Array(1)))
  touched("crypto.randomUUID", () => crypto.randomUUID())
  touched("crypto.subtle", () => crypto.subtle.digest("SHA-256", new Uint8Array(1)))
  touched("fetch", () => fetch("https://example.org"))

  it.live("[W7] lets a given time through, and puts everything back", () =>
    Effect.gen(function* () {
      const { value } = yield* World.run({ peers: [], seed: 1 }, () => Effect.sync(() => new Date(0).toISOString()))
      assert.strictEqual(value, "1970-01-01T00:00:00.000Z")
      assert.isAbove(Date.now(), 1e12)
      assert.isBelow(Math.random(), 1)
      assert.isAbove(performance.now(), 0)
    })
  )

  it.live("[W8] names a native promise as what a world waits for in vain, and halts what never ends", () =>
    Effect.gen(function* () {
      const stuck = yield* Effect.flip(World.run({ peers: [], seed: 1 }, () => Effect.promise(() => Promise.resolve(1))))
      assert.strictEqual(stuck._tag, "WorldHalted")
      assert.include(stuck.message, "native promise")
      const endless = yield* Effect.flip(World.run({ peers: [], seed: 1, limit: "1 minute" }, () => Effect.never))
      assert.strictEqual(endless._tag, "WorldHalted")
      const long = yield* Effect.flip(World.run({ peers: [], seed: 1, limit: "1 minute" }, () => Effect.sleep("1 hour")))
      assert.include(long.message, "limit")
      const circle = yield* Effect.flip(World.run({ peers: [], seed: 1 }, () => Effect.forever(Effect.yieldNow)))
      assert.include(circle.message, "no time passed")
    })
  )
})
