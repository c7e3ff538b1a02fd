/**
 * Runs the machine of control operations on a channel until both ends are inside: what comes is taken in before more is read.
 *
 * Whoever goes on with the channel must find it at the first message that is not read yet. So nothing is read beyond the message with
 * which this end is inside, and reading stops before the other end can hear that it is. Late work (EntranceLate.ts) follows in the same way.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { encodeControl, signedBy } from "../../schema/halo/ControlMessage.ts"
import { type ControlEvent, ControlSync } from "../../schema/halo/ControlSync.ts"
import { type Entered, type Entering, Entrance, EntranceRefused, receiveControl } from "../../services/halo/Entrance.ts"
import * as Bell from "../../services/platform/Bell.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"
import { handIn, takeIn } from "./EntranceLate.ts"

const make = Effect.gen(function* () {
  const { hash } = yield* Crypto

  const enter = Effect.fnUntraced(function* (entering: Entering) {
    const { channel, device, operations, self } = entering
    const clock = yield* Clock.Clock
    const wake = yield* Bell.make
    const now = () => elapsedMillis(clock)
    const sync = new ControlSync({
      source: operations,
      self,
      peer: device,
      signedBy: (bytes) => signedBy(bytes, hash),
      now: now()
    })
    const step = (event: ControlEvent) => sync.step(event, now())
    let listener = () => wake.ring()
    yield* operations.watch((added) => {
      step({ _tag: "Added", operations: added })
      listener()
    })

    const reading = Effect.gen(function* () {
      while (!sync.isDone) {
        yield* Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(channel.take), (frame) => receiveControl(frame, { operations, sync }, now))
        )
        wake.ring()
      }
    })
    const writing = Effect.fnUntraced(function* (reader: Fiber.Fiber<unknown, unknown>) {
      for (;;) {
        wake.hush()
        const { actions, messages } = step({ _tag: "Writable" })
        if (sync.isDone) yield* Fiber.interrupt(reader)
        for (const message of messages) yield* channel.send(encodeControl(message))
        for (const action of actions) {
          if (action._tag === "Enter") return null
          if (action._tag === "HandIn" || action._tag === "TakeIn") return action
          if (action._tag === "Close") return yield* new EntranceRefused({ reason: action.reason })
        }
        if (messages.length > 0) continue
        const pause = Math.max(1, sync.wakeAt - now())
        yield* pause === Number.POSITIVE_INFINITY ? wake.rung : Effect.timeoutOption(wake.rung, pause)
      }
    })

    const last = yield* Effect.scoped(
      Effect.gen(function* () {
        const reader = yield* Effect.forkScoped(reading)
        return yield* Effect.raceFirst(writing(reader), failureOf(reader))
      })
    )
    if (last?._tag === "HandIn") return yield* handIn(entering)
    if (last?._tag === "TakeIn") return yield* takeIn(entering, last.feeds)
    return { operations, self, sync, listen: (next) => void (listener = next) } satisfies Entered
  })
  return Entrance.of({ enter })
})

export const layer: Layer.Layer<Entrance, never, Crypto> = Layer.effect(Entrance, make)

/** What a fiber fails with; that it is done, or was interrupted, is no failure. */
const failureOf = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<never, E> =>
  Effect.flatMap(Fiber.await(fiber), (exit) =>
    Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? Effect.failCause(exit.cause) : Effect.never
  )
