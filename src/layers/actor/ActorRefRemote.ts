/**
 * A reference to an actor on another device: its messages are calls on that device's line.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { type Fate, Message } from "../../schema/actor/Message.ts"
import {
  ActorElsewhere,
  type ActorRef,
  type AskOptions,
  AskTimeout,
  type Inspection,
  type SendOptions
} from "../../services/actor/ActorRef.ts"
import type { ActorLine } from "./ActorLine.ts"
import type { CallHeaders } from "./ActorWire.ts"

const timeoutDefault = 5_000
/** Messages that were told and are not settled, of all references to one device. */
const toldMax = 1_000

/** What the references to the actors of one name on one device share. */
export interface Remote {
  readonly actor: string
  readonly line: ActorLine
  readonly isStream: (tag: string) => boolean
  readonly fork: (effect: Effect.Effect<void>) => void
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
      if (isStream(tag)) return Effect.succeed(line.stream(tag, payload, headers))
      let isBegun = false
      const asked = line.ask(tag, payload, headers, () => {
        isBegun = true
      })
      const millis = options?.timeout ?? timeoutDefault
      if (!Number.isFinite(millis)) return asked
      const orElse = () => Effect.fail(new AskTimeout({ actor: this.path, millis, isBegun }))
      return Effect.timeoutOrElse(asked, { duration: millis, orElse })
    })
  }

  private headers(options: SendOptions | undefined): CallHeaders {
    const command = options?.command
    return command === undefined ? { address: this.address } : { address: this.address, command }
  }

  tellUnsafe(tag: string, payload: unknown, options?: SendOptions): Message {
    const { fork, isStream, line, told } = this.remote
    const message = new Message(tag, payload, options?.command ?? null)
    if (told.size >= toldMax) {
      message.settle("rejected")
      return message
    }
    told.add(message)
    const headers = this.headers(options)
    const called: Effect.Effect<unknown, unknown> = isStream(tag)
      ? Stream.runDrain(line.stream(tag, payload, headers))
      : line.ask(tag, payload, headers, () => {
          message.fate = "handling"
        })
    fork(
      Effect.map(Effect.exit(called), (exit) => {
        told.delete(message)
        settle(message, exit)
      })
    )
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
  const error = Cause.squash(exit.cause) as { readonly _tag?: string; readonly how?: "dropped" | "conflated" }
  const fate = error._tag === "MessageDropped" ? error.how! : (fates[error._tag ?? ""] ?? "failed")
  message.settle(fate, exit.cause)
}
