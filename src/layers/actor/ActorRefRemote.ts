/**
 * A reference to an actor on another device: its messages are calls on that device's line.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { askMillis, type Fate, Message } from "../../schema/actor/Message.ts"
import {
  ActorElsewhere,
  type ActorRef,
  ActorUnreachable,
  type AskOptions,
  AskTimeout,
  type Inspection,
  type SendOptions
} from "../../services/actor/ActorRef.ts"
import type { ActorLine } from "./ActorLine.ts"
import type { CallHeaders } from "./ActorWire.ts"

/** Messages that were told and are not settled, of all references to one device. */
const toldMax = 1_000

/** What the references to the actors of one name on one device share. */
export interface Remote {
  readonly actor: string
  readonly line: ActorLine
  readonly isStream: (tag: string) => boolean
  readonly fork: (effect: Effect.Effect<unknown, unknown>) => Fiber.Fiber<unknown, unknown>
  readonly scope: Scope.Scope
  /** Whether the system has ended, or the placement. */
  readonly isOver: () => boolean
  readonly told: Set<Message>
}

export class RemoteRef implements ActorRef {
  readonly actor: string
  readonly address: string
  private readonly remote: Remote

  constructor(remote: Remote, address: string) {
    this.remote = remote
    this.actor = remote.actor
    this.address = address
  }

  private get path(): string {
    return `${this.actor}/${this.address}`
  }

  ask(tag: string, payload: unknown, options?: AskOptions): Effect.Effect<unknown, unknown> {
    return Effect.suspend(() => {
      const { isStream, line } = this.remote
      const headers = this.headers(options)
      const millis = options?.timeout ?? askMillis
      let isBegun = false
      const within = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | AskTimeout> => {
        if (!Number.isFinite(millis)) return effect
        const orElse = () => Effect.fail(new AskTimeout({ actor: this.path, millis, isBegun }))
        return Effect.timeoutOrElse(effect, { duration: millis, orElse })
      }
      if (this.remote.isOver()) return Effect.fail(this.unsent)
      if (isStream(tag)) return Effect.succeed(line.stream(tag, payload, headers, within))
      const asked = line.ask(tag, payload, headers, () => {
        isBegun = true
      })
      return within(this.beside(asked))
    })
  }

  /** Runs a call in a fiber of the system: who gives it up goes on at once, and the other end is told when the channel has room. */
  private beside<A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.forkIn(call, this.remote.scope, { startImmediately: true }), (fiber) =>
        Effect.onInterrupt(restore(Fiber.join(fiber)), () => Effect.sync(() => fiber.interruptUnsafe()))
      )
    )
  }

  private get unsent(): ActorUnreachable {
    const { device } = this.remote.line
    return new ActorUnreachable({ actor: this.path, device, reason: "disconnected", isSent: false })
  }

  private headers(options: SendOptions | undefined): CallHeaders {
    const command = options?.command
    return command === undefined ? { address: this.address } : { address: this.address, command }
  }

  tellUnsafe(tag: string, payload: unknown, options?: SendOptions): Message {
    const { isOver, isStream, line, told } = this.remote
    const message = new Message(tag, payload, options?.command ?? null)
    if (isOver()) message.settle("unreachable", Cause.fail(this.unsent))
    else if (told.size >= toldMax) message.settle("rejected")
    if (message.isSettled) return message
    told.add(message)
    const headers = this.headers(options)
    const called: Effect.Effect<unknown, unknown> = isStream(tag)
      ? Stream.runDrain(line.stream(tag, payload, headers, identity))
      : line.ask(tag, payload, headers, () => {
          message.fate = "handling"
        })
    const end = (exit: Exit.Exit<unknown, unknown>) => {
      told.delete(message)
      settle(message, exit)
    }
    this.remote.fork(called).addObserver(end)
    return message
  }

  tell(tag: string, payload: unknown, options?: SendOptions): Effect.Effect<Message> {
    return Effect.sync(() => this.tellUnsafe(tag, payload, options))
  }

  private elsewhere(call: string): Effect.Effect<never> {
    return Effect.die(new ActorElsewhere({ actor: this.path, device: this.remote.line.device, call }))
  }

  get stop(): Effect.Effect<never> {
    return this.elsewhere("stop")
  }

  get kill(): Effect.Effect<never> {
    return this.elsewhere("kill")
  }

  get start(): Effect.Effect<never> {
    return this.elsewhere("start")
  }

  get ended(): Effect.Effect<never> {
    return this.elsewhere("ended")
  }

  get step(): Effect.Effect<never> {
    return this.elsewhere("step")
  }

  hold(): void {
    Effect.runSync(this.elsewhere("hold"))
  }

  release(): void {
    Effect.runSync(this.elsewhere("release"))
  }

  inspect(): Inspection {
    return { state: "elsewhere", waiting: [...this.remote.told] }
  }
}

const fates: { readonly [tag: string]: Exclude<Fate, "waiting" | "handling"> } = {
  ActorCrashed: "crashed",
  ActorStopped: "stopped",
  MailboxFull: "rejected",
  CallRefused: "rejected",
  ActorUnreachable: "unreachable"
}

const settle = (message: Message, exit: Exit.Exit<unknown, unknown>): void => {
  if (Exit.isSuccess(exit)) {
    message.settle("handled", exit.value)
    return
  }
  if (Cause.hasInterruptsOnly(exit.cause)) {
    message.settle("unreachable", exit.cause)
    return
  }
  const error = Cause.squash(exit.cause) as { readonly _tag?: string; readonly how?: "dropped" | "conflated" }
  const fate = error._tag === "MessageDropped" ? error.how! : (fates[error._tag ?? ""] ?? "failed")
  message.settle(fate, exit.cause)
}
