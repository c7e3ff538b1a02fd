/**
 * Actors in a world: what a peer runs is there again in each life, and crashes of actors, processes and machines are under the seed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as World from "../../src/layers/simulation/World.ts"
import type { World as Simulated } from "../../src/services/simulation/World.ts"
import { Account, accounts } from "../actor/Account.ts"

describe("World: lives", () => {
  const interrupted = (world: Simulated) =>
    Effect.gen(function* () {
      const peer = world.peer("ann")
      for (let life = 1; life <= 2; life++) {
        const cause = yield* peer.run(
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(Effect.never)
            yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
            const exit = yield* Fiber.await(fiber)
            return Exit.isFailure(exit) ? exit.cause : Cause.empty
          })
        )
        yield* world.note("interrupted", String(cause))
        yield* peer.crash()
        yield* peer.restart
      }
    })

  it.live("[W9] number their fibers from one, so that who interrupted whom is the same each time", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const options = { peers: ["ann"], seed: 1 }
      const first = yield* World.run({ ...options, onEvent: (line) => lines.push(line) }, interrupted)
      assert.lengthOf(
        lines.filter((line) => /interrupted .*\d/.test(line)),
        2
      )
      assert.strictEqual((yield* World.run(options, interrupted)).trace, first.trace)
    })
  )

  // #region lives
  it.live("[W10] begin with what the world was told that peers run, on the disk of the life before", () =>
    World.run({ peers: ["ann", "bob"], seed: 1, layer: accounts(3) }, (world) =>
      Effect.gen(function* () {
        const [ann, bob] = [world.peer("ann"), world.peer("bob")]
        const deposit = Effect.flatMap(Account.client("savings"), (account) => account.Deposit({ amount: 5 }))
        assert.strictEqual(yield* ann.run(deposit), 5)
        yield* ann.crash({ how: "machine", disk: "lost" })
        yield* ann.restart
        assert.strictEqual(yield* ann.run(deposit), 10)
        assert.strictEqual(yield* bob.run(deposit), 5)
        assert.strictEqual(yield* ann.close, 0)
      })
    )
  )
  // #endregion lives

  it.live("[W11] are closed in order, and what then still runs is counted: a fiber that nobody owns", () => {
    const layer = (peer: string) => (peer === "ann" ? Layer.effectDiscard(Effect.forkDetach(Effect.never)) : Layer.empty)
    return World.run({ peers: ["ann", "bob"], seed: 1, layer }, (world) =>
      Effect.gen(function* () {
        const [ann, bob] = [world.peer("ann"), world.peer("bob")]
        const running = yield* Effect.forkChild(bob.run(Effect.never), { startImmediately: true })
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* bob.close, 0)
        assert.strictEqual((yield* Effect.flip(Fiber.join(running)))._tag, "PeerDown")
        assert.strictEqual(yield* ann.close, 1)
      })
    )
  })
})
