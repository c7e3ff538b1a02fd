/**
 * Meets the members of a space: finds peers at its topic, connects to each, proves both devices, and hands over the channel.
 *
 * Of two peers the one with the smaller id offers, so nothing crosses; it goes on for as long as the other is present, with growing
 * pauses. Each meeting has a fiber and a scope, which hold its connection and all that runs on it: a crash ends that one alone. Whose
 * turn it is, among strangers too: schema/mesh/Courtship.ts.
 * Bytes: docs/format.md#signaling and #handshake.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Hex from "effect/encoding/Hex"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { Bucket } from "../../schema/kube/Bucket.ts"
import { Courtship, trialsMax } from "../../schema/mesh/Courtship.ts"
import {
  auth,
  type HandshakeRefused,
  handshakeBytesMax,
  hello,
  onAuth,
  onHello,
  type Setup
} from "../../schema/mesh/Handshake.ts"
import { decodeMeeting, encodeMeeting, offers, topicOf } from "../../schema/mesh/Meeting.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { Entered } from "../../services/halo/Entrance.ts"
import { type Channel, type Connection, type ConnectionClosed, Connections } from "../../services/mesh/Connection.ts"
import { type PeerId, Signaling, type SignalingEvent } from "../../services/mesh/Signaling.ts"
import { NotConnected, Swarm } from "../../services/mesh/Swarm.ts"
import { Transport } from "../../services/mesh/Transport.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"
import { Keyring } from "../../services/platform/Keyring.ts"
import { SwarmBeside } from "./SwarmBeside.ts"
import { SwarmEntrance } from "./SwarmEntrance.ts"
import { type Appointment, type Met, Room } from "./SwarmRoom.ts"

type Options = Parameters<Swarm["Service"]["join"]>[0]

/** Live connections of one swarm that it asked for; twice as many, when it was asked. */
const connectionsMax = 64
/** What a line of signaling is not filled with, however many come and go. */
const offersPerSecond = 32
/** A connection that ended sooner is counted as a failed attempt. */
const steadyMillis = 10_000

/** Why a meeting came to nothing. After a refusal it is tried again much later. */
class MeetingFailed extends Data.TaggedError("MeetingFailed")<{ readonly reason: string; readonly isRefused: boolean }> {}
const failed = (reason: string, isRefused = false) => new MeetingFailed({ reason, isRefused })

const make = Effect.gen(function* () {
  const signaling = yield* Signaling
  const transport = yield* Transport
  const connections = yield* Connections
  const keyring = yield* Keyring
  const crypto = yield* Crypto
  const rooms = new Set<Room>()
  const beside = new SwarmBeside()

  const join = Effect.fnUntraced(function* (options: Options) {
    const { channel: name, device, enter, space, version } = options
    // who has to be let in shows there what it is
    const isMember = enter === undefined ? options.isMember : () => true
    const topic = yield* signaling.join(topicOf(space, crypto.hash))
    const clock = yield* Clock.Clock
    const now = () => elapsedMillis(clock)
    const room = new Room(space)
    rooms.add(room)
    yield* Effect.addFinalizer(() => Effect.sync(() => rooms.delete(room)))
    const courtship = new Courtship()
    const entrance = new SwarmEntrance()
    /** Rung when it may be another's turn. */
    const bell = yield* Queue.sliding<true>(1)
    const ring = () => Queue.offerUnsafe(bell, true)
    const courted = yield* FiberMap.make<PeerId>()
    const answered = yield* FiberMap.make<string>()

    const appoint = (peer: PeerId, id: Uint8Array, isInitiator: boolean) =>
      Effect.acquireRelease(
        Effect.map(Queue.dropping<Uint8Array>(64), (inbox): Appointment => {
          const signal = (payload: Uint8Array) => topic.send(peer, encodeMeeting({ _tag: "Inner", meeting: id, payload }))
          const answer = Deferred.makeUnsafe<boolean>()
          const meeting = { id, isInitiator, signals: inbox, signal, peer, hex: Hex.encode(id), inbox, answer }
          room.meetings.set(meeting.hex, meeting)
          return meeting
        }),
        (meeting) => Effect.sync(() => room.meetings.delete(meeting.hex))
      )

    const handshake = Effect.fnUntraced(function* (channel: Channel, isInitiator: boolean) {
      const nonce = yield* crypto.random(32)
      const setup: Setup = { isInitiator, space, device, nonce, isMember, hash: crypto.hash }
      yield* channel.send(hello(setup))
      const met = yield* stepOf(channel, onHello(setup, yield* short(channel)))
      yield* channel.send(auth(yield* keyring.sign(device, met.toSign)))
      const signature = yield* stepOf(channel, onAuth(yield* short(channel)))
      const [holds] = yield* crypto.verify([{ publicKey: met.device, message: met.toVerify, signature }])
      if (holds !== true) {
        yield* channel.close("not a member", "the signature is wrong")
        return yield* failed("the signature is wrong", true)
      }
      return met.device
    })

    /** The channel that the other end opens, when it is the one that is spoken here. */
    const accept = (connection: Connection): Effect.Effect<Channel, ConnectionClosed> =>
      Effect.flatMap(connection.accept, (channel) =>
        channel.name === name && channel.version === version && equalBytes(channel.space, space)
          ? Effect.succeed(channel)
          : Effect.andThen(channel.close("no such channel"), accept(connection))
      )

    const establish = Effect.fnUntraced(function* (meeting: Appointment) {
      const socket = yield* transport.connect(meeting)
      const connection = yield* connections.over(socket, meeting)
      const channel = yield* meeting.isInitiator ? connection.open(name, version, space) : accept(connection)
      const other = yield* handshake(channel, meeting.isInitiator)
      const { hex, peer } = meeting
      return { peer, meeting: hex, device: other, deviceText: Base64Url.encode(other), connection, channel } satisfies Met
    })

    /** Lets in a device that has proved its key; what it is refused for is told to it. */
    const letIn = Effect.fnUntraced(function* ({ channel, device: other, deviceText }: Met) {
      if (enter === undefined) return null
      const close = (reason: string) =>
        Effect.andThen(channel.close("not a member", reason), failed(`it was not let in: ${reason}`, true))
      yield* channel.widen
      const entering = enter({ device: other, deviceText, channel }).pipe(
        Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => close("not inside within 30 s") }),
        Effect.catchTag("EntranceRefused", ({ reason }) => close(reason)),
        Effect.mapError(asFailed)
      )
      const person = options.isMember(other) ? (options.personOf?.(other) ?? deviceText) : null
      return yield* entrance.within(deviceText, person, entering, (reason) =>
        Effect.andThen(channel.close("failed", reason), failed(reason))
      )
    })

    const serve = Effect.fnUntraced(function* (met: Met, entered: Entered | null) {
      yield* met.channel.widen
      const { channel, connection, device, deviceText } = met
      yield* Effect.forkScoped(beside.accepting(met, space))
      const peer = { device, deviceText, socket: channel.socket, bytesOnWire: connection.bytesOnWire, entered }
      const run = Effect.suspend(() => options.onPeer(peer)).pipe(Effect.scoped, Effect.exit)
      // what had arrived may still be worked on for a moment
      const grace = Effect.as(Effect.andThen(connection.ended, Effect.sleep("1 second")), Exit.void)
      const exit = yield* Effect.raceFirst(run, grace)
      if (Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        yield* Effect.logWarning(`a channel to ${deviceText} crashed`, exit.cause)
      yield* connection.end(Exit.isSuccess(exit) ? "done" : "failed")
    })

    const meet = Effect.fnUntraced(function* (meeting: Appointment) {
      const met = yield* establish(meeting).pipe(
        Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => failed("no handshake within 10 s") }),
        Effect.mapError(asFailed)
      )
      if (room.answering.get(meeting.peer) === meeting.hex) room.answering.delete(meeting.peer)
      courtship.entering(meeting.peer)
      // of a meeting that was offered here, its end is counted where it was tried
      const entered = yield* Effect.tapError(letIn(met), ({ isRefused }) =>
        Effect.sync(() => (meeting.isInitiator ? undefined : courtship.failed(meeting.peer, now(), 0.5, isRefused)))
      )
      courtship.met(meeting.peer)
      ring()
      if (!(yield* room.admit(met))) return room.of(met.deviceText)
      yield* Effect.ensuring(
        serve(met, entered),
        Effect.sync(() => {
          room.leave(met)
          ring()
        })
      )
      return null
    })

    const dial = Effect.fnUntraced(function* (peer: PeerId) {
      const meeting = yield* appoint(peer, yield* crypto.random(16), true)
      yield* topic.send(peer, encodeMeeting({ _tag: "Offer", meeting: meeting.id }))
      const isAccepted = yield* Deferred.await(meeting.answer).pipe(
        Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => failed("no answer within 10 s") })
      )
      if (!isAccepted) return yield* failed("declined")
      courtship.accepted(peer, now())
      return meeting
    })

    const attempt = Effect.fnUntraced(function* (peer: PeerId) {
      const meeting = yield* dial(peer)
      const since = now()
      const others = yield* meet(meeting)
      // there is room for it when one of those that stayed has ended
      if (others !== null && others.length > 0) yield* Effect.raceAllFirst(others.map(({ connection }) => connection.ended))
      else if (now() - since < steadyMillis) return yield* failed("the connection ended at once")
    }, Effect.scoped)

    /** One try; what became of it decides when the next is. Who interrupts it has decided that already. */
    const court = (peer: PeerId) =>
      attempt(peer).pipe(
        Effect.tapError((error) => Effect.logDebug(`no connection to a peer: ${error.reason}`)),
        Effect.onExit((exit) =>
          Effect.map(Random.next, (chance) => {
            if (Exit.isSuccess(exit)) courtship.ended(peer, now())
            else if (!Cause.hasInterruptsOnly(exit.cause)) courtship.failed(peer, now(), chance, isRefused(exit.cause))
            ring()
          })
        ),
        Effect.ignore
      )

    /** Tries one after another, those whose turn it is, for as long as there is room. */
    const courting = Effect.gen(function* () {
      const offers = new Bucket(offersPerSecond, trialsMax, now())
      while (true) {
        const turn = room.live.size >= connectionsMax ? null : courtship.next(now())
        if (turn?._tag === "Try") {
          if (turn.instead !== null) stop(courted, turn.instead)
          yield* FiberMap.run(courted, turn.peer, court(turn.peer))
          const wait = offers.take(now())
          if (wait > 0) yield* Effect.sleep(wait)
        } else {
          const rung = Queue.take(bell)
          yield* turn === null || turn.millis === Number.POSITIVE_INFINITY ? rung : Effect.timeoutOption(rung, turn.millis)
        }
      }
    })

    const answer = (peer: PeerId, id: Uint8Array, hex: string) =>
      Effect.gen(function* () {
        const meeting = yield* appoint(peer, id, false)
        yield* topic.send(peer, encodeMeeting({ _tag: "Accept", meeting: id }))
        yield* meet(meeting)
      }).pipe(
        Effect.scoped,
        Effect.catch((error) => Effect.logDebug(`no connection to a peer: ${error.reason}`)),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            // who interrupted it has counted it, and another may be under way
            if (!Exit.isSuccess(exit)) return
            if (room.answering.get(peer) === hex) {
              room.answering.delete(peer)
              courtship.unanswered(peer)
            }
            courtship.ended(peer, now())
            ring()
          })
        )
      )

    /** Stops answering a peer that has not proved itself. */
    const unanswer = (peer: PeerId) => {
      const hex = room.answering.get(peer)
      if (hex !== undefined) stop(answered, hex)
      room.answering.delete(peer)
    }

    const onOffer = Effect.fnUntraced(function* (peer: PeerId, meeting: Uint8Array, hex: string) {
      if (offers(topic.self, peer) || room.meetings.has(hex)) return
      const isFull = room.live.size >= 2 * connectionsMax
      const { instead, isFirst, isTaken } = isFull ? noRoom : courtship.asked(peer, now())
      if (!isTaken) {
        // who insists is not answered at all: the answers would fill the line
        if (isFirst) yield* topic.send(peer, encodeMeeting({ _tag: "Decline", meeting, reason: 0 }))
        return
      }
      if (instead !== null) unanswer(instead)
      room.answering.set(peer, hex)
      yield* FiberMap.run(answered, hex, answer(peer, meeting, hex))
    })

    const onSignal = Effect.fnUntraced(function* (peer: PeerId, payload: Uint8Array) {
      const read = decodeMeeting(payload)
      // whoever sends nonsense through signaling is not listened to
      if (Result.isFailure(read)) return
      const signal = read.success
      const hex = Hex.encode(signal.meeting)
      if (signal._tag === "Offer") return yield* onOffer(peer, signal.meeting, hex)
      const meeting = room.meetings.get(hex)
      if (meeting?.peer !== peer) return
      if (signal._tag === "Inner") yield* Queue.offer(meeting.inbox, signal.payload)
      else yield* Deferred.succeed(meeting.answer, signal._tag === "Accept")
    })

    const on = (event: SignalingEvent): Effect.Effect<unknown> => {
      const { peer } = event
      if (event._tag === "Signal") return onSignal(peer, event.payload)
      const known = room.connectionTo(peer)
      return Effect.suspend(() => {
        // a connection that stands needs no signaling
        if (known === undefined) stop(courted, peer)
        if (event._tag === "Left") {
          courtship.left(peer)
          unanswer(peer)
        } else courtship.came(peer, offers(topic.self, peer), known !== undefined, now())
        ring()
        // it was away from signaling; the connection may have gone the same way
        return event._tag === "Left" || known === undefined
          ? Effect.void
          : FiberMap.run(answered, `probe ${peer}`, known.connection.probe)
      })
    }
    yield* Effect.forkScoped(courting)
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(topic.events), on)))
  })

  return Swarm.of({ join, serve: beside.serve, open: (device, name, version) => openIn(rooms, device, name, version) })
})

export const layer: Layer.Layer<Swarm, never, Signaling | Transport | Connections | Keyring | Crypto> = Layer.effect(Swarm, make)

/** A channel beside the first one, on the first connection to the device that takes it. */
const openIn = Effect.fnUntraced(function* (rooms: ReadonlySet<Room>, device: string, name: string, version: number) {
  for (const room of rooms) {
    for (const met of room.of(device)) {
      const opened = yield* Effect.result(met.connection.open(name, version, room.space))
      if (Result.isFailure(opened)) continue
      yield* opened.success.widen
      return opened.success
    }
  }
  return yield* new NotConnected({ device })
})

/** The next message of a handshake. */
const short = Effect.fnUntraced(function* (channel: Channel) {
  const message = yield* channel.take
  return message.length <= handshakeBytesMax ? message : yield* failed("too long for a handshake", true)
})

/** A step of the handshake; a refusal is told to the other end. */
const stepOf = Effect.fnUntraced(function* <A>(channel: Channel, step: Result.Result<A, HandshakeRefused>) {
  if (Result.isSuccess(step)) return step.success
  const { message, reason, reply } = step.failure
  if (reply !== null) yield* channel.send(reply)
  yield* channel.close("not a member", reason)
  return yield* failed(message, reason !== "malformed")
})

const asFailed = (error: { readonly _tag: string; readonly message: string }): MeetingFailed =>
  error instanceof MeetingFailed ? error : failed(error.message)

const isRefused = (cause: Cause.Cause<MeetingFailed>): boolean =>
  cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error.isRefused)

const noRoom = { isTaken: false, isFirst: true, instead: null }

/** Interrupts a fiber, and does not wait for it. */
const stop = <K>(fibers: FiberMap.FiberMap<K>, key: K): void => {
  const fiber = FiberMap.getUnsafe(fibers, key)
  if (Option.isSome(fiber)) fiber.value.interruptUnsafe()
}
