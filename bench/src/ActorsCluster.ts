/**
 * effect/cluster's Entity on its TestRunner: one process, no network, messages in memory.
 */
import * as Entity from "effect/cluster/Entity"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { answer, inFlight, type Measured, now } from "./ActorsWork.ts"

const Counter = Entity.make("Counter", [Rpc.make("Add", { payload: { by: Schema.Number }, success: Schema.Number })])

const counters = Counter.toLayer(
  Effect.sync(() => {
    let sum = 0
    return Counter.of({ Add: ({ payload }) => Effect.sync(() => (sum += payload.by)) })
  }),
  { mailboxCapacity: "unbounded" }
)

const run = (count: number, concurrency: number) =>
  Effect.gen(function* () {
    const counter = (yield* Counter.client)("a")
    let sum = yield* counter.Add({ by: 0 })
    const start = now()
    const add = Effect.map(counter.Add({ by: 1 }), (answered) => void (sum = Math.max(sum, answered)))
    yield* Effect.forEach(Array(count).fill(0), () => add, { concurrency, discard: true })
    return { seconds: now() - start, sum, bytes: 0 }
  })

await answer(
  ({ count, work }): Promise<Measured> =>
    Effect.runPromise(Effect.provide(run(count, work === "ask" ? 1 : inFlight), Layer.provideMerge(counters, TestRunner.layer)))
)
