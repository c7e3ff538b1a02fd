/**
 * One actor at work: takes messages one at a time, and is restarted, passivated and ended as a whole.
 *
 *     idle ─► ready ─► starting ─► turn ─► idle          down: crashed, or between two lives
 *      ▲ (first message)              └─► down ─► ready   ended: for good
 *
 * Idle it is this object and its handlers: the mailbox is made by the first message, and turns are plain calls from the dispatcher. Only
 * when a handler answers an Effect is a fiber forked, which then goes on with the messages that follow until none is left.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Message } from "../../schema/actor/Message.ts"
import { ActorStopped, type Inspection } from "../../services/actor/ActorRef.ts"
import { type Handlers, type Keeper, Self } from "../../services/actor/ActorSystem.ts"
import type { Ended, Supervised } from "../../services/actor/Supervisor.ts"
import type { ActorHost } from "./ActorHost.ts"
import { ActorInbox, Turn } from "./ActorInbox.ts"
import { ActorLife, isPrimitive, kept, Running, type Turning } from "./ActorLife.ts"
import { ActorFace } from "./ActorSelf.ts"

/** Messages that are handled before others have their turn. */
const turnsMax = 256

export class ActorCell implements Supervised {
  readonly host: ActorHost
  readonly address: string
  isGone = false
  /** Whether its supervisor has been told that it started. */
  private isAdopted = false
  private state: "idle" | "ready" | "starting" | "turn" | "down" | "ended" = "idle"
  private inbox: ActorInbox | null = null
  private handlers: Handlers | null = null
  private current: Scope.Closeable | null = null
  private running: Running | null = null
  private rare: ActorLife | null = null

  constructor(host: ActorHost, address: string) {
    this.host = host
    this.address = address
  }

  get name(): string {
    return this.address
  }

  get hasEnded(): boolean {
    return this.state === "ended"
  }

  private get more(): ActorLife {
    this.rare ??= new ActorLife()
    return this.rare
  }

  /** The scope of this life. */
  get scope(): Scope.Closeable {
    this.current ??= Scope.makeUnsafe()
    return this.current
  }

  /** Takes a message in, or refuses it: its fate says which. Answers false when it has to wait outside, and nothing was done. */
  offer(message: Message): boolean {
    if (this.state === "ended") {
      this.refuse(message, "stopped")
      return true
    }
    this.inbox ??= new ActorInbox(this.host, this.address)
    if (!this.inbox.accept(message)) return false
    if (this.state === "idle") this.schedule()
    return true
  }

  refuse(message: Message, fate: "stopped" | "rejected"): void {
    if (message.settle(fate)) this.host.bury(this.address, message)
  }

  /** Puts a message that was not taken in behind others that wait for room; `taken` is called when it is in, or settled otherwise. */
  wait(message: Message, taken: () => void): void {
    this.inbox?.wait(message, taken)
  }

  /** Who waited for the answer has gone: what has not begun is not done. */
  abandon(message: Message): void {
    if (message.fate === "waiting") this.inbox?.abandon(message)
  }

  enqueue(run: () => unknown): Message {
    const turn = new Turn(run)
    if (this.state === "ended") return turn
    this.inbox ??= new ActorInbox(this.host, this.address)
    this.inbox.offerControl(turn)
    if (this.state === "idle") this.schedule()
    return turn
  }

  private schedule(): void {
    this.state = "ready"
    this.host.woke(this)
    this.host.house.dispatcher.scheduleTask(() => this.drain(), 0)
  }

  private drain(): void {
    if (this.state !== "ready") return
    if (this.handlers === null) {
      this.activate()
      return
    }
    this.state = "turn"
    this.turns()
  }

  private turns(): void {
    for (let left = turnsMax; left > 0; left--) {
      const message = this.next()
      if (message === null) return
      const effect = this.begin(message)
      if (effect === null) continue
      this.fork(message, effect)
      return
    }
    if (this.state === "turn") this.schedule()
  }

  /** The next message; null when there is none or it may not be handled, and then the state says how it goes on. */
  private next(): Message | null {
    if (this.state !== "turn") return null
    if (this.rare !== null && !this.mayGoOn(this.rare)) return null
    const message = this.inbox?.take()
    if (message !== undefined) return message
    this.inbox = null
    this.state = "idle"
    this.host.rested(this)
    return null
  }

  private mayGoOn(rare: ActorLife): boolean {
    if (rare.isStopping) {
      this.state = "down"
      this.host.fork(this.end("stopped"))
      return false
    }
    if (rare.permits === null) return true
    if (rare.permits > 0) {
      rare.permits--
      return true
    }
    this.state = "idle"
    return false
  }

  /** Calls the handler. Answers what has to be run until the message is settled, or null when it is. */
  private begin(message: Message): Turning | null {
    message.fate = "handling"
    const keeper = this.rare?.keeper ?? null
    let answer: unknown
    try {
      const known = keeper === null ? null : keeper.begin(message)
      if (known !== null) {
        this.settle(message, known)
        return null
      }
      answer = message instanceof Turn ? message.run() : this.call(message)
    } catch (defect) {
      this.crash(message, Cause.die(defect))
      return null
    }
    if (keeper === null && isPrimitive(answer)) {
      message.settle("handled", answer)
      return null
    }
    const effect = Effect.isEffect(answer) ? (answer as Effect.Effect<unknown, unknown>) : null
    if (keeper !== null) return kept(keeper, message, effect ?? Effect.succeed(answer))
    if (effect === null) this.answered(message, answer)
    else if (Exit.isExit(effect)) this.settle(message, effect)
    else return effect
    return null
  }

  private call({ payload, tag }: Message): unknown {
    const handler = this.handlers![tag]
    return typeof handler === "function" ? handler(payload) : handler
  }

  private answered(message: Message, value: unknown): void {
    message.settle("handled", Stream.isStream(value) ? this.more.bound(value, this.host.context) : value)
  }

  private settle(message: Message, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit)) this.answered(message, exit.value)
    else if (exit.cause.reasons.some((reason) => !Cause.isFailReason(reason))) this.crash(message, exit.cause)
    else message.settle("failed", exit.cause)
  }

  /** Runs the answer of a message, and then the messages that follow, until none is left. */
  private fork(message: Message, effect: Turning): void {
    const running = new Running()
    running.message = message
    running.effect = effect
    this.running = running
    running.fiber = Effect.runForkWith(this.host.context)(running.loop((exit) => this.step(running, exit)))
    running.fiber.addObserver((exit) => {
      if (this.running !== running) return
      this.running = null
      // a turn that interrupts its own fiber
      if (this.state === "turn" && Exit.isFailure(exit)) this.crash(running.message, exit.cause)
    })
  }

  private step(running: Running, exit: Exit.Exit<unknown, unknown>): void {
    if (running.message !== null) this.settle(running.message, exit)
    running.message = null
    running.effect = null
    for (let left = turnsMax; left > 0; left--) {
      const message = this.next()
      if (message === null) return
      const effect = this.begin(message)
      if (effect === null) continue
      running.message = message
      running.effect = effect
      return
    }
    running.pause()
  }

  private activate(): void {
    this.state = "starting"
    this.current = Scope.makeUnsafe()
    const self = new ActorFace(this)
    const context = Context.add(Context.add(this.host.context, Scope.Scope, this.current), Self, self)
    const running = new Running()
    this.running = running
    running.fiber = Effect.runForkWith(context)(this.host.build)
    running.fiber.addObserver((exit) => {
      if (this.running !== running) return
      this.running = null
      if (Exit.isFailure(exit)) {
        this.crash(null, exit.cause)
        return
      }
      // `become` may have been called while they were built
      this.handlers ??= exit.value as Handlers
      if (!this.isAdopted) this.host.group.adopt(this)
      this.isAdopted = true
      this.state = "turn"
      this.turns()
    })
  }

  become(handlers: Handlers): void {
    this.handlers = handlers
  }

  keep(keeper: Keeper): void {
    this.more.keeper = keeper
  }

  private crash(message: Message | null, cause: Cause.Cause<unknown>): void {
    this.state = "down"
    message?.settle("crashed", cause)
    this.host.group.crashed(this, cause)
  }

  get resume(): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.state === "down") this.schedule()
    })
  }

  /** Ends this life: its fiber, its scope, its timers and watches. Messages go on waiting. */
  get suspend(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.state === "ended" || (this.state !== "down" && this.handlers === null && this.running === null)) return Effect.void
      this.state = "down"
      return this.release("crashed")
    })
  }

  /** A crash whose own restart still waits has left its life as it was. */
  get restart(): Effect.Effect<void> {
    return Effect.suspend(() => (this.state === "down" ? Effect.andThen(this.release("crashed"), this.resume) : Effect.void))
  }

  private release(why: Ended): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { current, rare, running } = this
      this.current = null
      this.handlers = null
      this.running = null
      this.inbox?.clearControl()
      if (rare !== null) {
        rare.keeper = null
        rare.endStreams(new ActorStopped({ actor: this.path, reason: why }))
      }
      const interrupted = running?.fiber == null ? Effect.void : Fiber.interrupt(running.fiber)
      const closed = current === null ? Effect.void : (Scope.closeUnsafe(current, Exit.void) ?? Effect.void)
      return Effect.andThen(interrupted, () => {
        running?.message?.settle("crashed", Cause.die(new Error(`${this.path} was ended in the middle of this`)))
        return Effect.ignoreCause(closed)
      })
    })
  }

  end(why: Ended): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.state === "ended") return Effect.asVoid(this.ended)
      this.state = "ended"
      this.host.woke(this)
      this.more.why = why
      this.inbox?.empty()
      return Effect.map(this.release(why), () => {
        this.inbox = null
        this.leave()
        Deferred.doneUnsafe(this.more.over, Effect.succeed(why))
      })
    })
  }

  private leave(): void {
    if (this.isAdopted) this.host.group.leave(this)
    this.isAdopted = false
  }

  /** Ends the actor after the turn that is under way. */
  stopSoon(): void {
    this.more.isStopping = true
    if (this.state === "idle" || this.state === "down") this.host.fork(this.end("stopped"))
  }

  get ended(): Effect.Effect<Ended> {
    return Effect.suspend(() => Deferred.await(this.more.over))
  }

  get why(): Ended {
    return this.more.why
  }

  get path(): string {
    return `${this.host.name}/${this.address}`
  }

  /** Leaves memory while nothing waits. Who watches an actor watches its cell, which then stays. */
  get passivate(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.state !== "idle" || this.handlers === null || this.rare?.permits != null) return Effect.void
      this.state = "down"
      return Effect.map(this.release("stopped"), () => {
        if (this.state !== "down") return
        this.leave()
        this.state = "idle"
        if (this.inbox !== null && !this.inbox.isEmpty) this.schedule()
        else if (this.rare === null || this.rare.ended === null) this.host.forget(this)
      })
    })
  }

  /** Activates the actor without a message. */
  wake(): void {
    if (this.state === "idle" && this.handlers === null) this.schedule()
  }

  inspect(): Inspection {
    const isAsleep = this.state === "idle" && this.handlers === null
    return { state: isAsleep ? "absent" : seen[this.state], waiting: this.inbox?.waiting() ?? [] }
  }

  hold(): void {
    this.more.permits = 0
  }

  releaseHold(): void {
    this.more.permits = null
    if (this.state === "idle" && this.inbox !== null) this.schedule()
  }

  get stepOnce(): Effect.Effect<Message | null> {
    return Effect.callback((resume) => {
      const message = this.inbox?.waiting()[0]
      if (message === undefined) return resume(Effect.succeed(null))
      message.listen(() => resume(Effect.succeed(message)))
      this.more.permits = (this.more.permits ?? 0) + 1
      if (this.state === "idle") this.schedule()
    })
  }
}

const seen = { idle: "idle", ready: "busy", starting: "busy", turn: "busy", down: "down", ended: "ended" } as const
