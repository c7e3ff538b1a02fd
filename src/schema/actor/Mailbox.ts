/**
 * What waits for an actor: user messages up to a bound, and a control lane that they never delay.
 *
 * A pure machine. What happens at the bound is its policy; who waits outside when it answers `full` is its owner's affair. User messages lie
 * in chunks, so that a burst moves none of them, and one that is given up leaves a hole.
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

/** Messages in one chunk, as a power of two. */
const chunkBits = 10
const chunkLength = 1 << chunkBits
/** Holes that are borne with, however few messages wait. */
const holesMin = 64

export class Mailbox<M> {
  private readonly options: MailboxOptions<M>
  private chunks: Array<Array<M | undefined>> = []
  /** Places are counted from the first message on: of the first chunk's beginning, the next message, and the one that comes. */
  private base = 0
  private head = 0
  private tail = 0
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
    for (let place = this.head; place < this.tail; place++) {
      if (this.at(place) !== message) continue
      this.forget(message, place)
      this.put(place, undefined)
      this.size--
      this.close()
      return true
    }
    return false
  }

  /** Takes up holes: at once at both ends, and all of them when they are more than what waits. */
  private close(): void {
    while (this.head < this.tail && this.at(this.tail - 1) === undefined) this.dropLast()
    while (this.head < this.tail && this.at(this.head) === undefined) {
      this.head++
      this.tighten()
    }
    if (this.head === this.tail) this.tighten()
    else if (this.tail - this.head > holesMin + 2 * this.size) this.compact()
  }

  private dropLast(): void {
    const last = this.chunks[this.chunks.length - 1]!
    last.pop()
    if (last.length === 0) this.chunks.pop()
    this.tail--
  }

  private compact(): void {
    const waiting = this.chunks.flat().filter((message) => message !== undefined)
    this.chunks = []
    this.base = this.head = this.tail
    this.places = null
    this.size = 0
    for (const message of waiting) this.append(this.options.keyOf?.(message), message)
  }

  /** All that wait, the next first. */
  waiting(): ReadonlyArray<M> {
    const waiting = this.control === null ? [] : this.control.slice(this.controlHead)
    for (let place = this.head; place < this.tail; place++) {
      const message = this.at(place)
      if (message !== undefined) waiting.push(message)
    }
    return waiting
  }

  private at(place: number): M | undefined {
    const index = place - this.base
    return this.chunks[index >> chunkBits]![index & (chunkLength - 1)]
  }

  private put(place: number, message: M | undefined): void {
    const index = place - this.base
    this.chunks[index >> chunkBits]![index & (chunkLength - 1)] = message
  }

  private append(key: string | undefined, message: M): void {
    if (key !== undefined) {
      this.places ??= new Map()
      this.places.set(key, this.tail)
    }
    const last = this.chunks[this.chunks.length - 1]
    if (last === undefined || last.length === chunkLength) this.chunks.push([message])
    else last.push(message)
    this.tail++
    this.size++
  }

  private conflate(key: string, message: M): boolean {
    const place = this.places?.get(key)
    if (place === undefined) return false
    this.displaced = this.at(place)!
    this.put(place, message)
    return true
  }

  private takeUser(): M | undefined {
    while (this.head < this.tail) {
      const place = this.head++
      const message = this.at(place)
      if (message !== undefined) {
        this.forget(message, place)
        this.put(place, undefined)
        this.size--
      }
      this.tighten()
      if (message !== undefined) return message
    }
    return undefined
  }

  private forget(message: M, place: number): void {
    if (this.places === null || this.options.keyOf === null) return
    const key = this.options.keyOf(message)
    if (key !== undefined && this.places.get(key) === place) this.places.delete(key)
  }

  /** Lets go of what is read. */
  private tighten(): void {
    if (this.head === this.tail) {
      this.chunks = []
      this.base = this.tail
    } else if (this.head - this.base === chunkLength) {
      this.chunks.shift()
      this.base += chunkLength
    }
  }
}
