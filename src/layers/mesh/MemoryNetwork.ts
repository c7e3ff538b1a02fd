/**
 * A network inside one process: rooms of topics, and pairs of pipes that are bounded in bytes.
 *
 * It behaves as a network does: a write waits when the other end does not read, what was written before a close still arrives,
 * a reset loses what was under way, and a silent cut loses nothing and says nothing until it heals.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Socket from "effect/socket/Socket"
import { Pairs } from "../../schema/kube/Pairs.ts"
import { type Mail, Rooms } from "../../schema/kube/Rooms.ts"
import { Attendance } from "../../schema/mesh/Attendance.ts"
import { frameBytesMax, pipeBytesMax } from "../../schema/platform/Limits.ts"
import { type Cut, MemoryNetwork } from "../../services/mesh/MemoryNetwork.ts"
import type { SignalingEvent } from "../../services/mesh/Signaling.ts"
import { ConnectFailed } from "../../services/mesh/Transport.ts"
import * as Bell from "../../services/platform/Bell.ts"

export const make: Effect.Effect<MemoryNetwork["Service"]> = Effect.sync(() => {
  const hub = new Hub()
  return {
    join: (topic, peer) => join(hub, Hex.encode(topic), peer),
    meet: (id) => meet(hub, Hex.encode(id)),
    cut: (how) => Effect.sync(() => hub.cut(how)),
    heal: Effect.sync(() => hub.heal()),
    open: Effect.sync(() => hub.members.size + hub.pipes.size)
  }
})

export const layer: Layer.Layer<MemoryNetwork> = Layer.effect(MemoryNetwork, make)

interface Member {
  readonly topic: string
  readonly peer: string
  readonly attendance: Attendance
  readonly bell: Bell.Bell
}

class Hub {
  readonly rooms = new Rooms<Member>()
  readonly members = new Set<Member>()
  readonly pairs = new Pairs<Arrival>(1_024)
  readonly pipes = new Set<Pipe>()
  mode: "up" | Cut = "up"

  enter(member: Member): void {
    this.deliver(this.rooms.join(member, 0, member.topic, member.peer))
  }

  deliver(mails: ReadonlyArray<Mail<Member>>): void {
    for (const { line, notice } of mails) {
      if (notice._tag === "Present") line.attendance.reset(notice.peers)
      else if (notice._tag === "Joined") line.attendance.joined(notice.peer)
      else if (notice._tag === "Left") line.attendance.left(notice.peer)
      else if (notice._tag === "Signal") line.attendance.signal(notice.peer, notice.payload)
      line.bell.ring()
    }
  }

  cut(how: Cut): void {
    this.mode = how
    if (how === "silent") return
    for (const member of this.members) {
      this.rooms.drop(member)
      member.attendance.reset([])
      member.bell.ring()
    }
    for (const pipe of this.pipes) pipe.break()
  }

  heal(): void {
    const wasReset = this.mode === "reset"
    this.mode = "up"
    for (const member of this.members) {
      if (wasReset) this.enter(member)
      else member.bell.ring()
    }
    for (const pipe of this.pipes) pipe.data.ring()
  }
}

const join = Effect.fnUntraced(function* (hub: Hub, topic: string, peer: string) {
  const events = yield* Queue.bounded<SignalingEvent>(16)
  const member: Member = { topic, peer, attendance: new Attendance(), bell: yield* Bell.make }
  hub.members.add(member)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      hub.members.delete(member)
      hub.deliver(hub.rooms.drop(member))
    })
  )
  if (hub.mode !== "reset") hub.enter(member)
  yield* Effect.forkScoped(tell(hub, member, events))
  const send = (to: string, payload: Uint8Array) =>
    Effect.sync(() => {
      const mail = hub.mode === "up" ? hub.rooms.signal(member, 0, to, payload) : null
      if (mail !== null) hub.deliver([mail])
    })
  return { events, send }
})

/** Passes on what the member has to be told, at the pace at which it is taken. */
const tell = (hub: Hub, member: Member, events: Queue.Queue<SignalingEvent>) =>
  Effect.gen(function* () {
    yield* member.bell.rung
    while (hub.mode !== "silent") {
      const event = member.attendance.next()
      if (event === null) break
      yield* Queue.offer(events, event)
    }
  }).pipe(Effect.forever)

/** One direction between two ends. */
class Pipe {
  readonly frames: Array<Uint8Array> = []
  bytes = 0
  ended: Socket.SocketError | null = null
  readonly data: Bell.Bell
  readonly room: Bell.Bell

  constructor(data: Bell.Bell, room: Bell.Bell) {
    this.data = data
    this.room = room
  }

  /** No more is written; what was written before is still read. */
  end(error: Socket.SocketError): void {
    this.ended ??= error
    this.data.ring()
    this.room.ring()
  }

  break(): void {
    this.frames.length = this.bytes = 0
    this.end(closed(1006))
  }

  push(frame: Uint8Array): void {
    this.frames.push(frame)
    this.bytes += frame.length
    this.data.ring()
    // another writer may wait at the same bell
    if (this.bytes < pipeBytesMax) this.room.ring()
  }

  take(): ReadonlyArray<Uint8Array> {
    this.bytes = 0
    this.room.ring()
    return this.frames.splice(0)
  }
}

const closed = (code: number) => new Socket.SocketError({ reason: new Socket.SocketCloseError({ code }) })
const unwritten = (cause: string) => new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: new Error(cause) }) })
const utf8 = new TextEncoder()

/** One end of two pipes. */
class End {
  private isOpen = true
  private readonly hub: Hub
  private readonly inbound: Pipe
  private readonly outbound: Pipe
  readonly socket: Socket.Socket

  constructor(hub: Hub, inbound: Pipe, outbound: Pipe) {
    this.hub = hub
    this.inbound = inbound
    this.outbound = outbound
    hub.pipes.add(inbound)
    const write = (chunk: Uint8Array | string | Socket.CloseEvent) =>
      Socket.isCloseEvent(chunk)
        ? Effect.sync(() => this.close(chunk.code))
        : this.write(typeof chunk === "string" ? utf8.encode(chunk) : chunk)
    this.socket = Socket.make({
      reader: Effect.acquireRelease(Effect.succeed({ pull: this.pull, upgrade: Socket.SocketUpgradeError.unsupported }), () =>
        Effect.sync(() => this.close(1000))
      ),
      writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
    })
  }

  close(code: number): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.hub.pipes.delete(this.inbound)
    this.outbound.end(closed(code))
    this.inbound.frames.length = 0
    this.inbound.end(closed(code))
  }

  private write(frame: Uint8Array): Effect.Effect<void, Socket.SocketError> {
    return Effect.suspend(() => {
      const pipe = this.outbound
      if (pipe.ended !== null) return Effect.fail(unwritten("the connection is closed"))
      if (frame.length > frameBytesMax) return Effect.fail(unwritten(`a frame of ${frame.length} exceeds ${frameBytesMax}`))
      if (pipe.bytes >= pipeBytesMax) return Effect.flatMap(pipe.room.rung, () => this.write(frame))
      pipe.push(frame)
      return Effect.void
    })
  }

  private readonly pull: Effect.Effect<readonly [Uint8Array, ...Array<Uint8Array>], Socket.SocketError> = Effect.suspend(() => {
    if (this.hub.mode !== "silent" || !this.isOpen) {
      const [first, ...rest] = this.inbound.take()
      if (first !== undefined) return Effect.succeed([first, ...rest] as const)
      if (this.inbound.ended !== null) return Effect.fail(this.inbound.ended)
    }
    return Effect.flatMap(this.inbound.data.rung, () => this.pull)
  })
}

/** Who waits under an id, and the end that was made for him. */
interface Arrival {
  readonly end: Deferred.Deferred<End>
  made: End | null
}

const meet = Effect.fnUntraced(function* (hub: Hub, id: string) {
  const failed = (reason: string) => new ConnectFailed({ transport: "memory", reason })
  if (hub.mode === "reset") return yield* failed("the network is cut")
  const pipes = [new Pipe(yield* Bell.make, yield* Bell.make), new Pipe(yield* Bell.make, yield* Bell.make)] as const
  const arrival: Arrival = { end: yield* Deferred.make<End>(), made: null }
  const pairing = yield* Effect.acquireRelease(
    Effect.sync(() => (hub.mode === "up" ? hub.pairs.meet(id, arrival) : null)),
    (pairing) =>
      Effect.sync(() => {
        if (pairing?._tag !== "Refused") hub.pairs.leave(id, arrival)
        arrival.made?.close(1006)
      })
  )
  if (pairing?._tag === "Refused") return yield* failed(pairing.reason)
  if (pairing?._tag === "Paired") {
    arrival.made = new End(hub, pipes[0], pipes[1])
    pairing.other.made = new End(hub, pipes[1], pipes[0])
    yield* Deferred.succeed(pairing.other.end, pairing.other.made)
    return arrival.made.socket
  }
  const end = yield* Deferred.await(arrival.end).pipe(
    Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => failed("the other end did not come within 30 s") })
  )
  return end.socket
})
