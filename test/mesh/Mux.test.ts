/**
 * The mux as a pure machine: messages survive any cut into frames, channels take turns, and no other end can make it grow.
 */
import { assert, describe, it } from "@effect/vitest"
import { Mux, type MuxEvent } from "../../src/schema/mesh/Mux.ts"
import {
  chunkBytesMax,
  chunkCost,
  closeFrame,
  creditFrame,
  dataFrame,
  endFrame,
  openFrame,
  partBytesMin,
  pingFrame
} from "../../src/schema/mesh/MuxFrame.ts"
import { decodeWith, encode, type Item } from "../../src/schema/platform/Codec.ts"
import {
  channelFirstBytes,
  channelsMax,
  channelWindowBytes,
  frameBytesMax,
  messageBytesMax
} from "../../src/schema/platform/Limits.ts"

const space = new Uint8Array(32).fill(7)
/** More bytes than anything here may hold: where a loop ends whose end does not come. */
const beyondAll = 4 * (messageBytesMax + channelWindowBytes)
const pattern = (length: number, seed = 0) => new Uint8Array(length).map((_, i) => i * 31 + seed)

/** Passes every frame that `from` has to `to`, and answers the events. */
const pass = (from: Mux, to: Mux, limit = Number.POSITIVE_INFINITY): { events: Array<MuxEvent>; frames: Array<Uint8Array> } => {
  const events: Array<MuxEvent> = []
  const frames: Array<Uint8Array> = []
  const next = () => {
    const { isNextDue } = from
    const frame = from.next()
    assert.strictEqual(isNextDue, frame !== null, "it says beforehand whether there is a frame")
    return frame
  }
  for (let frame = next(); frame !== null; frame = frames.length < limit ? next() : null) {
    frames.push(frame)
    const event = to.receive(frame)
    if (event !== null) events.push(event)
  }
  return { events, frames }
}

/** Two ends with `count` channels, all widened. */
const connected = (count = 1) => {
  const [a, b] = [new Mux(true), new Mux(false)]
  const ids = Array.from({ length: count }, () => a.open("echo/replicate", 0, space)!)
  pass(a, b)
  for (const id of ids) {
    a.widen(id)
    b.widen(id)
  }
  pass(a, b)
  pass(b, a)
  return { a, b, ids, id: ids[0]! }
}
const items = (frame: Uint8Array) => {
  const decoded = decodeWith(frame, (from) => from.item())
  return (decoded as { success: ReadonlyArray<Item> }).success
}
const endOf = (mux: Mux, frame: Uint8Array) => {
  const event = mux.receive(frame)
  assert.strictEqual(event?._tag, "Ended")
  const said = items(mux.next()!)
  assert.strictEqual(said[0], 7)
  assert.isNull(mux.next())
  return (event as { reason: string }).reason
}

describe("Mux", () => {
  it("opens a channel by name, version and space, and carries messages both ways", () => {
    const [a, b] = [new Mux(true), new Mux(false)]
    const id = a.open("echo/replicate", 3, space)!
    assert.deepStrictEqual(pass(a, b).events, [{ _tag: "Opened", channel: id, name: "echo/replicate", version: 3, space }])
    a.send(id, pattern(10))
    b.send(id, pattern(20))
    assert.deepStrictEqual(pass(a, b).events, [{ _tag: "Readable", channel: id }])
    pass(b, a)
    assert.deepStrictEqual(b.take(id), pattern(10))
    assert.deepStrictEqual(a.take(id), pattern(20))
    assert.isNull(a.take(id))
  })

  it("carries messages of every size up to the limit, in order", () => {
    const { a, b, id } = connected()
    const sizes = [0, 1, 23, 255, 65_535, chunkBytesMax, chunkBytesMax + 1, 300_000, messageBytesMax, 5]
    const heard: Array<Uint8Array> = []
    for (const size of sizes) a.send(id, pattern(size, size))
    for (let round = 0; round < 100 && heard.length < sizes.length; round++) {
      for (const frame of pass(a, b).frames) assert.isAtMost(frame.length, frameBytesMax)
      for (let message = b.take(id); message !== null; message = b.take(id)) heard.push(message)
      pass(b, a)
    }
    assert.deepStrictEqual(
      heard,
      sizes.map((size) => pattern(size, size))
    )
  })

  it("stops at its credit, and goes on when the other end takes", () => {
    const { a, b, id } = connected()
    for (let i = 0; i < 40; i++) a.send(id, pattern(30_000, i))
    const sent = pass(a, b).frames.reduce((sum, frame) => sum + frame.length, 0)
    assert.isAtMost(sent, channelWindowBytes)
    assert.isAtLeast(sent, channelWindowBytes - 30_000 - 100 * chunkCost)
    assert.isNull(a.next())
    for (let i = 0; i < 40; i++) {
      let message = b.take(id)
      if (message === null) {
        pass(b, a)
        pass(a, b)
        message = b.take(id)
      }
      assert.deepStrictEqual(message, pattern(30_000, i))
    }
  })

  it("lets the other end only introduce itself until it is widened", () => {
    const [a, b] = [new Mux(true), new Mux(false)]
    const id = a.open("x", 0, space)!
    a.send(id, pattern(100))
    a.send(id, pattern(channelFirstBytes))
    assert.lengthOf(pass(a, b).events, 2)
    b.widen(id)
    pass(b, a)
    assert.deepStrictEqual(pass(a, b).events, [{ _tag: "Readable", channel: id }])
  })

  it("lets channels take turns, so that a long message does not hold up a short one", () => {
    const { a, b, ids } = connected(3)
    a.send(ids[0]!, pattern(1_000_000))
    a.send(ids[2]!, pattern(500_000))
    a.send(ids[1]!, pattern(10))
    const order = pass(a, b, 6).frames.map((frame) => items(frame)[1])
    assert.deepStrictEqual(order, [0, 2, 4, 0, 4, 0])
  })

  it("an idle exchange of 110 bytes both ways costs less than 300 bytes, framing included", () => {
    const { a, b, id } = connected()
    a.send(id, pattern(110))
    b.send(id, pattern(110))
    const frames = [...pass(a, b).frames, ...pass(b, a).frames]
    a.take(id)
    b.take(id)
    frames.push(...pass(a, b).frames, ...pass(b, a).frames)
    assert.isBelow(
      frames.reduce((sum, frame) => sum + frame.length + 2 + 6, 0),
      300
    )
  })

  it("gives credit back in lumps: at most 4 frames for 1 MiB of small messages", () => {
    const { a, b, id } = connected()
    let credits = 0
    for (let i = 0; i < 6_000; i++) {
      a.send(id, pattern(110))
      pass(a, b)
      assert.isNotNull(b.take(id))
      credits += pass(b, a).frames.length
    }
    assert.isAtMost(credits, 4)
  })

  it("delivers what came before a close, and sends what was given before one", () => {
    const { a, b, id } = connected()
    a.send(id, pattern(200_000))
    a.close(id, "done", "bye")
    const { events } = pass(a, b)
    assert.deepStrictEqual(events.at(-1), { _tag: "Closed", channel: id, reason: "done", text: "bye" })
    assert.deepStrictEqual(b.take(id), pattern(200_000))
    assert.isNull(b.take(id))
  })

  it("drops what was under way to a channel that was closed, and goes on with the others", () => {
    const { a, b, ids } = connected(2)
    a.send(ids[0]!, pattern(100_000))
    b.close(ids[0]!, "failed")
    assert.deepStrictEqual(pass(a, b).events, [])
    pass(b, a)
    a.send(ids[1]!, pattern(5))
    assert.deepStrictEqual(pass(a, b).events, [{ _tag: "Readable", channel: ids[1]! }])
  })

  it("answers a ping, and an end after what was given", () => {
    const { a, b, id } = connected()
    a.ping()
    pass(a, b)
    assert.deepStrictEqual(pass(b, a).frames, [encode([6])])
    a.send(id, pattern(5))
    a.end("done", "enough")
    assert.deepStrictEqual(pass(a, b).events, [
      { _tag: "Readable", channel: id },
      { _tag: "Ended", reason: "done", text: "enough" }
    ])
  })

  it(`refuses a channel beyond ${channelsMax}, at either end`, () => {
    const { a, b } = connected(channelsMax)
    assert.isNull(a.open("one more", 0, space))
    const event = a.receive(openFrame(1, "one more", 0, space))
    assert.isNull(event)
    assert.deepStrictEqual(pass(a, b).frames, [closeFrame(1, "too many channels", "")])
  })
})

describe("Mux, with a bad other end", () => {
  it("more than its credit ends the connection", () => {
    const { b, id } = connected()
    const frame = dataFrame(id, new Uint8Array(10_000), true)
    let event: MuxEvent | null = null
    let taken = 0
    while (event?._tag !== "Ended" && taken < beyondAll) {
      event = b.receive(frame)
      taken += 10_000 + chunkCost
    }
    assert.isAtMost(taken, channelWindowBytes + 10_000 + chunkCost)
    assert.strictEqual(event?._tag === "Ended" ? event.reason : "", "protocol error")
    assert.isNull(b.receive(frame), "and nothing more is taken")
  })

  it("empty messages are not free", () => {
    const { b, id } = connected()
    let count = 0
    while (count < 100_000 && b.receive(dataFrame(id, new Uint8Array(0), true))?._tag === "Readable") count++
    assert.strictEqual(count, channelWindowBytes / chunkCost)
  })

  it("a message that never ends ends the connection at its limit", () => {
    const { b, id } = connected()
    let held = 0
    let event: MuxEvent | null = null
    while (event === null && held < beyondAll) {
      event = b.receive(dataFrame(id, new Uint8Array(partBytesMin), false))
      held += partBytesMin
      // the parts count as taken, since nobody can take them otherwise
      while (b.next() !== null) {}
    }
    assert.strictEqual(event?._tag, "Ended")
    assert.isAtMost(held, messageBytesMax + partBytesMin)
  })

  it("parts that follow a message nobody takes stay within the window", () => {
    const { b, id } = connected()
    b.receive(dataFrame(id, new Uint8Array(1), true))
    let event: MuxEvent | null = null
    let held = 0
    while (event === null && held < beyondAll) {
      event = b.receive(dataFrame(id, new Uint8Array(partBytesMin), false))
      held += partBytesMin
    }
    assert.strictEqual(event?._tag, "Ended")
    assert.isAtMost(held, channelWindowBytes)
  })

  it("what is not a frame ends the connection with the reason", () => {
    const cases: ReadonlyArray<readonly [Uint8Array, string]> = [
      [encode([99, 1, "new"]), "unknown frame type"],
      [encode([8]), "unknown frame type"],
      [new Uint8Array(0), "protocol error"],
      [encode("text"), "protocol error"],
      [encode([]), "protocol error"],
      [encode([5, 1]), "protocol error"],
      [new Uint8Array([...pingFrame(), 0]), "protocol error"],
      [encode([1, 40, new Uint8Array(1)]), "protocol error"],
      [encode([2, 0, new Uint8Array(1)]), "protocol error"],
      [encode([3, 0, 0]), "protocol error"],
      [encode([3, 0, 2 ** 40]), "protocol error"],
      [encode([4, 9, 0, ""]), "protocol error"],
      [openFrame(0, "ours to open", 0, space), "protocol error"],
      [openFrame(5, "out of order", 0, space), "protocol error"],
      [encode([0, 1, "x".repeat(65), 0, space]), "protocol error"],
      [encode([0, 1, "x", 0, new Uint8Array(31)]), "protocol error"],
      [new Uint8Array(frameBytesMax + 1), "protocol error"]
    ]
    for (const [frame, reason] of cases) {
      const { a } = connected()
      assert.strictEqual(
        endOf(a, frame),
        reason,
        items(frame) === undefined ? String(frame.length) : JSON.stringify(items(frame))
      )
    }
  })

  it("data for closed channels is dropped within a bound", () => {
    const { a, b, id } = connected()
    b.close(id, "done")
    pass(b, a)
    let dropped = 0
    while (dropped < beyondAll && b.receive(dataFrame(id, new Uint8Array(1_000), true)) === null) dropped += 1_000
    assert.isAtMost(dropped, channelWindowBytes)
  })

  it("who opens channels and reads no answer is ended within a bound", () => {
    const mux = new Mux(true)
    let event: MuxEvent | null = null
    let id = 1
    for (; event?._tag !== "Ended" && id < 10_000; id += 2) event = mux.receive(openFrame(id, "x", 0, space))
    assert.strictEqual(event?._tag, "Ended")
    assert.isBelow(id, 2 * (channelsMax + 1_024 + 2))
  })

  it("more credit than was spent ends the connection", () => {
    const { a, id } = connected()
    assert.strictEqual(endOf(a, creditFrame(id, 1)), "protocol error")
  })

  it("nothing is taken after an end", () => {
    const { b, id } = connected()
    assert.deepStrictEqual(b.receive(endFrame("failed", "x")), { _tag: "Ended", reason: "failed", text: "x" })
    assert.isNull(b.receive(dataFrame(id, new Uint8Array(1), true)))
    assert.isNull(b.next())
  })

  it("every mutant of a frame is refused or read, and none throws", () => {
    const corpus = [
      openFrame(1, "echo/replicate", 0, space),
      dataFrame(0, pattern(40), true),
      creditFrame(0, 300),
      closeFrame(0, "failed", "text"),
      endFrame("done", "")
    ]
    let refused = 0
    for (const frame of corpus) {
      for (let i = 0; i < frame.length; i++) {
        for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
          const mutant = frame.slice()
          mutant[i] = mutant[i]! ^ bit
          if (connected().a.receive(mutant)?._tag === "Ended") refused++
        }
        assert.strictEqual(connected().a.receive(frame.subarray(0, i))?._tag, "Ended")
      }
    }
    assert.isAbove(refused, 200)
  })
})
