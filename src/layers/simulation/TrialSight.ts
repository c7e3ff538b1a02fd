/**
 * What a trial knows of its world by the lines of the trace.
 */
import { counted } from "../../schema/simulation/Report.ts"
import { parseLine } from "../../schema/simulation/TraceLine.ts"
import { TraceStates } from "../../schema/simulation/TraceStates.ts"

export class TrialSight {
  readonly states = new TraceStates()
  /** Seconds of virtual time at which something happened last: what is known of a world that halts. */
  now = 0
  /** Peers whose last life could not begin, and why. */
  readonly unbooted = new Map<string, string>()
  /** Whether a peer could not begin, at some time. */
  hasFailedToStart = false
  /** Peers whose disk has rotted, copies of them among these. */
  readonly rotten = new Set<string>()
  /** What was left of each peer that was closed, by kind. */
  readonly left = new Map<string, string>()
  /** How often which lie was told, by its name. */
  readonly lies: { [name: string]: number } = {}
  /** Of which device each copy is one. */
  private readonly originals = new Map<string, string>()
  /** Whether a link was cut and not all are whole since. */
  isParted = false

  take(line: string): void {
    const event = parseLine(line)
    const { at, details, kind } = event
    const [peer = "", ...rest] = details
    this.now = at / 1_000_000
    this.states.take(event)
    if (kind === "unbooted") {
      this.unbooted.set(peer, rest.join(" "))
      this.hasFailedToStart = true
    } else if (kind === "boot") this.unbooted.delete(peer)
    else if (kind === "rot" && rest[0] !== "nothing") this.rotten.add(peer)
    else if (kind === "lie") this.lied(`lies: ${rest[0]}`)
    else if (kind === "left") this.left.set(peer, leftText(rest.map(Number)))
    else if (kind === "clone") this.copied(peer, rest[0] ?? "")
    else if (["partition", "part", "cut", "clog"].includes(kind)) this.isParted = true
    else if (kind === "heal") this.isParted = false
  }

  private lied(name: string): void {
    this.lies[name] = (this.lies[name] ?? 0) + 1
  }

  private copied(peer: string, copy: string): void {
    this.originals.set(copy, this.originals.get(peer) ?? peer)
    if (this.rotten.has(peer)) this.rotten.add(copy)
  }

  /** Those of the peers that can come to agree: copies of a device meet at others alone. */
  meeting<A extends { readonly name: string }>(peers: ReadonlyArray<A>): ReadonlyArray<A> {
    const devices = new Set(peers.map(({ name }) => this.originals.get(name) ?? name))
    return devices.size > 1 ? peers : peers.slice(0, 1)
  }
}

const leftText = ([fibers = 0, timers = 0, connections = 0]: ReadonlyArray<number>): string =>
  `${counted(fibers, "fiber")}, ${counted(timers, "timer")} and ${counted(connections, "connection or place", "connections or places")}`
