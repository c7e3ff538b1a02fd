/**
 * One message to an actor, and what became of it.
 *
 * It is at once what lies in the mailbox and what the sender holds, so that telling costs one object. Its fate is settled exactly once,
 * whoever settles it: the turn that handled it, the overflow that dropped it, or the end of the actor. So no reply is lost or doubled.
 *
 *     waiting ─► handling ─► handled | failed | crashed
 *        └─► rejected | dropped | conflated | stopped | expired
 */

/**
 * `failed` is the typed error of a handler, `crashed` a defect. `rejected`: the mailbox was full. `dropped`: it made room for a newer one.
 * `conflated`: a newer one with its key took its place. `stopped`: the actor had ended or ended before its turn. `expired`: who asked
 * has gone, and it was not begun.
 */
export type Fate =
  | "waiting"
  | "handling"
  | "handled"
  | "failed"
  | "crashed"
  | "rejected"
  | "dropped"
  | "conflated"
  | "stopped"
  | "expired"

export type Listener = (message: Message) => void

export class Message {
  readonly tag: string
  readonly payload: unknown
  /** Names what is to be applied once, however often it is sent; null for what needs no such name. */
  readonly command: string | null
  fate: Fate = "waiting"
  /** What the handler answered; of what failed or crashed the cause. */
  result: unknown = undefined
  private listener: Listener | null = null

  constructor(tag: string, payload: unknown, command: string | null = null) {
    this.tag = tag
    this.payload = payload
    this.command = command
  }

  get isSettled(): boolean {
    return this.fate !== "waiting" && this.fate !== "handling"
  }

  /** Has `listener` called once when the fate is settled, at once when it is. */
  listen(listener: Listener): void {
    if (this.isSettled) {
      listener(this)
      return
    }
    const before = this.listener
    this.listener =
      before === null
        ? listener
        : (message) => {
            before(message)
            listener(message)
          }
  }

  /** Answers false, and changes nothing, when the fate was settled before. */
  settle(fate: Exclude<Fate, "waiting" | "handling">, result: unknown = undefined): boolean {
    if (this.isSettled) return false
    this.fate = fate
    this.result = result
    const listener = this.listener
    this.listener = null
    listener?.(this)
    return true
  }
}
