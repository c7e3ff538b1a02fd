/** Workloads: the steps of a seed are the same each time, spread over peers and time, and JSON. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { none } from "../../src/schema/simulation/Faults.ts"
import { isStep } from "../../src/schema/simulation/Plan.ts"
import * as Simulation from "../../src/services/simulation/Simulation.ts"
import { make, type Workload } from "../../src/services/simulation/Workload.ts"

const peers = ["ann", "bob", "cy"]

const Sale = Schema.Struct({ item: Schema.Int, by: Schema.String, at: Schema.DateFromString })
type Sale = typeof Sale.Type

const bySchema = make({ step: Schema.Struct({ item: Schema.Int, note: Schema.NullOr(Schema.String) }) })
const byHand = make({
  step: Sale,
  count: 25,
  by: (draw): Sale => ({ item: draw(10), by: `p${draw(3)}`, at: new Date(draw(1_000_000)) }),
  lane: ({ by }) => by
})

const stepsOf = <S>(workload: Workload<S>, seed: number) => workload.draw(seed, peers, 20_000)

const holds = <S>(workload: Workload<S>, count: number) =>
  Effect.gen(function* () {
    const texts = new Set<string>()
    for (let seed = 1; seed <= 20; seed++) {
      const steps = yield* stepsOf(workload, seed)
      assert.deepStrictEqual(yield* stepsOf(workload, seed), steps)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(steps)), steps)
      assert.lengthOf(steps, count)
      assert.strictEqual(new Set(steps.map(({ id }) => id)).size, count)
      const times = steps.map(({ at }) => at)
      assert.deepStrictEqual(
        times,
        [...times].sort((a, b) => a - b)
      )
      assert.isTrue(times.every((at) => Number.isInteger(at) && at >= 0 && at < 20_000))
      assert.sameMembers([...new Set(steps.map(({ peer }) => peer))], peers)
      for (const { step } of steps) assert.doesNotThrow(() => workload.decode(step))
      texts.add(JSON.stringify(steps))
    }
    assert.strictEqual(texts.size, 20)
  })

describe("a workload", () => {
  it.effect("by its schema draws the same steps for a seed, as JSON, for all peers and all of the time", () =>
    holds(bySchema, 40)
  )
  it.effect("by hand does so, too", () => holds(byHand, 25))

  it.effect("gives its steps back as they were before they were JSON, and lanes by what they are", () =>
    Effect.gen(function* () {
      const [first] = yield* stepsOf(byHand, 1)
      const sale = byHand.decode(first!.step)
      assert.instanceOf(sale.at, Date)
      assert.strictEqual(byHand.lane(sale), sale.by)
      assert.throws(() => byHand.decode({ item: "x" }))
    })
  )

  it.effect("draws other peers' steps for more peers, and the same values", () =>
    Effect.gen(function* () {
      const values = (steps: ReadonlyArray<{ readonly id: string; readonly step: unknown }>) =>
        [...steps].sort((a, b) => Number(a.id.slice(4)) - Number(b.id.slice(4))).map(({ step }) => step)
      const few = yield* byHand.draw(1, peers, 20_000)
      const more = yield* byHand.draw(1, [...peers, "dee", "eve"], 60_000)
      assert.deepStrictEqual(values(more), values(few))
    })
  )

  it.effect("stands in the plan of a seed, between its faults", () =>
    Effect.gen(function* () {
      const options = { peers: { from: 2, to: 4 }, faults: none, workload: byHand }
      const simulation = Simulation.make("a test", options, (trial) => trial.play())
      const counts = new Set<number>()
      for (let seed = 1; seed <= 20; seed++) {
        const plan = yield* Simulation.planOf(simulation, seed, "a.test.ts")
        assert.deepStrictEqual(yield* Simulation.planOf(simulation, seed, "a.test.ts"), plan)
        assert.lengthOf(plan.events.filter(isStep), 25)
        assert.deepInclude(plan, { file: "a.test.ts", name: "a test", seed })
        counts.add(plan.world.peers.length)
      }
      assert.sameMembers([...counts], [2, 3, 4])
    })
  )

  it.effect("says of a step with a bigint what to describe instead", () =>
    Effect.gen(function* () {
      // the compiler lets none through
      const step = Schema.Struct({ n: Schema.Literal(1n) }) as unknown as Schema.Codec<{ readonly n: bigint }, null>
      const exit = yield* Effect.exit(make({ step, by: () => ({ n: 1n }) }).draw(1, peers, 1_000))
      assert.match(
        String(Exit.isFailure(exit) && Cause.squash(exit.cause)),
        /The step \{"n":"1"\} is none any more.*BigInt.*as text/
      )
    })
  )
})
