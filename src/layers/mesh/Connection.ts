/**
 * Runs the mux of a connection over a socket: one fiber reads, one writes, one watches for silence.
 *
 * Whoever waits is woken through a queue or the scheduler, so that nobody runs inside another's step. Nothing here waits for the other end without a
 * bound: what it does not take stays with its sender, and when it is silent for a minute the connection ends.
 */
import type { NonEmptyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { Mux, type MuxEvent } from "../../schema/mesh/Mux.ts"
import { type Reason, reasons, webSocketOverhead } from "../../schema/mesh/MuxFrame.ts"
import { channelsMax, messageBytesMax } from "../../schema/platform/Limits.ts"
import { type Channel, type Connection, ConnectionClosed, Connections } from "../../services/mesh/Connection.ts"
import * as Bell from "../../services/platform/Bell.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"

const over = Effect.fnUntraced(function* (socket: Socket.Socket, { isInitiator }: { readonly isInitiator: boolean }) {
  const parent = yield* Effect.scope
  const scope = yield* Scope.fork(parent)
  const reader = yield* Scope.provide(socket.reader, scope).pipe(Effect.mapError((error) => lost(error)))
  const writer = yield* Scope.provide(socket.writer, scope)
  const line = new Line(
    new Mux(isInitiator),
    yield* Clock.Clock,
    (yield* Scheduler.Scheduler).makeDispatcher(),
    yield* Bell.make,
    yield* Queue.bounded<Channel, ConnectionClosed>(channelsMax)
  )
  yield* Effect.forkIn(reading(line, reader), scope)
  const writes = yield* Effect.forkIn(writing(line, writer), scope)
  yield* Effect.forkIn(afterBreak(line, writes), scope)
  yield* Effect.forkIn(watching(line), scope)
  // runs before the fibers are interrupted: the other end should hear why
  yield* Scope.addFinalizer(
    scope,
    Effect.suspend(() => {
      line.finish(new ConnectionClosed({ reason: "done", detail: "", isOurs: true }))
      return line.isLost ? Effect.void : Effect.timeoutOption(Fiber.await(writes), "1 second")
    })
  )
  const closing = yield* Effect.forkIn(
    Effect.andThen(Deferred.await(line.ended), Effect.uninterruptible(Scope.close(scope, Exit.void))),
    parent
  )
  return connectionOf(line, Fiber.await(closing))
})

export const layer: Layer.Layer<Connections> = Layer.succeed(Connections, { over })

const lost = (error: Socket.SocketError) => new ConnectionClosed({ reason: "lost", detail: error.message, isOurs: false })

/** What the fibers of one connection share. */
class Line {
  readonly mux: Mux
  readonly clock: Clock.Clock
  readonly dispatcher: Scheduler.SchedulerDispatcher
  /** There is something to write. */
  readonly work: Bell.Bell
  readonly accepts: Queue.Queue<Channel, ConnectionClosed>
  readonly ended = Deferred.makeUnsafe<ConnectionClosed>()
  readonly channels = new Map<number, ChannelEnd>()
  readonly probes = new Set<Deferred.Deferred<void>>()
  closed: ConnectionClosed | null = null
  /** Why a write failed. */
  broken: Socket.SocketError | null = null
  lastHeard: number
  bytes = 0
  /** Senders that wait for room. */
  waiting = 0

  constructor(
    mux: Mux,
    clock: Clock.Clock,
    dispatcher: Scheduler.SchedulerDispatcher,
    work: Bell.Bell,
    accepts: Queue.Queue<Channel, ConnectionClosed>
  ) {
    this.mux = mux
    this.clock = clock
    this.dispatcher = dispatcher
    this.work = work
    this.accepts = accepts
    this.lastHeard = elapsedMillis(clock)
  }

  get isLost(): boolean {
    return this.closed?.reason === "lost"
  }

  finish(closed: ConnectionClosed): void {
    if (this.closed !== null) return
    this.closed = closed
    if (closed.reason !== "lost") this.mux.end(closed.reason, closed.detail)
    for (const channel of this.channels.values()) channel.finish(closed)
    Queue.failCauseUnsafe(this.accepts, Cause.fail(closed))
    Deferred.doneUnsafe(this.ended, Effect.succeed(closed))
    this.work.ring()
  }

  heard(): void {
    this.lastHeard = elapsedMillis(this.clock)
    for (const probe of this.probes) Deferred.doneUnsafe(probe, Effect.void)
    this.probes.clear()
  }

  on(event: Exclude<MuxEvent, { _tag: "Opened" }>): void {
    if (event._tag === "Readable") {
      const channel = this.channels.get(event.channel)
      if (channel !== undefined) channel.data.ring()
    } else if (event._tag === "Closed") {
      const { channel, reason, text } = event
      const end = this.channels.get(channel)
      this.channels.delete(channel)
      end?.finish(new ConnectionClosed({ reason, detail: text, isOurs: false }))
    } else {
      // the mux says of a broken protocol what it found, and of an End what it was told
      const isOurs = event.reason === "protocol error" || event.reason === "unknown frame type"
      this.finish(new ConnectionClosed({ reason: event.reason, detail: event.text, isOurs }))
    }
  }

  /** Lets in what waits for channels that have room again. */
  makeRoom(): void {
    if (this.waiting === 0) return
    for (const channel of this.channels.values()) channel.letIn()
  }
}

/** A message that waits for room, and its sender. */
interface Waiter {
  readonly message: Uint8Array
  readonly resume: (exit: Exit.Exit<void, ConnectionClosed>) => void
}

/** One end of a channel. */
class ChannelEnd implements Channel {
  readonly name: string
  readonly version: number
  readonly space: Uint8Array
  readonly id: number
  readonly data: Bell.Bell
  readonly socket: Socket.Socket
  readonly take: Effect.Effect<Uint8Array, ConnectionClosed>
  readonly widen: Effect.Effect<void>
  /** Those who wait for room, the first one first. */
  private readonly waiters = new Set<Waiter>()
  private closed: ConnectionClosed | null = null
  private readonly line: Line

  constructor(line: Line, opened: Extract<MuxEvent, { _tag: "Opened" }>, data: Bell.Bell) {
    this.line = line
    this.id = opened.channel
    this.name = opened.name
    this.version = opened.version
    this.space = opened.space
    this.data = data
    this.take = Effect.map(this.receive(1), ([message]) => message)
    this.widen = Effect.sync(() => {
      line.mux.widen(this.id)
      line.work.ring()
    })
    this.socket = socketOf(this)
  }

  finish(closed: ConnectionClosed): void {
    this.closed ??= closed
    this.data.ring()
    for (const waiter of this.waiters) this.release(waiter, Exit.fail(this.closed))
  }

  readonly close = (reason: Reason, text = ""): Effect.Effect<void> =>
    Effect.sync(() => {
      this.line.mux.close(this.id, reason, text)
      this.line.channels.delete(this.id)
      this.finish(new ConnectionClosed({ reason, detail: text, isOurs: true }))
      this.line.work.ring()
    })

  readonly send = (message: Uint8Array): Effect.Effect<void, ConnectionClosed> =>
    Effect.suspend(() => {
      if (this.closed !== null) return Effect.fail(this.closed)
      const { line } = this
      // room goes to those who wait in the step that makes it, so nobody is overtaken here
      if (!line.mux.canSend(this.id)) return this.wait(message)
      line.mux.send(this.id, message)
      line.work.ring()
      return Effect.void
    })

  /** Behind those who came before. Who is interrupted after his message was let in has sent it. */
  private wait(message: Uint8Array): Effect.Effect<void, ConnectionClosed> {
    return Effect.callback((resume) => {
      if (this.closed !== null) return resume(Effect.fail(this.closed))
      const waiter = { message, resume }
      this.waiters.add(waiter)
      this.line.waiting++
      // there may be room by now
      this.letIn()
      return Effect.sync(() => this.release(waiter, null))
    })
  }

  /** Sends what waits, as long as there is room. */
  letIn(): void {
    for (const waiter of this.waiters) {
      if (!this.line.mux.canSend(this.id)) return
      this.line.mux.send(this.id, waiter.message)
      this.line.work.ring()
      this.release(waiter, Exit.void)
    }
  }

  private release(waiter: Waiter, exit: Exit.Exit<void, ConnectionClosed> | null): void {
    if (this.waiters.delete(waiter)) this.line.waiting--
    if (exit !== null) this.line.dispatcher.scheduleTask(() => waiter.resume(exit), 0)
  }

  /** Waits for a message and takes as many as are there, up to `max`. */
  receive(max: number): Effect.Effect<NonEmptyArray<Uint8Array>, ConnectionClosed> {
    return Effect.suspend(() => {
      const { line } = this
      const first = line.mux.take(this.id)
      if (first !== null) {
        const messages: NonEmptyArray<Uint8Array> = [first]
        for (let n = 1; n < max; n++) {
          const message = line.mux.take(this.id)
          if (message === null) break
          messages.push(message)
        }
        if (line.mux.isCreditDue(this.id)) line.work.ring()
        return Effect.succeed(messages)
      }
      if (this.closed !== null) return Effect.fail(this.closed)
      return Effect.flatMap(this.data.rung, () => this.receive(max))
    })
  }
}

const socketOf = (channel: ChannelEnd): Socket.Socket => {
  const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> => {
    if (Socket.isCloseEvent(chunk)) return channel.close(chunk.code === 1000 ? "done" : "failed", chunk.reason)
    const message = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk
    if (message.length > messageBytesMax) {
      const cause = new Error(`a message of ${message.length} bytes exceeds ${messageBytesMax}`)
      return Effect.fail(new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause }) }))
    }
    return Effect.mapError(channel.send(message), socketError)
  }
  return Socket.make({
    reader: Effect.acquireRelease(
      Effect.succeed({
        pull: Effect.mapError(channel.receive(64), socketError),
        upgrade: Socket.SocketUpgradeError.unsupported
      }),
      () => channel.close("done")
    ),
    writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
  })
}

/** Codes from 4000 are an application's own (RFC 6455, 7.4.2). */
const socketError = ({ detail, reason }: ConnectionClosed) => {
  const code = reason === "lost" ? 1006 : reason === "done" ? 1000 : 4000 + reasons.indexOf(reason)
  const closeReason = detail === "" ? reason : `${reason}: ${detail}`
  return new Socket.SocketError({ reason: new Socket.SocketCloseError({ code, closeReason }) })
}

const reading = (line: Line, reader: Socket.Reader) =>
  Effect.gen(function* () {
    while (true) {
      const frames = yield* reader.pull
      line.heard()
      for (const frame of frames) {
        if (typeof frame === "string") {
          line.finish(new ConnectionClosed({ reason: "protocol error", detail: "a text frame", isOurs: true }))
          return
        }
        line.bytes += frame.length + webSocketOverhead(frame.length, false)
        const event = line.mux.receive(frame)
        if (event?._tag === "Opened") yield* accept(line, event)
        else if (event !== null) line.on(event)
      }
      if (line.mux.isNextDue || line.mux.hasEnded) line.work.ring()
    }
  }).pipe(Effect.catch((error) => Effect.sync(() => line.finish(lost(error)))))

const accept = Effect.fnUntraced(function* (line: Line, opened: Extract<MuxEvent, { _tag: "Opened" }>) {
  const channel = new ChannelEnd(line, opened, yield* Bell.make)
  line.channels.set(channel.id, channel)
  if (!Queue.offerUnsafe(line.accepts, channel)) yield* channel.close("too many channels")
})

/** What one write to the transport takes together. */
const batchBytesMax = 65_536

const writing = (line: Line, writer: Socket.Writer) =>
  Effect.gen(function* () {
    while (true) {
      const frame = line.isLost ? null : line.mux.next()
      if (frame === null) {
        if (line.isLost || line.mux.hasEnded) return
        yield* line.work.rung
        continue
      }
      const batch: NonEmptyArray<Uint8Array> = [frame]
      let bytes = frame.length
      while (bytes < batchBytesMax) {
        const another = line.mux.next()
        if (another === null) break
        batch.push(another)
        bytes += another.length
      }
      line.makeRoom()
      for (const each of batch) line.bytes += each.length + webSocketOverhead(each.length, true)
      yield* batch.length === 1 ? writer.write(frame) : writer.writeAll(batch)
    }
  }).pipe(Effect.catch((error) => Effect.sync(() => (line.broken = error))))

/** When a write failed, what the other end said before it closed may still be unread, and tells more than the failure. */
const afterBreak = Effect.fnUntraced(function* (line: Line, writes: Fiber.Fiber<unknown>) {
  yield* Fiber.await(writes)
  if (line.broken === null) return
  yield* Effect.sleep("1 second")
  line.finish(lost(line.broken))
})

/** Asks for a sign of life after half a minute of silence, and gives up after one. Wakes an idle peer once in 30 s. */
const watching = (line: Line) =>
  Effect.gen(function* () {
    let pause = 30_000
    let isAsked = false
    while (true) {
      yield* Effect.sleep(pause)
      const silence = elapsedMillis(line.clock) - line.lastHeard
      if (silence >= 60_000) break
      if (silence < 28_000) {
        isAsked = false
        pause = Math.max(15_000, 32_000 - silence)
      } else if (isAsked && silence > 45_000) pause = 60_000 - silence
      else {
        isAsked = true
        line.mux.ping()
        line.work.ring()
        pause = 30_000
      }
    }
    line.finish(new ConnectionClosed({ reason: "silent", detail: "nothing was heard for a minute", isOurs: true }))
  })

const connectionOf = (line: Line, closing: Effect.Effect<unknown>): Connection => ({
  open: Effect.fnUntraced(function* (name, version, space) {
    if (line.closed !== null) return yield* line.closed
    const id = line.mux.open(name, version, space)
    if (id === null) return yield* new ConnectionClosed({ reason: "too many channels", detail: "", isOurs: true })
    const channel = new ChannelEnd(line, { _tag: "Opened", channel: id, name, version, space }, yield* Bell.make)
    line.channels.set(id, channel)
    line.work.ring()
    return channel
  }),
  accept: Queue.take(line.accepts),
  probe: Effect.suspend(() => {
    if (line.closed !== null) return Effect.succeed(false)
    const answer = Deferred.makeUnsafe<void>()
    line.probes.add(answer)
    line.mux.ping()
    line.work.ring()
    return Deferred.await(answer).pipe(
      Effect.as(true),
      Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.succeed(false) }),
      Effect.ensuring(Effect.sync(() => line.probes.delete(answer))),
      Effect.tap((isAlive) =>
        Effect.sync(() => {
          if (isAlive) return
          line.finish(new ConnectionClosed({ reason: "silent", detail: "no answer within 5 s", isOurs: true }))
        })
      )
    )
  }),
  end: (reason, text = "") =>
    Effect.suspend(() => {
      line.finish(new ConnectionClosed({ reason, detail: text, isOurs: true }))
      return Effect.asVoid(closing)
    }),
  ended: Deferred.await(line.ended),
  bytesOnWire: () => line.bytes
})
