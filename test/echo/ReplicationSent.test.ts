/**
 * What one member is sent that asks for the same again and again: no more than a bound; and who has reason to ask again is not cut off.
 */
import { assert, describe, it } from "@effect/vitest"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { step } from "../../src/schema/echo/Replication.ts"
import type { Message } from "../../src/schema/echo/ReplicationMessage.ts"
import { type Event, ReplicationState, Sources } from "../../src/schema/echo/ReplicationState.ts"
import { wakeAt } from "../../src/schema/echo/ReplicationWaiting.ts"
import { windowBytesMax } from "../../src/schema/platform/Limits.ts"
import { bytesOf, itemOf, runOf } from "./ReplicationHand.ts"
import { hash, keyOf } from "./ReplicationNetwork.ts"

/** A device with feeds of its own, and what it sends to a peer that says what it likes. */
class Sender {
  readonly machine: ReplicationState
  readonly ids: ReadonlyArray<Uint8Array>
  private readonly blocks: number
  /** Bytes of blocks and manifests, and what came last. */
  bytes = 0
  now = 1
  last: Array<Message> = []

  constructor(feeds: number, blocks: number) {
    this.blocks = blocks
    const author = keyOf("author")
    this.ids = Array.from({ length: feeds }, (_, i) => keyOf(`feed ${i}`))
    this.machine = new ReplicationState({
      hash,
      self: author,
      peer: keyOf("peer"),
      feeds: this.ids.map((id) => ({ ...itemOf(id, blocks), text: feedText(id), author: feedText(author) })),
      sources: new Sources(),
      manifest: () => bytesOf(200),
      frontierHash: () => keyOf("frontier"),
      now: 0
    })
  }

  hear(...messages: ReadonlyArray<Message>): void {
    this.last = []
    for (const message of messages) this.drive({ _tag: "Received", message })
    this.speak()
  }

  /** Lets time pass, while the machine speaks when it wants to. */
  pass(pause: number): void {
    const end = this.now + pause
    this.last = []
    while (this.machine.closing === null && wakeAt(this.machine) <= end) {
      this.now = Math.max(this.now + 1, wakeAt(this.machine))
      this.drive({ _tag: "Received", message: { _tag: "Want", feeds: [] } })
      this.speak()
    }
    this.now = end
  }

  speak(): void {
    this.drive({ _tag: "Writable" })
  }

  private drive(event: Event): void {
    const { machine } = this
    const { actions, messages } = step(machine, event, this.now)
    this.last.push(...messages)
    for (const message of messages) {
      if (message._tag === "Manifest") this.bytes += message.manifest.length
      if (message._tag === "Data") this.bytes += message.run.blocks.length * largeBytes
    }
    for (const action of actions) {
      if (action._tag === "Rank")
        this.drive({ _tag: "Ranked", ranks: action.blocks.map((at) => ({ feed: at.text, index: at.index, arrival: 1 })) })
      if (action._tag !== "Load") continue
      const { feed, from, maxBytes, text } = action
      const count = Math.max(1, Math.min(Math.floor(maxBytes / largeBytes), this.blocks - from))
      const made = runOf(
        feed,
        from,
        Array.from({ length: count }, () => large)
      )
      this.drive({ _tag: "Loaded", feed: text, from, run: made._tag === "Data" ? made.run : null, nextArrival: null })
    }
  }
}
const largeBytes = 32_768
const large = bytesOf(largeBytes)
const have = (feed: Uint8Array, length: number): Message => ({ _tag: "Have", feeds: [itemOf(feed, length)] })
const want = (feed: Uint8Array, from: number, to: number | null = null): Message => ({
  _tag: "Want",
  feeds: [{ feed, from, to }]
})
const refuse = (feed: Uint8Array, reason = "gap"): Message => ({ _tag: "Refuse", reason, feed })

describe("Replication: one that has blocks sent again", () => {
  const ways: ReadonlyArray<readonly [string, (feed: Uint8Array) => ReadonlyArray<Message>]> = [
    ["refuses and wants them", (feed) => [refuse(feed), want(feed, 0)]],
    ["says to have them, and then that it has not", (feed) => [have(feed, 200), have(feed, 0)]],
    ["says to have them, and wants them", (feed) => [have(feed, 200), want(feed, 0)]],
    ["wants the last of them", (feed) => [want(feed, 199, 200)]],
    ["wants manifests", (feed) => [refuse(feed), want(feed, 0, 1)]]
  ]
  for (const [way, messages] of ways) {
    it(`[R7] [R13] is cut off when it ${way} again and again, at whatever pace, and sent a window at a time`, () => {
      for (const pause of [1, 1_000, 10_000]) {
        const sender = new Sender(1, 200)
        const feed = sender.ids[0]!
        sender.hear(want(feed, 0))
        while (sender.now < 10_000 * pause && sender.machine.closing === null) {
          sender.pass(pause)
          sender.hear(...messages(feed))
          const under = sender.machine.flightBytes + sender.machine.returned.bytes
          assert.isAtMost(under, windowBytesMax + largeBytes)
          if (sender.now < 2_000) assert.isAtMost(sender.bytes, 2 * windowBytesMax + 1_000)
        }
        // all of it, twice more as often as that is free again, what is charged, and a byte for each millisecond
        assert.isAtMost(sender.bytes, 6_600_000 + 5 * 2 * 6_600_000 + 8_500_000 + 1.1 * sender.now, `${pause} ms`)
        // a Want that may have crossed what it asks for brings nothing: so little is sent of one block
        if (way !== "wants the last of them" && pause > 1) assert.strictEqual(sender.machine.farewell, "greedy", `${pause} ms`)
      }
    })
  }

  it("[R9] [R13] is charged nothing when its disk is full for a day, however many feeds it lacks", () => {
    const sender = new Sender(20, 100)
    const pauses = Array.from({ length: 30 }, (_, i) => Math.min(30_000 * 2 ** i, 3_600_000))
    for (const pause of [0, ...pauses]) {
      sender.pass(pause)
      for (const feed of sender.ids) {
        sender.hear(...(pause === 0 ? [] : [refuse(feed, "storage")]), want(feed, 0))
        sender.pass(100)
        sender.hear(refuse(feed, "storage"))
      }
    }
    assert.isNull(sender.machine.closing)
    assert.strictEqual(sender.machine.wasted, 0)
    assert.isAbove(sender.bytes, 30 * 20 * largeBytes)
  })

  it("[R12] [R13] is charged nothing when it searches for a fork ever further back, and once more after each pause", () => {
    const sender = new Sender(1, 1_000)
    const feed = sender.ids[0]!
    sender.hear(have(feed, 1_000))
    for (let search = 0; search < 5; search++) {
      sender.pass(30_000 * 2 ** search)
      for (let back = 1; ; back *= 2) {
        const from = Math.max(0, 1_000 - back)
        sender.hear(want(feed, from, 1_000))
        let { last } = sender
        for (let waited = 0; !last.some((each) => each._tag === "Data" && each.run.head.length === 1_000); waited += 100) {
          assert.isBelow(waited, 60_000)
          sender.pass(100)
          last = sender.last
        }
        if (from === 0) break
      }
    }
    assert.isNull(sender.machine.closing)
    assert.strictEqual(sender.machine.wasted, 0)
  })

  it("[R9] is given again at once what a frame had spoiled", () => {
    const sender = new Sender(1, 20)
    const feed = sender.ids[0]!
    sender.hear(want(feed, 0))
    sender.hear(refuse(feed), have(feed, 5))
    sender.pass(1_000)
    sender.hear(want(feed, 5))
    assert.deepStrictEqual(
      sender.last.flatMap((each) => (each._tag === "Data" ? [[each.run.from, each.run.head.length]] : [])),
      [
        [5, 13],
        [13, 20]
      ]
    )
  })
})
