/**
 * A network of replication machines without a runtime: fake feeds in memory, queues of frames, and a seeded choice of what happens next.
 *
 * Every frame goes through the real codec. What the machine asks for is carried out as late as the seed likes, in the order that its
 * contract names; frames get lost only with their connection.
 */
import { createHash } from "node:crypto"
import { assert } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Run } from "../../src/schema/echo/Feed.ts"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { step } from "../../src/schema/echo/Replication.ts"
import { decodeMessage, encodeMessage, type Message, markOf } from "../../src/schema/echo/ReplicationMessage.ts"
import { type Action, type Event, type LocalFeed, ReplicationState, Sources } from "../../src/schema/echo/ReplicationState.ts"
import { wakeAt } from "../../src/schema/echo/ReplicationWaiting.ts"
import { decode, encode, equalBytes, type Item } from "../../src/schema/platform/Codec.ts"
import { windowBytesMax } from "../../src/schema/platform/Limits.ts"

export const hash = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

/** A generator of numbers in [0, 1), the same for the same seed. */
export const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

export const keyOf = (name: string): Uint8Array => new Uint8Array(hash(new TextEncoder().encode(name)))

interface FakeFeed {
  readonly feed: Uint8Array
  readonly text: string
  readonly author: string
  readonly manifest: Uint8Array
  readonly blocks: Array<Uint8Array>
  readonly arrivals: Array<number>
  frozenAt: number | null
  /** Where two branches were seen to differ, by all. */
  proof: Uint8Array | null
}

const nothing32 = new Uint8Array(32)
const some64 = new Uint8Array(64).fill(1)

const manifestOf = (device: Uint8Array, feed: Uint8Array): Uint8Array => encode([0, nothing32, device, feed, 1, some64, some64])

export const proofOf = (feed: Uint8Array, index: number): Uint8Array =>
  encode([feed, [1, nothing32, some64], [1, nothing32, some64], index, nothing32, [], nothing32, []])

/** A device with its feeds. */
export class Device {
  readonly key: Uint8Array
  readonly text: string
  readonly feeds = new Map<string, FakeFeed>()
  readonly sources = new Sources()
  readonly ends: Array<End> = []
  private arrivals = 0

  constructor(name: string) {
    this.key = keyOf(name)
    this.text = feedText(this.key)
  }

  admit(feed: Uint8Array, device: Uint8Array): FakeFeed {
    const text = feedText(feed)
    const known = this.feeds.get(text)
    if (known !== undefined) return known
    const manifest = manifestOf(device, feed)
    const made = {
      feed: feed.slice(),
      text,
      author: feedText(device),
      manifest,
      blocks: [],
      arrivals: [],
      frozenAt: null,
      proof: null
    }
    this.feeds.set(text, made)
    this.changed(made)
    return made
  }

  append(feed: FakeFeed, ...blocks: ReadonlyArray<Uint8Array>): void {
    for (const block of blocks) {
      feed.blocks.push(block)
      feed.arrivals.push(++this.arrivals)
    }
    this.changed(feed)
  }

  changed(feed: FakeFeed): void {
    for (const end of this.ends) end.step({ _tag: "Grew", feed: localOf(feed) })
  }

  freeze(feed: FakeFeed, index: number): void {
    feed.frozenAt = Math.min(index, feed.frozenAt ?? index)
    feed.proof = proofOf(feed.feed, feed.frozenAt)
    this.changed(feed)
  }

  /** As the store does it: what is known is compared, what is new is kept, a difference freezes when it is seen whole. */
  ingest(run: Run): { readonly added: number; readonly refusal: string | null } {
    const refused = (refusal: string) => ({ added: 0, refusal })
    const feed = this.feeds.get(feedText(run.feed))
    if (feed === undefined) return refused("unknown-feed")
    if (run.from > feed.blocks.length) return refused("gap")
    if (feed.frozenAt !== null && run.head.length > feed.frozenAt) return refused("frozen")
    if (run.proof !== null && run.proof[0]![0] !== branchOf(feed, run.from)) return refused("forked")
    for (let i = 0; i < run.blocks.length && run.from + i < feed.blocks.length; i++) {
      if (equalBytes(feed.blocks[run.from + i]!, run.blocks[i]!)) continue
      this.freeze(feed, run.from + i)
      return refused("forked")
    }
    // a fake root names the branch that it is of
    if (run.from === feed.blocks.length && feed.blocks.length > 0 && run.head.root[0] !== branchOf(feed)) return refused("forked")
    const fresh = run.blocks.slice(feed.blocks.length - run.from)
    if (fresh.length > 0) this.append(feed, ...fresh.map((block) => block.slice()))
    return { added: fresh.length, refusal: null }
  }

  run(feed: FakeFeed, from: number, maxBytes: number): Run | null {
    if (from >= feed.blocks.length) return null
    let end = from + 1
    for (let bytes = feed.blocks[from]!.length; end < feed.blocks.length; end++) {
      bytes += feed.blocks[end]!.length
      if (bytes > maxBytes) break
    }
    return {
      feed: feed.feed,
      from,
      blocks: feed.blocks.slice(from, end),
      head: { length: end, root: rootOf(feed, end), signature: some64 },
      proof: null
    }
  }
}

/** The first byte of a block names its branch; the feed's is that of its last block. */
const branchOf = (feed: FakeFeed, length = feed.blocks.length): number => (length === 0 ? 0 : feed.blocks[length - 1]![0]!)

const rootOf = (feed: FakeFeed, length: number): Uint8Array => {
  const root = new Uint8Array(32)
  root[0] = branchOf(feed, length)
  return root
}

export const localOf = (feed: FakeFeed): LocalFeed => ({
  feed: feed.feed,
  text: feed.text,
  author: feed.author,
  length: Math.min(feed.blocks.length, feed.frozenAt ?? Number.POSITIVE_INFINITY),
  mark: markOf(rootOf(feed, feed.blocks.length), feed.frozenAt)
})

/** One end of a connection: a machine, what it was sent, and what it waits for. */
export class End {
  readonly device: Device
  readonly state: ReplicationState
  readonly inbox: Array<Uint8Array> = []
  /** Frames of this end, by kind. */
  readonly said: Array<readonly [Message["_tag"], number]> = []
  readonly blocksSent: Array<string> = []
  /** How far feeds have crossed this wire, in either direction. */
  private readonly crossed = new Map<string, number>()
  closed: string | null = null
  other!: End
  private readonly network: Network
  /** Actions that come before the next frame, and those that come before the next `Writable`. */
  private readonly reading: Array<Action> = []
  private readonly writing: Array<Action> = []

  constructor(network: Network, device: Device, peer: Device) {
    this.network = network
    this.device = device
    this.state = new ReplicationState({
      hash,
      self: device.key,
      peer: peer.key,
      feeds: [...device.feeds.values()].map(localOf),
      sources: device.sources,
      manifest: (text) => device.feeds.get(text)?.manifest ?? null,
      frontierHash: () => nothing32,
      now: network.now
    })
  }

  step(event: Event): boolean {
    const { actions, messages } = step(this.state, event, this.network.now)
    for (const message of messages) this.say(message)
    for (const action of actions) {
      if (action._tag === "Close") this.closed = action.reason
      else if (action._tag === "Admit" || action._tag === "Ingest" || action._tag === "KeepFork") this.reading.push(action)
      else if (action._tag === "Load" || action._tag === "Rank" || action._tag === "LoadFork") this.writing.push(action)
    }
    const under = this.state.flightBytes + this.state.returned.bytes
    if (under > windowBytesMax + 300_000) assert.fail(`[R7] ${under} bytes are under way`)
    return messages.length > 0 || actions.length > 0
  }

  private say(message: Message): void {
    const frame = encodeMessage(message)
    this.said.push([message._tag, frame.length])
    if (message._tag === "Data") {
      const { blocks, feed, from, head, proof } = message.run
      const text = feedText(feed)
      const before = Math.max(this.crossed.get(text) ?? 0, this.state.acknowledged(text) ?? 0)
      // only a search for a fork brings blocks again, and those with a proof
      if (from < before && proof === null) assert.fail(`[R4] block ${from} is sent to who has ${before}`)
      this.crossed.set(text, head.length)
      blocks.forEach((_, i) => this.blocksSent.push(`${feedText(feed)}/${from + i}`))
    }
    this.other.inbox.push(frame)
  }

  bytes(): number {
    return this.said.reduce((sum, [, bytes]) => sum + bytes, 0)
  }

  /** Whether anything can happen here now, without time passing. */
  get isReady(): boolean {
    return this.reading.length > 0 || this.writing.length > 0 || this.inbox.length > 0
  }

  receive() {
    const action = this.reading.shift()
    if (action !== undefined) return this.carryOut(action)
    const frame = this.inbox.shift()
    if (frame === undefined) return
    const message = decodeMessage(frame)
    if (Result.isSuccess(message)) this.step({ _tag: "Received", message: message.success })
    else this.step({ _tag: "Garbled", reason: message.failure.message })
  }

  /** Answers whether anything was said or asked. */
  write(): boolean {
    const action = this.writing.shift()
    if (action === undefined) return this.step({ _tag: "Writable" })
    this.carryOut(action)
    return true
  }

  private carryOut(action: Action): void {
    const { device } = this
    switch (action._tag) {
      case "Admit": {
        const parts = action.manifest
        device.admit(parts.subarray(72, 104), parts.subarray(38, 70))
        this.step({ _tag: "Admitted", feed: action.feed, isRefused: false })
        return
      }
      case "Ingest": {
        const { added, refusal } = device.ingest(action.run)
        if (refusal === null) this.crossed.set(action.feed, Math.max(this.crossed.get(action.feed) ?? 0, action.run.head.length))
        // the loop that writes may come between what was stored and its answer
        for (let turns = Math.floor(this.network.random() * 5); turns > 0; turns--) this.write()
        this.step({ _tag: "Ingested", feed: action.feed, end: action.run.head.length, added, refusal })
        return
      }
      case "KeepFork": {
        const feed = device.feeds.get(action.feed)!
        device.freeze(feed, forkIndex(action.proof))
        this.step({ _tag: "ForkKept", feed: action.feed, refusal: null })
        return
      }
      case "LoadFork":
        this.step({ _tag: "ForkLoaded", feed: action.text, proof: device.feeds.get(action.text)!.proof })
        return
      case "Rank": {
        const ranks = action.blocks.map(({ index, text }) => ({
          feed: text,
          index,
          arrival: device.feeds.get(text)!.arrivals[index] ?? null
        }))
        this.step({ _tag: "Ranked", ranks })
        return
      }
      case "Load": {
        const feed = device.feeds.get(action.text)!
        const run = device.run(feed, action.from, action.maxBytes)
        const peaks = Uint8Array.of(branchOf(feed, action.from), ...nothing32.subarray(1))
        const proof = run !== null && action.withProof ? { ...run, proof: [peaks] } : run
        const nextArrival = run === null ? null : (feed.arrivals[run.head.length] ?? null)
        this.step({ _tag: "Loaded", feed: action.text, from: action.from, run: proof, nextArrival })
      }
    }
  }
}

const forkIndex = (proof: Uint8Array): number => {
  const item = decode(proof)
  assert.isTrue(Result.isSuccess(item))
  return Number((Result.getOrThrow(item) as ReadonlyArray<Item>)[3])
}

export class Network {
  now = 0
  readonly devices: ReadonlyArray<Device>
  readonly ends: Array<End> = []
  readonly random: () => number

  constructor(count: number, seed: number) {
    this.random = randomOf(seed)
    this.devices = Array.from({ length: count }, (_, i) => new Device(`device ${seed} ${i}`))
  }

  pick<A>(items: ReadonlyArray<A>): A {
    return items[Math.floor(this.random() * items.length)]!
  }

  connect(a: Device, b: Device): readonly [End, End] {
    const ends = [new End(this, a, b), new End(this, b, a)] as const
    ends[0].other = ends[1]
    ends[1].other = ends[0]
    for (const end of ends) {
      this.ends.push(end)
      end.device.ends.push(end)
    }
    return ends
  }

  disconnect(end: End): void {
    for (const each of [end, end.other]) {
      each.device.sources.end(each.state.source)
      this.ends.splice(this.ends.indexOf(each), 1)
      each.device.ends.splice(each.device.ends.indexOf(each), 1)
    }
  }

  /** One thing happens somewhere. */
  stir(): void {
    const end = this.pick(this.ends)
    if (end === undefined) return
    if (this.random() < 0.5) end.receive()
    else end.write()
    if (end.closed !== null) assert.fail(end.closed)
  }

  /** [R5]: nobody is taken to have what they have not. */
  check(): void {
    for (const end of this.ends) {
      for (const { text, length } of end.state.theirs.values()) {
        const feed = end.other.device.feeds.get(text)
        if (length > (feed === undefined ? -1 : feed.blocks.length)) assert.fail(`[R5] ${text} is taken to have ${length} blocks`)
      }
    }
  }

  /** Lets everything happen that can, and time pass up to `until` in virtual milliseconds. */
  settle(until: number): void {
    for (;;) {
      let isMoving = false
      for (const end of this.ends) {
        while (end.isReady) {
          end.receive()
          end.write()
          isMoving = true
        }
        if (end.write()) isMoving = true
        if (end.closed !== null) assert.fail(end.closed)
      }
      if (isMoving) continue
      const next = Math.min(...this.ends.map((end) => wakeAt(end.state)))
      if (next > until) return
      this.now = Math.max(this.now + 1, next)
    }
  }

  lengths(device: Device): ReadonlyArray<readonly [string, number]> {
    return [...device.feeds.values()]
      .map((feed) => [feed.text, Math.min(feed.blocks.length, feed.frozenAt ?? Number.POSITIVE_INFINITY)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  }
}
