/**
 * What an actor knows of itself: its timers, its watches, and how it changes or ends.
 *
 * There is one for each life. Timers and watches are fibers in its scope, so they die with it; what they set off comes as turns.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Message } from "../../schema/actor/Message.ts"
import type { ActorSelf, Handlers, Keeper } from "../../services/actor/ActorSystem.ts"
import type { Ended } from "../../services/actor/Supervisor.ts"
import type { ActorCell } from "./ActorCell.ts"

export class ActorFace implements ActorSelf {
  private readonly cell: ActorCell
  private timers: Map<string, Fiber.Fiber<void>> | null = null

  constructor(cell: ActorCell) {
    this.cell = cell
  }

  get actor(): string {
    return this.cell.host.name
  }

  get address(): string {
    return this.cell.address
  }

  get scope(): Scope.Scope {
    return this.cell.scope
  }

  get replyOf(): ActorSelf["replyOf"] {
    return this.cell.host.replyOf
  }

  become(handlers: Handlers): void {
    this.cell.become(handlers)
  }

  stop(): void {
    this.cell.stopSoon()
  }

  turn(handle: () => unknown): void {
    this.cell.enqueue(handle)
  }

  keep(keeper: Keeper): void {
    this.cell.keep(keeper)
  }

  timer(key: string, when: Parameters<ActorSelf["timer"]>[1], handle: () => unknown): void {
    this.cancel(key)
    let waiting: Message | null = null
    const tick = Effect.sync(() => {
      if (waiting === null || waiting.isSettled) waiting = this.cell.enqueue(handle)
    })
    const pause = Effect.sleep(Duration.fromInputUnsafe("after" in when ? when.after : when.every))
    const once = Effect.andThen(pause, tick)
    this.timers ??= new Map()
    this.timers.set(key, this.fork("after" in when ? once : Effect.forever(once)))
  }

  cancel(key: string): void {
    this.timers?.get(key)?.interruptUnsafe()
    this.timers?.delete(key)
  }

  watch(other: { readonly ended: Effect.Effect<Ended> }, handle: (why: Ended) => unknown): void {
    const onSuccess = (why: Ended) => void this.cell.enqueue(() => handle(why))
    // what cannot be watched is a mistake of this actor's
    const onFailure = (cause: Cause.Cause<never>) =>
      void this.cell.enqueue(() => {
        throw Cause.squash(cause)
      })
    this.fork(Effect.matchCause(other.ended, { onSuccess, onFailure }))
  }

  private fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    return Fiber.runIn(Effect.runForkWith(this.cell.host.context)(effect), this.cell.scope)
  }
}
