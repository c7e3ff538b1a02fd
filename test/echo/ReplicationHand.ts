/**
 * One replication machine, and a hand at the other end of its wire that says what it likes.
 */
import * as Result from "effect/Result"
import { step } from "../../src/schema/echo/Replication.ts"
import { decodeMessage, encodeMessage, type FeedItem, type Message } from "../../src/schema/echo/ReplicationMessage.ts"
import type { Event, Output } from "../../src/schema/echo/ReplicationState.ts"
import { equalBytes } from "../../src/schema/platform/Codec.ts"
import { type Device, type End, keyOf, Network } from "./ReplicationNetwork.ts"

export const bytesOf = (length: number, branch = 0) => new Uint8Array(length).fill(7).fill(branch, 0, 1)

export const own = (device: Device, name = "0") => device.admit(keyOf(`${device.text} ${name}`), device.key)

/** Two devices that have the same feeds, not connected. */
export const pairWith = (feeds: number, seed = 1) => {
  const network = new Network(2, seed)
  const [a, b] = network.devices as [Device, Device]
  for (let i = 0; i < feeds; i++) {
    const device = i % 2 === 0 ? a : b
    const feed = own(device, `${i}`)
    const blocks = [bytesOf(20), bytesOf(30)]
    device.append(feed, ...blocks)
    const other = device === a ? b : a
    other.append(other.admit(feed.feed, device.key), ...blocks)
  }
  return { a, b, network }
}

/** A machine to talk to by hand, beside another that only serves to name feeds. */
export const alone = (feeds: number) => {
  const { a, b, network } = pairWith(feeds, 9)
  const [end] = network.connect(a, b)
  const say = (event: Event, now = network.now): Output => step(end.state, event, now)
  const hear = (message: Message, now = network.now) => say({ _tag: "Received", message }, now)
  const speak = (now = network.now) => say({ _tag: "Writable" }, now)
  speak()
  return { a, b, end, hear, network, say, speak }
}

/** What a device says of a feed whose blocks are all of branch 0. */
export const itemOf = (feed: Uint8Array, length: number): FeedItem => ({ feed, length, mark: new Uint8Array(16) })

export const tags = (output: Output) => ({
  messages: output.messages.map((each) => each._tag),
  actions: output.actions.map((each) => each._tag)
})

export const runOf = (feed: Uint8Array, from: number, blocks: ReadonlyArray<Uint8Array>): Message => {
  const head = { length: from + blocks.length, root: new Uint8Array(32), signature: new Uint8Array(64).fill(1) }
  return { _tag: "Data", run: { feed, from, blocks, head, proof: null } }
}

/** What a member at the other end of a wire says by hand, to a device that carries out whatever its machine asks for. */
export class Hand {
  readonly end: End
  private readonly network: Network

  constructor(network: Network, device: Device, peer: Device) {
    this.network = network
    this.end = network.connect(device, peer)[0]
    this.say()
  }

  /** Says it, lets the device do all that it can do now, and answers what it says back. */
  say(...messages: ReadonlyArray<Message>): ReadonlyArray<Message> {
    const { end } = this
    for (const message of messages) end.inbox.push(encodeMessage(message))
    do {
      end.receive()
    } while (end.closed === null && (end.write() || end.isReady))
    return end.other.inbox.splice(0).map((frame) => Result.getOrThrow(decodeMessage(frame)))
  }

  /** Lets time pass in steps of 100 ms and answers when the device first asks for a feed, or null. */
  askedFor(feed: Uint8Array, until: number, meanwhile: () => void = () => undefined): number | null {
    for (; this.network.now < until; this.network.now += 100) {
      if (this.say().some((message) => isWantOf(message, feed))) return this.network.now
      meanwhile()
    }
    return null
  }
}

/** Whether a message asks for all that there is of a feed. */
export const isWantOf = (message: Message, feed: Uint8Array): boolean =>
  message._tag === "Want" && message.feeds.some((each) => each.to === null && equalBytes(each.feed, feed))
