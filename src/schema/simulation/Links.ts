/**
 * The links of a simulated network: who can reach whom, and how long a packet takes.
 *
 * A link has one direction, so a partition may be one-sided. Nodes are named; each peer is one, and so is the KUBE, which brings peers
 * together. How long a packet takes is drawn under the key of its pipe and its number there, so that one packet more elsewhere
 * changes nothing here.
 */
import { drawn } from "./Seed.ts"

export interface Profile {
  /** Microseconds that every packet takes. */
  readonly latencyMicros: number
  /** Microseconds that a packet takes at most beyond that. */
  readonly jitterMicros: number
  readonly bytesPerSecond: number
  /** After so long without getting anything across, a connection is reset. */
  readonly giveUpMicros: number
}

/** A good domestic line. */
export const usual: Profile = { latencyMicros: 8_000, jitterMicros: 12_000, bytesPerSecond: 4_000_000, giveUpMicros: 20_000_000 }

export class Links {
  readonly profile: Profile
  private readonly cuts = new Map<string, number>()
  private readonly slowed = new Map<string, number>()

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

  /** Each packet takes so much longer; 0 undoes it. */
  slow(from: string, to: string, micros: number): void {
    if (micros > 0) this.slowed.set(`${from}>${to}`, micros)
    else this.slowed.delete(`${from}>${to}`)
  }

  mendAll(): void {
    this.cuts.clear()
    this.slowed.clear()
  }

  isCut(from: string, to: string): boolean {
    return this.cuts.has(`${from}>${to}`)
  }

  /** Microseconds for the n-th packet of a pipe. */
  delay(from: string, to: string, key: number, n: number, bytes: number): number {
    const { bytesPerSecond, jitterMicros, latencyMicros } = this.profile
    const transfer = Math.floor((bytes * 1_000_000) / bytesPerSecond)
    return latencyMicros + drawn(key, n, jitterMicros) + transfer + (this.slowed.get(`${from}>${to}`) ?? 0)
  }
}
