/**
 * Troupe's actors, with handlers that answer values or Effects.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as PeerActors from "../../src/layers/peer/PeerActors.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { type Asked, answer, heap, inFlight, type Measured, now, ringActors } from "./ActorsWork.ts"

const Counter = Actor.make("Counter", [Rpc.make("Add", { payload: { by: Schema.Number }, success: Schema.Number })])
const Link = Actor.make("Link", [Rpc.make("Hop", { payload: { left: Schema.Number } })])

/** Called when the last hop has been made. */
const ring = { done: () => {}, hops: 0 }

const counters = ({ count, handler }: Asked) =>
  Counter.toLayer(
    Effect.sync(() => {
      let sum = 0
      return handler === "plain"
        ? Counter.handlers({ Add: ({ by }) => (sum += by) })
        : Counter.handlers({ Add: ({ by }) => Effect.sync(() => (sum += by)) })
    }),
    { mailbox: { capacity: count } }
  )

const links = ({ handler }: Asked) =>
  Link.toLayer(
    Effect.gen(function* () {
      const { address } = yield* Link.self
      const next = yield* Link.client(String((Number(address) + 1) % ringActors))
      const hop = (left: number) => {
        ring.hops++
        if (left === 0) ring.done()
        else next.tellUnsafe("Hop", { left: left - 1 })
      }
      return handler === "plain"
        ? Link.handlers({ Hop: ({ left }) => hop(left) })
        : Link.handlers({ Hop: ({ left }) => Effect.sync(() => hop(left)) })
    })
  )

const works = {
  tell: (count: number) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const start = now()
      for (let i = 1; i < count; i++) counter.tellUnsafe("Add", { by: 1 })
      const last = counter.tellUnsafe("Add", { by: 1 })
      yield* Actor.settled(last)
      return { seconds: now() - start, sum: last.result as number, bytes: 0 }
    }),
  ask: (count: number) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const start = now()
      let sum = 0
      for (let i = 0; i < count; i++) sum = yield* counter.Add({ by: 1 })
      return { seconds: now() - start, sum, bytes: 0 }
    }),
  asks: (count: number) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      const start = now()
      let sum = 0
      const add = Effect.map(counter.Add({ by: 1 }), (answered) => void (sum = Math.max(sum, answered)))
      yield* Effect.forEach(Array(count).fill(0), () => add, { concurrency: inFlight, discard: true })
      return { seconds: now() - start, sum, bytes: 0 }
    }),
  ring: (count: number) =>
    Effect.gen(function* () {
      const first = yield* Link.client("0")
      const start = now()
      yield* Effect.callback<void>((resume) => {
        ring.done = () => resume(Effect.void)
        first.tellUnsafe("Hop", { left: count - 1 })
      })
      return { seconds: now() - start, sum: ring.hops, bytes: 0 }
    }),
  idle: (count: number) =>
    Effect.gen(function* () {
      const before = heap()
      const start = now()
      let sum = 0
      for (let i = 0; i < count; i++) {
        const counter = yield* Counter.client(`${i}`)
        sum += yield* counter.Add({ by: 1 })
      }
      const seconds = now() - start
      return { seconds, sum, bytes: (heap() - before) / count }
    })
}

await answer((asked): Promise<Measured> => {
  const layer = Layer.merge(counters(asked), links(asked)).pipe(Layer.provideMerge(PeerActors.layer))
  return Effect.runPromise(
    Effect.provide(
      Effect.suspend(() => works[asked.work as keyof typeof works](asked.count)),
      layer
    )
  )
})
