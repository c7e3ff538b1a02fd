/**
 * What waits for an actor: user messages up to a bound, and a control lane that they never delay.
 *
 * A pure machine. What happens at the bound is its policy; who waits outside when it answers `full` is its owner's affair. Both lanes are
 * arrays that are read by an index, so that nothing is shifted, and a message that is given up leaves a hole.
 */

/** What happens to a message that finds the mailbox full: its sender waits, it is refused, or the oldest one that waits makes room. */
export type Overflow = "suspend" | "reject" | "dropOldest"

export interface MailboxOptions<M> {
  /** User messages that may wait. */
  readonly capacity: number
  readonly overflow: Overflow
  /** Of messages with one key only the newest waits, in the place of the first. Without a key a message stands for itself. */
  readonly keyOf: ((message: M) => string | undefined) | null
}

/** `dropped` and `conflated`: the message was taken in, and `displaced` gave way. */
export type Offered = "accepted" | "full" | "dropped" | "conflated"

/** Read places are cut off when there are so many, and they are the half. */
const readMax = 1_024

export class Mailbox<M> {
  private readonly options: MailboxOptions<M>
  private user: Array<M | undefined> = []
  private head = 0
  /** Places that were cut off in front of `user`, so that `places` stay valid. */
  private cut = 0
  private places: Map<string, number> | null = null
  private control: Array<M> | null = null
  private controlHead = 0
  /** User messages that wait. */
  size = 0
  /** The message that gave way in the last offer. */
  displaced: M | null = null

  constructor(options: MailboxOptions<M>) {
    this.options = options
  }

  get isEmpty(): boolean {
    return this.size === 0 && this.control === null
  }

  get hasRoom(): boolean {
    return this.size < this.options.capacity
  }

  offer(message: M): Offered {
    const key = this.options.keyOf === null ? undefined : this.options.keyOf(message)
    if (key !== undefined && this.conflate(key, message)) return "conflated"
    if (this.size < this.options.capacity) {
      this.append(key, message)
      return "accepted"
    }
    if (this.options.overflow !== "dropOldest") return "full"
    this.displaced = this.takeUser() ?? null
    this.append(key, message)
    return "dropped"
  }

  /** For what the actor itself asked for: its timers and watches. Bounded by how many of them there are. */
  offerControl(message: M): void {
    if (this.control === null) this.control = [message]
    else this.control.push(message)
  }

  /** Drops the control lane: what asked for it has ended. */
  clearControl(): void {
    this.control = null
    this.controlHead = 0
  }

  /** The next message, those of the control lane first. */
  take(): M | undefined {
    if (this.control === null) return this.takeUser()
    const message = this.control[this.controlHead++]
    if (this.controlHead === this.control.length) {
      this.control = null
      this.controlHead = 0
    }
    return message
  }

  /** Gives up a user message that still waits. */
  remove(message: M): boolean {
    const at = this.user.indexOf(message, this.head)
    if (at === -1) return false
    this.forget(message, at)
    this.user[at] = undefined
    this.size--
    return true
  }

  /** All that wait, the next first. */
  waiting(): ReadonlyArray<M> {
    const control = this.control === null ? [] : this.control.slice(this.controlHead)
    return [...control, ...this.user.slice(this.head).filter((message) => message !== undefined)]
  }

  private append(key: string | undefined, message: M): void {
    if (key !== undefined) {
      this.places ??= new Map()
      this.places.set(key, this.cut + this.user.length)
    }
    this.user.push(message)
    this.size++
  }

  private conflate(key: string, message: M): boolean {
    const place = this.places?.get(key)
    if (place === undefined) return false
    this.displaced = this.user[place - this.cut]!
    this.user[place - this.cut] = message
    return true
  }

  private takeUser(): M | undefined {
    while (this.head < this.user.length) {
      const at = this.head++
      const message = this.user[at]
      if (message === undefined) continue
      this.forget(message, at)
      this.user[at] = undefined
      this.size--
      this.tighten()
      return message
    }
    this.tighten()
    return undefined
  }

  private forget(message: M, at: number): void {
    if (this.places === null || this.options.keyOf === null) return
    const key = this.options.keyOf(message)
    if (key !== undefined && this.places.get(key) === at + this.cut) this.places.delete(key)
  }

  private tighten(): void {
    if (this.head < this.user.length && (this.head < readMax || this.head * 2 < this.user.length)) return
    this.cut += this.head
    if (this.head === this.user.length) this.user = []
    else this.user.splice(0, this.head)
    this.head = 0
  }
}
