/**
 * Many channels on one connection, none of which can starve or flood another: a pure machine.
 *
 * Frames go in by `receive`, one event comes out; frames to send come out by `next`, when the transport can take them. Credit is by
 * bytes, for each channel and direction, so a channel holds at most one window and one message, whatever the other end does.
 * docs/format.md#mux
 */
import * as Result from "effect/Result"
import { decodeWith } from "../platform/Codec.ts"
import {
  channelFirstBytes,
  channelsMax,
  channelWindowBytes,
  frameBytesMax,
  messageBytesMax,
  pipeBytesMax
} from "../platform/Limits.ts"
import {
  chunkBytesMax,
  chunkCost,
  closeFrame,
  creditFrame,
  dataFrame,
  endFrame,
  type Frame,
  openFrame,
  partBytesMin,
  pingFrame,
  pongFrame,
  type Reason,
  readFrame
} from "./MuxFrame.ts"

/** What a frame brought about. */
export type MuxEvent =
  | {
      readonly _tag: "Opened"
      readonly channel: number
      readonly name: string
      readonly version: number
      readonly space: Uint8Array
    }
  /** A whole message waits. */
  | { readonly _tag: "Readable"; readonly channel: number }
  | { readonly _tag: "Closed"; readonly channel: number; readonly reason: Reason; readonly text: string }
  | { readonly _tag: "Ended"; readonly reason: Reason; readonly text: string }

interface Channel {
  readonly id: number
  readonly outgoing: Array<Uint8Array>
  /** Where the first outgoing message goes on, and the bytes of all that are left. */
  outgoingAt: number
  outgoingBytes: number
  credit: number
  readonly ready: Array<Uint8Array>
  readonly readyCosts: Array<number>
  readonly parts: Array<Uint8Array>
  partsBytes: number
  /** What the parts cost, and what of it counts as taken by nobody yet. */
  partsCost: number
  /** What the other end may spend in all, what is left of it, and what it will be given back. */
  window: number
  allowance: number
  owed: number
  isClosedThere: boolean
  closing: { readonly reason: Reason; readonly text: string } | null
}

/** Answers that the other end has not read. */
const controlsMax = 1_024

export class Mux {
  private readonly channels = new Map<number, Channel>()
  private readonly controls: Array<Uint8Array> = []
  /** The last channel that had a turn. */
  private turn = -1
  private ownNext: number
  private otherNext: number
  /** What may still arrive for channels that were closed here. */
  private dropAllowance = 0
  private isPingDue = false
  private isPongDue = false
  private ending: { readonly reason: Reason; readonly text: string } | null = null
  private hasFailed = false
  private isOver = false

  constructor(isInitiator: boolean) {
    this.ownNext = isInitiator ? 0 : 1
    this.otherNext = isInitiator ? 1 : 0
  }

  /** Whether the connection is being ended, by either end. */
  get hasEnded(): boolean {
    return this.ending !== null || this.isOver
  }

  /** Opens a channel, or answers null when there are too many. */
  open(name: string, version: number, space: Uint8Array): number | null {
    if (this.channels.size >= channelsMax || this.hasEnded) return null
    const id = this.ownNext
    this.ownNext += 2
    this.channels.set(id, newChannel(id))
    this.controls.push(openFrame(id, name, version, space))
    return id
  }

  /** Whether another message should be given: what was given is bounded by this, and by one message. */
  canSend(id: number): boolean {
    const channel = this.channels.get(id)
    return channel !== undefined && channel.outgoingBytes < pipeBytesMax
  }

  /** Gives a message of at most `messageBytesMax` to a channel; it must not be changed afterwards. */
  send(id: number, message: Uint8Array): void {
    const channel = this.channels.get(id)
    if (channel === undefined || channel.closing !== null || channel.isClosedThere || this.hasEnded) return
    channel.outgoing.push(message)
    channel.outgoingBytes += message.length + chunkCost
  }

  /** The next message of a channel, if a whole one waits. Taking it gives its credit back. */
  take(id: number): Uint8Array | null {
    const channel = this.channels.get(id)
    const message = channel?.ready.shift()
    if (channel === undefined || message === undefined) return null
    channel.owed += channel.readyCosts.shift()!
    if (channel.ready.length === 0) this.countParts(channel)
    if (channel.isClosedThere && channel.ready.length === 0) this.channels.delete(id)
    return message
  }

  /** Lets the other end spend the full window; before, it may only introduce itself. */
  widen(id: number): void {
    const channel = this.channels.get(id)
    if (channel === undefined || channel.window === channelWindowBytes) return
    channel.owed += channelWindowBytes - channel.window
    channel.window = channelWindowBytes
  }

  /** Whether the channel has credit to give back now. */
  isCreditDue(id: number): boolean {
    const channel = this.channels.get(id)
    return channel !== undefined && isCreditDue(channel)
  }

  private countParts(channel: Channel): void {
    channel.owed += channel.partsCost
    channel.partsCost = 0
  }

  /** Closes a channel: what was given is still sent as far as credit goes, what was received is dropped. */
  close(id: number, reason: Reason, text = ""): void {
    const channel = this.channels.get(id)
    if (channel === undefined || channel.closing !== null) return
    if (channel.isClosedThere) {
      this.channels.delete(id)
      return
    }
    this.dropAllowance += channel.allowance
    channel.closing = { reason, text }
    channel.ready.length = channel.readyCosts.length = channel.parts.length = 0
  }

  ping(): void {
    this.isPingDue = true
  }

  /** Ends the connection; what was given before is still sent as far as credit goes. */
  end(reason: Reason, text = ""): void {
    this.ending ??= { reason, text }
  }

  /** Whether there is a frame to send now. */
  get isNextDue(): boolean {
    if (this.isOver) return false
    if (this.ending !== null || this.controls.length > 0 || this.isPongDue || this.isPingDue) return true
    for (const channel of this.channels.values()) {
      if (channel.closing !== null || isSendable(channel) || isCreditDue(channel)) return true
    }
    return false
  }

  /** The next frame to send, or null when there is nothing to send now. */
  next(): Uint8Array | null {
    if (this.isOver) return null
    const frame = this.controls.shift() ?? this.sign() ?? this.credits() ?? this.data()
    if (frame !== null || this.ending === null) return frame
    this.isOver = true
    return endFrame(this.ending.reason, this.ending.text)
  }

  private sign(): Uint8Array | null {
    if (this.isPongDue) {
      this.isPongDue = false
      return pongFrame()
    }
    if (!this.isPingDue) return null
    this.isPingDue = false
    return pingFrame()
  }

  private credits(): Uint8Array | null {
    for (const channel of this.channels.values()) {
      if (!isCreditDue(channel)) continue
      const { owed } = channel
      channel.allowance += owed
      channel.owed = 0
      return creditFrame(channel.id, owed)
    }
    return null
  }

  /** One frame of the next channel in turn that has something to send. */
  private data(): Uint8Array | null {
    let first: Channel | null = null
    let following: Channel | null = null
    for (const channel of this.channels.values()) {
      if (channel.closing === null && !isSendable(channel)) continue
      if (first === null || channel.id < first.id) first = channel
      if (channel.id > this.turn && (following === null || channel.id < following.id)) following = channel
    }
    const channel = following ?? first
    if (channel === null) return null
    this.turn = channel.id
    if (isSendable(channel)) return this.chunk(channel)
    const { reason, text } = channel.closing!
    this.channels.delete(channel.id)
    return closeFrame(channel.id, reason, text)
  }

  private chunk(channel: Channel): Uint8Array {
    const message = channel.outgoing[0]!
    const at = channel.outgoingAt
    const length = Math.min(message.length - at, chunkBytesMax, channel.credit - chunkCost)
    const isLast = at + length === message.length
    channel.credit -= length + chunkCost
    channel.outgoingBytes -= length + (isLast ? chunkCost : 0)
    channel.outgoingAt = isLast ? 0 : at + length
    if (isLast) channel.outgoing.shift()
    return dataFrame(channel.id, at === 0 && isLast ? message : message.subarray(at, at + length), isLast)
  }

  /** Takes a frame from the transport. */
  receive(bytes: Uint8Array): MuxEvent | null {
    if (this.isOver || this.hasFailed) return null
    if (bytes.length > frameBytesMax) return this.fail(`a frame of ${bytes.length} bytes`)
    const frame = decodeWith(bytes, readFrame)
    if (Result.isFailure(frame)) return this.fail(frame.failure.message)
    return this.apply(frame.success)
  }

  private apply(frame: Frame): MuxEvent | null {
    switch (frame._tag) {
      case "Data":
        return this.onData(frame.channel, frame.bytes, frame.isLast)
      case "Credit":
        return this.onCredit(frame.channel, frame.bytes)
      case "Open":
        return this.onOpen(frame)
      case "Close":
        return this.onClose(frame.channel, frame.reason, frame.text)
      case "Ping":
        this.isPongDue = true
        return null
      case "Pong":
        return null
      case "End":
        this.isOver = true
        return { _tag: "Ended", reason: frame.reason, text: frame.text }
      case "Unknown":
        return this.fail(`frame type ${frame.type}`, "unknown frame type")
    }
  }

  private fail(text: string, reason: Reason = "protocol error"): MuxEvent {
    this.end(reason, text)
    this.hasFailed = true
    this.controls.length = 0
    for (const channel of this.channels.values()) channel.outgoing.length = 0
    return { _tag: "Ended", reason, text }
  }

  private onOpen(frame: Extract<Frame, { _tag: "Open" }>): MuxEvent | null {
    const { channel, name, space, version } = frame
    if (channel !== this.otherNext) return this.fail(`channel ${channel} opened out of order`)
    this.otherNext += 2
    if (this.channels.size >= channelsMax) {
      if (this.controls.length >= controlsMax) return this.fail("answers are not read")
      this.dropAllowance += channelFirstBytes
      this.controls.push(closeFrame(channel, "too many channels", ""))
      return null
    }
    this.channels.set(channel, newChannel(channel))
    return { _tag: "Opened", channel, name, version, space: space.slice() }
  }

  private onData(id: number, bytes: Uint8Array, isLast: boolean): MuxEvent | null {
    const cost = bytes.length + chunkCost
    const channel = this.channels.get(id)
    if (channel === undefined || channel.closing !== null) return this.onDropped(id, cost)
    if (channel.isClosedThere) return this.fail(`data after the close of channel ${id}`)
    channel.allowance -= cost
    if (channel.allowance < 0) return this.fail(`more than the credit of channel ${id}`)
    if (channel.partsBytes + bytes.length > messageBytesMax) return this.fail("a message beyond its limit")
    if (!isLast) {
      channel.parts.push(bytes)
      channel.partsBytes += bytes.length
      channel.partsCost += cost
      if (channel.ready.length === 0) this.countParts(channel)
      return null
    }
    channel.ready.push(channel.parts.length === 0 ? bytes : joined(channel.parts, bytes, channel.partsBytes))
    channel.readyCosts.push(cost + channel.partsCost)
    channel.parts.length = channel.partsBytes = channel.partsCost = 0
    return { _tag: "Readable", channel: id }
  }

  private onDropped(id: number, cost: number): MuxEvent | null {
    if (!this.wasOpen(id)) return this.fail(`channel ${id} is not open`)
    this.dropAllowance -= cost
    return this.dropAllowance < 0 ? this.fail(`data for channel ${id}, which is closed`) : null
  }

  private wasOpen(id: number): boolean {
    return id % 2 === this.ownNext % 2 ? id < this.ownNext : id < this.otherNext
  }

  private onCredit(id: number, bytes: number): MuxEvent | null {
    if (!this.wasOpen(id)) return this.fail(`channel ${id} is not open`)
    const channel = this.channels.get(id)
    if (channel === undefined) return null
    channel.credit += bytes
    return channel.credit > channelWindowBytes ? this.fail("more credit than was spent") : null
  }

  private onClose(id: number, reason: Reason, text: string): MuxEvent | null {
    if (!this.wasOpen(id)) return this.fail(`channel ${id} is not open`)
    const channel = this.channels.get(id)
    if (channel === undefined) return null
    channel.isClosedThere = true
    channel.outgoing.length = channel.outgoingBytes = 0
    if (channel.closing !== null || channel.ready.length === 0) this.channels.delete(id)
    return { _tag: "Closed", channel: id, reason, text }
  }
}

const newChannel = (id: number): Channel => ({
  id,
  outgoing: [],
  outgoingAt: 0,
  outgoingBytes: 0,
  credit: channelFirstBytes,
  ready: [],
  readyCosts: [],
  parts: [],
  partsBytes: 0,
  partsCost: 0,
  window: channelFirstBytes,
  allowance: channelFirstBytes,
  owed: 0,
  isClosedThere: false,
  closing: null
})

/** Credit goes back when it is half the window, so that it costs next to nothing. */
const isCreditDue = ({ closing, isClosedThere, owed, window }: Channel): boolean =>
  owed >= window / 2 && closing === null && !isClosedThere

/** Whether the channel has a message and the credit for a piece of it that is worth a frame. */
const isSendable = (channel: Channel): boolean => {
  const message = channel.outgoing[0]
  if (message === undefined) return false
  return channel.credit >= chunkCost + Math.min(message.length - channel.outgoingAt, partBytesMin)
}

const joined = (parts: ReadonlyArray<Uint8Array>, last: Uint8Array, length: number): Uint8Array => {
  const whole = new Uint8Array(length + last.length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  whole.set(last, at)
  return whole
}
