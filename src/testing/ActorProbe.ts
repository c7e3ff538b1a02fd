/**
 * Tests of actors in virtual time: a stand-in for an actor that notes what it is sent, and the dead letters of a test.
 *
 * One actor by itself is stepped through its client: `hold`, then `step` for one message at a time, `inspect` for what waits, `release`.
 * Both work in `it.effect`, where time stands still until somebody moves it: what is expected here moves it. They work in a world, too,
 * where time moves by itself.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Actor, HandlersOf, Needs } from "../services/actor/Actor.ts"
import { ActorSystem, type DeadLetter, type Self } from "../services/actor/ActorSystem.ts"

/** A message that a probe was sent. */
export interface Received {
  readonly address: string
  readonly tag: string
  readonly payload: unknown
}

export interface ActorProbe<R> {
  /** Runs the stand-in under the name of the actor, in the place of its own layer. */
  readonly layer: Layer.Layer<never, never, ActorSystem | Exclude<R, Scope.Scope | Self>>
  /** The next message that was not yet expected, which comes within some time: 3 seconds unless said otherwise. */
  readonly expectMessage: (tag?: string, within?: Duration.Input) => Effect.Effect<Received, Unexpected>
  /** Nothing comes for some time: 1 second unless said otherwise. */
  readonly expectNone: (during?: Duration.Input) => Effect.Effect<void, Unexpected>
  /** What was received so far, expected or not. */
  readonly received: ReadonlyArray<Received>
}

/** A probe was sent something else than was expected. */
export class Unexpected extends Data.TaggedError("Unexpected")<{ readonly wanted: string; readonly found: string }> {
  override get message() {
    return `expected ${this.wanted}, and found ${this.found}. Look at probe.received for all that came.`
  }
}

/** Long enough for what a step of time sets off, across several actors. */
const turns = Effect.repeat(Effect.yieldNow, { times: 40 })

/** Moves time on, or lets it pass where it does so by itself. */
const move = (millis: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.Clock, (clock) => ("adjust" in clock ? TestClock.adjust(millis) : Effect.sleep(millis)))

/** Moves time on in small steps until `isThere`, for at most `during`. */
const elapse = Effect.fnUntraced(function* (during: Duration.Input, isThere: () => boolean) {
  const end = Duration.toMillis(during)
  const step = Math.max(end / 100, 1)
  yield* turns
  for (let at = 0; at < end && !isThere(); at += step) {
    yield* move(Math.min(step, end - at))
    yield* turns
  }
})

const shown = ({ address, payload, tag }: Received): string => `${tag} ${JSON.stringify(payload)} to ${address}`

/** A stand-in for `actor`, whose handlers answer as given. */
export const actorProbe = <Name extends string, Rpcs extends Rpc.Any, H extends HandlersOf<Rpcs>>(
  actor: Actor<Name, Rpcs>,
  answers: H
): ActorProbe<Needs<H>> => {
  const received: Array<Received> = []
  let expected = 0
  const noting = Effect.map(actor.self, ({ address }) => {
    const handlers: Record<string, unknown> = {}
    for (const [tag, answer] of Object.entries(answers))
      handlers[tag] = (payload: unknown) => {
        received.push({ address, tag, payload })
        return typeof answer === "function" ? answer(payload) : answer
      }
    return handlers as H
  })
  return {
    layer: actor.toLayer(noting),
    received,
    expectMessage: (tag, within = "3 seconds") =>
      Effect.gen(function* () {
        yield* elapse(within, () => received.length > expected)
        const next = received[expected]
        const wanted = tag ?? "a message"
        if (next === undefined) return yield* new Unexpected({ wanted, found: "none" })
        if (tag !== undefined && next.tag !== tag) return yield* new Unexpected({ wanted, found: shown(next) })
        expected++
        return next
      }),
    expectNone: (during = "1 second") =>
      Effect.gen(function* () {
        yield* elapse(during, () => received.length > expected)
        const next = received[expected]
        if (next !== undefined) return yield* new Unexpected({ wanted: "no message", found: shown(next) })
      })
  }
}

/** The dead letters from the beginning of the system, and as they come. */
export const deadLetters: Effect.Effect<ReadonlyArray<DeadLetter>, never, ActorSystem | Scope.Scope> = Effect.gen(function* () {
  const letters: Array<DeadLetter> = []
  const system = yield* ActorSystem
  const noting = Stream.runForEach(system.deadLetters, (letter) => Effect.sync(() => letters.push(letter)))
  yield* Effect.forkScoped(noting, { startImmediately: true })
  return letters
})
