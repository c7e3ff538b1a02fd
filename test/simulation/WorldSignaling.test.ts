/**
 * A KUBE that is away, forgetful, slow or careless: peers meet nevertheless, since signaling has no authority.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../src/layers/simulation/World.ts"
import type { World as Simulated, SimulatedPeer } from "../../src/services/simulation/World.ts"
import { inSpace, shows, titles, together, write } from "./tasks.ts"

const options = { peers: ["ann", "bob"], seed: 1, limit: "20 minutes" } as const

/** Starts a peer anew, so that it has to be met again. */
const again = (peer: SimulatedPeer) => Effect.andThen(peer.crash(), peer.restart)

/** How long it takes until a peer that starts anew shows what another wrote in between, in seconds. */
const meeting = Effect.fnUntraced(function* (world: Simulated, ticket: string, title: string, expected: ReadonlyArray<string>) {
  const [ann, bob] = [world.peer("ann"), world.peer("bob")]
  yield* bob.crash()
  yield* write(ann, ticket, title)
  yield* bob.restart
  const before = yield* world.seconds
  yield* shows(bob, ticket, expected)
  return (yield* world.seconds) - before
})

describe("World: signaling", () => {
  it.live("[W24] that is down lets nobody in, ends no connection between peers, and is found again when it is up", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* together(world)
        const before = yield* world.hindered
        yield* world.signaling.down
        const { ended } = yield* world.signaling.touched
        assert.strictEqual(ended, 2, "a line of each")
        yield* write(ann, ticket, "connected")
        yield* shows(bob, ticket, ["connected", "first"])
        yield* again(bob)
        yield* write(ann, ticket, "apart")
        yield* Effect.sleep("2 minutes")
        assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["connected", "first"])
        assert.isAbove(yield* world.hindered, before)
        assert.isAbove((yield* world.signaling.touched).ended, ended, "nobody was let in")
        yield* world.heal
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["connected", "first"])
        yield* world.signaling.up
        yield* shows(bob, ticket, ["apart", "connected", "first"])
      })
    )
  )

  it.live("[W24] that forgets finds everybody again by itself", () => {
    const lines: Array<string> = []
    return World.run({ ...options, onEvent: (line) => lines.push(line) }, (world) =>
      Effect.gen(function* () {
        const { bob, ticket } = yield* together(world)
        const from = lines.length
        yield* world.signaling.forget
        yield* Effect.sleep("10 seconds")
        const resets = lines.slice(from).filter((line) => line.split(" ")[1] === "reset")
        assert.isAtLeast(resets.length, 2)
        assert.isTrue(resets.every((line) => line.includes(">kube#")))
        yield* again(bob)
        assert.isBelow(yield* meeting(world, ticket, "new", ["first", "new"]), 20)
      })
    )
  })

  it.live("[W24] that is slow delays a meeting, and nothing between peers who have met", () =>
    World.run(options, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* together(world)
        assert.isBelow(yield* meeting(world, ticket, "a", ["a", "first"]), 2)
        yield* world.signaling.slow("2 seconds")
        const before = yield* world.seconds
        yield* write(ann, ticket, "b")
        yield* shows(bob, ticket, ["a", "b", "first"])
        assert.isBelow((yield* world.seconds) - before, 1)
        assert.isAbove(yield* meeting(world, ticket, "c", ["a", "b", "c", "first"]), 4)
        yield* world.signaling.slow(0)
        yield* Effect.sleep("1 minute")
        assert.isBelow(yield* meeting(world, ticket, "d", ["a", "b", "c", "d", "first"]), 2)
      })
    )
  )

  it.live("[W24] that is careless loses, doubles and delays signals, and no meeting for good", () =>
    Effect.gen(function* () {
      /** How many signals were sent to the KUBE, and how many came from it, in three meetings. */
      const signals = Effect.fnUntraced(function* (oneIn: number | null, seed: number) {
        let [sent, told] = [0, 0]
        const onEvent = (line: string) => {
          const [, kind, , from, to, , , digest] = line.split(" ")
          // digests of lines to the KUBE are their kinds: 1 a signal to it, 5 one from it
          if (kind === "packet" && to === "kube" && digest === "1") sent++
          if (kind === "packet" && from === "kube" && digest === "5") told++
        }
        yield* World.run({ ...options, seed, onEvent }, (world) =>
          Effect.gen(function* () {
            const { ticket } = yield* together(world)
            yield* world.signaling.careless(oneIn)
            for (const [title, expected] of [
              ["a", ["a", "first"]],
              ["b", ["a", "b", "first"]],
              ["c", ["a", "b", "c", "first"]]
            ] as const)
              yield* meeting(world, ticket, title, expected)
          })
        )
        return told - sent
      })
      assert.strictEqual(yield* signals(null, 1), 0)
      const differences: Array<number> = []
      for (let seed = 1; seed <= 10; seed++) differences.push(yield* signals(2, seed))
      assert.isBelow(Math.min(...differences), 0, "none was lost")
      assert.isAbove(Math.max(...differences), 0, "none was doubled")
    })
  )
})
