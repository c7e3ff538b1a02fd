/**
 * A counter that tests of actors ask, break and restart, and the layers that it runs on.
 */

import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ActorSystemLocal from "../../src/layers/actor/ActorSystemLocal.ts"
import * as SupervisorLayer from "../../src/layers/actor/Supervisor.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { type ActorOptions, ActorSystem, type DeadLetter } from "../../src/services/actor/ActorSystem.ts"
import { type Lifecycle, Supervisor } from "../../src/services/actor/Supervisor.ts"
import { elapse } from "../mesh/Elapse.ts"

class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", { by: Schema.Number }) {}

class Add extends Rpc.make("Add", { payload: { by: Schema.Number }, success: Schema.Number, error: TooMuch }) {}
class Get extends Rpc.make("Get", { success: Schema.Number }) {}
class Slow extends Rpc.make("Slow", { payload: { millis: Schema.Number }, success: Schema.Number }) {}
class Break extends Rpc.make("Break") {}
class Count extends Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }) {}

/** Adds (100 is too much), answers after a while, breaks, and counts. */
export const Counter = Actor.make("Counter", [Add, Get, Slow, Break, Count])

/** What the counters did, by their addresses, in order. */
export type Log = Array<string>

export const counting = (log: Log, options: ActorOptions = {}) =>
  Counter.toLayer(
    Effect.gen(function* () {
      const { address } = yield* Counter.self
      let total = 0
      log.push(`${address} on`)
      yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`${address} off`)))
      return Counter.handlers({
        Add: ({ by }) => {
          if (by === 100) return Effect.fail(new TooMuch({ by }))
          total += by
          log.push(`${address} ${total}`)
          return total
        },
        Get: () => Effect.sync(() => total),
        Slow: ({ millis }) =>
          Effect.gen(function* () {
            log.push(`${address} begins`)
            yield* Effect.sleep(millis)
            log.push(`${address} ends`)
            return total
          }),
        Break: () => Effect.die(new Error("broken")),
        Count: ({ to }) =>
          Stream.tap(Stream.range(1, to), (n) => Effect.sync(() => log.push(`counted ${n}`))).pipe(Stream.rechunk(1))
      })
    }),
    options
  )

export const system = Layer.provideMerge(ActorSystemLocal.layer, SupervisorLayer.layer)

export const settle = elapse(0)

/** All lifecycle events and dead letters from here on. */
export const listening = Effect.gen(function* () {
  const events: Array<Lifecycle> = []
  const letters: Array<DeadLetter> = []
  const supervisor = yield* Supervisor
  const actors = yield* ActorSystem
  const into =
    <A>(list: Array<A>) =>
    (each: A) =>
      Effect.sync(() => list.push(each))
  yield* Effect.forkScoped(Stream.runForEach(supervisor.events, into(events)), { startImmediately: true })
  yield* Effect.forkScoped(Stream.runForEach(actors.deadLetters, into(letters)), { startImmediately: true })
  return { events, letters, told: () => events.map((event) => `${event._tag} ${event.child}`) }
})

/** A test over counters with the given options. */
export const counted = <A, E>(
  title: string,
  options: ActorOptions,
  test: (log: Log) => Effect.Effect<A, E, ActorSystem | Supervisor | Scope.Scope>
) =>
  it.effect(title, () => {
    const log: Log = []
    return Effect.provide(Effect.scoped(test(log)), Layer.provideMerge(counting(log, options), system))
  })
