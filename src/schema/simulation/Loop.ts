/**
 * The loop of a simulated world: tasks that are ready, timers that fall due, and virtual time, which moves when nothing is ready.
 *
 * Which of the ready tasks runs next is drawn from the seed, and so is the order of what falls due at one instant. The loop is
 * synchronous, so nothing of the host can come between two tasks. It knows of a life only whether it lives: tasks and timers of one
 * that was switched off are dropped, those of a frozen one are held until it thaws.
 */
import { mix32, type Stream } from "./Seed.ts"

/** Whom tasks and timers belong to. */
export interface Owner {
  /** Any number that is the same in every run. */
  readonly id: number
  isAlive: boolean
  isFrozen: boolean
}

export interface Timer {
  /** Microseconds of virtual time. */
  at: number
  readonly tie: number
  readonly sequence: number
  readonly owner: Owner
  readonly run: () => void
  isCancelled: boolean
}

interface Ready {
  readonly owner: Owner
  readonly run: () => void
}

/** Tasks that run without virtual time moving on, after which the world counts as caught in a circle. */
const tasksAtOnceMax = 2_000_000

export type Ended = "done" | "stuck" | "limit" | "circle"

export class Loop {
  /** Microseconds since the world began. */
  now = 0
  /** Whether the task that runs was chosen by the loop, and nothing of it has been asked yet. */
  isChosen = false
  /** Whose task or timer runs now; null between two. */
  current: Owner | null = null
  /** Tasks and timers that ran. */
  ran = 0
  private readonly picks: Stream
  private readonly ties: number
  private readonly ready: Array<Ready> = []
  /** What runs before anything else, in the order in which it came. */
  private readonly next: Array<Ready> = []
  private readonly timers: Array<Timer> = []
  private readonly held = new Map<Owner, { readonly tasks: Array<Ready>; readonly timers: Array<Timer> }>()
  /** Tasks and timers that were held, by whose they are. */
  private readonly holds = new Map<Owner, number>()
  private sequence = 0

  constructor(picks: Stream, ties: number) {
    this.picks = picks
    this.ties = ties
  }

  /** Makes a task ready. */
  enqueue(owner: Owner, run: () => void): void {
    if (!owner.isAlive) return
    if (owner.isFrozen) this.hold(owner).tasks.push({ owner, run })
    else this.ready.push({ owner, run })
  }

  /** Runs something right after the task that runs now, as a host does with microtasks. */
  soon(owner: Owner, run: () => void): void {
    this.next.push({ owner, run })
  }

  /** Runs something when so many microseconds have passed. */
  after(micros: number, owner: Owner, run: () => void): Timer {
    return this.at(this.now + Math.max(0, Math.round(micros)), owner, run)
  }

  at(micros: number, owner: Owner, run: () => void): Timer {
    const sequence = this.sequence++
    const tie = mix32((this.ties ^ Math.imul(owner.id, 31)) + Math.imul(sequence, 0x9e3779b9))
    const timer = { at: micros, tie, sequence, owner, run, isCancelled: false }
    push(this.timers, timer)
    return timer
  }

  /** Runs until `isDone`, or until nothing is left that could happen before `limit`. */
  run(isDone: () => boolean, limit: number): Ended {
    let atOnce = 0
    for (;;) {
      if (isDone()) return "done"
      const soon = this.next.shift()
      if (soon !== undefined || this.ready.length > 0) {
        if (++atOnce > tasksAtOnceMax) return "circle"
        if (soon === undefined) this.runOne()
        else this.perform(soon)
        continue
      }
      const timer = this.timers[0]
      if (timer === undefined) return "stuck"
      if (timer.at > limit) return "limit"
      pop(this.timers)
      if (timer.at > this.now) {
        this.now = timer.at
        atOnce = 0
      }
      this.fire(timer)
    }
  }

  private runOne(): void {
    const { ready } = this
    const at = this.picks.below(ready.length)
    const task = ready[at]!
    const last = ready.pop()!
    if (at < ready.length) ready[at] = last
    this.isChosen = task.owner.isAlive && !task.owner.isFrozen
    this.perform(task)
    this.isChosen = false
  }

  private perform({ owner, run }: Ready): void {
    if (!owner.isAlive) return
    if (owner.isFrozen) return void this.hold(owner).tasks.push({ owner, run })
    this.ran++
    this.current = owner
    run()
    this.current = null
  }

  private fire(timer: Timer): void {
    const { owner } = timer
    if (timer.isCancelled || !owner.isAlive) return
    if (owner.isFrozen) return void this.hold(owner).timers.push(timer)
    this.ran++
    this.current = owner
    timer.run()
    this.current = null
  }

  private hold(owner: Owner) {
    this.holds.set(owner, this.heldOf(owner) + 1)
    let held = this.held.get(owner)
    if (held === undefined) this.held.set(owner, (held = { tasks: [], timers: [] }))
    return held
  }

  /** Gives back what was held: tasks at once, timers late and all together, as after a laptop's sleep. */
  thaw(owner: Owner): void {
    owner.isFrozen = false
    const held = this.held.get(owner)
    this.held.delete(owner)
    for (const { run } of held?.tasks ?? []) this.enqueue(owner, run)
    for (const timer of held?.timers ?? []) {
      timer.at = this.now
      push(this.timers, timer)
    }
  }

  /** Tasks and timers of an owner that were held so far. */
  heldOf(owner: Owner): number {
    return this.holds.get(owner) ?? 0
  }

  /** Forgets what was held for an owner that does not live any more. */
  drop(owner: Owner): void {
    this.held.delete(owner)
    this.holds.delete(owner)
  }

  /** Timers that an owner still has, beside those that were taken back: what is left of one that says that it has ended. */
  timersOf(owner: Owner): number {
    return this.timers.reduce((sum, timer) => sum + (timer.owner === owner && !timer.isCancelled ? 1 : 0), 0)
  }
}

// A heap ordered by time, then by the drawn tie, then by sequence --------------------------------------------------------------------

const isBefore = (a: Timer, b: Timer): boolean =>
  a.at !== b.at ? a.at < b.at : a.tie !== b.tie ? a.tie < b.tie : a.sequence < b.sequence

const push = (heap: Array<Timer>, timer: Timer): void => {
  let at = heap.length
  heap.push(timer)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(timer, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = timer
}

const pop = (heap: Array<Timer>): void => {
  const last = heap.pop()!
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
}
