/**
 * The network of a simulated world, as each life of a peer sees it: places at topics, and connections that meet under an id.
 *
 * Signaling and Transport run on it as they run on a network in memory: it is the same service, made anew for each life. Between a
 * peer and the KUBE, and between two peers, everything travels on wires, whose links the world cuts, slows and heals.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Queue from "effect/Queue"
import { Pairs } from "../../schema/kube/Pairs.ts"
import { type Mail, type Notice, Rooms } from "../../schema/kube/Rooms.ts"
import { Attendance } from "../../schema/mesh/Attendance.ts"
import { hashBytes, keyOf, type Seed } from "../../schema/simulation/Seed.ts"
import { type Ground, type Site, Wire } from "../../schema/simulation/Wire.ts"
import type { MemoryNetwork } from "../../services/mesh/MemoryNetwork.ts"
import type { SignalingEvent } from "../../services/mesh/Signaling.ts"
import { ConnectFailed } from "../../services/mesh/Transport.ts"
import type { WorldLife } from "./WorldLife.ts"
import { type Bell, bell, ring, type Traffic, WorldSocket } from "./WorldSocket.ts"

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
/** How long somebody waits whose packets get no answer. */
const unansweredMicros = 5_000_000

const tags = ["Join", "To", "Present", "Joined", "Left", "Signal", "Refused"]
const digestOf = (message: LineMessage): number => tags.indexOf(message._tag === "Notice" ? message.notice._tag : message._tag)

export class WorldNetwork {
  private readonly seed: Seed
  private readonly ground: Ground
  private readonly wires = new Set<Wire<Uint8Array> | Wire<LineMessage>>()
  private readonly rooms = new Rooms<Member>()
  private readonly members = new Set<Member>()
  private readonly pairs = new Pairs<Arrival>(1_024)
  private readonly counts = new Map<string, number>()
  /** What went between peers. */
  readonly traffic: Traffic = { frames: 0, bytes: 0 }

  constructor(seed: Seed, ground: Ground) {
    this.seed = seed
    this.ground = ground
  }

  /** The network as a life of a peer has it. */
  of(life: WorldLife): MemoryNetwork["Service"] {
    return {
      join: (topic, peer) => this.join(life, Hex.encode(topic), peer),
      meet: (id) => this.meet(life, Hex.encode(id)),
      cut: (how) =>
        Effect.sync(() => {
          this.isolate(life, true)
          if (how === "reset") this.reset(life.name, null)
        }),
      heal: Effect.sync(() => this.isolate(life, false)),
      open: Effect.sync(() => this.openOf(life))
    }
  }

  /** Places and connections that a life still has. */
  openOf(life: WorldLife): number {
    this.sweep()
    const has = (wire: Wire<Uint8Array> | Wire<LineMessage>) => wire.isOpen && wire.sites.some(({ owner }) => owner === life)
    return [...this.wires].filter(has).length + [...this.members].filter((member) => member.life === life).length
  }

  /** What stalled on links that have healed goes on. */
  healed(): void {
    for (const wire of this.wires) wire.healed()
  }

  /** Ends the connections between two nodes, or all of one. */
  reset(node: string, other: string | null): number {
    let count = 0
    for (const wire of this.wires) {
      const nodes = wire.sites.map((site) => site.node)
      if (!wire.isOpen || !nodes.includes(node) || (other !== null && !nodes.includes(other))) continue
      wire.reset("fault")
      count++
    }
    this.sweep()
    return count
  }

  /** A life is over. */
  died(life: WorldLife, isPowerLoss: boolean): void {
    for (const wire of this.wires) wire.died(life, isPowerLoss)
    for (const member of this.members) if (member.life === life) this.members.delete(member)
    this.sweep()
  }

  private sweep(): void {
    for (const wire of this.wires) if (!wire.isOpen) this.wires.delete(wire)
  }

  private isolate(life: WorldLife, isCut: boolean): void {
    const nodes = new Set([kube, ...[...this.wires].flatMap((wire) => wire.sites.map(({ node }) => node))])
    for (const node of nodes) {
      if (node === life.name) continue
      for (const [from, to] of [
        [life.name, node],
        [node, life.name]
      ] as const) {
        if (isCut) this.ground.links.cut(from, to)
        else this.ground.links.mend(from, to)
      }
    }
    if (!isCut) this.healed()
  }

  /** A name that does not depend on what happens elsewhere. */
  private nameOf(from: string, to: string): string {
    const pair = `${from}>${to}`
    const count = (this.counts.get(pair) ?? 0) + 1
    this.counts.set(pair, count)
    return `${pair}#${count}`
  }

  private isReachable(one: string, other: string): boolean {
    const { hinder, links } = this.ground
    const isWhole = !links.isCut(one, other) && !links.isCut(other, one)
    if (!isWhole) hinder()
    return isWhole
  }

  // Signaling -----------------------------------------------------------------------------------------------------------------------

  private readonly join = Effect.fnUntraced({ self: this }, function* (life: WorldLife, topic: string, peer: string) {
    const events = yield* Queue.bounded<SignalingEvent>(16)
    const member = new Member(life, topic, peer, yield* bell)
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
    return { events, send }
  })

  /** Takes the line to the KUBE, now or when it can be reached. */
  private dial(member: Member, pause: number): void {
    const { links, loop } = this.ground
    const { life } = member
    const id = this.nameOf(life.name, kube)
    const key = keyOf(this.seed, "wire", id)
    const delay = links.delay(life.name, kube, key, -1, 64) + links.delay(kube, life.name, key, -2, 64)
    loop.after(pause + delay, life, () => {
      if (!this.members.has(member)) return
      if (!this.isReachable(life.name, kube)) return this.dial(member, redialMicros)
      this.connect(member, id, key)
    })
  }

  private connect(member: Member, id: string, key: number): void {
    const there: Site<LineMessage> = {
      node: kube,
      owner: this.ground.host,
      port: {
        receive: (message) => {
          if (message._tag === "Join") this.deliver(this.rooms.join(member, 0, member.topic, member.peer))
          else if (message._tag === "To") {
            const mail = this.rooms.signal(member, 0, message.peer, message.payload)
            if (mail !== null) this.deliver([mail])
          }
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
    const wire = new Wire<LineMessage>(id, key, this.ground, [here, there], digestOf)
    this.wires.add(wire)
    member.wire = wire
    member.site = here
    member.there = there
    wire.send(here, { _tag: "Join" }, 64)
  }

  private deliver(mails: ReadonlyArray<Mail<Member>>): void {
    for (const { line, notice } of mails) {
      const message: LineMessage = { _tag: "Notice", notice }
      if (line.there !== null) line.wire?.send(line.there, message, lineBytes(message))
    }
  }

  // Transport -----------------------------------------------------------------------------------------------------------------------

  private readonly meet = Effect.fnUntraced({ self: this }, function* (life: WorldLife, id: string) {
    const arrival: Arrival = {
      life,
      end: yield* Deferred.make<WorldSocket, ConnectFailed>(),
      made: new WorldSocket(life, yield* bell, yield* bell)
    }
    const pairing = yield* Effect.acquireRelease(
      Effect.sync(() => this.pairs.meet(id, arrival)),
      (pairing) =>
        Effect.sync(() => {
          if (pairing._tag !== "Refused") this.pairs.leave(id, arrival)
          arrival.made.close()
        })
    )
    if (pairing._tag === "Refused") return yield* failed(pairing.reason)
    if (pairing._tag === "Paired") this.bring(pairing.other, arrival)
    const end = yield* Deferred.await(arrival.end).pipe(
      Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => failed("the other end did not come within 30 s") })
    )
    return end.socket
  })

  /** Connects two who have found each other, if the links between them let anything through. */
  private bring(one: Arrival, other: Arrival): void {
    const [from, to] = one.life.name < other.life.name ? [one, other] : [other, one]
    const id = this.nameOf(from.life.name, to.life.name)
    const key = keyOf(this.seed, "wire", id)
    const { host, links, loop } = this.ground
    const there = links.delay(from.life.name, to.life.name, key, -1, 64)
    const back = links.delay(to.life.name, from.life.name, key, -2, 64)
    const answer = (exit: (arrival: Arrival) => Effect.Effect<WorldSocket, ConnectFailed>) => {
      for (const arrival of [from, to]) Deferred.doneUnsafe(arrival.end, exit(arrival))
    }
    if (!this.isReachable(from.life.name, to.life.name)) {
      loop.after(unansweredMicros, host, () => answer(() => failed("no answer")))
      return
    }
    loop.after(there + back, host, () => {
      if (!from.life.isAlive || !to.life.isAlive) return answer(() => failed("nobody there"))
      const wire = new Wire<Uint8Array>(id, key, this.ground, [from.made.site, to.made.site], hashBytes)
      this.wires.add(wire)
      from.made.attach(wire, this.traffic)
      to.made.attach(wire, this.traffic)
      this.ground.note("open", id)
      answer(({ made }) => Effect.succeed(made))
    })
  }
}

const failed = (reason: string) => new ConnectFailed({ transport: "simulated", reason })

/** A place at a topic, and the line to the KUBE that it is held by. */
class Member {
  readonly life: WorldLife
  readonly topic: string
  readonly peer: string
  readonly bell: Bell
  readonly attendance = new Attendance()
  wire: Wire<LineMessage> | null = null
  site: Site<LineMessage>
  there: Site<LineMessage> | null = null

  constructor(life: WorldLife, topic: string, peer: string, at: Bell) {
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
    ring(this.bell)
  }

  /** The line is gone. Who is there cannot be known, so nobody is until there is another. */
  lost(): void {
    this.wire = null
    this.there = null
    this.attendance.reset([])
    ring(this.bell)
  }
}

/** Passes on what a member has to be told, at the pace at which it is taken. */
const tell = (member: Member, events: Queue.Queue<SignalingEvent>) =>
  Effect.gen(function* () {
    yield* Queue.take(member.bell)
    for (let event = member.attendance.next(); event !== null; event = member.attendance.next()) {
      yield* Queue.offer(events, event)
    }
  }).pipe(Effect.forever)

/** Who waits under an id, and the end that is made for him. */
interface Arrival {
  readonly life: WorldLife
  readonly end: Deferred.Deferred<WorldSocket, ConnectFailed>
  readonly made: WorldSocket
}
