/**
 * Wakes one who waits, by way of the scheduler, so that nobody runs inside another's step.
 *
 * What is rung while nobody waits is heard by the next who does, once. A ring is used up by who goes on and not by who is woken, so none is
 * lost when he is interrupted in between. It is a queue of length one at a fraction of the cost.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scheduler from "effect/Scheduler"

type Resume = (exit: Exit.Exit<void>) => void

export class Bell {
  /** Waits for a ring. */
  readonly rung: Effect.Effect<void>
  private isRung = false
  private isWaking = false
  private readonly waiting = new Set<Resume>()
  private readonly dispatcher: Scheduler.SchedulerDispatcher

  constructor(dispatcher: Scheduler.SchedulerDispatcher) {
    this.dispatcher = dispatcher
    const woken = Effect.callback<void>((resume) => {
      // a fiber may give way to others after it has looked and before it comes here
      if (this.isRung) return resume(Exit.void)
      this.waiting.add(resume)
      return Effect.sync(() => this.waiting.delete(resume))
    })
    const again = Effect.flatMap(woken, () => this.rung)
    this.rung = Effect.suspend(() => (this.hush() ? Effect.void : again))
  }

  ring(): void {
    this.isRung = true
    if (this.isWaking || this.waiting.size === 0) return
    this.isWaking = true
    this.dispatcher.scheduleTask(this.wake, 0)
  }

  /** Takes back what was rung and not heard. Answers whether there was anything. */
  hush(): boolean {
    const wasRung = this.isRung
    this.isRung = false
    return wasRung
  }

  private readonly wake = (): void => {
    this.isWaking = false
    const [first] = this.waiting
    if (!this.isRung || first === undefined) return
    this.waiting.delete(first)
    first(Exit.void)
  }
}

export const make: Effect.Effect<Bell> = Effect.map(Scheduler.Scheduler, (scheduler) => new Bell(scheduler.makeDispatcher()))
