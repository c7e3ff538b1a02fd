/**
 * Who is at which topic, and what has to be told to whom when that changes: a pure machine, the whole of what signaling remembers.
 *
 * A `Line` is however one end is reached (a WebSocket, an object in memory); a seat is one topic joined on it, numbered by its owner.
 * Used by the KUBE and by networks in memory. Frames: docs/format.md#signaling.
 */
import { lineSeatsMax, lineTopicsMax, topicPeersMax } from "../platform/Limits.ts"

/** What to tell the holder of a seat. */
export type Notice =
  | { readonly _tag: "Present"; readonly peers: ReadonlyArray<string> }
  | { readonly _tag: "Joined"; readonly peer: string }
  | { readonly _tag: "Left"; readonly peer: string }
  | { readonly _tag: "Signal"; readonly peer: string; readonly payload: Uint8Array }
  | { readonly _tag: "Refused"; readonly reason: Refusal }

export type Refusal = "topic full" | "too many topics" | "seat taken" | "peer taken" | "too many seats"

export interface Mail<Line> {
  readonly line: Line
  readonly seat: number
  readonly notice: Notice
}

interface Seat<Line> {
  readonly line: Line
  readonly seat: number
  readonly topic: string
  readonly peer: string
  readonly secret: string
}

/** How many seats of one topic those may have who come from the same place. */
export interface Places<Line> {
  readonly of: (line: Line) => string
  readonly seatsMax: number
}

export class Rooms<Line> {
  private readonly topics = new Map<string, Map<string, Seat<Line>>>()
  private readonly lines = new Map<Line, Map<number, Seat<Line>>>()
  private readonly places: Places<Line> | null

  constructor(places: Places<Line> | null = null) {
    this.places = places
  }

  /**
   * Takes a seat. A peer that is there already is replaced by who shows the same secret: its line was lost and has not been missed
   * yet, or somebody else knows the secret. Whose seat it was is told either way, and can come back under another name.
   */
  join(line: Line, seat: number, topic: string, peer: string, secret = ""): ReadonlyArray<Mail<Line>> {
    const seats = this.lines.get(line) ?? new Map<number, Seat<Line>>()
    const refuse = (reason: Refusal) => [{ line, seat, notice: { _tag: "Refused", reason } as const }]
    if (seats.has(seat)) return refuse("seat taken")
    if (seats.size >= lineTopicsMax) return refuse("too many topics")
    const room = this.topics.get(topic) ?? new Map<string, Seat<Line>>()
    const before = room.get(peer)
    if (before === undefined && room.size >= topicPeersMax) return refuse("topic full")
    if (before !== undefined && before.secret !== secret) return refuse("peer taken")
    if (this.isGreedy(line, room, before)) return refuse("too many seats")
    if (before !== undefined) this.stand(before)
    const others = [...room.values()]
    const taken = { line, seat, topic, peer, secret }
    room.set(peer, taken)
    seats.set(seat, taken)
    this.topics.set(topic, room)
    this.lines.set(line, seats)
    const present = { line, seat, notice: { _tag: "Present", peers: others.map((other) => other.peer) } as const }
    const displaced = before === undefined ? [] : [mail(before, { _tag: "Refused", reason: "peer taken" })]
    return [present, ...displaced, ...others.map((other) => mail(other, { _tag: "Joined", peer }))]
  }

  leave(line: Line, seat: number): ReadonlyArray<Mail<Line>> {
    const left = this.lines.get(line)?.get(seat)
    if (left === undefined) return []
    this.stand(left)
    return [...(this.topics.get(left.topic)?.values() ?? [])].map((other) => mail(other, { _tag: "Left", peer: left.peer }))
  }

  /** The line is gone, and with it all its seats. */
  drop(line: Line): ReadonlyArray<Mail<Line>> {
    return [...(this.lines.get(line)?.keys() ?? [])].flatMap((seat) => this.leave(line, seat))
  }

  /** A signal from a seat to a peer of its topic; nothing when either is gone. */
  signal(line: Line, seat: number, to: string, payload: Uint8Array): Mail<Line> | null {
    const from = this.lines.get(line)?.get(seat)
    if (from === undefined) return null
    const other = this.topics.get(from.topic)?.get(to)
    return other === undefined ? null : mail(other, { _tag: "Signal", peer: from.peer, payload })
  }

  /** Who else is at the topic of a seat; nothing when the seat is gone. */
  present(line: Line, seat: number): Mail<Line> | null {
    const of = this.lines.get(line)?.get(seat)
    if (of === undefined) return null
    const peers = [...(this.topics.get(of.topic)?.keys() ?? [])].filter((peer) => peer !== of.peer)
    return mail(of, { _tag: "Present", peers })
  }

  counts(): { readonly topics: number; readonly lines: number } {
    return { topics: this.topics.size, lines: this.lines.size }
  }

  /** Whether a line, or the place it comes from, has its share of a topic, not counting the seat that would be replaced. */
  private isGreedy(line: Line, room: ReadonlyMap<string, Seat<Line>>, before: Seat<Line> | undefined): boolean {
    const place = this.places?.of(line)
    let [ofLine, ofPlace] = [0, 0]
    for (const seat of room.values()) {
      if (seat === before) continue
      if (seat.line === line) ofLine++
      if (this.places?.of(seat.line) === place) ofPlace++
    }
    return ofLine >= lineSeatsMax || (this.places !== null && ofPlace >= this.places.seatsMax)
  }

  private stand({ line, peer, seat, topic }: Seat<Line>): void {
    const room = this.topics.get(topic)
    room?.delete(peer)
    if (room?.size === 0) this.topics.delete(topic)
    const seats = this.lines.get(line)
    seats?.delete(seat)
    if (seats?.size === 0) this.lines.delete(line)
  }
}

const mail = <Line>({ line, seat }: Seat<Line>, notice: Notice): Mail<Line> => ({ line, seat, notice })
