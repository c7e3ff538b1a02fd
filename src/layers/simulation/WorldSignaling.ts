/**
 * The KUBE of a simulated world, which brings peers together: places at topics, the lines that hold them, and what it does wrong.
 *
 * A place is kept by a line to the KUBE, which is dialed again when it is lost. The KUBE may be away, slow or careless, as the contract
 * of Signaling says that it may be; what it may not do is end a place and keep its line, since no client would ever notice.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { type Mail, type Notice, Rooms } from "../../schema/kube/Rooms.ts"
import { Attendance } from "../../schema/mesh/Attendance.ts"
import { drawn } from "../../schema/simulation/Seed.ts"
import type { Freight, Site, Wire } from "../../schema/simulation/Wire.ts"
import type { Place } from "../../services/mesh/MemoryNetwork.ts"
import type { SignalingEvent } from "../../services/mesh/Signaling.ts"
import * as Bell from "../../services/platform/Bell.ts"
import type { SimulatedSignaling } from "../../services/simulation/World.ts"
import type { WorldLife } from "./WorldLife.ts"
import type { WorldWires } from "./WorldWires.ts"

/** The node that brings peers together. */
export const kube = "kube"

/** What a line to the KUBE carries. */
type LineMessage =
  | { readonly _tag: "Join" }
  | { readonly _tag: "To"; readonly peer: string; readonly payload: Uint8Array }
  | { readonly _tag: "Notice"; readonly notice: Notice }

const lineBytes = (message: LineMessage): number =>
  message._tag === "To" || (message._tag === "Notice" && message.notice._tag === "Signal") ? 128 : 64

/** Pauses between dials of a line that was lost. */
const redialMicros = 1_000_000
/** How late a signal is at most that others overtake. */
const overtakenMicros = 1_000_000

const tags = ["Join", "To", "Present", "Joined", "Left", "Signal", "Refused"]
const lines: Freight<LineMessage> = {
  digest: (message) => tags.indexOf(message._tag === "Notice" ? message.notice._tag : message._tag),
  flipped: null
}

export class WorldSignaling {
  /** What can be wrong with it. */
  readonly faults: SimulatedSignaling
  private readonly wires: WorldWires
  private readonly rooms = new Rooms<Member>()
  private readonly members = new Set<Member>()
  private isDown = false
  /** One in so many signals goes wrong; 0 for none. */
  private carelessOneIn = 0
  private ended = 0
  private carelessness = 0

  constructor(wires: WorldWires) {
    this.wires = wires
    const { links, note } = wires.ground
    const fault = (what: string, make: () => void, detail?: number) =>
      Effect.sync(() => {
        note("signaling", what, ...(detail === undefined ? [] : [detail]))
        make()
      })
    this.faults = {
      down: fault("down", () => {
        this.isDown = true
        this.ended += wires.reset(kube, null)
      }),
      up: fault("up", () => {
        this.isDown = false
      }),
      forget: fault("forget", () => {
        this.ended += wires.reset(kube, null)
      }),
      slow: (by) => {
        const millis = Duration.toMillis(by)
        return fault("slow", () => links.slowNode(kube, Math.round(millis * 1_000)), millis)
      },
      careless: (oneIn) =>
        fault(
          "careless",
          () => {
            this.carelessOneIn = oneIn ?? 0
          },
          oneIn ?? 0
        ),
      touched: Effect.sync(() => ({ ended: this.ended, slowed: links.slowedAt(kube), careless: this.carelessness }))
    }
  }

  readonly join = Effect.fnUntraced({ self: this }, function* (life: WorldLife, topic: string, peer: string) {
    const events = yield* Queue.bounded<SignalingEvent>(16)
    const member = new Member(life, topic, peer, yield* Bell.make)
    this.members.add(member)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        this.members.delete(member)
        member.wire?.close(member.site)
      })
    )
    this.dial(member, 0)
    yield* Effect.forkScoped(tell(member, events))
    const send = (to: string, payload: Uint8Array) =>
      Effect.sync(() => member.wire?.send(member.site, { _tag: "To", peer: to, payload }, 128 + payload.length))
    return { events, send } satisfies Place
  })

  /** Places that a life still has. */
  placesOf(life: WorldLife): number {
    return [...this.members].filter((member) => member.life === life).length
  }

  /** A life is over. */
  died(life: WorldLife): void {
    for (const member of this.members) if (member.life === life) this.members.delete(member)
  }

  /** Takes the line to the KUBE, now or when it can be reached. */
  private dial(member: Member, pause: number): void {
    const { wires } = this
    const { life } = member
    const line = wires.next(life.name, kube)
    wires.ground.loop.after(pause + wires.roundTrip(life.name, kube, line.key), life, () =>
      wires.whenClear(life.name, kube, () => {
        if (!this.members.has(member)) return
        if (this.isThere(life.name)) this.connect(member, line)
        else this.dial(member, redialMicros)
      })
    )
  }

  private isThere(node: string): boolean {
    if (!this.isDown) return this.wires.isReachable(node, kube)
    this.ended++
    this.wires.ground.hinder()
    return false
  }

  private connect(member: Member, line: ReturnType<WorldWires["next"]>): void {
    const there: Site<LineMessage> = {
      node: kube,
      owner: this.wires.ground.host,
      port: {
        receive: (message) => {
          if (message._tag === "Join") this.deliver(this.rooms.join(member, 0, member.topic, member.peer))
          else if (message._tag === "To") this.pass(member, line.key, message.peer, message.payload)
        },
        ended: () => this.deliver(this.rooms.drop(member)),
        room: () => undefined
      }
    }
    const here: Site<LineMessage> = {
      node: member.life.name,
      owner: member.life,
      port: {
        receive: (message) => {
          if (message._tag === "Notice") member.told(message.notice)
        },
        ended: () => {
          member.lost()
          if (this.members.has(member)) this.dial(member, redialMicros)
        },
        room: () => undefined
      }
    }
    const wire = this.wires.lay(line, [here, there], lines)
    member.wire = wire
    member.site = here
    member.there = there
    wire.send(here, { _tag: "Join" }, 64)
  }

  /** Passes a signal on, or loses it, or passes it on twice, or so late that others overtake it. */
  private pass(from: Member, key: number, to: string, payload: Uint8Array): void {
    const { host, loop } = this.wires.ground
    const n = from.signals++
    const isWrong = this.carelessOneIn > 0 && drawn(key ^ 0xca5e, n, this.carelessOneIn) === 0
    const how = isWrong ? (["lost", "twice", "late"] as const)[drawn(key ^ 0x4087, n, 3)]! : null
    const mail = this.rooms.signal(from, 0, to, payload)
    if (mail === null) return
    if (how !== null) this.carelessness++
    if (how === "lost") return
    if (how === "late") loop.after(drawn(key ^ 0x1a7e, n, overtakenMicros), host, () => this.deliver([mail]))
    else this.deliver(how === "twice" ? [mail, mail] : [mail])
  }

  private deliver(mails: ReadonlyArray<Mail<Member>>): void {
    for (const { line, notice } of mails) {
      const message: LineMessage = { _tag: "Notice", notice }
      if (line.there !== null) line.wire?.send(line.there, message, lineBytes(message))
    }
  }
}

/** A place at a topic, and the line to the KUBE that it is held by. */
class Member {
  readonly life: WorldLife
  readonly topic: string
  readonly peer: string
  readonly bell: Bell.Bell
  readonly attendance = new Attendance()
  /** How many signals of it the KUBE was given. */
  signals = 0
  wire: Wire<LineMessage> | null = null
  site: Site<LineMessage>
  there: Site<LineMessage> | null = null

  constructor(life: WorldLife, topic: string, peer: string, at: Bell.Bell) {
    this.life = life
    this.topic = topic
    this.peer = peer
    this.bell = at
    const nobody = { receive: () => undefined, ended: () => undefined, room: () => undefined }
    this.site = { node: life.name, owner: life, port: nobody }
  }

  told(notice: Notice): void {
    if (notice._tag === "Present") this.attendance.reset(notice.peers)
    else if (notice._tag === "Joined") this.attendance.joined(notice.peer)
    else if (notice._tag === "Left") this.attendance.left(notice.peer)
    else if (notice._tag === "Signal") this.attendance.signal(notice.peer, notice.payload)
    this.bell.ring()
  }

  /** The line is gone. Who is there cannot be known, so nobody is until there is another. */
  lost(): void {
    this.wire = null
    this.there = null
    this.attendance.reset([])
    this.bell.ring()
  }
}

/** Passes on what a member has to be told, at the pace at which it is taken. */
const tell = (member: Member, events: Queue.Queue<SignalingEvent>) =>
  Effect.gen(function* () {
    yield* member.bell.rung
    for (let event = member.attendance.next(); event !== null; event = member.attendance.next()) {
      yield* Queue.offer(events, event)
    }
  }).pipe(Effect.forever)
