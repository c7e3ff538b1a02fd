/**
 * The parent, as a process of the demo holds it: answers its calls, and goes when it goes.
 *
 * Ctrl-C reaches a whole group of processes at once; the parent decides what it means, so children do not heed it.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Calls, Handlers, Message, Request } from "./calls.ts"

/** Tells the parent something that it did not ask for. */
export const tell = (message: Message): void => {
  if (process.connected) process.send?.(message)
}

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return cause.reasons.some(Cause.isDieReason) || !(error instanceof Error) ? Cause.pretty(cause) : error.message
}

/** Answers calls until `close` is called, whose answer is the process's end. */
export const serve = <C extends Calls<C>, R>(handlers: Handlers<C, R>): Effect.Effect<void, never, R> =>
  Effect.gen(function* () {
    const closed = yield* Deferred.make<void>()
    const run = Effect.runForkWith(yield* Effect.context<R>())
    process.on("message", (message) => {
      const { call, id, input } = message as Request
      if (call === "close") return Deferred.doneUnsafe(closed, Effect.void)
      // requests come from the same checkout; a name that is not there is a bug and dies as one
      const handler = (handlers as Record<string, (...input: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown, R>>)[
        call
      ]!
      run(Effect.suspend(() => handler(...input))).addObserver((exit) =>
        tell(Exit.isSuccess(exit) ? { id, value: exit.value ?? null } : { id, error: reasonOf(exit.cause) })
      )
    })
    yield* Deferred.await(closed)
  })

/** Something that runs beside the calls: its failure is the end of the process, and so of the demo. */
export const vital = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.tapCause(work, (cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    console.error(reasonOf(cause))
    return Effect.sync(() => process.exit(1))
  })

/** Runs a child's program. The process ends when the program does and nothing else holds it, and at once when its parent is gone. */
export const run = (program: Effect.Effect<void, unknown>): void => {
  process.on("SIGINT", () => undefined)
  process.on("SIGTERM", () => undefined)
  process.on("disconnect", () => process.exit(1))
  Effect.runFork(program).addObserver((exit) => {
    if (Exit.isFailure(exit)) {
      console.error(reasonOf(exit.cause))
      process.exit(1)
    }
    process.removeAllListeners("disconnect")
    process.removeAllListeners("message")
    process.disconnect()
  })
}
