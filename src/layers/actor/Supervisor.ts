/**
 * Supervisors: each a group of children, a policy, and fibers that mend what crashed.
 *
 * Whoever reports a crash is not kept: what the policy asks for is carried out by a fiber of the group, which starts by the dispatcher.
 * Groups whose children fall together mend one crash after the other, those whose children stand alone all at once.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type Directive, Intensity, type Policy, restart, type Strategy } from "../../schema/actor/Supervision.ts"
import {
  type Ended,
  type Lifecycle,
  type Supervised,
  type Supervision,
  Supervisor,
  type SupervisorOptions
} from "../../services/actor/Supervisor.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"

/** Events that a listener may fall behind. */
const eventsMax = 1_024

const make: Effect.Effect<Supervisor["Service"]> = Effect.gen(function* () {
  const events = yield* PubSub.sliding<Lifecycle>(eventsMax)
  const opened = (options: SupervisorOptions, members: (() => Iterable<Supervised>) | null) =>
    Effect.gen(function* () {
      const group = new Group(options, members, events, yield* Effect.context())
      yield* Effect.addFinalizer(() => group.close)
      options.above?.adopt(group)
      return group
    })
  return Supervisor.of({
    open: (options) => opened(options, null),
    over: (options) => opened(options, options.members),
    events: Stream.fromPubSub(events)
  })
})

export const layer: Layer.Layer<Supervisor> = Layer.effect(Supervisor, make)

class Group implements Supervision, Supervised {
  readonly name: string
  private readonly strategy: Strategy
  private readonly policy: Policy
  private readonly above: Supervision | null
  private readonly own = new Map<string, Supervised>()
  private readonly members: () => Iterable<Supervised>
  private readonly isElsewhere: boolean
  private readonly events: PubSub.PubSub<Lifecycle>
  private readonly context: Context.Context<never>
  /** Restarts by child, or of the group where all fall together. Only what crashed is here. */
  private readonly intensities = new Map<Supervised, Intensity>()
  /** The latest restart of each child that one is under way for. */
  private readonly latest = new Map<Supervised, object>()
  private readonly mending = new Set<Fiber.Fiber<unknown, unknown>>()
  private readonly turn = Semaphore.makeUnsafe(1)
  private readonly calm = Latch.makeUnsafe(true)
  private readonly over = Deferred.makeUnsafe<Cause.Cause<unknown>>()
  private escalating: Supervised | null = null
  private isSuspending = false
  private isOver = false

  constructor(
    options: SupervisorOptions,
    members: (() => Iterable<Supervised>) | null,
    events: PubSub.PubSub<Lifecycle>,
    context: Context.Context<never>
  ) {
    this.name = options.above === undefined ? options.name : `${options.above.name}/${options.name}`
    this.strategy = options.strategy ?? "one-for-one"
    this.policy = options.policy ?? restart()
    this.above = options.above ?? null
    this.isElsewhere = members !== null
    this.members = members ?? (() => this.own.values())
    this.events = events
    this.context = context
  }

  readonly run: Supervision["run"] = <E, R>(name: string, effect: Effect.Effect<void, E, R>, gone?: (why: Ended) => void) =>
    Effect.contextWith((context: Context.Context<Exclude<R, Scope.Scope>>) => {
      if (this.own.has(name)) return Effect.die(new Error(`${this.name} has a child ${name} already`))
      const provided = Effect.provideContext(Effect.scoped(effect), context)
      const child = new Child(name, provided, this.fork, (ended, exit, why) => this.exited(ended, exit, () => gone?.(why)))
      child.start()
      this.adopt(child)
      return Effect.void
    })

  readonly stop = (name: string): Effect.Effect<void> => Effect.suspend(() => this.own.get(name)?.end("stopped") ?? Effect.void)

  readonly children = (): ReadonlyArray<string> => Array.from(this.members(), (child) => child.name)

  get settled(): Effect.Effect<void> {
    return this.calm.await
  }

  get ended(): Effect.Effect<Cause.Cause<unknown>> {
    return Deferred.await(this.over)
  }

  readonly adopt = (child: Supervised): void => {
    if (!this.isElsewhere) this.own.set(child.name, child)
    this.publish("Started", child, null)
  }

  readonly leave = (child: Supervised): void => {
    this.own.delete(child.name)
    this.intensities.delete(child)
    this.latest.delete(child)
    this.publish("Stopped", child, null)
  }

  /** While all are being suspended, more of them may break; they are restarted with the others. */
  readonly crashed = (child: Supervised, cause: Cause.Cause<unknown>): void => {
    if (this.isOver) return
    this.publish("Crashed", child, cause)
    if (this.isSuspending) return
    const asked = this.decided(cause)
    const pause = asked === "restart" ? this.intensityOf(child).next(this.policy, this.now) : 0
    const directive: Directive = pause === null ? this.policy.exhausted : asked
    this.mend(this.carriedOut(directive, child, pause ?? 0, cause))
  }

  /** A policy that breaks itself cannot say how it goes on, so nothing does. */
  private decided(cause: Cause.Cause<unknown>): Directive {
    try {
      return this.policy.decide(Cause.squash(cause))
    } catch {
      return "stop"
    }
  }

  get resume(): Effect.Effect<void> {
    return Effect.suspend(() => this.escalating?.resume ?? Effect.void)
  }

  get suspend(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isSuspending = true
      const all = Effect.forEach([...this.members()].reverse(), (child) => child.suspend, { discard: true })
      return Effect.ensuring(
        all,
        Effect.sync(() => {
          this.isSuspending = false
        })
      )
    })
  }

  get restart(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.escalating = null
      const restarted = (child: Supervised) => Effect.map(child.restart, () => this.publish("Restarted", child, null))
      return Effect.forEach([...this.members()], restarted, { discard: true })
    })
  }

  /** Ends the children, the last one first. They are told when it is because a crash was escalated from here, and not mended. */
  readonly end = (why: Ended): Effect.Effect<void> =>
    Effect.suspend(() => {
      const told = why === "crashed" && this.escalating !== null ? "escalated" : why
      this.escalating = null
      return Effect.forEach([...this.members()].reverse(), (child) => child.end(told), { discard: true })
    })

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isOver = true
      const ended = Effect.andThen(Fiber.interruptAll([...this.mending]), this.end("stopped"))
      return Effect.map(ended, () => this.above?.leave(this))
    })
  }

  private carriedOut(directive: Directive, child: Supervised, pause: number, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    switch (directive) {
      case "resume":
        return Effect.map(child.resume, () => this.publish("Resumed", child, null))
      case "restart":
        return this.restarted(child, pause)
      case "stop":
        return this.strategy === "all-for-one" ? this.end("crashed") : child.end("crashed")
      case "escalate":
        return this.escalated(child, cause)
    }
  }

  private restarted(child: Supervised, pause: number): Effect.Effect<void> {
    const waited = pause === 0 ? Effect.void : Effect.sleep(pause)
    if (this.strategy === "all-for-one")
      return this.turn.withPermit(Effect.andThen(this.suspend, Effect.andThen(waited, this.restart)))
    return Effect.gen({ self: this }, function* () {
      const latest = {}
      this.latest.set(child, latest)
      yield* child.suspend
      yield* waited
      // a crash of a life that an escalation has begun meanwhile has a pause of its own
      if (this.latest.get(child) !== latest) return
      this.latest.delete(child)
      if (!this.isThere(child)) return
      yield* child.restart
      this.publish("Restarted", child, null)
    })
  }

  private escalated(child: Supervised, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.publish("Escalated", child, cause)
      this.escalating = child
      if (this.above !== null) return Effect.sync(() => this.above!.crashed(this, cause))
      this.isOver = true
      return Effect.andThen(this.end("escalated"), Deferred.succeed(this.over, cause))
    })
  }

  private isThere(child: Supervised): boolean {
    for (const each of this.members()) if (each === child) return true
    return false
  }

  private exited(child: Child, exit: Exit.Exit<void, unknown>, gone: () => void): void {
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
      this.crashed(child, exit.cause)
      return
    }
    // two may have ended it at once
    if (this.own.get(child.name) !== child) return
    this.leave(child)
    gone()
  }

  private intensityOf(child: Supervised): Intensity {
    const key = this.strategy === "all-for-one" ? this : child
    const intensity = this.intensities.get(key) ?? new Intensity()
    this.intensities.set(key, intensity)
    return intensity
  }

  private get now(): number {
    return Effect.runSyncWith(this.context)(Effect.clockWith((clock) => Effect.succeed(elapsedMillis(clock))))
  }

  private readonly fork = <A, E>(effect: Effect.Effect<A, E>): Fiber.Fiber<A, E> =>
    Effect.runForkWith(this.context)(Effect.andThen(Effect.yieldNow, effect))

  private mend(effect: Effect.Effect<void>): void {
    this.calm.closeUnsafe()
    const fiber = this.fork(effect)
    this.mending.add(fiber)
    fiber.addObserver(() => {
      this.mending.delete(fiber)
      if (this.mending.size === 0) this.calm.openUnsafe()
    })
  }

  private publish(tag: Lifecycle["_tag"], child: Supervised, cause: Cause.Cause<unknown> | null): void {
    const event: Lifecycle = { _tag: tag, supervisor: this.name, child: child.name, cause }
    if (!PubSub.publishUnsafe(this.events, event)) Effect.runSync(PubSub.publish(this.events, event))
  }
}

/** A child that is an Effect: one fiber at a time. What it does after a crash is always to begin anew, also when it is to resume. */
class Child implements Supervised {
  readonly name: string
  private readonly effect: Effect.Effect<void, unknown>
  private readonly fork: (effect: Effect.Effect<void, unknown>) => Fiber.Fiber<void, unknown>
  private readonly exited: (child: Child, exit: Exit.Exit<void, unknown>, why: Ended) => void
  private fiber: Fiber.Fiber<void, unknown> | null = null
  /** The last one that was told to end: whoever ends it as well waits for it, too. */
  private ending: Fiber.Fiber<void, unknown> | null = null

  constructor(
    name: string,
    effect: Effect.Effect<void, unknown>,
    fork: (effect: Effect.Effect<void, unknown>) => Fiber.Fiber<void, unknown>,
    exited: (child: Child, exit: Exit.Exit<void, unknown>, why: Ended) => void
  ) {
    this.name = name
    this.effect = effect
    this.fork = fork
    this.exited = exited
  }

  start(): void {
    const fiber = this.fork(this.effect)
    this.fiber = fiber
    fiber.addObserver((exit) => {
      if (this.fiber !== fiber) return
      this.fiber = null
      this.exited(this, exit, "stopped")
    })
  }

  get resume(): Effect.Effect<void> {
    return this.restart
  }

  get restart(): Effect.Effect<void> {
    return Effect.sync(() => this.start())
  }

  get suspend(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.ending = this.fiber ?? this.ending
      this.fiber = null
      return this.ending === null ? Effect.void : Fiber.interrupt(this.ending)
    })
  }

  end(why: Ended): Effect.Effect<void> {
    return Effect.map(this.suspend, () => this.exited(this, Exit.void, why))
  }
}
