/**
 * Actors in a world: what a peer runs is there again in each life, and crashes of actors, processes and machines are under the seed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as World from "../../src/layers/simulation/World.ts"
import { restart } from "../../src/schema/actor/Supervision.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { Supervisor } from "../../src/services/actor/Supervisor.ts"
import type { World as Simulated } from "../../src/services/simulation/World.ts"
import { actorProbe } from "../../src/testing/ActorProbe.ts"
import { Account, accounts } from "../actor/Account.ts"
import { Counter, counting, type Log } from "../actor/Counter.ts"

const Mailer = Actor.make("Mailer", [Rpc.make("Send", { payload: { text: Schema.String } })])

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

describe("World: actors", () => {
  /** Counters that are asked, broken and left alone by several, and what befell them. */
  const broken = (log: Log) => (world: Simulated) =>
    world.peer("ann").run(
      Effect.gen(function* () {
        const supervisor = yield* Supervisor
        const noted = Stream.runForEach(supervisor.events, ({ _tag, child }) => world.note("actor", _tag, child))
        yield* Effect.forkChild(noted, { startImmediately: true })
        const worker = Effect.fnUntraced(function* (name: string) {
          const draw = (below: number) => world.draw(name, below)
          for (let n = 0; n < 30; n++) {
            const counter = yield* Counter.client(["a", "b", "c"][draw(3)]!)
            const ask = [counter.Add({ by: n }), counter.Add({ by: 100 }), counter.Slow({ millis: draw(300) }), counter.Break()]
            const exit = yield* Effect.exit(ask[draw(4)]!)
            yield* world.note("answer", name, n, Exit.isSuccess(exit) ? String(exit.value) : String(Cause.squash(exit.cause)))
            if (draw(12) === 0) yield* counter.start
            if (draw(10) === 0) yield* Effect.sleep(draw(5_000))
          }
        })
        yield* Effect.forEach(["x", "y", "z"], worker, { concurrency: "unbounded" })
        yield* Effect.sleep("10 seconds")
        for (const line of log) yield* world.note("log", line)
        return (yield* Counter.client("a")).inspect().state
      })
    )

  const supervision = restart({ times: 4, within: "5 seconds", backoff: { first: "50 millis" }, exhausted: "escalate" })

  it.live("[W12] crash, restart, escalate and leave memory under the seed: the same for the same, another for another", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const run = (seed: number) => {
        const log: Log = []
        const layer = counting(log, { supervision, passivateAfter: "2 seconds" })
        return World.run({ peers: ["ann"], seed, layer, preemption: 8, onEvent: (line) => lines.push(line) }, broken(log))
      }
      const traces = new Set<string>()
      for (let seed = 1; seed <= 10; seed++) {
        const first = yield* run(seed)
        assert.deepStrictEqual(yield* run(seed), first, `seed ${seed}`)
        assert.include(["absent", "ended"], first.value)
        traces.add(first.trace)
      }
      assert.strictEqual(traces.size, 10)
      for (const befell of ["Crashed", "Restarted", "Escalated", "Stopped"])
        assert.isTrue(
          lines.some((line) => line.includes(` actor ${befell} `)),
          befell
        )
    })
  )

  it.live("[W13] are stepped, looked into and stood in for by the test kit, in whichever life", () => {
    const mailer = actorProbe(Mailer, { Send: () => {} })
    const log: Log = []
    return World.run({ peers: ["ann"], seed: 1, layer: Layer.merge(mailer.layer, counting(log)) }, (world) =>
      Effect.gen(function* () {
        const ann = world.peer("ann")
        const send = (text: string) => Effect.flatMap(Mailer.client("smtp"), (client) => client.tell("Send", { text }))
        yield* mailer.expectNone("10 minutes")
        for (const text of ["before", "after"]) {
          yield* ann.run(Effect.delay(send(text), "1 minute"))
          assert.deepStrictEqual((yield* mailer.expectMessage("Send")).payload, { text })
          yield* ann.crash()
          yield* ann.restart
        }
        yield* ann.run(
          Effect.gen(function* () {
            const counter = yield* Counter.client("a")
            counter.hold()
            for (const by of [1, 2]) yield* counter.tell("Add", { by })
            assert.strictEqual((yield* counter.step)?.fate, "handled")
            assert.deepStrictEqual(
              counter.inspect().waiting.map(({ payload }) => payload),
              [{ by: 2 }]
            )
            counter.release()
            assert.strictEqual(yield* counter.Get(), 3)
          })
        )
      })
    )
  })

  /** Crashes at some moment, and starts again. */
  const trouble = (world: Simulated) =>
    Effect.gen(function* () {
      const ann = world.peer("ann")
      const draw = (below: number) => world.draw("trouble", below)
      const disk = (["kept", "lost", "cut", "torn"] as const)[draw(4)]!
      yield* Effect.sleep(draw(300))
      const atSync = Effect.timeoutOption(ann.crashAtSync(disk), "1 second")
      yield* [ann.crash(), ann.crash({ how: "machine", disk }), atSync][draw(3)]!
      yield* Effect.sleep(draw(500))
      yield* ann.restart
    })

  it.live(
    "[W14] that last lose no deposit that was answered and make none twice, whatever becomes of process and machine",
    () => {
      let repeated = 0
      const body = (world: Simulated) =>
        Effect.gen(function* () {
          const ann = world.peer("ann")
          const saving = Effect.fnUntraced(function* (address: string) {
            let sum = 0
            for (let amount = 1; amount <= 25; amount++) {
              yield* Effect.sleep(world.draw(address, 100))
              sum += amount
              const deposit = Effect.flatMap(Account.client(address), (account) =>
                account.Deposit({ amount }, { command: `${address} ${amount}` })
              )
              const again = Effect.tapError(ann.run(deposit), () => {
                repeated++
                return Effect.sleep("50 millis")
              })
              assert.strictEqual(yield* Effect.retry(again, Schedule.forever), sum, `${address} after ${amount}`)
            }
          })
          const crashing = yield* Effect.forkChild(Effect.forever(trouble(world)))
          yield* Effect.forEach(["a", "b"], saving, { concurrency: 2 })
          yield* Fiber.interrupt(crashing)
          yield* ann.restart
          assert.strictEqual(yield* ann.close, 0)
        })
      return Effect.gen(function* () {
        for (let seed = 1; seed <= 20; seed++)
          yield* World.run({ peers: ["ann"], seed, layer: accounts(7), limit: "1 minute" }, body)
        assert.isAbove(repeated, 500)
      })
    }
  )
})
