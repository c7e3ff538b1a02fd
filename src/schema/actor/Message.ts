/**
 * One message to an actor, and what became of it.
 *
 * It is at once what lies in the mailbox and what the sender holds, so that telling costs one object. Its fate is settled exactly once,
 * whoever settles it: the turn that handled it, the overflow that dropped it, or the end of the actor. So no reply is lost or doubled.
 *
 *     waiting ─► handling ─► handled | failed | crashed
 *        └─► rejected | dropped | conflated | stopped | expired | unreachable
 */

/**
 * `failed` is the typed error of a handler, `crashed` a defect. `rejected`: the mailbox was full. `dropped`: it made room for a newer one.
 * `conflated`: a newer one with its key took its place. `stopped`: the actor had ended or ended before its turn. `expired`: who asked
 * has gone, and it was not begun. `unreachable`: it was for another device; its result, the error, says whether it may have been done.
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
  | "unreachable"

/** The name of a command is that of its caller, "" for this device, and the id that he chose: nobody can take the id of another. */
export const commandOf = (id: string, caller = ""): string => `${caller}\0${id}`

export const partsOf = (command: string): { readonly caller: string; readonly id: string } => {
  const at = command.indexOf("\0")
  return { caller: command.slice(0, at), id: command.slice(at + 1) }
}

/** Milliseconds that an ask waits unless it says otherwise, wherever the actor is. */
export const askMillis = 5_000

export type Listener = (message: Message) => void

export class Message {
  readonly tag: string
  readonly payload: unknown
  /** Names what is to be applied once, however often it is sent (`commandOf`); null for what needs no such name. */
  readonly command: string | null
  fate: Fate = "waiting"
  /** Who is to be told, and then the result: never both, and a burst of messages is as large as what each of them holds. */
  private held: unknown = undefined

  constructor(tag: string, payload: unknown, command: string | null = null) {
    this.tag = tag
    this.payload = payload
    this.command = command
  }

  /** What the handler answered; of what failed or crashed the cause. Undefined before. */
  get result(): unknown {
    return this.isSettled ? this.held : undefined
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
    const before = this.held as Listener | undefined
    const both: Listener = (message) => {
      before?.(message)
      listener(message)
    }
    this.held = before === undefined ? listener : both
  }

  /** Answers false, and changes nothing, when the fate was settled before. */
  settle(fate: Exclude<Fate, "waiting" | "handling">, result: unknown = undefined): boolean {
    if (this.isSettled) return false
    const listener = this.held as Listener | undefined
    this.fate = fate
    this.held = result
    listener?.(this)
    return true
  }
}
