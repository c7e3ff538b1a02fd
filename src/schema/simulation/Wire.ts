/**
 * A connection of a simulated network: two pipes, each in order and without loss, as TCP is, on links that may be cut.
 *
 * A packet that meets a cut or a clog is stalled, and with it all behind it; when the link heals it starts anew. When a cut does not heal
 * for long the connection is reset; a clog is waited for. A process that dies closes its end; a machine that dies says nothing, and the other end hears of it
 * from what answers in its place, or by its own patience. What a receiver has not taken counts against the sender's window.
 */
import type { Links } from "./Links.ts"
import type { Loop, Owner, Timer } from "./Loop.ts"
import { drawn, mix32 } from "./Seed.ts"

/** What a wire knows of the packets that it carries. */
export interface Freight<Packet> {
  readonly digest: (packet: Packet) => number
  /** The packet with one bit changed; null when links change nothing of this kind. */
  readonly flipped: ((packet: Packet, bit: number) => Packet) | null
}

/** What stands at an end of a wire. */
export interface Port<Packet> {
  readonly receive: (packet: Packet) => void
  /** No more comes and nothing can be sent: 1000 the other end closed, 1006 the connection was lost. */
  readonly ended: (code: number) => void
  /** The other end has taken what was sent. */
  readonly room: () => void
}

export interface Site<Packet> {
  readonly node: string
  /** Whose life the port is part of. */
  readonly owner: Owner
  readonly port: Port<Packet>
}

/** What a wire needs of the world around it. */
export interface Ground {
  readonly loop: Loop
  readonly links: Links
  /** Whom deliveries belong to: they happen whoever dies. */
  readonly host: Owner
  readonly isUp: (node: string) => boolean
  readonly note: (kind: string, ...details: ReadonlyArray<string | number>) => void
  /** Told when something could not get through. */
  readonly hinder: () => void
}

type Carried<Packet> = { readonly packet: Packet } | { readonly end: number }

interface Flight<Packet> {
  readonly number: number
  readonly bytes: number
  /** When it was sent. */
  readonly at: number
  readonly carried: Carried<Packet>
}

interface Pipe<Packet> {
  readonly from: Site<Packet>
  readonly to: Site<Packet>
  readonly key: number
  /** Numbers of the next packet to send, and of the next to be received. */
  sent: number
  received: number
  /** When the last one arrives. */
  last: number
  /** Sent, and not taken by the receiver. */
  untaken: number
  /** Arrived before those before them. */
  readonly early: Map<number, Flight<Packet>>
  readonly stalled: Array<Flight<Packet>>
  patience: Timer | null
  isClosed: boolean
}

export class Wire<Packet> {
  readonly id: string
  isOpen = true
  private readonly ground: Ground
  private readonly pipes: readonly [Pipe<Packet>, Pipe<Packet>]
  private readonly gone = new Set<Site<Packet>>()
  private readonly freight: Freight<Packet>

  constructor(id: string, key: number, ground: Ground, sites: readonly [Site<Packet>, Site<Packet>], freight: Freight<Packet>) {
    this.id = id
    this.ground = ground
    this.freight = freight
    const [a, b] = sites
    this.pipes = [pipe(a, b, key), pipe(b, a, mix32(key + 1))]
  }

  private from(site: Site<Packet>): Pipe<Packet> {
    return this.pipes[this.pipes[0].from === site ? 0 : 1]
  }

  get sites(): readonly [Site<Packet>, Site<Packet>] {
    return [this.pipes[0].from, this.pipes[0].to]
  }

  send(site: Site<Packet>, packet: Packet, bytes: number): void {
    const along = this.from(site)
    if (!this.isOpen || along.isClosed) return
    along.untaken += bytes
    this.push(along, { packet }, bytes)
  }

  /** Bytes that the other end has not taken. */
  untaken(site: Site<Packet>): number {
    return this.from(site).untaken
  }

  /** The end has taken so much of what came. */
  took(site: Site<Packet>, bytes: number): void {
    const along = this.pipes[this.pipes[0].to === site ? 0 : 1]
    along.untaken -= bytes
    along.from.port.room()
  }

  /** Ends the connection after what was sent. */
  close(site: Site<Packet>): void {
    const along = this.from(site)
    if (!this.isOpen || along.isClosed) return
    this.push(along, { end: 1000 }, 1)
    along.isClosed = true
    this.gone.add(site)
  }

  /** Ends the connection for both, now; what is under way is lost. */
  reset(why: string): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.ground.note("reset", this.id, why)
    for (const { from } of this.pipes) if (!this.gone.has(from)) from.port.ended(1006)
  }

  /** The life of an end is over. The system closes what a process leaves; a machine without power closes nothing. */
  died(owner: Owner, isPowerLoss: boolean): void {
    for (const along of this.pipes) {
      if (along.from.owner !== owner || this.gone.has(along.from)) continue
      this.gone.add(along.from)
      if (!isPowerLoss) this.push(along, { end: 1006 }, 1)
      along.isClosed = true
    }
    if (this.gone.size === 2) this.isOpen = false
  }

  /** A link has healed: what stalled on it starts anew. */
  healed(): void {
    const { links } = this.ground
    for (const along of this.pipes) {
      const { from, to } = along
      if (along.stalled.length === 0 || links.meetsCut(from.node, to.node)) continue
      if (along.patience !== null) along.patience.isCancelled = true
      along.patience = null
      if (links.meetsClog(from.node, to.node)) continue
      for (const flight of along.stalled.splice(0)) this.launch(along, flight)
    }
  }

  private push(along: Pipe<Packet>, carried: Carried<Packet>, bytes: number): void {
    const flight = { number: along.sent++, bytes, at: this.ground.loop.now, carried }
    if (along.stalled.length > 0) along.stalled.push(flight)
    else this.launch(along, flight)
  }

  private launch(along: Pipe<Packet>, flight: Flight<Packet>): void {
    const { host, links, loop } = this.ground
    const delay = links.delay(along.from.node, along.to.node, along.key, flight.number, flight.bytes)
    along.last = Math.max(along.last + 1, loop.now + delay)
    loop.at(along.last, host, () => this.arrive(along, flight))
  }

  private arrive(along: Pipe<Packet>, flight: Flight<Packet>): void {
    if (!this.isOpen) return
    const { from, to } = along
    const { links } = this.ground
    const isCut = links.meetsCut(from.node, to.node)
    if (isCut || links.meetsClog(from.node, to.node)) {
      this.stall(along, flight, isCut)
      return
    }
    along.early.set(flight.number, flight)
    for (let next = along.early.get(along.received); next !== undefined; next = along.early.get(along.received)) {
      along.early.delete(along.received++)
      this.deliver(along, next)
      if (!this.isOpen) return
    }
  }

  private stall(along: Pipe<Packet>, flight: Flight<Packet>, isCut: boolean): void {
    const { hinder, host, links, loop } = this.ground
    hinder()
    along.stalled.push(flight)
    along.stalled.sort((a, b) => a.number - b.number)
    if (isCut) along.patience ??= loop.after(links.profile.giveUpMicros, host, () => this.reset("stalled"))
  }

  private deliver(along: Pipe<Packet>, { at, bytes, carried, number }: Flight<Packet>): void {
    const { from, to } = along
    const { isUp, links, note } = this.ground
    const { digest, flipped } = this.freight
    if (this.gone.has(to)) {
      // whoever is there now knows nothing of this connection, and says so
      if (isUp(to.node)) this.reset("unknown there")
      else if (this.gone.size === 2) this.isOpen = false
      return
    }
    if ("end" in carried) {
      this.isOpen = false
      note("end", this.id, to.node, carried.end)
      to.port.ended(carried.end)
      return
    }
    const isCorrupt = flipped !== null && bytes > 0 && links.takeCorrupt(from.node, to.node)
    const packet = isCorrupt ? flipped(carried.packet, drawn(along.key ^ 0xb17, number, 8 * bytes)) : carried.packet
    note("packet", this.id, from.node, to.node, number, bytes, digest(packet), at)
    to.port.receive(packet)
  }
}

const pipe = <Packet>(from: Site<Packet>, to: Site<Packet>, key: number): Pipe<Packet> => ({
  from,
  to,
  key,
  sent: 0,
  received: 0,
  last: 0,
  untaken: 0,
  early: new Map(),
  stalled: [],
  patience: null,
  isClosed: false
})
