/**
 * The wires of a simulated network: between peers and to the KUBE, laid, reset and healed together, whatever they carry.
 */
import type { Owner } from "../../schema/simulation/Loop.ts"
import { keyOf, type Seed } from "../../schema/simulation/Seed.ts"
import { type Freight, type Ground, type Site, Wire } from "../../schema/simulation/Wire.ts"

/** A wire, whatever it carries. */
type Laid = Pick<Wire<unknown>, "isOpen" | "reset" | "died" | "healed"> & {
  readonly sites: ReadonlyArray<{ readonly node: string; readonly owner: Owner }>
}

/** What two nodes have begun, and a clog holds back. */
interface Waiting {
  readonly one: string
  readonly other: string
  readonly begin: () => void
}

export class WorldWires {
  readonly ground: Ground
  private readonly seed: Seed
  private readonly laid = new Set<Laid>()
  private readonly counts = new Map<string, number>()
  private waiting: ReadonlyArray<Waiting> = []

  constructor(seed: Seed, ground: Ground) {
    this.seed = seed
    this.ground = ground
  }

  /** The id of the next wire between two nodes and its key, which do not depend on what happens elsewhere. */
  next(from: string, to: string): { readonly id: string; readonly key: number } {
    const pair = `${from}>${to}`
    const count = (this.counts.get(pair) ?? 0) + 1
    this.counts.set(pair, count)
    const id = `${pair}#${count}`
    return { id, key: keyOf(this.seed, "wire", id) }
  }

  lay<Packet>(
    { id, key }: { readonly id: string; readonly key: number },
    sites: readonly [Site<Packet>, Site<Packet>],
    freight: Freight<Packet>
  ): Wire<Packet> {
    const wire = new Wire(id, key, this.ground, sites, freight)
    this.laid.add(wire)
    return wire
  }

  isReachable(one: string, other: string): boolean {
    const { hinder, links } = this.ground
    // asked both ways, since each way counts for itself
    const isWhole = ![links.meetsCut(one, other), links.meetsCut(other, one)].includes(true)
    if (!isWhole) hinder()
    return isWhole
  }

  /** Microseconds for a packet there and one back, before there is a wire. */
  roundTrip(one: string, other: string, key: number): number {
    const { links } = this.ground
    return links.delay(one, other, key, -1, 64) + links.delay(other, one, key, -2, 64)
  }

  /** Begins something between two nodes; when a link between them is clogged, as soon as it no longer is. */
  whenClear(one: string, other: string, begin: () => void): void {
    const { hinder, links } = this.ground
    if ([links.meetsClog(one, other), links.meetsClog(other, one)].includes(true)) {
      hinder()
      this.waiting = [...this.waiting, { one, other, begin }]
    } else begin()
  }

  /** What stalled on links that have healed goes on. */
  healed(): void {
    for (const wire of this.laid) wire.healed()
    const waited = this.waiting
    this.waiting = []
    for (const { begin, one, other } of waited) this.whenClear(one, other, begin)
  }

  /** Ends the connections between two nodes, or all of one. */
  reset(node: string, other: string | null): number {
    let count = 0
    for (const wire of this.laid) {
      const nodes = wire.sites.map((site) => site.node)
      if (!wire.isOpen || !nodes.includes(node) || (other !== null && !nodes.includes(other))) continue
      wire.reset("fault")
      count++
    }
    this.sweep()
    return count
  }

  /** A life is over. */
  died(owner: Owner, isPowerLoss: boolean): void {
    for (const wire of this.laid) wire.died(owner, isPowerLoss)
    this.sweep()
  }

  /** How many a life still has. */
  openOf(life: Owner): number {
    this.sweep()
    return [...this.laid].filter(({ sites }) => sites.some(({ owner }) => owner === life)).length
  }

  /** Whoever is at an end of a wire. */
  nodes(): ReadonlyArray<string> {
    return [...this.laid].flatMap(({ sites }) => sites.map(({ node }) => node))
  }

  private sweep(): void {
    for (const wire of this.laid) if (!wire.isOpen) this.laid.delete(wire)
  }
}
