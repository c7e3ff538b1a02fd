/**
 * What waits for one actor while it is busy: its mailbox, and senders that wait outside for room in it.
 *
 * It is there only while something waits. Whatever it refuses or gives up is settled here, so that every message has one end.
 */
import { Mailbox } from "../../schema/actor/Mailbox.ts"
import { Message } from "../../schema/actor/Message.ts"
import type { ActorHost } from "./ActorHost.ts"

/** A turn that the actor asked for itself: of a timer, a watch, or after the one under way. */
export class Turn extends Message {
  readonly run: () => unknown
  constructor(run: () => unknown) {
    super("(turn)", undefined)
    this.run = run
  }
}

interface Waiting {
  readonly message: Message
  readonly taken: () => void
}

export class ActorInbox extends Mailbox<Message> {
  private readonly host: ActorHost
  private readonly address: string
  /** Senders that wait for room, the first one first. */
  private outside: Array<Waiting> | null = null

  constructor(host: ActorHost, address: string) {
    super(host.mailbox)
    this.host = host
    this.address = address
  }

  /** Takes a message in, or refuses it: its fate says which. Answers false when it has to wait outside, and nothing was done. */
  accept(message: Message): boolean {
    if (this.outside !== null) return false
    const offered = this.offer(message)
    if (offered === "accepted") return true
    if (offered !== "full") this.bury(this.displaced!, offered)
    else if (this.host.mailbox.overflow === "suspend") return false
    else this.bury(message, "rejected")
    return true
  }

  /** Puts a message behind those that wait for room; `taken` is called when it is in, or settled otherwise. */
  wait(message: Message, taken: () => void): void {
    this.outside ??= []
    this.outside.push({ message, taken })
  }

  /** The next message. The room that it leaves is given to who waits for it. */
  override take(): Message | undefined {
    const message = super.take()
    if (this.outside !== null) this.admit()
    return message
  }

  /** Gives up a message that has not begun. */
  abandon(message: Message): void {
    if (!this.remove(message) && this.outside !== null) this.outside = this.outside.filter((each) => each.message !== message)
    message.settle("expired")
    this.admit()
  }

  /** Settles all that waits: the actor has ended. */
  empty(): void {
    const outside = this.outside ?? []
    this.outside = null
    for (const message of this.waiting()) if (!(message instanceof Turn)) this.bury(message, "stopped")
    for (const { message, taken } of outside) {
      this.bury(message, "stopped")
      taken()
    }
  }

  private bury(message: Message, fate: "stopped" | "rejected" | "dropped" | "conflated"): void {
    if (message.settle(fate)) this.host.bury(this.address, message)
  }

  private admit(): void {
    while (this.outside !== null && this.outside.length > 0 && this.hasRoom) {
      const { message, taken } = this.outside.shift()!
      if (!message.isSettled && this.offer(message) === "conflated") this.bury(this.displaced!, "conflated")
      taken()
    }
    if (this.outside?.length === 0) this.outside = null
  }
}
