/**
 * A world in which the host answers: what libraries take from it comes from the life whose task is running.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../src/layers/simulation/World.ts"
import type { World as Simulated } from "../../src/services/simulation/World.ts"

const options = { peers: ["ann", "bob"], seed: 1, limit: "10 minutes", host: "answer" } as const
const began = Date.UTC(2030, 0, 1)

/** What a library might do with the host. */
const asked = Effect.callback<ReadonlyArray<unknown>>((resume) => {
  const told: Array<unknown> = []
  const interval = setInterval((word: string) => told.push(word), 1_000, "tick")
  const never = setTimeout(() => told.push("never"), 10)
  clearTimeout(never)
  setTimeout(() => clearInterval(interval), 3_500)
  setTimeout(() => told.push("one"), 20)
  setTimeout(() => told.push("two"), 20)
  setImmediate(() => told.push("immediate"))
  process.nextTick((word: string) => told.push(word), "tick 1")
  queueMicrotask(() => told.push("tick 2"))
  Promise.resolve().then(() => told.push("out of reach"))
  told.push(
    Math.random(),
    crypto.randomUUID(),
    [...crypto.getRandomValues(new Uint8Array(4))],
    process.hrtime(),
    String(new Date(5).getTime())
  )
  const [wall, monotonic] = [Date.now(), performance.now()]
  setTimeout(() => {
    const later = new Date()
    resume(Effect.succeed([...told, Number(later) - wall, Math.round(performance.now() - monotonic), typeof Date()]))
  }, 5_000)
})

describe("World: the host that answers", () => {
  it.live("[W25] gives clocks, randomness and timers of the life that asks, the same in each run of a seed", () =>
    Effect.gen(function* () {
      const body = (world: Simulated) =>
        Effect.gen(function* () {
          const [ann, bob] = [world.peer("ann"), world.peer("bob")]
          return [yield* ann.run(asked), yield* bob.run(asked), yield* Effect.sync(() => Date.now())] as const
        })
      const first = yield* World.run(options, body)
      assert.deepStrictEqual(yield* World.run(options, body), first)
      const [ofAnn, ofBob, now] = first.value
      assert.strictEqual(now, began + Math.floor(first.virtualSeconds * 1_000))
      assert.deepStrictEqual(ofAnn.slice(5), [
        "tick 1",
        "tick 2",
        "immediate",
        "one",
        "two",
        "tick",
        "tick",
        "tick",
        5_000,
        5_000,
        "string"
      ])
      assert.deepStrictEqual(ofBob.slice(5), ofAnn.slice(5))
      for (const i of [0, 1, 2]) assert.notDeepEqual(ofBob[i], ofAnn[i])
      assert.match(String(ofAnn[1]), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      const other = yield* World.run({ ...options, seed: 2 }, body)
      assert.notDeepEqual(other.value[0], ofAnn)
    })
  )

  it.live("[W25] lets timers die in a crash, wait in a freeze, and go by the clock of their machine", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const [ann, bob] = [world.peer("ann"), world.peer("bob")]
        const rang: Array<string> = []
        const set = (name: string, millis: number) => Effect.sync(() => void setTimeout(() => rang.push(name), millis))
        yield* ann.run(set("dead", 1_000))
        yield* bob.setClock({ skew: "1 hour", driftPpm: 500_000 })
        assert.closeTo(yield* bob.run(Effect.sync(() => Date.now() - began)), 3_600_000, 100)
        yield* bob.run(set("fast", 3_000))
        yield* set("true", 2_500)
        yield* ann.crash()
        yield* ann.restart
        yield* Effect.sleep("2100 millis")
        assert.deepStrictEqual(rang, ["fast"])
        yield* bob.run(set("late", 1_000))
        yield* bob.freeze
        yield* Effect.sleep("10 seconds")
        assert.deepStrictEqual(rang, ["fast", "true"])
        yield* bob.thaw
        yield* Effect.sleep(1)
        assert.deepStrictEqual(rang, ["fast", "true", "late"])
      })
    )
  )

  it.live("[W25] runs a fiber that was forked without the world's services", () =>
    World.run(options, (world) =>
      world.peer("ann").run(
        Effect.callback<void>((resume) => {
          const before = Date.now()
          Effect.runFork(Effect.sleep("1 minute")).addObserver(() => {
            assert.isAtLeast(Date.now() - before, 60_000)
            resume(Effect.void)
          })
        })
      )
    )
  )

  it.live("[W25] still refuses the network and WebCrypto, and puts everything back", () =>
    Effect.gen(function* () {
      const names = ["setTimeout", "clearTimeout", "setInterval", "setImmediate", "queueMicrotask", "Date", "fetch"] as const
      const before = [...names.map((name) => globalThis[name]), process.nextTick, process.hrtime, process.hrtime.bigint]
      const touches = [() => fetch("https://example.org"), () => crypto.subtle.generateKey("Ed25519", false, ["sign"])]
      for (const touch of touches) {
        const swallowed = Effect.sync(() => {
          try {
            touch()
          } catch {
            return "swallowed"
          }
        })
        assert.strictEqual((yield* Effect.flip(World.run(options, () => swallowed)))._tag, "HostTouched")
      }
      const after = [...names.map((name) => globalThis[name]), process.nextTick, process.hrtime, process.hrtime.bigint]
      assert.deepStrictEqual(after, before)
      assert.isAbove(Date.now(), 1e12)
    })
  )
})
