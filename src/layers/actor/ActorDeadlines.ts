/**
 * When asks run out of time: one fiber for all of them, instead of a timer for each.
 *
 * Asks with one timeout run out in the order in which they were made, so each timeout has a queue whose head is due next. What was
 * answered leaves the queue when it comes to the head, or when most of the queue is answered. The fiber ends when no ask is left.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Message } from "../../schema/actor/Message.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"

interface Deadline {
  readonly message: Message
  readonly at: number
  readonly expire: () => void
}

/** A queue is looked through when it has grown to so many. */
const sweepAt = 1_024

class Waiting {
  deadlines: Array<Deadline> = []
  head = 0
  /** The length at which the queue is looked through again. */
  sweepAt = sweepAt

  push(deadline: Deadline): void {
    this.drop()
    this.deadlines.push(deadline)
    if (this.deadlines.length < this.sweepAt) return
    this.deadlines = this.deadlines.filter(({ message }, at) => at >= this.head && !message.isSettled)
    this.head = 0
    this.sweepAt = Math.max(sweepAt, this.deadlines.length * 2)
  }

  /** Drops what is answered at the head, and answers what is due next. */
  drop(): Deadline | null {
    const { deadlines } = this
    while (this.head < deadlines.length && deadlines[this.head]!.message.isSettled) this.head++
    if (this.head < deadlines.length) return deadlines[this.head]!
    deadlines.length = 0
    this.head = 0
    return null
  }
}

export class ActorDeadlines {
  private readonly clock: Clock.Clock
  private readonly fork: (effect: Effect.Effect<void>) => void
  private readonly queues = new Map<number, Waiting>()
  /** When the fiber wakes up next, or Infinity when there is none. */
  private wakesAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock.Clock, fork: (effect: Effect.Effect<void>) => void) {
    this.clock = clock
    this.fork = fork
  }

  add(message: Message, millis: number, expire: () => void): void {
    let queue = this.queues.get(millis)
    if (queue === undefined) {
      queue = new Waiting()
      this.queues.set(millis, queue)
    }
    const at = elapsedMillis(this.clock) + millis
    queue.push({ message, at, expire })
    // a fiber that sleeps longer than this ask may wait is left to its sleep, and finds nothing to do
    if (at < this.wakesAt) this.sleepUntil(at)
  }

  private sleepUntil(at: number): void {
    this.wakesAt = at
    const woken = Effect.sync(() => {
      if (this.wakesAt !== at) return
      this.wakesAt = Number.POSITIVE_INFINITY
      const next = this.expireAll()
      if (next !== null) this.sleepUntil(next)
    })
    this.fork(Effect.andThen(Effect.sleep(Math.max(at - elapsedMillis(this.clock), 0)), woken))
  }

  /** Tells all that are due, and answers when the next will be. */
  private expireAll(): number | null {
    const now = elapsedMillis(this.clock)
    let next: number | null = null
    for (const [millis, queue] of this.queues) {
      let due = queue.drop()
      while (due !== null && due.at <= now) {
        queue.head++
        due.expire()
        due = queue.drop()
      }
      if (due === null) this.queues.delete(millis)
      else if (next === null || due.at < next) next = due.at
    }
    return next
  }
}
