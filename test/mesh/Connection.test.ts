/**
 * A connection over a socket in memory: channels with backpressure, one crash and no other, and other ends that misbehave.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as ConnectionLayer from "../../src/layers/mesh/Connection.ts"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import { dataFrame, openFrame, pongFrame } from "../../src/schema/mesh/MuxFrame.ts"
import { channelWindowBytes, messageBytesMax, pipeBytesMax } from "../../src/schema/platform/Limits.ts"
import { Connections } from "../../src/services/mesh/Connection.ts"
import { elapse } from "./Elapse.ts"

const space = new Uint8Array(32).fill(1)
const id = new Uint8Array(16)
const pattern = (length: number, seed = 0) => new Uint8Array(length).map((_, i) => i * 31 + seed)

/** Two sockets that are connected, and their network. */
const sockets = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make
  const [a, b] = yield* Effect.all([network.meet(id), network.meet(id)], { concurrency: 2 })
  return { network, a: a!, b: b! }
})

const connected = Effect.gen(function* () {
  const { a, b, network } = yield* sockets
  const { over } = yield* Connections
  return { network, a: yield* over(a, { isInitiator: true }), b: yield* over(b, { isInitiator: false }) }
})

const channels = Effect.gen(function* () {
  const { a, b, network } = yield* connected
  const ours = yield* a.open("echo/replicate", 0, space)
  const theirs = yield* b.accept
  yield* ours.widen
  yield* theirs.widen
  return { network, a, b, ours, theirs }
})

/** One end is a connection, the other speaks bytes. */
const withRaw = Effect.gen(function* () {
  const { a, b, network } = yield* sockets
  const { over } = yield* Connections
  const reader = yield* b.reader
  const writer = yield* b.writer
  return { network, a: yield* over(a, { isInitiator: true }), pull: reader.pull, write: writer.write }
})

const provided = Effect.provide(ConnectionLayer.layer)

describe("Connection", () => {
  it.effect("a channel is opened by name, version and space, and carries messages as a socket", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* channels
      assert.deepStrictEqual([theirs.name, theirs.version, theirs.space], ["echo/replicate", 0, space])
      const writer = yield* ours.socket.writer
      yield* writer.writeAll([pattern(1), pattern(messageBytesMax, 3)])
      const reader = yield* theirs.socket.reader
      const heard: Array<Uint8Array | string> = []
      while (heard.length < 2) heard.push(...(yield* reader.pull))
      assert.deepStrictEqual(heard, [pattern(1), pattern(messageBytesMax, 3)])
      const error = yield* Effect.flip(writer.write(new Uint8Array(messageBytesMax + 1)))
      assert.strictEqual(error.reason._tag, "SocketWriteError")
    }).pipe(provided)
  )

  it.effect("a writer waits while the other end does not take, and nothing is lost", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* channels
      let sent = 0
      const sending = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 100 }),
          (_, i) => Effect.tap(ours.send(pattern(50_000, i)), () => Effect.sync(() => sent++)),
          {
            discard: true
          }
        )
      )
      yield* elapse("1 second")
      assert.isAtMost(sent * 50_000, channelWindowBytes + 2 * pipeBytesMax + 100_000)
      for (let i = 0; i < 100; i++) assert.deepStrictEqual(yield* theirs.take, pattern(50_000, i))
      yield* Fiber.join(sending)
    }).pipe(provided)
  )

  it.effect("senders of one channel have their turn in the order in which they came, newcomers last", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* channels
      const sender = (i: number) => Effect.forkChild(ours.send(pattern(100_000, i)), { startImmediately: true })
      const senders = yield* Effect.forEach(Array.from({ length: 49 }), (_, i) => sender(i))
      for (let i = 0; i < 50; i++) {
        // a newcomer while many wait, in the moment in which there is room again
        if (i === 20) senders.push(yield* sender(49))
        assert.deepStrictEqual(yield* theirs.take, pattern(100_000, i), `message ${i}`)
      }
      for (const each of senders) yield* Fiber.join(each)
    }).pipe(provided)
  )

  for (const end of ["the channel here", "the channel there", "the connection"] as const)
    it.effect(`all who wait for room are told of the end of ${end}`, () =>
      Effect.gen(function* () {
        const { a, ours, theirs } = yield* channels
        const senders = yield* Effect.forEach(Array.from({ length: 50 }), () =>
          Effect.forkChild(Effect.result(ours.send(pattern(100_000))), { startImmediately: true })
        )
        yield* elapse("1 second")
        const waiting = senders.filter((each) => each.pollUnsafe() === undefined)
        assert.isAtLeast(waiting.length, 20)
        if (end === "the channel here") yield* ours.close("done")
        else if (end === "the channel there") yield* theirs.close("done")
        else yield* a.end("done")
        yield* elapse("1 second")
        for (const each of waiting) {
          assert.isDefined(each.pollUnsafe())
          assert.isTrue(Result.isFailure(yield* Fiber.join(each)))
        }
      }).pipe(provided)
    )

  it.effect("senders that are interrupted while they wait, or just as there is room, hold up nobody", () =>
    Effect.gen(function* () {
      const { ours, theirs } = yield* channels
      const senders = yield* Effect.forEach(Array.from({ length: 60 }), (_, i) =>
        Effect.forkChild(ours.send(Uint8Array.of(i, ...new Uint8Array(90_000))), { startImmediately: true })
      )
      yield* elapse("1 second")
      const heard: Array<number> = []
      const listening = yield* Effect.forkChild(Effect.forever(Effect.map(theirs.take, ([i]) => heard.push(i!))))
      // every second one of those who wait, one with each step of whatever makes room
      const gone: Array<number> = []
      for (const [i, each] of senders.entries()) {
        if (each.pollUnsafe() !== undefined || i % 2 === 0) continue
        each.interruptUnsafe()
        gone.push(i)
        yield* Effect.yieldNow
      }
      yield* elapse("1 second")
      assert.isAtLeast(gone.length, 10)
      for (const each of senders) assert.isDefined(each.pollUnsafe())
      const others = heard.filter((i) => !gone.includes(i))
      assert.deepStrictEqual(
        others,
        senders.map((_, i) => i).filter((i) => !gone.includes(i))
      )
      assert.deepStrictEqual(
        heard,
        [...new Set(heard)].sort((a, b) => a - b)
      )
      // what waits no longer is not sent
      assert.isBelow(heard.length, 60)
      yield* ours.send(pattern(1, 99))
      yield* elapse("1 second")
      assert.strictEqual(heard.at(-1), 99)
      yield* Fiber.interrupt(listening)
    }).pipe(provided)
  )

  it.effect("closing the reader's scope fails a pending pull, and closes that channel and no other", () =>
    Effect.gen(function* () {
      const { a, b, ours, theirs } = yield* channels
      const other = yield* a.open("other", 1, space)
      const otherThere = yield* b.accept
      const started = yield* Deferred.make<void>()
      const reading = Effect.gen(function* () {
        const reader = yield* ours.socket.reader
        const pulling = yield* Effect.forkDetach(Effect.flip(reader.pull), { startImmediately: true })
        yield* Deferred.succeed(started, undefined)
        return pulling
      }).pipe(Effect.scoped)
      const pulling = yield* reading
      assert.strictEqual((yield* Fiber.join(pulling)).reason._tag, "SocketCloseError")
      const error = yield* Effect.flip(theirs.take)
      assert.deepStrictEqual([error.reason, error.isOurs], ["done", false])
      assert.strictEqual((yield* Effect.flip(ours.send(pattern(1)))).reason, "done")
      yield* other.send(pattern(9))
      assert.deepStrictEqual(yield* otherThere.take, pattern(9))
    }).pipe(provided)
  )

  it.effect("ending a connection tells the other end why, and leaves nothing open", () =>
    Effect.gen(function* () {
      const { a, b, network, theirs } = yield* channels
      yield* a.end("another connection stays", "here")
      const closed = yield* b.ended
      assert.deepStrictEqual([closed.reason, closed.detail, closed.isOurs], ["another connection stays", "here", false])
      assert.strictEqual((yield* Effect.flip(theirs.take)).reason, "another connection stays")
      assert.strictEqual((yield* Effect.flip(b.accept)).reason, "another connection stays")
      yield* elapse("1 second")
      assert.strictEqual(yield* network.open, 0)
    }).pipe(provided)
  )

  it.effect("when the transport goes, both ends know, and what had arrived is still taken", () =>
    Effect.gen(function* () {
      const { a, b, network, ours, theirs } = yield* channels
      yield* ours.send(pattern(3))
      yield* elapse("1 second")
      yield* network.cut("reset")
      assert.strictEqual((yield* a.ended).reason, "lost")
      assert.strictEqual((yield* b.ended).reason, "lost")
      assert.deepStrictEqual(yield* theirs.take, pattern(3))
      assert.strictEqual((yield* Effect.flip(theirs.take)).reason, "lost")
    }).pipe(provided)
  )

  it.effect("counts what crosses: 110 bytes each way cost less than 300, framing included", () =>
    Effect.gen(function* () {
      const { a, ours, theirs } = yield* channels
      yield* elapse("1 second")
      const before = a.bytesOnWire()
      yield* ours.send(pattern(110))
      yield* theirs.send(pattern(110))
      yield* ours.take
      yield* theirs.take
      yield* elapse("1 second")
      assert.isAtLeast(a.bytesOnWire() - before, 2 * 110)
      assert.isBelow(a.bytesOnWire() - before, 300)
    }).pipe(provided)
  )

  it.effect("an idle connection stays, and costs a few bytes in half a minute", () =>
    Effect.gen(function* () {
      const { a, b, ours, theirs } = yield* channels
      yield* elapse("1 second")
      const before = a.bytesOnWire()
      yield* elapse("10 minutes")
      assert.isBelow(a.bytesOnWire() - before, 20 * 2 * 20)
      yield* ours.send(pattern(1))
      assert.deepStrictEqual(yield* theirs.take, pattern(1))
      assert.isTrue(yield* a.probe)
      assert.isTrue(yield* b.probe)
    }).pipe(provided)
  )
})

describe("Connection, with a bad other end", () => {
  it.effect("a silent peer is noticed within 60 to 75 s, and costs bounded memory", () =>
    Effect.gen(function* () {
      const { a, pull } = yield* withRaw
      const swallow = yield* Effect.forkChild(Effect.forever(pull))
      const channel = yield* a.open("x", 0, space)
      let sent = 0
      const sending = yield* Effect.forkChild(
        Effect.flip(Effect.forever(Effect.tap(channel.send(new Uint8Array(10_000)), () => Effect.sync(() => sent++))))
      )
      yield* elapse("59 seconds")
      assert.isAtMost(sent * 10_000, 2 * pipeBytesMax)
      assert.isUndefined(sending.pollUnsafe())
      yield* elapse("16 seconds")
      assert.strictEqual((yield* Fiber.join(sending)).reason, "silent")
      assert.strictEqual((yield* a.ended).reason, "silent")
      yield* Fiber.interrupt(swallow)
    }).pipe(provided)
  )

  it.effect("a peer that does not even read is noticed as well, and the end does not wait for it", () =>
    Effect.gen(function* () {
      const { a, network } = yield* withRaw
      const channel = yield* a.open("x", 0, space)
      yield* channel.send(new Uint8Array(messageBytesMax))
      yield* network.cut("silent")
      yield* elapse("75 seconds")
      assert.strictEqual((yield* a.ended).reason, "silent")
    }).pipe(provided)
  )

  it.effect("a probe notices silence within 5 s", () =>
    Effect.gen(function* () {
      const { a } = yield* withRaw
      const probing = yield* Effect.forkChild(a.probe)
      yield* elapse("5 seconds")
      assert.isFalse(yield* Fiber.join(probing))
      assert.strictEqual((yield* a.ended).reason, "silent")
    }).pipe(provided)
  )

  it.effect("signs of life are enough: a peer that answers pings is not silent", () =>
    Effect.gen(function* () {
      const { a, pull, write } = yield* withRaw
      yield* Effect.forkChild(Effect.forever(Effect.andThen(pull, write(pongFrame()))))
      yield* elapse("5 minutes")
      assert.isTrue(yield* a.probe)
    }).pipe(provided)
  )

  it.effect("a greedy peer that ignores credit is cut off, and told so", () =>
    Effect.gen(function* () {
      const { a, pull, write } = yield* withRaw
      yield* write(openFrame(1, "x", 0, space))
      const channel = yield* a.accept
      yield* channel.widen
      const flood = yield* Effect.forkChild(Effect.flip(Effect.forever(write(dataFrame(1, new Uint8Array(60_000), true)))))
      const closed = yield* a.ended
      assert.deepStrictEqual([closed.reason, closed.isOurs], ["protocol error", true])
      let last: Uint8Array | string = new Uint8Array()
      yield* Effect.flip(Effect.forever(Effect.map(pull, (frames) => (last = frames.at(-1)!))))
      assert.strictEqual((last as Uint8Array)[1], 7, "the last frame is an End")
      assert.strictEqual((yield* Fiber.join(flood))._tag, "SocketError")
    }).pipe(provided)
  )

  it.effect("a peer that opens channels which nobody accepts is held to an introduction on each", () =>
    Effect.gen(function* () {
      const { a, write } = yield* withRaw
      yield* write(openFrame(1, "x", 0, space))
      yield* write(dataFrame(1, new Uint8Array(5_000), true))
      assert.strictEqual((yield* a.ended).reason, "protocol error")
    }).pipe(provided)
  )

  it.effect("a text frame ends the connection", () =>
    Effect.gen(function* () {
      const { a, write } = yield* withRaw
      yield* write(Uint8Array.of(0x60))
      assert.strictEqual((yield* a.ended).reason, "protocol error")
    }).pipe(provided)
  )
})
