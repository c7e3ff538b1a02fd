/**
 * When a connection speaks though nothing happens, and when it has nothing to say: the pauses of replication.
 *
 * The clock is an argument here, too: who carries the machine says `Writable` at `wakeAt`, or at once unless it `canWait`.
 */
import { askAt } from "./ReplicationAsking.ts"
import { roomOf } from "./ReplicationSending.ts"
import type { ReplicationState } from "./ReplicationState.ts"

const idlePause = 30_000
/** The device that does not lead waits longer, so that one Summary serves both. */
const idlePauseOfOther = 45_000
export const silentMax = 120_000
/** Who is busy sums up all the same, so that what got lost is found: so much later than who is idle. */
const busyPause = 30_000
/** How long nothing must be said before a comparison is taken to be over. */
const settledPause = 250

/** Whether there is nothing to say, or only what may wait until `wakeAt`. */
export const canWait = (state: ReplicationState): boolean =>
  isQuiet(state) &&
  !state.owesSummary &&
  state.closing === null &&
  state.refusals.size + state.forks.size + state.prunes.size === 0

/** When the machine wants to speak though nothing happens: the shell says `Writable` then. */
export const wakeAt = (state: ReplicationState): number => {
  let at = Math.min(state.activeAt, state.summedAt + busyPause) + pauseOf(state)
  if (state.owesSummary && isQuiet(state)) at = Math.min(at, state.activeAt + settledPause)
  if (state.compareAt !== null) at = Math.min(at, state.compareAt)
  if (state.news.size > 0) at = Math.min(at, state.newsAt)
  if (isOwed(state)) at = Math.min(at, state.heardAt + silentMax)
  if (hasAsked(state)) at = Math.min(at, state.askedAt + state.stallPause)
  if (state.due.size > 0 && roomOf(state) <= 0) at = Math.min(at, state.returned.next)
  for (const link of state.behind) at = Math.min(at, askAt(state, link))
  for (const link of state.halted) at = Math.min(at, link.resumeAt)
  return at
}

/** Whether nothing is under way, but what may be told later. */
const isQuiet = (state: ReplicationState): boolean =>
  state.haves.size + state.unnamed.size + state.due.size + state.behind.size + state.manifests.size + state.ranges.length === 0 &&
  state.flightBytes === 0 &&
  state.loading === null

/** Whether it is time to sum up. */
export const isSummaryDue = (state: ReplicationState, now: number): boolean => {
  if (state.isSummaryDue) return true
  if (now - Math.min(state.activeAt, state.summedAt + busyPause) >= pauseOf(state)) return true
  if (!state.owesSummary || !isQuiet(state)) return false
  return now - state.activeAt >= settledPause || state.own.isSame(state.theirs)
}

const pauseOf = (state: ReplicationState): number => (state.leads ? idlePause : idlePauseOfOther)

export const hasAsked = (state: ReplicationState): boolean => {
  for (const link of state.behind) if (link.isAsked || link.search?.isAsked) return true
  return false
}

/** Whether the peer owes a word: to what was sent, to what was asked, or its first. */
export const isOwed = (state: ReplicationState): boolean => !state.hasHeardSummary || state.flightBytes > 0 || hasAsked(state)
