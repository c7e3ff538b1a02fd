/**
 * The links of a simulated network: who can reach whom, how long a packet takes, and whether it comes as it was sent.
 *
 * A link has one direction, so a partition may be one-sided. Nodes are named; each peer is one, and so is the KUBE, which brings peers
 * together. How long a packet takes is drawn under the key of its pipe and its number there, so that one packet more elsewhere
 * changes nothing here.
 */
import { drawn } from "./Seed.ts"
import type { TouchedLink } from "./Touched.ts"

export interface Profile {
  /** Microseconds that every packet takes. */
  readonly latencyMicros: number
  /** Microseconds that a packet takes at most beyond that. */
  readonly jitterMicros: number
  /** One packet in so many is late, by a drawn part of `tailMicros`, mostly a small one; 0 for none. */
  readonly tailOneIn: number
  /** Microseconds that a late packet takes at most beyond the rest. */
  readonly tailMicros: number
  readonly bytesPerSecond: number
  /** After so long without getting anything across, a connection is reset. */
  readonly giveUpMicros: number
}

const giveUpMicros = 20_000_000

/** A good domestic line. */
export const usual: Profile = {
  latencyMicros: 8_000,
  jitterMicros: 12_000,
  tailOneIn: 0,
  tailMicros: 0,
  bytesPerSecond: 4_000_000,
  giveUpMicros
}

const profile = (
  [latencyMicros, jitterMicros]: readonly [number, number],
  [tailOneIn, tailMicros]: readonly [number, number],
  bytesPerSecond: number
): Profile => ({ latencyMicros, jitterMicros, tailOneIn, tailMicros, bytesPerSecond, giveUpMicros })

/** Networks by name: latency and jitter, one packet in how many is late and by how much, bytes in a second. */
export const profiles = {
  usual,
  /** One switch. */
  lan: profile([200, 300], [0, 0], 100_000_000),
  /** A wireless network in a full house. */
  wifi: profile([3_000, 10_000], [50, 400_000], 6_000_000),
  /** A telephone on a train. */
  mobile: profile([40_000, 60_000], [20, 4_000_000], 600_000),
  /** Two continents. */
  far: profile([120_000, 20_000], [200, 1_000_000], 2_000_000),
  /** By way of an orbit at 36,000 km. */
  satellite: profile([280_000, 40_000], [100, 2_000_000], 1_000_000)
} as const satisfies Readonly<Record<string, Profile>>

/** How late the late ones are, in thousandths of the latest, each as often as the others: Pareto's 1/x, from 1/16 to 1. */
const tail = [63, 66, 71, 77, 83, 91, 100, 111, 125, 143, 167, 200, 250, 333, 500, 1_000]

export class Links {
  readonly profile: Profile
  /** Frames that were changed on their way. */
  corrupted = 0
  private readonly cuts = new Map<string, number>()
  private readonly clogs = new Set<string>()
  private readonly slowed = new Map<string, number>()
  private readonly slowedNodes = new Map<string, number>()
  private readonly corrupting = new Map<string, number>()
  private readonly touches = new Map<string, { -readonly [what in keyof TouchedLink]: number }>()
  private readonly touchedNodes = new Map<string, number>()

  constructor(profile: Profile) {
    this.profile = profile
  }

  /** Nothing gets from one to the other any more. What was cut twice is healed twice. */
  cut(from: string, to: string): void {
    const link = `${from}>${to}`
    this.cuts.set(link, (this.cuts.get(link) ?? 0) + 1)
  }

  mend(from: string, to: string): void {
    const link = `${from}>${to}`
    const left = (this.cuts.get(link) ?? 0) - 1
    if (left > 0) this.cuts.set(link, left)
    else this.cuts.delete(link)
  }

  /** What is sent from one to the other waits on the way. */
  clog(from: string, to: string): void {
    this.clogs.add(`${from}>${to}`)
  }

  unclog(from: string, to: string): void {
    this.clogs.delete(`${from}>${to}`)
  }

  /** Each packet takes so much longer; 0 undoes it. */
  slow(from: string, to: string, micros: number): void {
    set(this.slowed, `${from}>${to}`, micros)
  }

  /** Each packet from or to a node takes so much longer; 0 undoes it, and nothing else does. */
  slowNode(node: string, micros: number): void {
    set(this.slowedNodes, node, micros)
  }

  /** The next so many frames do not arrive as they were sent, and those that were to come so already. */
  corrupt(from: string, to: string, frames: number): void {
    const link = `${from}>${to}`
    set(this.corrupting, link, Math.max(frames, this.corrupting.get(link) ?? 0))
  }

  mendAll(): void {
    for (const broken of [this.cuts, this.clogs, this.slowed, this.corrupting]) broken.clear()
  }

  isCut(from: string, to: string): boolean {
    return this.cuts.has(`${from}>${to}`)
  }

  isClogged(from: string, to: string): boolean {
    return this.clogs.has(`${from}>${to}`)
  }

  /** How often what is wrong with a link made a difference. */
  touched(from: string, to: string): TouchedLink {
    return { ...this.touchedOf(`${from}>${to}`) }
  }

  /** Packets from or to a node that were sent while it was slow. */
  slowedAt(node: string): number {
    return this.touchedNodes.get(node) ?? 0
  }

  /** Whether the link is cut for something that would get through now; it is counted. */
  meetsCut(from: string, to: string): boolean {
    const isCut = this.isCut(from, to)
    if (isCut) this.touchedOf(`${from}>${to}`).cut++
    return isCut
  }

  /** The same of a clog. */
  meetsClog(from: string, to: string): boolean {
    const isClogged = this.isClogged(from, to)
    if (isClogged) this.touchedOf(`${from}>${to}`).clogged++
    return isClogged
  }

  private touchedOf(link: string) {
    const known = this.touches.get(link) ?? { cut: 0, clogged: 0, slowed: 0, corrupted: 0 }
    this.touches.set(link, known)
    return known
  }

  /** Whether the frame that arrives now is to be changed; it is counted. */
  takeCorrupt(from: string, to: string): boolean {
    const link = `${from}>${to}`
    const left = this.corrupting.get(link) ?? 0
    if (left === 0) return false
    set(this.corrupting, link, left - 1)
    this.corrupted++
    this.touchedOf(link).corrupted++
    return true
  }

  /** Microseconds for the n-th packet of a pipe, which is sent now. */
  delay(from: string, to: string, key: number, n: number, bytes: number): number {
    const { bytesPerSecond, jitterMicros, latencyMicros } = this.profile
    const transfer = Math.floor((bytes * 1_000_000) / bytesPerSecond)
    return latencyMicros + drawn(key, n, jitterMicros) + this.late(key, n) + transfer + this.slowness(from, to)
  }

  private slowness(from: string, to: string): number {
    const link = `${from}>${to}`
    let micros = this.slowed.get(link) ?? 0
    if (micros > 0) this.touchedOf(link).slowed++
    for (const node of [from, to]) {
      const atNode = this.slowedNodes.get(node) ?? 0
      if (atNode > 0) this.touchedNodes.set(node, this.slowedAt(node) + 1)
      micros += atNode
    }
    return micros
  }

  private late(key: number, n: number): number {
    const { tailMicros, tailOneIn } = this.profile
    // under a key of its own, so that a tail leaves the jitter as it was
    if (tailOneIn === 0 || drawn(key ^ 0x7a11, n, tailOneIn) > 0) return 0
    return Math.floor((tailMicros * tail[drawn(key ^ 0x1a7e, n, tail.length)]!) / 1_000)
  }
}

const set = (numbers: Map<string, number>, name: string, to: number): void => {
  if (to > 0) numbers.set(name, to)
  else numbers.delete(name)
}
