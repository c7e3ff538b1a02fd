/**
 * Which control operations go to a peer and which are asked of it, until both have the same: a part of ControlSync.
 *
 * What is new here is pushed, parents first; what a comparison of ranges shows the peer to lack is given in the same order. What one
 * device has signed is passed on at a rate, so that a flood is slowed down where it enters; but never what others have built upon.
 */
import { feedText } from "../echo/FeedTable.ts"
import { Bucket } from "../kube/Bucket.ts"
import {
  entranceOperationsMax,
  forwardedOperationsMax,
  forwardedOperationsPerMinuteMax,
  messageOperationsMax,
  refusedOperationsPerMinuteMax
} from "../platform/Limits.ts"
import type { KeyRange } from "../platform/RangeSet.ts"
import { type ControlMessage, operationRoom } from "./ControlMessage.ts"
import type { Membership } from "./Membership.ts"
import type { Operation } from "./Operation.ts"
import type { OperationSet } from "./OperationSet.ts"

/** What an operation that comes says of itself: its id, and who signed it; null of what is none. */
export type Signature = (operation: Uint8Array) => { readonly id: Uint8Array; readonly by: string } | null

/** An operation that is here: its id as bytes, how it was signed, and what it says of its place. */
export interface HeldOperation {
  readonly id: Uint8Array
  readonly bytes: Uint8Array
  readonly operation: Pick<Operation, "id" | "parents" | "by">
}

/** The operations of this device. */
export interface ControlSource {
  readonly set: OperationSet
  readonly find: (id: string) => HeldOperation | undefined
  /** All of them, parents first. */
  readonly list: () => ReadonlyArray<HeldOperation>
  readonly membership: Pick<Membership, "causesOf" | "device" | "entry" | "holder" | "standing">
}

/**
 * These operations and all that came before them, parents first, but for what a device surely has that was let in by at least one of
 * others: what is in the past of each of those; and, if it has sent some itself, what is in their past.
 */
export const pastOf = (
  source: ControlSource,
  ids: ReadonlyArray<string>,
  others: ReadonlyArray<string>,
  sent: ReadonlyArray<string> = []
): ReadonlyArray<HeldOperation> => {
  const known = others.map((other) => reached(source, [other]))
  const before = reached(source, sent)
  const wanted = reached(source, ids)
  const isKnown = (id: string) => before.has(id) || (known.length > 0 && known.every((past) => past.has(id)))
  return source.list().filter(({ operation: { id } }) => wanted.has(id) && !isKnown(id))
}

const reached = (source: ControlSource, ids: ReadonlyArray<string>): ReadonlySet<string> => {
  const all = new Set(ids)
  for (const id of all) for (const parent of source.find(id)?.operation.parents ?? []) all.add(parent)
  return all
}

/** As many messages as these operations take. */
export const opsMessages = (operations: ReadonlyArray<HeldOperation>): ReadonlyArray<ControlMessage> => {
  const messages: Array<ControlMessage> = []
  for (let from = 0; from < operations.length; ) {
    const end = endOfMessage(operations, from)
    messages.push({ _tag: "Ops", operations: operations.slice(from, end).map(({ bytes }) => bytes) })
    from = end
  }
  return messages
}

/** What one message carries, unless a single operation is larger: on a slow line a word has to come every 10 s. */
const messageBytes = 65_536

const endOfMessage = (operations: ReadonlyArray<HeldOperation>, from: number): number => {
  let bytes = 0
  let end = from
  while (end < operations.length && end - from < messageOperationsMax) {
    bytes += operations[end]!.bytes.length + operationRoom
    if (end > from && bytes > messageBytes) break
    end++
  }
  return end
}

const rangesAtOnce = 256
const rangesQueued = 4_096
const rangeTokensMax = 4_096
/** How many operations of a Range cost a token more. */
const tokenOperations = 256
/** Authors of whom it is remembered how much was passed on. */
const authorsMax = 1_024
/** What a peer may be given beyond twice all there is, and the milliseconds after which it may be one more. */
const givenMore = 4_096
const givenPause = 10
const wastedBytesMax = 8_388_608
/** Operations without parents that a peer may go on to send; each costs a look at its signatures. */
const waitingPerSecond = 10

interface Pushed extends HeldOperation {
  /** When it may go. */
  readonly dueAt: number
}

export class ControlExchange {
  private readonly source: ControlSource
  private readonly self: string
  private readonly signedBy: Signature
  /** New here, in the order in which they came. */
  private readonly pushed = new Map<string, Pushed>()
  private pushAt = Number.POSITIVE_INFINITY
  private readonly authors = new Map<string, Bucket>()
  /** What the peer is seen to lack, and the same in order, as far as that is known. */
  private readonly owed = new Set<string>()
  private queue: ReadonlyArray<HeldOperation> | null = null
  /** What was given since the peer said what it has. */
  private readonly given = new Set<string>()
  private readonly wanted = new Map<string, Uint8Array>()
  private readonly asked = new Set<string>()
  private ranges: Array<KeyRange<Uint8Array>> = []
  /** What has come from the peer and is being taken in. */
  private readonly coming = new Set<string>()
  private rangeTokens = rangeTokensMax
  private rangeTokensAt: number
  private readonly refused: Bucket
  private readonly waiting: Bucket
  /** How much the peer was seen to lack, and since when. */
  private lacked = 0
  private readonly startedAt: number
  private wasted = 0
  private wastedAt: number
  /** Why the peer is cut off, or null. */
  greed: string | null = null

  constructor(source: ControlSource, self: string, signedBy: Signature, now: number) {
    this.source = source
    this.self = self
    this.signedBy = signedBy
    this.startedAt = this.rangeTokensAt = this.wastedAt = now
    this.waiting = new Bucket(waitingPerSecond, entranceOperationsMax, now)
    this.refused = new Bucket(refusedOperationsPerMinuteMax / 60, refusedOperationsPerMinuteMax, now)
  }

  /** Whether nothing is to be said, and nothing that was asked for is missing. */
  isIdle(now: number): boolean {
    return this.pushAt > now && this.ranges.length + this.owed.size + this.wanted.size + this.asked.size === 0
  }

  /** Whether the peer owes an answer, so that nothing is gained by comparing before it has come. */
  get isAwaiting(): boolean {
    return this.asked.size > 0
  }

  /** When there is something to push though nothing happens. */
  get wakeAt(): number {
    return this.pushAt
  }

  /** Operations are here that were not: they go to the peer, unless they came from it. */
  added(operations: ReadonlyArray<HeldOperation>, now: number): void {
    for (const { bytes, id, operation } of operations) {
      if (this.coming.has(operation.id) || this.owed.has(operation.id)) continue
      const dueAt = now + this.turnOf(operation.by, now)
      this.pushed.set(operation.id, { bytes, id, operation, dueAt })
      this.pushAt = Math.min(this.pushAt, dueAt)
    }
  }

  /** How long an operation of an author has to wait; this device's own ones do not. */
  private turnOf(author: string, now: number): number {
    if (author === this.self) return 0
    let turn = this.authors.get(author)
    if (turn === undefined) {
      if (this.authors.size >= authorsMax) this.authors.clear()
      turn = new Bucket(forwardedOperationsPerMinuteMax / 60, forwardedOperationsMax, now)
      this.authors.set(author, turn)
    }
    return turn.take(now)
  }

  /** What somebody has built upon waits no longer. */
  private release(parents: ReadonlyArray<string>): void {
    const all = new Set(parents)
    for (const id of all) {
      const pushed = this.pushed.get(id)
      if (pushed === undefined || pushed.dueAt === 0) continue
      this.pushed.set(id, { ...pushed, dueAt: 0 })
      for (const parent of pushed.operation.parents) all.add(parent)
    }
  }

  /** What has come that is new here, by those from whom it is taken; null when something is no operation. */
  opsCame(
    operations: ReadonlyArray<Uint8Array>,
    isTaken: (by: string) => boolean,
    now: number
  ): ReadonlyArray<Uint8Array> | null {
    const fresh: Array<Uint8Array> = []
    this.wasted = Math.max(0, this.wasted - (now - this.wastedAt))
    this.wastedAt = now
    for (const operation of operations) {
      const signed = this.signedBy(operation)
      if (signed === null) return null
      const text = feedText(signed.id)
      this.has(text)
      if (this.coming.has(text) || this.source.set.has(signed.id) || !isTaken(signed.by)) {
        this.wasted += operation.length
        continue
      }
      this.coming.add(text)
      fresh.push(operation)
    }
    if (this.wasted > wastedBytesMax) this.greed = "it goes on sending operations that are here"
    return fresh
  }

  /** The peer has an operation: it is neither asked for nor given any more. */
  private has(text: string): void {
    this.asked.delete(text)
    this.wanted.delete(text)
    this.pushed.delete(text)
    if (this.owed.delete(text)) this.queue = null
  }

  /** What had come was taken in, as far as it was not refused and does not wait. */
  taken(refused: number, waiting: number, now: number): void {
    this.coming.clear()
    for (let left = refused; left > 0 && this.greed === null; left--)
      if (this.refused.take(now) > 0) this.greed = "it goes on sending operations that do not hold"
    for (let left = waiting; left > 0 && this.greed === null; left--)
      if (this.waiting.take(now) > 0) this.greed = "it goes on sending operations without what comes before them"
  }

  wantCame(ids: ReadonlyArray<Uint8Array>, now: number): void {
    for (const id of ids) this.owe(feedText(id), now)
  }

  private owe(text: string, now: number): void {
    const most = 2 * this.source.set.size + givenMore + (now - this.startedAt) / givenPause
    if (++this.lacked > most) this.greed = "it goes on asking for operations that it was given"
    if (this.greed !== null || this.source.find(text) === undefined) return
    this.owed.add(text)
    this.pushed.delete(text)
    this.queue = null
  }

  /** The peer has said that it has something else: what it was given or asked for may have got lost. */
  forget(): void {
    this.given.clear()
    this.asked.clear()
  }

  /** Begins to compare. */
  compare(): void {
    this.say(this.source.set.split())
  }

  private say(ranges: ReadonlyArray<KeyRange<Uint8Array>>): void {
    for (const range of ranges) if (this.ranges.length < rangesQueued) this.ranges.push(range)
  }

  rangeCame(range: KeyRange<Uint8Array>, now: number): void {
    const { set } = this.source
    const here = set.between(range.from, range.to)
    const cost = 1 + Math.floor(here.length / tokenOperations)
    this.rangeTokens = Math.min(rangeTokensMax, this.rangeTokens + now - this.rangeTokensAt) - cost
    this.rangeTokensAt = now
    if (this.rangeTokens < 0) {
      this.greed = "it compares operations without end"
      return
    }
    if (range.content instanceof Uint8Array) {
      if (!set.isSameRange(range)) this.say(set.split(range.from, range.to))
      return
    }
    const there = new Map(range.content.map((id) => [feedText(id), id]))
    for (const id of here) {
      const text = feedText(id)
      if (!there.delete(text) && !this.given.has(text)) this.owe(text, now)
    }
    // what is left is there alone; what is read is a view into its frame
    for (const [text, id] of there)
      if (!this.asked.has(text) && !this.coming.has(text) && this.wanted.size + this.asked.size < rangesQueued)
        this.wanted.set(text, id.slice())
  }

  /** What is due now, in messages of which the first must be heard first. */
  speak(messages: Array<ControlMessage>, now: number): void {
    if (now >= this.pushAt) messages.push(...opsMessages(this.duePushes(now)))
    if (this.wanted.size > 0) this.speakWants(messages)
    if (this.owed.size > 0) this.speakOwed(messages)
    for (const range of this.ranges.splice(0, rangesAtOnce)) messages.push({ _tag: "Range", ...range })
  }

  private duePushes(now: number): ReadonlyArray<HeldOperation> {
    const due: Array<HeldOperation> = []
    this.pushAt = Number.POSITIVE_INFINITY
    for (const { dueAt, operation } of this.pushed.values()) if (dueAt <= now) this.release(operation.parents)
    for (const [text, pushed] of this.pushed) {
      if (pushed.dueAt > now) this.pushAt = Math.min(this.pushAt, pushed.dueAt)
      else {
        this.pushed.delete(text)
        this.given.add(text)
        due.push(pushed)
      }
    }
    return due
  }

  private speakWants(messages: Array<ControlMessage>): void {
    const ids: Array<Uint8Array> = []
    for (const [text, id] of this.wanted) {
      if (ids.length === messageOperationsMax) break
      this.wanted.delete(text)
      if (this.source.set.has(id)) continue
      this.asked.add(text)
      ids.push(id)
    }
    if (ids.length > 0) messages.push({ _tag: "Want", ids })
  }

  /** One message of what the peer lacks: the rest when it was taken. */
  private speakOwed(messages: Array<ControlMessage>): void {
    this.queue ??= this.source.list().filter(({ operation: { id } }) => this.owed.has(id))
    const end = endOfMessage(this.queue, 0)
    const now = this.queue.slice(0, end)
    this.queue = this.queue.slice(end)
    for (const { operation } of now) {
      this.owed.delete(operation.id)
      this.given.add(operation.id)
    }
    messages.push(...opsMessages(now))
  }

  /** All that is to be pushed, at once, which is then no more. */
  drain(): ReadonlyArray<HeldOperation> {
    const all = [...this.pushed.values()]
    this.pushed.clear()
    this.pushAt = Number.POSITIVE_INFINITY
    return all
  }
}
