/**
 * The actors of one name: their cells by address, what they share, and their supervisor.
 *
 * A cell is made when its address is first used, and let go when the actor is passivated. One that has ended stays, so that its address
 * answers that it has, until it is started anew.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type { MailboxOptions } from "../../schema/actor/Mailbox.ts"
import type { Message } from "../../schema/actor/Message.ts"
import type { DeadLetter, Definition, Handlers } from "../../services/actor/ActorSystem.ts"
import type { Supervised, Supervision } from "../../services/actor/Supervisor.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"
import { ActorCell } from "./ActorCell.ts"

const capacityDefault = 1_000

/** What all hosts of a system share. */
export interface House {
  readonly dispatcher: Scheduler.SchedulerDispatcher
  readonly buried: (letter: DeadLetter) => void
}

export class ActorHost {
  readonly name: string
  readonly build: Effect.Effect<Handlers, unknown>
  readonly replyOf: Definition<never>["replyOf"]
  readonly context: Context.Context<never>
  readonly mailbox: MailboxOptions<Message>
  readonly house: House
  readonly cells = new Map<string, ActorCell>()
  /** Set right after it is made, since the supervisor asks for the members. */
  group!: Supervision
  private readonly passivateMillis: number | null
  /** Idle actors that are to leave memory, the longest idle first, and since when. */
  private readonly idle = new Map<ActorCell, number>()
  private isSweeping = false
  private readonly clock: Clock.Clock

  constructor(definition: Definition<never>, context: Context.Context<never>, clock: Clock.Clock, house: House) {
    const { capacity = capacityDefault, conflate, overflow = "suspend" } = definition.options.mailbox ?? {}
    const { passivateAfter } = definition.options
    this.name = definition.name
    this.build = definition.build
    this.replyOf = definition.replyOf
    this.context = context
    this.house = house
    this.clock = clock
    this.mailbox = {
      capacity,
      overflow,
      keyOf: conflate === undefined ? null : (message) => conflate(message.tag, message.payload)
    }
    this.passivateMillis = passivateAfter === undefined ? null : Duration.toMillis(passivateAfter)
  }

  /** The actors that a supervisor has to do with: those that have not ended. */
  *members(): Iterable<Supervised> {
    for (const cell of this.cells.values()) if (!cell.hasEnded) yield cell
  }

  cell(address: string): ActorCell {
    const found = this.cells.get(address)
    if (found !== undefined) return found
    const cell = new ActorCell(this, address)
    this.cells.set(address, cell)
    return cell
  }

  /** Removes a cell that nobody needs any more; references look for another. */
  forget(cell: ActorCell): void {
    cell.isGone = true
    if (this.cells.get(cell.address) === cell) this.cells.delete(cell.address)
  }

  bury(address: string, { fate, payload, tag }: Message): void {
    this.house.buried({ actor: this.name, address, tag, payload, fate })
  }

  /** Starts an Effect of the actors'; what it needs is what their definition was given. */
  fork(effect: Effect.Effect<void>): void {
    Effect.runForkWith(this.context)(effect)
  }

  /** An actor is busy, or gone: it is not counted as idle. */
  woke(cell: ActorCell): void {
    if (this.passivateMillis !== null) this.idle.delete(cell)
  }

  /** An actor has nothing to do. */
  rested(cell: ActorCell): void {
    if (this.passivateMillis === null) return
    this.idle.set(cell, elapsedMillis(this.clock))
    if (this.isSweeping) return
    this.isSweeping = true
    this.fork(Effect.andThen(Effect.yieldNow, this.sweep(this.passivateMillis)))
  }

  /** One fiber for all, which sleeps until the longest idle actor is due, and ends when none is idle. */
  private sweep(millis: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const first = this.idle.entries().next()
      if (first.done === true) {
        this.isSweeping = false
        return Effect.void
      }
      const [cell, since] = first.value
      const left = since + millis - elapsedMillis(this.clock)
      if (left > 0) return Effect.andThen(Effect.sleep(left), this.sweep(millis))
      this.idle.delete(cell)
      return Effect.andThen(cell.passivate, this.sweep(millis))
    })
  }
}
