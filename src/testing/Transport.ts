/**
 * The suite that says whether a Transport keeps its contract. Run it on your own layer, in a Vitest file:
 *
 *     transportConformance("my transport", { network: myServerLayer, layer: myTransportLayer })
 *
 * The rules, by the numbers in the tests' titles:
 * T1 two ends that meet under an id are connected, whoever comes first. T2 frames arrive whole, unchanged and in order, up to the
 * limit. T3 a larger frame fails its write, and nothing of it arrives. T4 what was written before a close arrives. T5 closing the
 * reader's scope fails its pending pull, and T6 closes the connection at both ends, as T7 closing the scope of `connect` does.
 * T8 writing to what is closed fails. T9 a writer whose other end does not read is stopped (operating systems buffer some megabytes a
 * hop), and goes on when it does; nothing is lost.
 * T10 meetings are apart. T11 a third end is kept out. T12 many writers may write at once.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import { frameBytesMax } from "../schema/platform/Limits.ts"
import { type ConnectFailed, Transport } from "../services/mesh/Transport.ts"

export interface TransportUnderTest<N> {
  /** The network of one test. */
  readonly network: Layer.Layer<N, unknown>
  /** Runs a test somewhere else than here and now, a simulated world for one. */
  readonly within?: (test: Effect.Effect<void, unknown>) => Effect.Effect<void, unknown>
  /** The transport of one peer: built once for each end. */
  readonly layer: Layer.Layer<Transport, unknown, N>
  /** False where the platform cannot hold back what arrives (WebSockets of browsers): T9 is left to the credit above it. */
  readonly holdsBack?: boolean
}

/** Declares the suite. */
export const transportConformance = <N>(name: string, under: TransportUnderTest<N>): void => {
  const transport = Effect.map(Layer.build(Layer.fresh(under.layer)), Context.get(Transport))
  const within = under.within ?? ((test) => test)
  describe(`Transport: ${name}`, () => {
    for (const [title, body] of rules) {
      if (title.startsWith("[T9]") && under.holdsBack === false) continue
      it.live(title, () =>
        within(body(transport).pipe(Effect.timeout("15 seconds"), Effect.provide(under.network), Effect.scoped))
      )
    }
  })
}

type Peer<N> = Effect.Effect<Transport["Service"], unknown, N | Scope.Scope>
type Body = <N>(transport: Peer<N>) => Effect.Effect<void, unknown, N | Scope.Scope>

let meetings = 0
const freshId = () => {
  const id = new Uint8Array(16)
  new DataView(id.buffer).setUint32(0, ++meetings)
  return id
}

/** One end of a meeting, whose signals pass to the other end. */
const meetingOf = Effect.gen(function* () {
  const id = freshId()
  const [toA, toB] = [yield* Queue.bounded<Uint8Array>(64), yield* Queue.bounded<Uint8Array>(64)]
  const end = (isInitiator: boolean) => ({
    id,
    isInitiator,
    signals: isInitiator ? toA : toB,
    signal: (payload: Uint8Array) => Effect.asVoid(Queue.offer(isInitiator ? toB : toA, payload))
  })
  return [end(true), end(false)] as const
})

type Pull = Effect.Effect<ReadonlyArray<Uint8Array | string>, Socket.SocketError>
interface End {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Socket.SocketError>
  readonly pull: Pull
  /** Closes the reader's scope. */
  readonly close: Effect.Effect<void>
}

const endOf = Effect.fnUntraced(function* (socket: Socket.Socket) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const reader = yield* Scope.provide(socket.reader, scope)
  const writer = yield* socket.writer
  return { write: writer.write, pull: reader.pull, close: Scope.close(scope, Exit.void) } satisfies End
})

const connected = Effect.fnUntraced(function* <N>(transport: Peer<N>) {
  const meeting = yield* meetingOf
  const ends = yield* Effect.forEach(
    meeting,
    (end) => Effect.flatMap(transport, (service) => service.connect(end)).pipe(Effect.flatMap(endOf)),
    { concurrency: 2 }
  )
  return [ends[0]!, ends[1]!] as const
})

/** Reads until `count` frames have come. */
const read = Effect.fnUntraced(function* (pull: Pull, count: number) {
  const frames: Array<Uint8Array> = []
  while (frames.length < count) {
    for (const frame of yield* pull) {
      assert.instanceOf(frame, Uint8Array, "frames are binary")
      frames.push(frame)
    }
  }
  return frames
})

const bytes = (...list: ReadonlyArray<number>) => Uint8Array.from(list)
const pattern = (length: number, seed: number) => new Uint8Array(length).map((_, i) => i * 31 + seed)
const isClosed = Effect.fnUntraced(function* (pull: Pull) {
  const error = yield* pull.pipe(Effect.forever, Effect.flip)
  assert.strictEqual(error._tag, "SocketError")
})

const rules: ReadonlyArray<readonly [title: string, body: Body]> = [
  [
    "[T1] two ends that meet are connected, whoever comes first",
    Effect.fnUntraced(function* (transport) {
      for (const first of [0, 1]) {
        const meeting = yield* meetingOf
        const open = (i: number) =>
          Effect.flatMap(transport, (service) => service.connect(meeting[i]!)).pipe(Effect.flatMap(endOf))
        const early = yield* Effect.forkChild(open(first))
        yield* Effect.sleep("20 millis")
        const late = yield* open(1 - first)
        const [a, b] = [yield* Fiber.join(early), late]
        yield* a.write(bytes(1))
        assert.deepStrictEqual(yield* read(b.pull, 1), [bytes(1)])
        yield* b.write(bytes(2))
        assert.deepStrictEqual(yield* read(a.pull, 1), [bytes(2)])
      }
    })
  ],
  [
    "[T2] frames arrive whole, unchanged and in order, up to the limit",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      const sent = Array.from({ length: 200 }, (_, i) => pattern(i % 20 === 0 ? frameBytesMax - i : 1 + i * 3, i))
      const writing = yield* Effect.forkChild(Effect.forEach(sent, a.write, { discard: true }))
      const heard = yield* read(b.pull, sent.length)
      yield* Fiber.join(writing)
      assert.strictEqual(heard.length, sent.length)
      for (const [i, frame] of heard.entries()) assert.deepStrictEqual(frame, sent[i])
    })
  ],
  [
    "[T3] a frame above the limit fails its write, and nothing of it arrives",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      const error = yield* Effect.flip(a.write(new Uint8Array(frameBytesMax + 1)))
      assert.strictEqual(error.reason._tag, "SocketWriteError")
      yield* a.write(bytes(1))
      assert.deepStrictEqual(yield* read(b.pull, 1), [bytes(1)])
    })
  ],
  [
    "[T4] what was written before a close arrives",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      for (let i = 0; i < 10; i++) yield* a.write(pattern(1_000, i))
      yield* a.close
      const heard = yield* read(b.pull, 10)
      assert.deepStrictEqual(heard[9], pattern(1_000, 9))
      yield* isClosed(b.pull)
    })
  ],
  [
    "[T5] closing the reader's scope fails its pending pull",
    Effect.fnUntraced(function* (transport) {
      const [a] = yield* connected(transport)
      const started = yield* Deferred.make<void>()
      const pulling = yield* Effect.forkChild(Effect.andThen(Deferred.succeed(started, undefined), Effect.flip(a.pull)))
      yield* Deferred.await(started)
      yield* a.close
      assert.strictEqual((yield* Fiber.join(pulling))._tag, "SocketError")
    })
  ],
  [
    "[T6] closing the reader's scope closes the connection at both ends",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      yield* a.close
      yield* isClosed(b.pull)
      yield* isClosed(a.pull)
    })
  ],
  [
    "[T7] closing the scope of `connect` closes the connection at both ends",
    Effect.fnUntraced(function* (transport) {
      const [ours, theirs] = yield* meetingOf
      const scope = yield* Scope.fork(yield* Effect.scope)
      const connect = (meeting: typeof ours) => Effect.flatMap(transport, (service) => service.connect(meeting))
      const mine = yield* Effect.forkChild(Scope.provide(connect(ours), scope))
      const other = yield* Effect.flatMap(connect(theirs), endOf)
      const socket = yield* Fiber.join(mine)
      const end = yield* endOf(socket)
      yield* Scope.close(scope, Exit.void)
      yield* isClosed(other.pull)
      yield* isClosed(end.pull)
    })
  ],
  [
    "[T8] writing to what is closed fails, at both ends",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      yield* a.close
      yield* isClosed(b.pull)
      for (const end of [a, b]) {
        const error = yield* Effect.flip(end.write(bytes(1)))
        assert.strictEqual(error._tag, "SocketError")
      }
    })
  ],
  [
    "[T9] a writer whose other end does not read is stopped within 40 MiB, and nothing is lost when it goes on",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      const total = 1_024
      let written = 0
      const writing = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: total }), (_, i) =>
          Effect.tap(a.write(pattern(frameBytesMax, i)), () => Effect.sync(() => written++))
        )
      )
      let before = -1
      while (before !== written) {
        before = written
        yield* Effect.sleep("300 millis")
      }
      assert.isBelow(written * frameBytesMax, 40 * 1_048_576)
      const heard = yield* read(b.pull, total)
      yield* Fiber.join(writing)
      for (const i of [0, 1, total >> 1, total - 1]) assert.deepStrictEqual(heard[i], pattern(frameBytesMax, i))
    })
  ],
  [
    "[T10] meetings are apart",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      const [c, d] = yield* connected(transport)
      yield* a.write(bytes(1))
      yield* c.write(bytes(2))
      assert.deepStrictEqual(yield* read(d.pull, 1), [bytes(2)])
      yield* c.close
      assert.deepStrictEqual(yield* read(b.pull, 1), [bytes(1)])
      yield* b.write(bytes(3))
      assert.deepStrictEqual(yield* read(a.pull, 1), [bytes(3)])
    })
  ],
  [
    "[T11] a third end is kept out, and the pair is not disturbed",
    Effect.fnUntraced(function* (transport) {
      const [ours, theirs] = yield* meetingOf
      const connect = (meeting: typeof ours) =>
        Effect.flatMap(transport, (service) => service.connect(meeting)).pipe(Effect.flatMap(endOf))
      const [a, b] = yield* Effect.all([connect(ours), connect(theirs)], { concurrency: 2 })
      const refused: ConnectFailed | unknown = yield* Effect.flip(connect(ours))
      assert.strictEqual((refused as ConnectFailed)._tag, "ConnectFailed")
      yield* a.write(bytes(1))
      assert.deepStrictEqual(yield* read(b.pull, 1), [bytes(1)])
    })
  ],
  [
    "[T12] many may write at once, and each frame stays whole",
    Effect.fnUntraced(function* (transport) {
      const [a, b] = yield* connected(transport)
      const writers = Array.from({ length: 8 }, (_, i) => i)
      yield* Effect.forkChild(
        Effect.forEach(writers, (i) => Effect.repeat(a.write(pattern(20_000, i)), { times: 9 }), { concurrency: "unbounded" })
      )
      for (const frame of yield* read(b.pull, 80)) assert.deepStrictEqual(frame, pattern(20_000, frame[0]!))
    })
  ]
]
