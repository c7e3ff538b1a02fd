/**
 * Brings two devices to the same control operations, first at the entrance and then beside replication, as a pure machine.
 *
 * [C1] Each says what the other is to it. Who is a member to one alone shows by what it was let in: the past of its own grant.
 * [C2] Nobody is told anything before it is known to be a member, but one that was: it learns what took its right away, and no more.
 * [C3] Two members compare until they have said the same hash; only then they are inside, and feeds may follow.
 * [C4] Inside, what is new here is said before any feed frame; a hash that differs begins a comparison, again ever more rarely.
 * [C5] Who is no member any more is told why, and may then hand in what it has written (Late work); the connection ends.
 * [C6] Who is not known to be a member costs bounded work and time, and nobody asks, sends or spoils without end.
 * The clock is an argument; messages come from `Writable` alone. docs/format.md#control-operations-on-the-wire
 */

import { feedText } from "../echo/FeedTable.ts"
import { compareBytes } from "../platform/Codec.ts"
import { entranceBytesMax, entranceMillisMax, entranceOperationsMax, entranceSilenceMillisMax } from "../platform/Limits.ts"
import {
  ControlExchange,
  type ControlSource,
  type HeldOperation,
  opsMessages,
  pastOf,
  type Signature
} from "./ControlExchange.ts"
import type { ControlMessage, FeedLength } from "./ControlMessage.ts"
import { LateOperations } from "./LateOperations.ts"
import type { DeviceStanding } from "./Membership.ts"

export type ControlEvent =
  | { readonly _tag: "Received"; readonly message: ControlMessage }
  /** What came is no message. */
  | { readonly _tag: "Garbled"; readonly reason: string }
  /** Operations are here that were not, wherever they came from. */
  | { readonly _tag: "Added"; readonly operations: ReadonlyArray<HeldOperation> }
  /** A `Take` was carried out: how many were refused, and how many wait for others. */
  | { readonly _tag: "Taken"; readonly refused: number; readonly waiting: number }
  /** The peer has told the hash of its operations, beside those of feeds. */
  | { readonly _tag: "Summed"; readonly ops: Uint8Array }
  | { readonly _tag: "Writable" }

export type ControlAction =
  /** To be taken in before more is read, unless the connection ends meanwhile; `Taken` answers it. Views into a frame. */
  | { readonly _tag: "Take"; readonly operations: ReadonlyArray<Uint8Array> }
  /** Both are members, and had the same. */
  | { readonly _tag: "Enter" }
  /** This device is out and has said all that lets its feeds be stored there; what it has of them comes next. */
  | { readonly _tag: "HandIn" }
  /** The peer is out and offers these feeds. */
  | { readonly _tag: "TakeIn"; readonly feeds: ReadonlyArray<FeedLength> }
  /** The connection ends, after the messages of this step. */
  | { readonly _tag: "Close"; readonly reason: string }

export interface ControlOutput {
  readonly messages: ReadonlyArray<ControlMessage>
  readonly actions: ReadonlyArray<ControlAction>
}

export interface ControlOptions {
  readonly source: ControlSource
  /** The public keys of both ends. */
  readonly self: Uint8Array
  readonly peer: Uint8Array
  readonly signedBy: Signature
  readonly now: number
}

/** Operations that are taken in at once of who is not known to be a member. */
const stepOperations = 64
/** Hashes that either end may say before both are inside. */
const hashesMax = 64
const comparePauseMin = 1_000
const comparePauseMax = 64_000
/** How long the device that does not lead waits for the other to compare. */
const othersPause = 1_000

export class ControlSync {
  private readonly source: ControlSource
  private readonly self: string
  private readonly peer: string
  private readonly leads: boolean
  private readonly exchange: ControlExchange
  private readonly startedAt: number
  private heardAt: number
  /** To be said first, in this order. */
  private due: Array<ControlMessage> = []
  /** What the peer is here, as it was told; and what this device is to the peer, null before it has said. */
  private said: DeviceStanding
  private heard: DeviceStanding | null = null
  private heardTimes = 0
  private hasShown = false
  /** Operations were sent, or came, and Standing is to follow them. */
  private hasGiven = false
  private isGiven = false
  /** The hashes that members told each other. */
  private readonly saidHashes = new Set<string>()
  private readonly heardHashes = new Set<string>()
  /** Whether both are members and have said the same. From then on messages about feeds may follow. */
  isInside = false
  private hasEntered = false
  private isParting = false
  private operationsLeft = entranceOperationsMax
  private bytesLeft = entranceBytesMax
  private compareAt = Number.POSITIVE_INFINITY
  private nextCompareAt = 0
  private comparePause = comparePauseMin
  private readonly late: LateOperations
  /** Set when what follows is about late work, and no more of this machine's. */
  private last: ControlAction | null = null
  /** Why the connection ends, and what the peer is told of it. */
  private closing: { readonly reason: string; readonly farewell: string | null } | null = null

  constructor({ now, peer, self, signedBy, source }: ControlOptions) {
    this.source = source
    this.late = new LateOperations(source, signedBy)
    this.self = feedText(self)
    this.peer = feedText(peer)
    this.leads = compareBytes(self, peer) < 0
    this.exchange = new ControlExchange(source, this.self, signedBy, now)
    this.startedAt = this.heardAt = now
    this.said = this.standing()
    this.say()
  }

  /** Why the connection ends, or null. */
  get ending(): string | null {
    return this.closing?.reason ?? null
  }

  /** Whether the next message of the peer is for whoever goes on with the channel. */
  get isDone(): boolean {
    return this.isInside || this.last !== null
  }

  /** When the machine wants to speak though nothing happens. */
  get wakeAt(): number {
    if (this.closing !== null || this.last !== null || this.due.length > 0) return 0
    const compareAt = this.exchange.isAwaiting ? Number.POSITIVE_INFINITY : this.compareAt
    const end = this.isInside ? compareAt : Math.min(this.startedAt + entranceMillisMax, this.heardAt + entranceSilenceMillisMax)
    return this.isLevel ? Math.min(end, this.exchange.wakeAt) : end
  }

  /** One step. Nothing of the output is kept. */
  step(event: ControlEvent, now: number): ControlOutput {
    const messages: Array<ControlMessage> = []
    const actions: Array<ControlAction> = []
    if (this.closing === null && this.last === null) this.handle(event, actions, now)
    if (event._tag === "Writable") this.speak(messages, actions, now)
    return { messages, actions }
  }

  private handle(event: ControlEvent, actions: Array<ControlAction>, now: number) {
    switch (event._tag) {
      case "Received":
        this.heardAt = now
        this.isGiven = event.message._tag === "Ops"
        this.received(event.message, actions, now)
        break
      case "Garbled":
        return this.close(`it sent what is no message: ${event.reason}`, "malformed")
      case "Added":
        this.exchange.added(event.operations, now)
        if (this.isLevel) this.isParting ||= this.standing() !== "member" || this.ownStanding() !== "member"
        break
      case "Taken":
        this.taken(event.refused, event.waiting, now)
        break
      case "Summed":
        return this.summed(event.ops, now)
      case "Writable":
        if (!this.isInside) this.passTime(now)
    }
    if (this.exchange.greed !== null) this.close(this.exchange.greed, "greedy")
  }

  private received(message: ControlMessage, actions: Array<ControlAction>, now: number) {
    switch (message._tag) {
      case "Standing":
        return this.standingCame(message.standing, message.ops, now)
      case "Ops":
        return this.opsCame(message.operations, actions, now)
      case "Refuse":
        return this.close(`it refused: ${message.reason}`, null)
      case "HandIn":
        return this.handInCame(message.feeds)
      case "Held":
        return this.close("it tells what it holds, and nothing was handed in", "malformed")
      case "Range":
      case "Want":
        if (!this.isLevel) return this.close("it asks before both are known to be members", "not a member")
        if (message._tag === "Want") return this.exchange.wantCame(message.ids, now)
        this.compareAt = Number.POSITIVE_INFINITY
        return this.exchange.rangeCame(message, now)
    }
  }

  private opsCame(operations: ReadonlyArray<Uint8Array>, actions: Array<ControlAction>, now: number) {
    if (!this.isLevel) {
      this.operationsLeft -= operations.length
      for (const { length } of operations) this.bytesLeft -= length
      if (this.operationsLeft < 0 || this.bytesLeft < 0) return this.close("it shows too much to be let in", "greedy")
    }
    if (this.heard === "former") this.late.note(operations)
    const fresh = this.exchange.opsCame(operations, (by) => this.takes(by), now)
    if (fresh === null) return this.close("it sent what is no operation", "malformed")
    const step = this.isLevel ? fresh.length : stepOperations
    for (let from = 0; from < fresh.length; from += step)
      actions.push({ _tag: "Take", operations: fresh.slice(from, from + step) })
  }

  /** Whether the peer is out, and was told why: it may bring what lets its feeds be stored. */
  private get isTold(): boolean {
    return this.said === "former" && this.hasShown
  }

  private takes(by: string): boolean {
    if (this.isLevel) return true
    // a member may have built upon what somebody did whom only this device has removed
    return this.isTold ? this.late.takes(by) : this.standing() === "member" || !this.isFormer(by)
  }

  /** What somebody shows is all within somebody's right, parents first: the first thing that is not ends it. */
  private taken(refused: number, waiting: number, now: number) {
    this.exchange.taken(refused, waiting, now)
    if (!this.isLevel && refused + waiting > 0) this.close("what it shows does not hold", "not a member")
    if (!this.isLevel && this.isTold && this.late.isOverfull(this.peer))
      this.close("too much of what it brings does not stand", "greedy")
  }

  // Who is what ---------------------------------------------------------------------------------------------------------------------

  private standing(): DeviceStanding {
    return this.source.membership.device(this.peer).standing
  }

  private ownStanding(): DeviceStanding {
    return this.source.membership.device(this.self).standing
  }

  /** Whether what a device says counts no more: of one that was let in again, all that has to be known is known to who let it in. */
  private isFormer(device: string): boolean {
    return this.source.membership.device(device).standing === "former"
  }

  /** Whether each is a member to the other. */
  private get isLevel(): boolean {
    return this.said === "member" && this.heard === "member"
  }

  private say(): void {
    this.said = this.standing()
    const ops = this.source.set.summary()
    if (this.said === "member") this.saidHashes.add(feedText(ops))
    this.due.push({ _tag: "Standing", standing: this.said, ops })
    this.meet()
  }

  /** Who hears what it has said itself is inside, and so is the other, however both have gone on since. */
  private meet(): void {
    if (this.isLevel) for (const hash of this.heardHashes) if (this.saidHashes.has(hash)) this.isInside = true
  }

  private standingCame(standing: DeviceStanding, ops: Uint8Array, now: number) {
    this.heard = standing
    this.heardTimes++
    if (this.isInside) return standing === "member" ? this.summed(ops, now) : this.close("this device is no member there", null)
    if (this.heardHashes.size >= hashesMax) return this.close("it changes without end", "greedy")
    if (this.standing() !== this.said) this.say()
    if (!this.isLevel) return this.show()
    this.heardHashes.add(feedText(ops))
    this.meet()
    if (!this.saidHashes.has(feedText(ops))) {
      this.exchange.forget()
      this.compareAt = this.leads ? now : Number.POSITIVE_INFINITY
    }
  }

  /** Shows what the other needs in order to say something else, once; when there is nothing to hope for, it is refused. */
  private show() {
    const shown = this.hasShown ? null : this.toShow()
    if (shown !== null) {
      this.hasShown = true
      this.due.push(...opsMessages(shown))
      return this.say()
    }
    if (this.ownStanding() === "former") return this.handIn()
    if (this.said === "stranger" && this.heard === "stranger") return this.close("neither knows the other", "stranger")
    // what the other has to show comes before its second word
    if (this.heardTimes > 1) this.close("it is no member", "not a member")
  }

  /** Says to a member what lets this device's feeds be stored there, once it has heard what took its right away. */
  private handIn() {
    if (this.said !== "member" || this.heard !== "former") return this.close("this device is no member any more", "not a member")
    if (this.heardTimes === 1) return
    this.due.push(...opsMessages(this.late.of(this.self)))
    this.last = { _tag: "HandIn" }
  }

  private handInCame(feeds: ReadonlyArray<FeedLength>) {
    const isTaken = this.isTold && this.standing() === "former" && this.ownStanding() === "member"
    if (!isTaken) return this.close("it hands in late work, and is not known to be out", "not a member")
    this.last = { _tag: "TakeIn", feeds }
  }

  private toShow(): ReadonlyArray<HeldOperation> | null {
    const { membership } = this.source
    const there = membership.device(this.peer)
    if (this.said === "former") return pastOf(this.source, membership.causesOf(this.peer), there.grants)
    // who was told that it is out hears first by what
    const isDue = this.heard === "stranger" || this.heardTimes > 1
    if (this.said !== "member" || !isDue || this.ownStanding() !== "member") return null
    return pastOf(this.source, membership.device(this.self).live, there.grants)
  }

  // Both are members ----------------------------------------------------------------------------------------------------------------

  private summed(ops: Uint8Array, now: number): void {
    if (feedText(ops) === feedText(this.source.set.summary())) {
      this.compareAt = Number.POSITIVE_INFINITY
      this.comparePause = comparePauseMin
      return
    }
    this.exchange.forget()
    this.compareAt = Math.min(this.compareAt, Math.max(now + (this.leads ? 0 : othersPause), this.nextCompareAt))
  }

  private passTime(now: number): void {
    if (now - this.heardAt >= entranceSilenceMillisMax) this.close("it says nothing", "slow")
    else if (now - this.startedAt >= entranceMillisMax) this.close("the same operations were not reached in time", "slow")
  }

  private close(reason: string, farewell: string | null): void {
    this.closing ??= { reason, farewell }
  }

  private speak(messages: Array<ControlMessage>, actions: Array<ControlAction>, now: number): void {
    messages.push(...this.due.splice(0))
    if (this.isParting && this.closing === null) this.part(messages)
    if (this.closing !== null) {
      const { farewell, reason } = this.closing
      if (farewell !== null) messages.push({ _tag: "Refuse", reason: farewell })
      actions.push({ _tag: "Close", reason })
      return
    }
    if (this.last !== null) actions.push(this.last)
    if (!this.isLevel || this.last !== null) return
    if (now >= this.compareAt && this.exchange.isIdle(now)) this.compare(now)
    this.exchange.speak(messages, now)
    if (!this.isInside) this.speakSame(messages, now)
    if (!this.isInside || this.hasEntered) return
    this.hasEntered = true
    actions.push({ _tag: "Enter" })
  }

  /** After what was given, and when something has come, what is here by now is told, once nothing more is on its way. */
  private speakSame(messages: Array<ControlMessage>, now: number): void {
    this.hasGiven ||= messages.some(({ _tag }) => _tag === "Ops")
    if (!this.exchange.isIdle(now)) return
    const isNew = !this.isGiven && !this.saidHashes.has(feedText(this.source.set.summary()))
    if (!this.hasGiven && !isNew) return
    this.hasGiven = false
    this.say()
    messages.push(...this.due.splice(0))
    if (this.saidHashes.size > hashesMax) this.close("this device changes without end", "slow")
  }

  private compare(now: number): void {
    this.exchange.compare()
    this.compareAt = Number.POSITIVE_INFINITY
    this.nextCompareAt = now + this.comparePause
    this.comparePause = Math.min(2 * this.comparePause, comparePauseMax)
  }

  /** Who is out learns by what: of what it has not heard no more than that. */
  private part(messages: Array<ControlMessage>) {
    const { grants, standing } = this.source.membership.device(this.peer)
    const news = this.exchange.drain()
    if (standing === "member") {
      messages.push(...opsMessages(news))
      return this.close("this device is no member any more", "not a member")
    }
    const told = pastOf(this.source, this.source.membership.causesOf(this.peer), grants)
    const unheard = new Set(news.map(({ operation }) => operation.id))
    messages.push(...opsMessages(this.isInside ? told.filter(({ operation }) => unheard.has(operation.id)) : told))
    this.close("it is no member any more", "not a member")
  }
}
