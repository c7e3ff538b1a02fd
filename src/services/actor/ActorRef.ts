/**
 * A reference to one actor by its name and address, before any types: what `Actor` gives its typed face to, and what layers implement.
 *
 * A reference costs nothing to hold and outlives what it refers to. Every ask ends exactly once: with the handler's answer or its typed
 * error, or with one of the errors below.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Message } from "../../schema/actor/Message.ts"
import type { Ended } from "./Supervisor.ts"

/** How an ask is made, and how a message is told. */
export interface SendOptions {
  /**
   * Names this command, so that a durable actor applies it once however often it is sent: it answers a repetition with the first reply.
   * Choose it once for each thing that is meant (a UUID), and keep it for repetitions.
   */
  readonly command?: string
  /**
   * The device (`peer.device`) for which this is sent; this one unless said. Set where calls from afar come in, not by applications: each
   * device has command ids of its own.
   */
  readonly caller?: string
}

export interface AskOptions extends SendOptions {
  /** Milliseconds until the ask fails with `AskTimeout`; 5,000 unless said otherwise, `Infinity` for never. */
  readonly timeout?: number
}

/** How an actor looks from outside: for tests and tools. */
export interface Inspection {
  /**
   * `absent`: no message has come yet, or it is passivated. `down`: it crashed, and the supervisor has not decided or is waiting.
   * `elsewhere`: it lives on another device, and then `waiting` is what was told and has not been settled.
   */
  readonly state: "absent" | "idle" | "busy" | "down" | "ended" | "elsewhere"
  /** What waits, the next first; `(turn)` are those of timers and watches. */
  readonly waiting: ReadonlyArray<Message>
}

/**
 * One actor, wherever it is. Of one on another device, what concerns its life (`stop`, `kill`, `start`, `ended`, `hold`, `step`) dies with
 * `ActorElsewhere`: it is for the device on which it lives.
 */
export interface ActorRef {
  readonly actor: string
  readonly address: string
  /** Hands over a message without waiting: under `suspend`, too, a full mailbox rejects it. Its fate is read from what is answered. */
  readonly tellUnsafe: (tag: string, payload: unknown, options?: SendOptions) => Message
  /** Hands over a message; under `suspend` it waits for room. */
  readonly tell: (tag: string, payload: unknown, options?: SendOptions) => Effect.Effect<Message>
  readonly ask: (tag: string, payload: unknown, options?: AskOptions) => Effect.Effect<unknown, unknown>
  /** Ends the actor after the turn that is under way, and waits until its finalizers are done. What waits becomes dead letters. */
  readonly stop: Effect.Effect<void>
  /** The same, interrupting the turn. */
  readonly kill: Effect.Effect<void>
  /** Starts the actor anew if it has ended, and activates it without a message. */
  readonly start: Effect.Effect<void>
  /** Waits until the actor ends, and says why; at once when it has. A restart is no end. */
  readonly ended: Effect.Effect<Ended>
  readonly inspect: () => Inspection
  /** From now on the actor handles nothing by itself, only what `step` lets it, until `release`. For tests. */
  readonly hold: () => void
  readonly release: () => void
  /** Lets a held actor handle its next message, and answers it once it is settled; null when none waits. */
  readonly step: Effect.Effect<Message | null>
}

const actor = { actor: Schema.String }

/** Nobody handled the message, and nobody will: the actor has ended, or there is none of this name. */
export class ActorStopped extends Schema.TaggedError<ActorStopped>()("ActorStopped", {
  ...actor,
  reason: Schema.Literals(["stopped", "crashed", "escalated", "unknown"])
}) {
  override get message() {
    if (this.reason === "unknown")
      return `Nothing here runs ${this.actor}. Provide the layer that its toLayer makes, and ask again.`
    return `${this.actor} has ended (${this.reason}) and did not handle this. Start it again with client.start, or ask another.`
  }
}

/** The actor broke while it handled the message. Whether it had an effect is not known. */
export class ActorCrashed extends Schema.TaggedError<ActorCrashed>()("ActorCrashed", { ...actor, cause: Schema.Defect() }) {
  override get message() {
    return `${this.actor} crashed while it handled this: ${String(this.cause)}. Its supervisor decides how it goes on; look at its state before you repeat.`
  }
}

/** The mailbox was full. Nothing happened. */
export class MailboxFull extends Schema.TaggedError<MailboxFull>()("MailboxFull", { ...actor, capacity: Schema.Number }) {
  override get message() {
    return `The mailbox of ${this.actor} holds ${this.capacity} messages and is full; nothing happened. Try again later, or let senders wait (overflow: "suspend").`
  }
}

/** The message had to make room, for a newer one (`dropped`) or a newer one with its key (`conflated`). Nothing happened. */
export class MessageDropped extends Schema.TaggedError<MessageDropped>()("MessageDropped", {
  ...actor,
  how: Schema.Literals(["dropped", "conflated"])
}) {
  override get message() {
    return `${this.actor} did not handle this: it was ${this.how} in favour of a newer message. Ask again if you still want an answer.`
  }
}

/**
 * No answer came in time. `isBegun` says whether its turn had begun, so that it may still have an effect; of an actor on another device
 * that is not known here, and it says whether the call had left.
 */
export class AskTimeout extends Schema.TaggedError<AskTimeout>()("AskTimeout", {
  ...actor,
  millis: Schema.Number,
  isBegun: Schema.Boolean
}) {
  override get message() {
    const fate = this.isBegun
      ? "It had begun and may still be done: repeat only with a command id"
      : "It was not begun and will not be: you may repeat it"
    return `${this.actor} did not answer within ${this.millis} ms. ${fate}, or give it a longer timeout.`
  }
}

/**
 * The actor lives on another device, which could not be asked or did not answer. `isSent` says whether the call had left, so that it may
 * have been done; `absent`: the device is connected and does not run this actor; `size`: it is larger than a message may be.
 */
export class ActorUnreachable extends Schema.TaggedError<ActorUnreachable>()("ActorUnreachable", {
  ...actor,
  device: Schema.String,
  reason: Schema.Literals(["disconnected", "absent", "size"]),
  isSent: Schema.Boolean
}) {
  override get message() {
    const at = `${this.actor} lives on ${this.device}`
    if (this.reason === "size") return `${at}, and this is larger than a message may be. Nothing happened; send it in parts.`
    if (this.reason === "absent") return `${at}, which does not run it. Nothing happened; try again when that device does.`
    return this.isSent
      ? `${at}, and the connection was lost before the answer. Whether it was done is not known: repeat it with the same command id.`
      : `${at}, which is not connected. Nothing happened; try again when it is.`
  }
}

/** The life of an actor was to be changed from another device. A mistake of the program, so it is a defect. */
export class ActorElsewhere extends Schema.TaggedError<ActorElsewhere>()("ActorElsewhere", {
  ...actor,
  device: Schema.String,
  call: Schema.String
}) {
  override get message() {
    return `${this.actor} lives on ${this.device}, and ${this.call} is for where it lives. Give it an Rpc that does this, or call it there.`
  }
}

/** Another device asked for what its Rpc does not let that device do. Nothing happened. */
export class CallRefused extends Schema.TaggedError<CallRefused>()("CallRefused", { ...actor, tag: Schema.String }) {
  override get message() {
    return `${this.actor} does not let this device call ${this.tag}. Who may is declared with the Rpc: annotate(Actor.Callers, ...).`
  }
}

/** A durable actor cannot keep the turn of this message, so nothing of it is kept, and the actor goes on as it was before. */
export class NotKept extends Schema.TaggedError<NotKept>()("NotKept", { ...actor, tag: Schema.String, reason: Schema.String }) {
  override get message() {
    return `${this.actor} keeps nothing of this ${this.tag}: ${this.reason}. Nothing happened; send it with what can be kept.`
  }
}

export type ActorError =
  | ActorStopped
  | ActorCrashed
  | MailboxFull
  | MessageDropped
  | AskTimeout
  | ActorUnreachable
  | CallRefused
  | NotKept
