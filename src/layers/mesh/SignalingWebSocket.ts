/**
 * Signaling by a KUBE: a WebSocket for as many topics as a line may carry, dialed again for as long as anybody is at one.
 *
 * It says nothing when the line is down, since there is nothing one could do: when it is back, who left is missed and who is there
 * is told again. docs/format.md#signaling
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Socket from "effect/socket/Socket"
import type { Notice, Refusal } from "../../schema/kube/Rooms.ts"
import { Attendance } from "../../schema/mesh/Attendance.ts"
import { type Asked, decodeTold, encodeAsked, isPeerId, signalingBytesMax } from "../../schema/mesh/SignalingFrame.ts"
import { lineTopicsMax, signalBytesMax } from "../../schema/platform/Limits.ts"
import { Signaling, type SignalingEvent } from "../../services/mesh/Signaling.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"

/** A topic that was joined. */
interface Seat {
  readonly number: number
  readonly topic: Uint8Array
  name: Name
  readonly attendance: Attendance
  readonly bell: Queue.Queue<true>
  isRefused: boolean
  /** Whether it has another name since the watch came by, so that who refuses every name is not asked without end. */
  isRenamed: boolean
}

/** What others know it by, and what shows the KUBE that it is the same one again. */
interface Name {
  readonly peer: string
  readonly secret: string
}
const joinOf = ({ name, number: seat, topic }: Seat): Asked => ({ _tag: "Join", seat, topic, ...name })

const backoff = Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("10 seconds")]).pipe(Schedule.jittered)
/** A line that ended sooner is counted as a failed attempt. */
const steadyMillis = 10_000
/** What waits for the line. */
const outboxMax = 1_024

/** The address of signaling at a KUBE. */
const signalUrl = (kube: string): string => `${kube.replace(/^http/, "ws").replace(/\/+$/, "")}/signal`

const makeLine = Effect.fnUntraced(function* (kube: string) {
  const crypto = yield* Crypto
  const construct = yield* Socket.WebSocketConstructor
  const dial = Effect.acquireRelease(Effect.try({ try: () => construct(signalUrl(kube)), catch: unopened }), (ws) =>
    Effect.sync(() => ws.close(1000))
  )
  const socket = yield* Socket.fromWebSocket(dial, { highWaterMark: 4 * 1_048_576 })
  const newName = Effect.map(
    crypto.random(32),
    (random): Name => ({ peer: Hex.encode(random.subarray(0, 16)), secret: Hex.encode(random.subarray(16)) })
  )
  const seats = new Map<number, Seat>()
  const outbox = yield* Queue.dropping<Asked>(outboxMax)
  /** Rung when the first topic is joined. */
  const wanted = yield* Queue.sliding<true>(1)
  let next = 0
  let isUp = false

  /** Somebody else has its name: it comes again under another. Whatever else is refused is asked for again later. */
  const refused = Effect.fnUntraced(function* (seat: Seat, reason: Refusal) {
    if (reason === "peer taken") seat.name = yield* newName
    seat.isRefused = reason !== "peer taken" || seat.isRenamed
    yield* Effect.logWarning(`the KUBE refused a topic, which is asked for again: ${reason}`)
    if (seat.isRefused) return
    seat.isRenamed = true
    Queue.offerUnsafe(outbox, joinOf(seat))
  })

  const line = Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const since = elapsedMillis(clock)
    const reader = yield* socket.reader
    const writer = yield* socket.writer
    const say = (asked: Asked) => writer.write(encodeAsked(asked))
    yield* Queue.clear(outbox)
    const known = yield* Effect.acquireRelease(
      Effect.sync(() => {
        isUp = true
        return [...seats.values()]
      }),
      () => Effect.sync(() => (isUp = false))
    )
    for (const seat of known) yield* say(joinOf(seat))
    const heard = { at: elapsedMillis(clock) }
    const writing = Effect.repeat(Effect.flatMap(Queue.take(outbox), say), { while: () => seats.size > 0 })
    yield* Effect.raceAllFirst([
      reading(reader, seats, refused, heard, clock),
      writing,
      watching(outbox, seats, heard, clock)
    ]).pipe(
      Effect.catchTag("SocketError", (error) => (elapsedMillis(clock) - since < steadyMillis ? Effect.fail(error) : Effect.void))
    )
  }).pipe(Effect.scoped)

  /** Dials while anybody is at a topic; after a steady line the pauses begin anew. */
  const dialing = Effect.gen(function* () {
    while (seats.size === 0) yield* Queue.take(wanted)
    yield* line.pipe(
      Effect.tapError((error) => Effect.logDebug(`signaling at ${kube} is down: ${error.message}`)),
      Effect.retry({ schedule: backoff, while: () => seats.size > 0 }),
      Effect.ignore
    )
  }).pipe(Effect.forever)
  yield* Effect.forkScoped(dialing)

  const join = Effect.fnUntraced(function* (topic: Uint8Array) {
    const name = yield* newName
    const events = yield* Queue.bounded<SignalingEvent>(16)
    while (seats.has(next)) next = (next + 1) % 65_536
    const bell = yield* Queue.sliding<true>(1)
    const attendance = new Attendance()
    const seat: Seat = { number: next, topic, name, attendance, bell, isRefused: false, isRenamed: false }
    next = (next + 1) % 65_536
    const say = (asked: Asked) =>
      Effect.sync(() => {
        // signals may be lost, and leave room for what may not
        const isLost = !isUp || (asked._tag === "Signal" && Queue.sizeUnsafe(outbox) > outboxMax / 2)
        if (!isLost) Queue.offerUnsafe(outbox, asked)
      })
    yield* Effect.acquireRelease(
      Effect.suspend(() => {
        seats.set(seat.number, seat)
        Queue.offerUnsafe(wanted, true)
        return say(joinOf(seat))
      }),
      () =>
        Effect.suspend(() => {
          seats.delete(seat.number)
          return say({ _tag: "Leave", seat: seat.number })
        })
    )
    yield* Effect.forkScoped(tell(seat, events))
    return {
      get self() {
        return seat.name.peer
      },
      events,
      send: (to: string, payload: Uint8Array) =>
        payload.length > signalBytesMax || !isPeerId(to)
          ? Effect.void
          : say({ _tag: "Signal", seat: seat.number, peer: to, payload: payload.slice() })
    }
  })
  return { join, taken: 0 }
})

/** More lines are made as more topics are joined; one that nobody needs any more is not dialed. */
const make = Effect.fnUntraced(function* (kube: string) {
  const scope = yield* Effect.scope
  const context = yield* Effect.context<Crypto | Socket.WebSocketConstructor>()
  const lines: Array<Effect.Success<ReturnType<typeof makeLine>>> = []
  const making = yield* Semaphore.make(1)

  /** A place on a line, given back with the scope. */
  const place = Effect.gen(function* () {
    const free = lines.find(({ taken }) => taken < lineTopicsMax)
    const line = free ?? (yield* makeLine(kube).pipe(Scope.provide(scope), Effect.provide(context)))
    if (free === undefined) lines.push(line)
    line.taken++
    return line
  }).pipe(making.withPermit)

  return Signaling.of({
    join: Effect.fnUntraced(function* (topic) {
      const line = yield* Effect.acquireRelease(place, (line) => Effect.sync(() => line.taken--))
      return yield* line.join(topic)
    })
  })
})

/** Signaling at the KUBE with this address, such as `http://127.0.0.1:7700`. */
export const layer = (kube: string): Layer.Layer<Signaling, never, Crypto | Socket.WebSocketConstructor> =>
  Layer.effect(Signaling, make(kube))

/** Passes on what the holder of a seat has to be told, at the pace at which it is taken. */
const tell = (seat: Seat, events: Queue.Queue<SignalingEvent>): Effect.Effect<never, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Queue.take(seat.bell)
    for (let event = seat.attendance.next(); event !== null; event = seat.attendance.next()) yield* Queue.offer(events, event)
  }).pipe(Effect.forever)

const unopened = (cause: unknown) => new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })
const broken = (code: number, closeReason: string) =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code, closeReason }) })

const reading = (
  reader: Socket.Reader,
  seats: ReadonlyMap<number, Seat>,
  refused: (seat: Seat, reason: Refusal) => Effect.Effect<void>,
  heard: { at: number },
  clock: Clock.Clock
): Effect.Effect<never, Socket.SocketError> =>
  Effect.gen(function* () {
    while (true) {
      const frames = yield* reader.pull
      heard.at = elapsedMillis(clock)
      for (const frame of frames) {
        if (typeof frame === "string" || frame.length > signalingBytesMax) return yield* broken(1009, "no message of signaling")
        const told = decodeTold(frame)
        if (Result.isFailure(told)) return yield* broken(1002, told.failure.message)
        if (told.success._tag === "Pong") continue
        const seat = seats.get(told.success.seat)
        if (seat === undefined) continue
        const { notice } = told.success
        apply(seat.attendance, notice)
        Queue.offerUnsafe(seat.bell, true)
        if (notice._tag === "Refused") yield* refused(seat, notice.reason)
      }
    }
  })

const apply = (attendance: Attendance, notice: Notice): void => {
  if (notice._tag === "Present") attendance.reset(notice.peers)
  else if (notice._tag === "Joined") attendance.joined(notice.peer)
  else if (notice._tag === "Left") attendance.left(notice.peer)
  else if (notice._tag === "Signal") attendance.signal(notice.peer, notice.payload)
}

/** Every half minute says that it is there, asks again for what was refused, and gives up a line that has been silent for one. */
const watching = (
  outbox: Queue.Queue<Asked>,
  seats: ReadonlyMap<number, Seat>,
  heard: { readonly at: number },
  clock: Clock.Clock
) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep("30 seconds")
      if (elapsedMillis(clock) - heard.at >= 60_000) return yield* broken(1006, "silent")
      Queue.offerUnsafe(outbox, { _tag: "Ping" })
      for (const seat of seats.values()) {
        seat.isRenamed = false
        if (!seat.isRefused) continue
        seat.isRefused = false
        Queue.offerUnsafe(outbox, joinOf(seat))
      }
    }
  })
