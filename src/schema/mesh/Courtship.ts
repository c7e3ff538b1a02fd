/**
 * With which peers of a topic to try next, whom to give up for it, and whose offers to answer: a pure machine.
 *
 * Anybody may come to a topic, and until two devices have proved themselves all peers look alike. So what is under way is bounded and
 * rotates: who was met before goes first, then who was never tried, then who failed; and who has kept others waiting makes room.
 * docs/format.md#signaling
 */
import { topicPeersMax } from "../platform/Limits.ts"

/** Unproven meetings under way, those that were offered and those that were answered each. */
export const trialsMax = 64
/** When others wait, what an offer without answer has, and what a meeting that was accepted has for its handshake. */
const offerMillis = 2_000
const handshakeMillis = 4_000
/** A later offer of the same peer replaces an earlier one that is older. */
const answerMillis = 1_000
/** Peers that are remembered to have proved themselves, at this topic or before they left it for a while. */
const provenMax = 256
/** One try of so many goes to who failed before, whoever is new. */
const failedTurn = 4
const pauseMillis = 250
const pauseMaxMillis = 10_000
/** A refusal is hardly taken back, unless it was of something that was damaged on its way. */
const refusedMillis = 60_000

/** Met before, never tried, failed: who goes first. */
type Rank = 0 | 1 | 2

interface Suitor {
  readonly peer: string
  /** Whether it is this end that offers. */
  isOurs: boolean
  state: "waits" | "tried" | "met"
  failures: number
  /** When it may be tried, in milliseconds. */
  dueAt: number
}

interface Trial {
  readonly rank: Rank
  since: number
  patience: number
}

/** The peer to try, and who is given up for it; or how long there is nothing to do unless something happens. */
export type Turn =
  | { readonly _tag: "Try"; readonly peer: string; readonly instead: string | null }
  | { readonly _tag: "Wait"; readonly millis: number }

export class Courtship {
  private readonly suitors = new Map<string, Suitor>()
  private readonly offered = new Map<string, Trial>()
  private readonly answered = new Map<string, Trial>()
  private readonly proven = new Set<string>()
  private turns = 0

  /** A peer is there, or is told of again; false when there are too many to know another. */
  came(peer: string, isOurs: boolean, isConnected: boolean, now: number): boolean {
    const known = this.suitors.get(peer)
    if (known === undefined && this.suitors.size >= topicPeersMax) return false
    const suitor: Suitor = known ?? { peer, isOurs, state: "waits", failures: 0, dueAt: now }
    this.offered.delete(peer)
    suitor.isOurs = isOurs
    suitor.state = isConnected ? "met" : "waits"
    suitor.dueAt = now
    this.suitors.set(peer, suitor)
    return true
  }

  left(peer: string): void {
    this.suitors.delete(peer)
    this.offered.delete(peer)
    this.answered.delete(peer)
  }

  /** Whom to try now. It is under way then. */
  next(now: number): Turn {
    const first: [Suitor | null, Suitor | null, Suitor | null] = [null, null, null]
    let dueAt = Number.POSITIVE_INFINITY
    for (const suitor of this.suitors.values()) {
      if (!suitor.isOurs || suitor.state !== "waits") continue
      if (suitor.dueAt > now) {
        dueAt = Math.min(dueAt, suitor.dueAt)
        continue
      }
      const rank = this.rankOf(suitor)
      if (suitor.dueAt < (first[rank]?.dueAt ?? Number.POSITIVE_INFINITY)) first[rank] = suitor
    }
    const isTurnOfFailed = this.turns % failedTurn === failedTurn - 1
    for (const suitor of isTurnOfFailed ? [first[2], first[0], first[1]] : first) {
      if (suitor === null) continue
      const rank = this.rankOf(suitor)
      const instead = placeIn(this.offered, rank, now)
      if (instead === undefined) {
        dueAt = Math.min(dueAt, patienceOf(this.offered))
        continue
      }
      if (instead !== null) this.failed(instead, now)
      this.turns++
      suitor.state = "tried"
      this.offered.set(suitor.peer, { rank, since: now, patience: offerMillis })
      return { _tag: "Try", peer: suitor.peer, instead }
    }
    return { _tag: "Wait", millis: Math.max(1, dueAt - now) }
  }

  /** Its offer was accepted: it has time for the handshake. */
  accepted(peer: string, now: number): void {
    const trial = this.offered.get(peer)
    if (trial === undefined) return
    trial.since = now
    trial.patience = handshakeMillis
  }

  /** An offer of a peer: whether it is taken, the first of a peer that has not failed, and whose meeting is given up for it. */
  asked(peer: string, now: number): { readonly isTaken: boolean; readonly isFirst: boolean; readonly instead: string | null } {
    const suitor = this.suitors.get(peer)
    const before = this.answered.get(peer)
    const refused = { isTaken: false, isFirst: suitor?.failures === 0 && before === undefined, instead: null }
    if (suitor === undefined || (before !== undefined && now - before.since < answerMillis)) return refused
    if (before !== undefined) this.unanswered(peer)
    const rank = this.rankOf(suitor)
    const instead = before === undefined ? placeIn(this.answered, rank, now) : peer
    if (instead === undefined) {
      suitor.failures++
      return refused
    }
    if (instead !== null) this.unanswered(instead)
    this.answered.set(peer, { rank, since: now, patience: offerMillis })
    return { isTaken: true, isFirst: refused.isFirst, instead }
  }

  /** A meeting that was answered came to nothing. */
  unanswered(peer: string): void {
    if (!this.answered.delete(peer)) return
    const suitor = this.suitors.get(peer)
    if (suitor !== undefined) suitor.failures++
  }

  /** Its device has proved its key, and is about to be let in: that has a bound of its own, and takes nobody's turn. */
  entering(peer: string): void {
    this.offered.delete(peer)
    this.answered.delete(peer)
    const suitor = this.suitors.get(peer)
    if (suitor !== undefined) suitor.state = "met"
  }

  /** Its device has proved itself. */
  met(peer: string): void {
    this.entering(peer)
    this.proven.delete(peer)
    this.proven.add(peer)
    for (const oldest of this.proven) if (this.proven.size > provenMax) this.proven.delete(oldest)
  }

  /** A connection of some duration has ended. */
  ended(peer: string, now: number): void {
    const suitor = this.suitors.get(peer)
    if (suitor?.state !== "met") return
    suitor.state = "waits"
    suitor.failures = 0
    suitor.dueAt = now
  }

  /** A try came to nothing; the next is after a pause that grows, ± 20 %. `chance` is from 0 to 1. */
  failed(peer: string, now: number, chance = 0.5, isRefused = false): void {
    this.offered.delete(peer)
    const suitor = this.suitors.get(peer)
    if (suitor === undefined) return
    const pause = isRefused ? refusedMillis : Math.min(pauseMaxMillis, pauseMillis * 2 ** suitor.failures)
    suitor.state = "waits"
    suitor.failures++
    suitor.dueAt = now + pause * (0.8 + 0.4 * chance)
  }

  counts(): { readonly peers: number; readonly offered: number; readonly answered: number; readonly proven: number } {
    const { answered, offered, proven, suitors } = this
    return { peers: suitors.size, offered: offered.size, answered: answered.size, proven: proven.size }
  }

  private rankOf({ failures, peer }: Suitor): Rank {
    return this.proven.has(peer) ? 0 : failures === 0 ? 1 : 2
  }
}

/** Who makes room for another: nobody (null) while there is room, who is of less rank, who had his time; undefined: nobody yet. */
const placeIn = (trials: ReadonlyMap<string, Trial>, rank: Rank, now: number): string | null | undefined => {
  if (trials.size < trialsMax) return null
  for (const [peer, trial] of trials) if (trial.rank > rank) return peer
  for (const [peer, trial] of trials) if (now - trial.since >= trial.patience) return peer
  return undefined
}

const patienceOf = (trials: ReadonlyMap<string, Trial>): number =>
  Math.min(...[...trials.values()].map(({ patience, since }) => since + patience))
