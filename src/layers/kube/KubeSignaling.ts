/**
 * The signaling of a KUBE: each WebSocket at /signal is a line, on which peers join topics and pass signals.
 *
 * A client that asks too fast is read more slowly, one that does not read its answers is dropped, and one that is silent for a minute
 * is missed. What others send it costs it nothing: schema/kube/Outbox.ts. Who is where: schema/kube/Rooms.ts. docs/format.md#signaling
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Socket from "effect/socket/Socket"
import { placeOf, Tally } from "../../schema/kube/Address.ts"
import { Bucket } from "../../schema/kube/Bucket.ts"
import { Outbox } from "../../schema/kube/Outbox.ts"
import { type Mail, Rooms } from "../../schema/kube/Rooms.ts"
import { type Asked, decodeAsked, encodeNotice, pong, signalingBytesMax } from "../../schema/mesh/SignalingFrame.ts"
import { addressLinesMax, addressSeatsMax } from "../../schema/platform/Limits.ts"
import type { Wire } from "../../services/kube/Wire.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"

const joinsPerSecond = 5
const signalsPerSecond = 50
/** How many may come at once: what ten seconds give. */
const burstSeconds = 10
const silenceMillis = 60_000

/** What may come from one address. */
export interface Bounds {
  readonly addressLinesMax?: number
  readonly addressSeatsMax?: number
}

/** A line: what waits to be written to one client. */
class Line {
  readonly outbox = new Outbox<Line>()
  readonly place: string
  lastHeard: number
  /** Since when the network has not taken a frame. */
  writingSince: number | null = null
  readonly work: Queue.Queue<true>
  /** Why the line has to be closed, once it has. */
  readonly fault = Deferred.makeUnsafe<Socket.CloseEvent>()

  constructor(place: string, work: Queue.Queue<true>, now: number) {
    this.place = place
    this.work = work
    this.lastHeard = now
  }

  /** What the client asked for itself. */
  answer(frame: Uint8Array): void {
    if (!this.outbox.answer(frame)) this.close(1008, "too slow")
    Queue.offerUnsafe(this.work, true)
  }

  post({ notice, seat }: Mail<Line>, from: Line): void {
    const frame = encodeNotice(seat, notice)
    if (notice._tag === "Signal") this.outbox.signal(from, frame)
    else if (notice._tag === "Joined" || notice._tag === "Left") this.outbox.presence(seat, frame)
    else this.answer(frame)
    Queue.offerUnsafe(this.work, true)
  }

  close(code: number, reason: string): void {
    Deferred.doneUnsafe(this.fault, Effect.succeed(new Socket.CloseEvent(code, reason)))
    this.outbox.clear()
  }
}

/** The route of all lines, and how many there are. */
export const make = (bounds: Bounds = {}) => {
  const rooms = new Rooms<Line>({ of: ({ place }) => place, seatsMax: bounds.addressSeatsMax ?? addressSeatsMax })
  const lines = new Tally<string>()
  const deliver = (from: Line, mails: ReadonlyArray<Mail<Line>>) => {
    for (const mail of mails) mail.line.post(mail, from)
  }

  /** Serves one client until it goes. */
  const serve = Effect.fnUntraced(function* (wire: Wire) {
    const clock = yield* Clock.Clock
    const place = placeOf(wire.address)
    const isLet = yield* Effect.acquireRelease(
      Effect.sync(() => lines.add(place, bounds.addressLinesMax ?? addressLinesMax)),
      (isLet) => Effect.sync(() => isLet && lines.remove(place))
    )
    if (!isLet) return yield* close(wire, new Socket.CloseEvent(1008, "too many lines from this address"))
    const line = new Line(place, yield* Queue.sliding<true>(1), elapsedMillis(clock))
    yield* Effect.addFinalizer(() => Effect.sync(() => deliver(line, rooms.drop(line))))
    const fault = yield* Effect.raceAllFirst([
      Effect.as(Effect.exit(reading(rooms, deliver, line, wire, clock)), null),
      Effect.as(Effect.exit(writing(rooms, line, wire, clock)), null),
      watching(line, clock),
      Deferred.await(line.fault)
    ])
    // a reader that found the fault may have ended first
    const event = fault ?? (Deferred.isDoneUnsafe(line.fault) ? yield* Deferred.await(line.fault) : null)
    if (event !== null) yield* close(wire, event)
  })
  return { serve, counts: () => rooms.counts() }
}

const close = (wire: Wire, event: Socket.CloseEvent) =>
  Effect.ignore(wire.write(event)).pipe(Effect.raceFirst(wire.gone), Effect.timeoutOption("1 second"))

const reading = (
  rooms: Rooms<Line>,
  deliver: (from: Line, mails: ReadonlyArray<Mail<Line>>) => void,
  line: Line,
  wire: Wire,
  clock: Clock.Clock
) =>
  Effect.gen(function* () {
    const now = () => elapsedMillis(clock)
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
        deliver(line, answer(rooms, line, asked.success))
      }
    }
  })

const answer = (rooms: Rooms<Line>, line: Line, asked: Asked): ReadonlyArray<Mail<Line>> => {
  if (asked._tag === "Join") return rooms.join(line, asked.seat, Hex.encode(asked.topic), asked.peer, asked.secret)
  if (asked._tag === "Leave") return rooms.leave(line, asked.seat)
  if (asked._tag === "Ping") {
    line.answer(pong())
    return []
  }
  const mail = rooms.signal(line, asked.seat, asked.peer, asked.payload)
  return mail === null ? [] : [mail]
}

const writing = (rooms: Rooms<Line>, line: Line, wire: Wire, clock: Clock.Clock) =>
  Effect.gen(function* () {
    while (true) {
      const frame = line.outbox.next() ?? madeGood(rooms, line)
      if (frame === undefined) {
        yield* Queue.take(line.work)
        continue
      }
      line.writingSince = elapsedMillis(clock)
      yield* wire.write(frame)
      line.writingSince = null
    }
  })

/** Who is at a topic of whose changes too many waited. */
const madeGood = (rooms: Rooms<Line>, line: Line): Uint8Array | undefined => {
  for (let seat = line.outbox.nextMissed(); seat !== undefined; seat = line.outbox.nextMissed()) {
    const mail = rooms.present(line, seat)
    if (mail !== null) return encodeNotice(seat, mail.notice)
  }
  return undefined
}

/** Misses a client that has been silent for a minute, or has taken nothing for one, half a minute later at the most. */
const watching = (line: Line, clock: Clock.Clock) =>
  Effect.gen(function* () {
    while (true) {
      const now = elapsedMillis(clock)
      if (now - line.lastHeard >= silenceMillis) return new Socket.CloseEvent(1001, "silent")
      if (now - (line.writingSince ?? now) >= silenceMillis) return new Socket.CloseEvent(1008, "too slow")
      yield* Effect.sleep("30 seconds")
    }
  })
