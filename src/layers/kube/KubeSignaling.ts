/**
 * The signaling of a KUBE: each WebSocket at /signal is a line, on which peers join topics and pass signals.
 *
 * A client that asks too fast is read more slowly, one that does not read is dropped, and one that is silent for a minute is missed.
 * Who is where: schema/kube/Rooms.ts. docs/format.md#signaling
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Socket from "effect/socket/Socket"
import { Bucket } from "../../schema/kube/Bucket.ts"
import { type Mail, Rooms } from "../../schema/kube/Rooms.ts"
import { type Asked, decodeAsked, encodeNotice, pong, signalingBytesMax } from "../../schema/mesh/SignalingFrame.ts"
import type { Wire } from "../../services/kube/Wire.ts"

const joinsPerSecond = 5
const signalsPerSecond = 50
/** How many may come at once: what ten seconds give. */
const burstSeconds = 10
const unreadBytesMax = 1_048_576
const silenceMillis = 60_000

/** A line: what waits to be written to one client. */
class Line {
  readonly outbox: Array<Uint8Array> = []
  private unreadBytes = 0
  lastHeard: number
  readonly work: Queue.Queue<true>
  /** Why the line has to be closed, once it has. */
  readonly fault = Deferred.makeUnsafe<Socket.CloseEvent>()

  constructor(work: Queue.Queue<true>, now: number) {
    this.work = work
    this.lastHeard = now
  }

  post(frame: Uint8Array): void {
    this.outbox.push(frame)
    this.unreadBytes += frame.length
    if (this.unreadBytes > unreadBytesMax) this.close(1008, "too slow")
    Queue.offerUnsafe(this.work, true)
  }

  next(): Uint8Array | undefined {
    const frame = this.outbox.shift()
    this.unreadBytes -= frame?.length ?? 0
    return frame
  }

  close(code: number, reason: string): void {
    Deferred.doneUnsafe(this.fault, Effect.succeed(new Socket.CloseEvent(code, reason)))
    this.outbox.length = this.unreadBytes = 0
  }
}

/** The route of all lines, and how many there are. */
export const make = () => {
  const rooms = new Rooms<Line>()
  const deliver = (mails: ReadonlyArray<Mail<Line>>) => {
    for (const { line, notice, seat } of mails) line.post(encodeNotice(seat, notice))
  }

  /** Serves one client until it goes. */
  const serve = Effect.fnUntraced(function* (wire: Wire) {
    const clock = yield* Clock.Clock
    const line = new Line(yield* Queue.sliding<true>(1), clock.currentTimeMillisUnsafe())
    yield* Effect.addFinalizer(() => Effect.sync(() => deliver(rooms.drop(line))))
    const fault = yield* Effect.raceAllFirst([
      Effect.as(Effect.exit(reading(rooms, deliver, line, wire, clock)), null),
      Effect.as(Effect.exit(writing(line, wire)), null),
      watching(line, clock),
      Deferred.await(line.fault)
    ])
    // a reader that found the fault may have ended first
    const event = fault ?? (Deferred.isDoneUnsafe(line.fault) ? yield* Deferred.await(line.fault) : null)
    if (event !== null)
      yield* Effect.ignore(wire.write(event)).pipe(Effect.raceFirst(wire.gone), Effect.timeoutOption("1 second"))
  })
  return { serve, counts: () => rooms.counts() }
}

const reading = (
  rooms: Rooms<Line>,
  deliver: (mails: ReadonlyArray<Mail<Line>>) => void,
  line: Line,
  wire: Wire,
  clock: Clock.Clock
) =>
  Effect.gen(function* () {
    const now = () => clock.currentTimeMillisUnsafe()
    const joins = new Bucket(joinsPerSecond, joinsPerSecond * burstSeconds, now())
    const signals = new Bucket(signalsPerSecond, signalsPerSecond * burstSeconds, now())
    while (true) {
      for (const frame of yield* wire.pull) {
        line.lastHeard = now()
        if (typeof frame === "string") return line.close(1003, "binary messages only")
        if (frame.length > signalingBytesMax) return line.close(1009, "too long")
        const asked = decodeAsked(frame)
        if (Result.isFailure(asked)) return line.close(1002, asked.failure.message.slice(0, 100))
        const { _tag } = asked.success
        const wait = _tag === "Join" ? joins.take(now()) : _tag === "Signal" ? signals.take(now()) : 0
        if (wait > 0) yield* Effect.sleep(wait)
        deliver(answer(rooms, line, asked.success))
      }
    }
  })

const answer = (rooms: Rooms<Line>, line: Line, asked: Asked): ReadonlyArray<Mail<Line>> => {
  if (asked._tag === "Join") return rooms.join(line, asked.seat, Hex.encode(asked.topic), asked.peer, asked.secret)
  if (asked._tag === "Leave") return rooms.leave(line, asked.seat)
  if (asked._tag === "Ping") {
    line.post(pong())
    return []
  }
  const mail = rooms.signal(line, asked.seat, asked.peer, asked.payload)
  return mail === null ? [] : [mail]
}

const writing = (line: Line, wire: Wire) =>
  Effect.gen(function* () {
    while (true) {
      const frame = line.next()
      yield* frame === undefined ? Queue.take(line.work) : wire.write(frame)
    }
  })

/** Misses a client that has been silent for a minute, half a minute later at the most. */
const watching = (line: Line, clock: Clock.Clock) =>
  Effect.gen(function* () {
    while (clock.currentTimeMillisUnsafe() - line.lastHeard < silenceMillis) yield* Effect.sleep("30 seconds")
    return new Socket.CloseEvent(1001, "silent")
  })
