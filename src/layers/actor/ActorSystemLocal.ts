/**
 * Actors in this process: nothing is encoded, and a message is handed over by a call.
 *
 * What wakes an actor goes through one dispatcher of the scheduler, and time through the Clock, so that a simulated world decides both.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { askMillis, commandOf, Message } from "../../schema/actor/Message.ts"
import { restart } from "../../schema/actor/Supervision.ts"
import {
  ActorCrashed,
  type ActorRef,
  ActorStopped,
  type AskOptions,
  AskTimeout,
  type Inspection,
  MailboxFull,
  MessageDropped,
  type SendOptions
} from "../../services/actor/ActorRef.ts"
import { ActorSystem, type DeadLetter, type Definition, type Self } from "../../services/actor/ActorSystem.ts"
import { type Ended, type Supervision, Supervisor } from "../../services/actor/Supervisor.ts"
import type { ActorCell } from "./ActorCell.ts"
import { ActorDeadlines } from "./ActorDeadlines.ts"
import { ActorHost } from "./ActorHost.ts"

const deadLettersKept = 256

const make: Effect.Effect<ActorSystem["Service"], never, Supervisor | Scope.Scope> = Effect.gen(function* () {
  const supervisor = yield* Supervisor
  // what escalates without end is ended by its name alone
  const root = yield* supervisor.open({ name: "actors", policy: restart() })
  const dead = yield* PubSub.sliding<DeadLetter>({ capacity: deadLettersKept, replay: deadLettersKept })
  const system = new LocalSystem(
    supervisor,
    root,
    dead,
    yield* Clock.Clock,
    (yield* Scheduler.Scheduler).makeDispatcher(),
    yield* Effect.context<Scope.Scope>()
  )
  return ActorSystem.of({
    register: system.register,
    place: () => Effect.void,
    ref: (actor, address) => new LocalRef(system, actor, address),
    deadLetters: Stream.fromPubSub(dead)
  })
})

export const layer: Layer.Layer<ActorSystem, never, Supervisor> = Layer.effect(ActorSystem, make)

class LocalSystem {
  readonly deadlines: ActorDeadlines
  private readonly hosts = new Map<string, ActorHost>()
  private readonly supervisor: Supervisor["Service"]
  private readonly root: Supervision
  private readonly dead: PubSub.PubSub<DeadLetter>
  private readonly clock: Clock.Clock
  private readonly dispatcher: Scheduler.SchedulerDispatcher

  constructor(
    supervisor: Supervisor["Service"],
    root: Supervision,
    dead: PubSub.PubSub<DeadLetter>,
    clock: Clock.Clock,
    dispatcher: Scheduler.SchedulerDispatcher,
    context: Context.Context<Scope.Scope>
  ) {
    this.supervisor = supervisor
    this.root = root
    this.dead = dead
    this.clock = clock
    this.dispatcher = dispatcher
    const scope = Context.get(context, Scope.Scope)
    this.deadlines = new ActorDeadlines(clock, (effect) => void Fiber.runIn(Effect.runForkWith(context)(effect), scope))
  }

  readonly register: ActorSystem["Service"]["register"] = <R>(definition: Definition<R>) =>
    Effect.gen({ self: this }, function* () {
      const { name, options } = definition
      if (this.hosts.has(name))
        return yield* Effect.die(new Error(`actors named ${name} run here already: provide their layer once`))
      const context = yield* Effect.context<Exclude<R, Scope.Scope | Self> | Scope.Scope>()
      const house = { dispatcher: this.dispatcher, buried: this.buried }
      const host = new ActorHost(definition as Definition<never>, context as Context.Context<never>, this.clock, house)
      yield* Effect.addFinalizer(() => Effect.sync(() => this.hosts.delete(name)))
      host.group = yield* this.supervisor.over({
        name,
        above: this.root,
        members: () => host.members(),
        ...(options.supervision === undefined ? {} : { policy: options.supervision }),
        ...(options.strategy === undefined ? {} : { strategy: options.strategy })
      })
      this.hosts.set(name, host)
    })

  host(name: string): ActorHost | undefined {
    return this.hosts.get(name)
  }

  readonly buried = (letter: DeadLetter): void => {
    if (!PubSub.publishUnsafe(this.dead, letter)) Effect.runSync(PubSub.publish(this.dead, letter))
  }
}

class LocalRef implements ActorRef {
  readonly actor: string
  readonly address: string
  private readonly system: LocalSystem
  private found: ActorCell | null = null

  constructor(system: LocalSystem, actor: string, address: string) {
    this.system = system
    this.actor = actor
    this.address = address
  }

  /** The actor as it is now, or null when nobody runs any of its name. */
  private get cell(): ActorCell | null {
    if (this.found !== null && !this.found.isGone) return this.found
    this.found = this.system.host(this.actor)?.cell(this.address) ?? null
    return this.found
  }

  tellUnsafe(tag: string, payload: unknown, options?: SendOptions): Message {
    const message = messageOf(tag, payload, options)
    const { cell } = this
    if (cell === null) this.unknown(message)
    else if (!cell.offer(message)) cell.refuse(message, "rejected")
    return message
  }

  tell(tag: string, payload: unknown, options?: SendOptions): Effect.Effect<Message> {
    return Effect.callback((resume) => {
      const message = messageOf(tag, payload, options)
      const { cell } = this
      if (cell === null) this.unknown(message)
      else if (!cell.offer(message)) {
        cell.wait(message, () => resume(Effect.succeed(message)))
        return Effect.sync(() => cell.abandon(message))
      }
      resume(Effect.succeed(message))
      return
    })
  }

  ask(tag: string, payload: unknown, options?: AskOptions): Effect.Effect<unknown, unknown> {
    return Effect.callback((resume) => {
      const message = messageOf(tag, payload, options)
      const { cell } = this
      message.listen(() => resume(this.exitOf(message, cell)))
      if (cell === null) {
        this.unknown(message)
        return
      }
      if (!cell.offer(message)) cell.wait(message, () => {})
      if (message.isSettled) return
      const millis = options?.timeout ?? askMillis
      if (Number.isFinite(millis))
        this.system.deadlines.add(message, millis, () => {
          const isBegun = message.fate === "handling"
          resume(Effect.fail(new AskTimeout({ actor: this.path, millis, isBegun })))
          cell.abandon(message)
        })
      return Effect.sync(() => cell.abandon(message))
    })
  }

  private exitOf({ fate, result }: Message, cell: ActorCell | null): Exit.Exit<unknown, unknown> {
    const actor = this.path
    switch (fate) {
      case "handled":
        return Exit.succeed(result)
      case "failed":
        return Exit.failCause(result as Cause.Cause<unknown>)
      case "crashed":
        return Exit.fail(new ActorCrashed({ actor, cause: Cause.squash(result as Cause.Cause<unknown>) }))
      case "rejected":
        return Exit.fail(new MailboxFull({ actor, capacity: cell?.host.mailbox.capacity ?? 0 }))
      case "dropped":
      case "conflated":
        return Exit.fail(new MessageDropped({ actor, how: fate }))
      default:
        return Exit.fail(new ActorStopped({ actor, reason: cell?.why ?? "unknown" }))
    }
  }

  private unknown(message: Message): void {
    message.settle("stopped")
    const { payload, tag } = message
    this.system.buried({ actor: this.actor, address: this.address, tag, payload, fate: "stopped" })
  }

  private get path(): string {
    return `${this.actor}/${this.address}`
  }

  get stop(): Effect.Effect<void> {
    return this.ending((cell) => {
      if (!cell.hasEnded) cell.stopSoon()
      return Effect.asVoid(cell.ended)
    })
  }

  get kill(): Effect.Effect<void> {
    return this.ending((cell) => cell.end("stopped"))
  }

  private ending(end: (cell: ActorCell) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => (this.cell === null ? Effect.void : end(this.cell)))
  }

  get start(): Effect.Effect<void> {
    return Effect.sync(() => {
      const { cell } = this
      if (cell?.hasEnded === true) cell.host.forget(cell)
      this.cell?.wake()
    })
  }

  get ended(): Effect.Effect<Ended> {
    return Effect.suspend(() => (this.cell === null ? Effect.succeed<Ended>("stopped") : this.cell.ended))
  }

  inspect(): Inspection {
    return this.cell?.inspect() ?? { state: "absent", waiting: [] }
  }

  hold(): void {
    this.cell?.hold()
  }

  release(): void {
    this.cell?.releaseHold()
  }

  get step(): Effect.Effect<Message | null> {
    return Effect.suspend(() => this.cell?.stepOnce ?? Effect.succeed(null))
  }
}

const messageOf = (tag: string, payload: unknown, options: SendOptions | undefined): Message =>
  new Message(tag, payload, options?.command === undefined ? null : commandOf(options.command, options.caller))
