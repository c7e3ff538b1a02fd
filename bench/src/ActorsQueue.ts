/**
 * What one would write on Effect alone: an unbounded Queue, a fiber that takes all that is there, and the same handler as an Effect.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { answer, heap, inFlight, type Measured, now, ringActors } from "./ActorsWork.ts"

interface Add {
  readonly by: number
  readonly reply: Deferred.Deferred<number> | null
}

/** An actor: its queue, whose fiber ends with the scope. */
const spawn = <M>(handle: (message: M) => Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<M>()
    const batch = Effect.flatMap(Queue.takeAll(queue), (messages) => Effect.forEach(messages, handle, { discard: true }))
    yield* Effect.forkScoped(Effect.forever(batch, { disableYield: true }))
    return queue
  })

const counter = (told: { count: number; done: () => void }) => {
  let sum = 0
  return spawn<Add>(({ by, reply }) => {
    const added = Effect.sync(() => {
      sum += by
      if (sum === told.count) told.done()
      return sum
    })
    return reply === null ? added : Effect.flatMap(added, (answered) => Deferred.succeed(reply, answered))
  })
}

const ask = (queue: Queue.Queue<Add>) =>
  Effect.suspend(() => {
    const reply = Deferred.makeUnsafe<number>()
    Queue.offerUnsafe(queue, { by: 1, reply })
    return Deferred.await(reply)
  })

const nobody = { count: -1, done: () => {} }

const works = {
  tell: (count: number) =>
    Effect.gen(function* () {
      const told = { count, done: () => {} }
      const queue = yield* counter(told)
      const start = now()
      yield* Effect.callback<void>((resume) => {
        told.done = () => resume(Effect.void)
        for (let i = 0; i < count; i++) Queue.offerUnsafe(queue, { by: 1, reply: null })
      })
      return { seconds: now() - start, sum: count, bytes: 0 }
    }),
  ask: (count: number) =>
    Effect.gen(function* () {
      const queue = yield* counter(nobody)
      const start = now()
      let sum = 0
      for (let i = 0; i < count; i++) sum = yield* ask(queue)
      return { seconds: now() - start, sum, bytes: 0 }
    }),
  asks: (count: number) =>
    Effect.gen(function* () {
      const queue = yield* counter(nobody)
      const start = now()
      let sum = 0
      const add = Effect.map(ask(queue), (answered) => void (sum = Math.max(sum, answered)))
      yield* Effect.forEach(Array(count).fill(0), () => add, { concurrency: inFlight, discard: true })
      return { seconds: now() - start, sum, bytes: 0 }
    }),
  ring: (count: number) =>
    Effect.gen(function* () {
      const queues: Array<Queue.Queue<number>> = []
      let hops = 0
      let done = () => {}
      for (let i = 0; i < ringActors; i++) {
        const hop = (left: number) =>
          Effect.sync(() => {
            hops++
            if (left === 0) done()
            else Queue.offerUnsafe(queues[(i + 1) % ringActors]!, left - 1)
          })
        queues.push(yield* spawn(hop))
      }
      yield* Effect.yieldNow
      const start = now()
      yield* Effect.callback<void>((resume) => {
        done = () => resume(Effect.void)
        Queue.offerUnsafe(queues[0]!, count - 1)
      })
      return { seconds: now() - start, sum: hops, bytes: 0 }
    }),
  idle: (count: number) =>
    Effect.gen(function* () {
      const before = heap()
      const start = now()
      const queues: Array<Queue.Queue<Add>> = []
      let sum = 0
      for (let i = 0; i < count; i++) {
        queues.push(yield* counter(nobody))
        sum += yield* ask(queues[i]!)
      }
      const seconds = now() - start
      const bytes = (heap() - before) / count
      return { seconds, sum: queues.length === count ? sum : 0, bytes }
    })
}

await answer(({ count, work }): Promise<Measured> => Effect.runPromise(Effect.scoped(works[work as keyof typeof works](count))))
