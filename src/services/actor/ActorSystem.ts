/**
 * Where actors run: it finds or makes the actor of a name and an address, and supervises it.
 *
 * Applications use `Actor`, which gives this its types. An actor exists by being addressed: the first message makes it, an idle one has
 * neither queue nor fiber, and it may leave memory after a while and come back with the next message.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Overflow } from "../../schema/actor/Mailbox.ts"
import type { Fate, Message } from "../../schema/actor/Message.ts"
import type { Policy, Strategy } from "../../schema/actor/Supervision.ts"
import type { ActorRef, NotKept } from "./ActorRef.ts"
import type { Ended } from "./Supervisor.ts"

export interface ActorOptions {
  readonly mailbox?: {
    /** User messages that may wait: 1,000 unless said otherwise. */
    readonly capacity?: number
    /** `suspend` unless said otherwise. */
    readonly overflow?: Overflow
    /** Of messages for which this answers the same text only the newest waits. */
    readonly conflate?: (tag: string, payload: unknown) => string | undefined
  }
  /** `restart()` unless said otherwise: three times within 10 seconds, then stop. */
  readonly supervision?: Policy
  /** Whether the crash of one actor of this name restarts them all. `one-for-one` unless said otherwise. */
  readonly strategy?: Strategy
  /** How long an actor may idle before it leaves memory; never unless said otherwise. */
  readonly passivateAfter?: Duration.Input
}

/** What a handler may be: a value, or a function of the payload that answers a value, an Effect or a Stream. */
export type Handlers = { readonly [tag: string]: unknown }

/** Where the actors of one name live. */
export interface Placement {
  readonly name: string
  readonly rpcs: ReadonlyArray<Rpc.Any>
  /** The device (`peer.device`) on which the actor of an address lives. */
  readonly where: (address: string) => string
}

/** How the actors of one name are made. */
export interface Definition<R> {
  readonly name: string
  readonly rpcs: ReadonlyArray<Rpc.Any>
  /** Makes the handlers of one actor, when it is activated. Its scope ends with the actor, its restart or its passivation. */
  readonly build: Effect.Effect<Handlers, unknown, R>
  /** How the reply to a message is encoded; undefined where it is a stream, or there is no such tag. */
  readonly replyOf: (tag: string) => Schema.Codec<unknown, unknown> | undefined
  readonly options: ActorOptions
}

/** A message that nobody handled. */
export interface DeadLetter {
  readonly actor: string
  readonly address: string
  readonly tag: string
  readonly payload: unknown
  readonly fate: Fate
}

/** What makes the turns of an actor durable: asked before each turn, and before anyone is told how it ended. */
export interface Keeper {
  /** Begins the turn of a message, or answers how it ends without one: with the reply to a command that was applied before, or refused. */
  readonly begin: (message: Message) => Exit.Exit<unknown, NotKept> | null
  /** Keeps what the turn did; null when there is nothing to keep. `NotKept` fails the turn alone; if it dies, the turn has crashed the actor. */
  readonly commit: (message: Message, exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void, NotKept> | null
}

/** What an actor knows of itself, while its handlers are built and after. All of it ends with this life of the actor. */
export interface ActorSelf {
  readonly actor: string
  readonly address: string
  readonly scope: Scope.Scope
  readonly replyOf: (tag: string) => Schema.Codec<unknown, unknown> | undefined
  /** Handles messages with other handlers, from the next one on. */
  readonly become: (handlers: Handlers) => void
  /** Ends the actor after this turn. */
  readonly stop: () => void
  /** Runs `handle` as a turn of its own, before user messages, when this turn is done and what it did is durable. */
  readonly turn: (handle: () => unknown) => void
  /** Runs `handle` as a turn once `after` a while, or `every` while. Setting a key again replaces its timer; a turn that waits is not doubled. */
  readonly timer: (
    key: string,
    when: { readonly after: Duration.Input } | { readonly every: Duration.Input },
    handle: () => unknown
  ) => void
  readonly cancel: (key: string) => void
  /** Runs `handle` as a turn when another actor has ended. */
  readonly watch: (other: { readonly ended: Effect.Effect<Ended> }, handle: (why: Ended) => unknown) => void
  readonly keep: (keeper: Keeper) => void
}

/** The actor whose handlers are being built. */
export class Self extends Context.Service<Self, ActorSelf>()("troupe/actor/Self") {}

export class ActorSystem extends Context.Service<
  ActorSystem,
  {
    /** Runs actors of a name until the scope closes, which ends them. Of each name there is one definition; a second one dies. */
    readonly register: <R>(definition: Definition<R>) => Effect.Effect<void, never, Exclude<R, Scope.Scope | Self> | Scope.Scope>
    /** Until the scope closes, actors of a name are looked for where it says; those of this device, and all where there is no other, run here. */
    readonly place: (placement: Placement) => Effect.Effect<void, never, Scope.Scope>
    readonly ref: (actor: string, address: string) => ActorRef
    /** What nobody handled: the last 256, and what comes from now on. A listener that is slow misses the oldest. */
    readonly deadLetters: Stream.Stream<DeadLetter>
  }
>()("troupe/actor/ActorSystem") {}
