/**
 * What an actor has beside its handlers while it runs, or when somebody asks more of it than its answers.
 *
 * Idle actors have none of it, which is what keeps a hundred thousand of them small.
 */
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Message } from "../../schema/actor/Message.ts"
import type { ActorStopped } from "../../services/actor/ActorRef.ts"
import type { Keeper } from "../../services/actor/ActorSystem.ts"
import type { Ended } from "../../services/actor/Supervisor.ts"

/** A turn that takes more than a call. */
export type Turning = Effect.Effect<unknown, unknown>

/** A fiber that builds handlers, or runs turns. */
export class Running {
  /** The message whose turn it is. */
  message: Message | null = null
  /** What is to be run next; null ends the fiber. */
  effect: Turning | null = null
  fiber: Fiber.Fiber<unknown, unknown> | null = null

  /** Runs one turn after the other; `step` sets the next. Only a turn that fails leaves the loop, so that the others cost no handler. */
  loop(step: (exit: Exit.Exit<unknown, unknown>) => void): Effect.Effect<void> {
    const turns = Effect.whileLoop({
      while: () => this.effect !== null,
      body: () => this.effect!,
      step: (value) => step(Exit.succeed(value))
    })
    return Effect.catchCause(turns, (cause) => {
      step(Exit.failCause(cause))
      return this.effect === null ? Effect.void : this.loop(step)
    })
  }

  /** Lets others have their turn first. */
  pause(): void {
    this.message = null
    this.effect = Effect.yieldNow
  }
}

/** What few actors have. */
export class ActorLife {
  ended: Deferred.Deferred<Ended> | null = null
  why: Ended = "stopped"
  keeper: Keeper | null = null
  isStopping = false
  /** Messages that a held actor may still handle; null when it is not held. */
  permits: number | null = null
  /** Fails streams of this life when it ends. */
  private streams: Deferred.Deferred<never, ActorStopped> | null = null

  /** Done when the actor has ended; made when somebody asks. */
  get over(): Deferred.Deferred<Ended> {
    this.ended ??= Deferred.makeUnsafe()
    return this.ended
  }

  /** A stream that whoever asked pulls beside the turns of this life, and that fails when it ends. */
  bound(stream: Stream.Stream<unknown, unknown, unknown>, context: Context.Context<never>): Stream.Stream<unknown, unknown> {
    this.streams ??= Deferred.makeUnsafe()
    const provided = Stream.provideContext(stream, context as Context.Context<unknown>)
    return Stream.interruptWhen(provided, Deferred.await(this.streams))
  }

  endStreams(why: ActorStopped): void {
    if (this.streams !== null) Deferred.doneUnsafe(this.streams, Effect.fail(why))
    this.streams = null
  }
}

/** A turn, and then what has to be kept of it: nobody is told before that is durable. */
export const kept = (keeper: Keeper, message: Message, answer: Effect.Effect<unknown, unknown>): Turning =>
  Effect.flatMap(Effect.exit(answer), (exit) => {
    const commit = keeper.commit(message, exit)
    return commit === null ? exit : Effect.andThen(commit, exit)
  })

/** What is neither an Effect nor a Stream, without asking for the marks of either. */
export const isPrimitive = (answer: unknown): boolean =>
  (typeof answer !== "object" || answer === null) && typeof answer !== "function"
