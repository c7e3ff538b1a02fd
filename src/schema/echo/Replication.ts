/**
 * Replication with one peer as a pure machine: `step(state, event, now)` answers messages to send and actions to carry out.
 *
 * [R1] Each side begins with a Summary; when the sets are equal nothing more is said.
 * [R2] When they differ, ranges are compared until the feeds that differ are named, and only those are.
 * [R3] to [R8], [R11], [R12]: ReplicationAsking.ts and ReplicationSending.ts.
 * [R9] It never gives up: an idle pair compares again every 30 s; what is stuck is asked for again, ever more rarely.
 * [R10] What is no message ends the connection, with a Refuse and the reason.
 * [R13] A peer that says nothing, or more than was asked, costs bounded memory, and is cut off.
 * The state is changed in place, for it belongs to one connection; the clock is an argument. Messages: docs/format.md#replication.
 */
import { equalBytes } from "../platform/Codec.ts"
import { messageFeedsMax } from "../platform/Limits.ts"
import { feedText } from "./FeedTable.ts"
import { firstKey, isSameRange, lastKey, rangeHash, splitRange } from "./RangeSync.ts"
import {
  acknowledge,
  acknowledgeAll,
  admitted,
  askAt,
  dataCame,
  forkCame,
  forkKept,
  ingested,
  manifestCame,
  met,
  refreshBehind,
  stalled,
  wants
} from "./ReplicationAsking.ts"
import type { FeedLength, Message, Range, Wanted } from "./ReplicationMessage.ts"
import { grown, loaded, ranked, refreshSending, refusedBy, schedule, wanted } from "./ReplicationSending.ts"
import type { Event, LocalFeed, Output, ReplicationState } from "./ReplicationState.ts"

const idlePause = 30_000
/** The device that does not lead waits longer, so that one Summary serves both. */
const idlePauseOfOther = 45_000
const silentMax = 120_000
/** How long nothing must be said before a comparison is taken to be over. */
const settledPause = 250
const comparePauseMax = 64_000
/** How long the device that does not lead waits for the other to compare. */
const othersPause = 1_000
const manifestsAtOnce = 64
/** Feeds that a peer is told of before it has said anything of them. */
const unansweredMax = 4_096
const rangesAtOnce = 256
const rangesQueued = 4_096
const rangeTokensMax = 4_096
/** How many feeds of a Range cost a token more. */
const tokenFeeds = 256
/** Summaries that may come at once, and how long it takes until one more may. */
const summaryTokensMax = 16
const summaryPause = 1_000

/** One step. Nothing of the output is kept by the state. */
export const step = (state: ReplicationState, event: Event, now: number): Output => {
  const output: Output = { messages: [], actions: [] }
  state.output = output
  if (state.closing === null) handle(state, event, now)
  if (event._tag === "Writable") speak(state, now)
  if (output.messages.length > 0) state.activeAt = now
  return output
}

const handle = (state: ReplicationState, event: Event, now: number) => {
  switch (event._tag) {
    case "Received":
      state.forgive(now - state.heardAt)
      state.heardAt = state.activeAt = now
      return received(state, event.message, now)
    case "Garbled":
      return state.close(`it sent what is no message: ${event.reason}`)
    case "Grew":
      return grew(state, event.feed, now)
    case "Ranked":
      return ranked(state, event.ranks)
    case "Loaded":
      return loaded(state, event.from, event.run, event.nextArrival)
    case "ForkLoaded":
      return forkLoaded(state, event.feed, event.proof)
    case "Writable":
      return
  }
  const link = state.links.get(event.feed)
  if (link === undefined) return
  if (event._tag === "Admitted") admitted(state, link, event.isRefused, now)
  else if (event._tag === "ForkKept") forkKept(state, link, event.refusal, now)
  else ingested(state, link, event.end, event.added, event.refusal, now)
}

const grew = (state: ReplicationState, feed: LocalFeed, now: number) => {
  const before = state.own.get(feed.text)
  const link = state.link(feed.feed, feed.text)
  state.own.put(feed)
  if (before === undefined) met(state, link)
  grown(state, link)
  refreshBehind(state, link, now)
  const isFrozen = feed.frozenAt !== null && feed.frozenAt !== before?.frozenAt
  if (isFrozen && link.forkSent !== feed.frozenAt && state.acknowledged(feed.text) !== undefined) state.forks.add(link)
}

const received = (state: ReplicationState, message: Message, now: number) => {
  switch (message._tag) {
    case "Summary":
      if (!equalBytes(message.ops, rangeHash([], state.hash)))
        return state.close("it has operations, which version 0 does not know")
      return summaryCame(state, message.stored, now)
    case "Range":
      return rangeCame(state, message, now)
    case "Have":
      return acknowledgeAll(state, message.feeds, now)
    case "Want":
      for (const each of message.feeds) wantCame(state, each, now)
      return
    case "Data":
      return dataCame(state, message.run, now)
    case "Manifest":
      return manifestCame(state, message.manifest)
    case "Fork":
      return forkCame(state, message.feed, message.proof)
    case "Refuse": {
      if (message.feed === null) return state.close(`it refused: ${message.reason}`, null)
      const link = state.links.get(feedText(message.feed))
      if (link !== undefined) refusedBy(state, link, message.reason)
    }
  }
}

const wantCame = (state: ReplicationState, want: Wanted, now: number) => {
  const text = feedText(want.feed)
  const own = state.own.get(text)
  if (own === undefined) return state.charge(1_024)
  const link = state.link(want.feed, text)
  const before = state.acknowledged(link.text)
  // who asks from 0 may not even know the feed
  if (want.from > 0) acknowledge(state, link, want.from, now)
  if (own.frozenAt !== null && link.forkSent !== own.frozenAt) state.forks.add(link)
  wanted(state, link, want, before)
}

const summaryCame = (state: ReplicationState, stored: Uint8Array, now: number) => {
  const earned = (now - state.summaryTokensAt) / summaryPause
  state.summaryTokens = Math.min(summaryTokensMax, state.summaryTokens + earned) - 1
  state.summaryTokensAt = now
  // each may cost a hash of all feeds
  if (state.summaryTokens < 0) return state.close("it sums up without end", "greedy")
  const isFirst = !state.hasHeardSummary
  state.hasHeardSummary = true
  // who says this has nothing more to answer
  state.unanswered = 0
  if (equalBytes(stored, state.own.summary())) {
    for (const own of state.own.values()) {
      if (state.acknowledged(own.text) !== own.length) acknowledge(state, state.link(own.feed, own.text), own.length, now)
    }
    state.compareAt = null
    state.comparePause = 1_000
    return
  }
  // what is known to differ is under way, or was said; it is said again in case it got lost
  if (equalBytes(stored, state.theirs.summary())) return tellAgain(state)
  if (equalBytes(stored, asTold(state))) {
    for (const own of state.own.values()) acknowledge(state, state.link(own.feed, own.text), toldOf(state, own), now)
    return
  }
  // at the beginning both see the difference, and one is enough to compare, unless it saw none
  const isOthers = isFirst && !state.leads
  state.compareAt ??= isOthers ? now + othersPause : Math.max(now, state.nextCompareAt)
}

/** The peer lacks what it was told of, and nothing is under way. */
const tellAgain = (state: ReplicationState) => {
  if (state.due.size > 0 || state.flightBytes > 0) return
  for (const own of state.own.values()) {
    if ((state.acknowledged(own.text) ?? -1) < own.length) state.haves.add(state.link(own.feed, own.text))
  }
}

const toldOf = (state: ReplicationState, own: LocalFeed): number =>
  state.acknowledged(own.text) ?? state.links.get(own.text)?.told ?? -1

/** The hash of the peer's set if it has, of what it never spoke of, just what it was told. */
const asTold = (state: ReplicationState): Uint8Array => {
  const items: Array<FeedLength> = []
  for (const own of state.own.between(firstKey, lastKey)) {
    const length = toldOf(state, own)
    if (length >= 0) items.push({ feed: own.feed, length })
  }
  return rangeHash(items, state.hash)
}

const rangeCame = (state: ReplicationState, range: Range, now: number) => {
  const here = state.own.between(range.from, range.to)
  const cost = 1 + Math.floor(here.length / tokenFeeds)
  state.rangeTokens = Math.min(rangeTokensMax, state.rangeTokens + now - state.rangeTokensAt) - cost
  state.rangeTokensAt = now
  if (state.rangeTokens < 0) return state.close("it compares without end", "greedy")
  state.owesSummary = true
  state.compareAt = null
  if (!(range.content instanceof Uint8Array)) {
    acknowledgeAll(state, range.content, now)
    for (const own of here) if ((state.acknowledged(own.text) ?? -1) < own.length) state.haves.add(state.link(own.feed, own.text))
    return
  }
  if (isSameRange(state.own, range, state.hash)) return acknowledgeAll(state, here, now)
  compare(state, range.from, range.to)
}

/** Says what there is between two keys. */
const compare = (state: ReplicationState, from: Uint8Array, to: Uint8Array) => {
  for (const range of splitRange(state.own, from, to, state.hash)) {
    if (state.ranges.length >= rangesQueued) return
    state.ranges.push(range)
    if (range.content instanceof Uint8Array) continue
    for (const { feed, length } of range.content) {
      const link = state.link(feed)
      link.told = Math.max(link.told, length)
    }
  }
}

const forkLoaded = (state: ReplicationState, text: string, proof: Uint8Array | null) => {
  state.isForkLoading = false
  const link = state.links.get(text)
  if (link === undefined || proof === null) return
  link.forkSent = state.own.get(text)?.frozenAt ?? null
  state.output.messages.push({ _tag: "Fork", feed: link.feed, proof })
}

/** What is due is said, in the order in which the other must hear it. */
const speak = (state: ReplicationState, now: number) => {
  const { messages, actions } = state.output
  if (state.closing === null) passTime(state, now)
  if (state.closing !== null) {
    if (state.farewell !== null) messages.push({ _tag: "Refuse", reason: state.farewell, feed: null })
    actions.push({ _tag: "Close", reason: state.closing })
    return
  }
  for (const refusal of state.refusals.values()) messages.push(refusal)
  state.refusals.clear()
  speakOfForks(state)
  speakManifests(state)
  speakLengths(state)
  const asked = wants(state, now)
  if (asked.length > 0) messages.push({ _tag: "Want", feeds: asked })
  for (const range of state.ranges.splice(0, rangesAtOnce)) {
    messages.push(range)
    state.owesSummary = true
  }
  if (isSummaryDue(state, now)) speakSummary(state)
  schedule(state)
}

const speakOfForks = (state: ReplicationState) => {
  const link = state.isForkLoading ? undefined : state.forks.values().next().value
  if (link === undefined) return
  state.forks.delete(link)
  state.isForkLoading = true
  state.output.actions.push({ _tag: "LoadFork", feed: link.feed, text: link.text })
}

const speakManifests = (state: ReplicationState) => {
  let left = manifestsAtOnce
  for (const link of state.manifests) {
    if (left-- === 0) return
    state.manifests.delete(link)
    const manifest = state.manifest(link.text)
    if (manifest === null) continue
    link.isManifestSent = true
    state.output.messages.push({ _tag: "Manifest", manifest })
    refreshSending(state, link)
  }
}

/** Tells how long feeds are, but for those whose blocks are about to tell it; and what need not be sent any more. */
const speakLengths = (state: ReplicationState) => {
  const feeds: Array<FeedLength> = []
  // no more is named than the other can take: the rest as it answers
  let room = unansweredMax - state.unanswered
  for (const link of state.unnamed) {
    if (room-- <= 0) break
    state.unnamed.delete(link)
    state.haves.add(link)
  }
  for (const link of state.haves) {
    if (feeds.length === messageFeedsMax) break
    if (state.due.has(link)) continue
    state.haves.delete(link)
    if (state.acknowledged(link.text) === undefined && !link.isAwaited) {
      if (state.unanswered >= unansweredMax) {
        state.unnamed.add(link)
        continue
      }
      link.isAwaited = true
      state.unanswered++
    }
    const { length } = state.own.get(link.text)!
    link.told = length
    feeds.push({ feed: link.feed, length })
  }
  if (feeds.length > 0) state.output.messages.push({ _tag: "Have", feeds })
  const done: Array<Wanted> = []
  for (const link of state.prunes) {
    if (done.length === messageFeedsMax) break
    state.prunes.delete(link)
    const length = state.own.get(link.text)?.length ?? 0
    done.push({ feed: link.feed, from: length, to: length })
  }
  if (done.length > 0) state.output.messages.push({ _tag: "Want", feeds: done })
}

const isQuiet = (state: ReplicationState): boolean =>
  state.haves.size + state.unnamed.size + state.due.size + state.behind.size + state.manifests.size + state.ranges.length === 0 &&
  state.flightBytes === 0 &&
  state.loading === null

const isSummaryDue = (state: ReplicationState, now: number): boolean => {
  if (state.isSummaryDue) return true
  if (now - state.activeAt >= pauseOf(state)) return true
  if (!state.owesSummary || !isQuiet(state)) return false
  return now - state.activeAt >= settledPause || equalBytes(state.own.summary(), state.theirs.summary())
}

const speakSummary = (state: ReplicationState) => {
  state.isSummaryDue = state.owesSummary = false
  const frontier = state.frontierHash()
  state.output.messages.push({ _tag: "Summary", stored: state.own.summary(), frontier, ops: rangeHash([], state.hash) })
}

const pauseOf = (state: ReplicationState): number => (state.leads ? idlePause : idlePauseOfOther)

const hasAsked = (state: ReplicationState): boolean => {
  for (const link of state.behind) if (link.isAsked || link.search?.isAsked) return true
  return false
}

/** Whether the peer owes a word: to what was sent, to what was asked, or its first. */
const isOwed = (state: ReplicationState): boolean => !state.hasHeardSummary || state.flightBytes > 0 || hasAsked(state)

const passTime = (state: ReplicationState, now: number) => {
  if (now - state.heardAt >= silentMax && isOwed(state)) return state.close("it has owed an answer for too long", null)
  if (hasAsked(state) && now - state.askedAt >= state.stallPause) stalled(state, now)
  if (state.compareAt !== null && now >= state.compareAt) {
    state.compareAt = null
    compare(state, firstKey, lastKey)
    state.nextCompareAt = now + state.comparePause
    state.comparePause = Math.min(state.comparePause * 2, comparePauseMax)
  }
}

/** When the machine wants to speak though nothing happens: the shell says `Writable` then. */
export const wakeAt = (state: ReplicationState): number => {
  let at = state.activeAt + pauseOf(state)
  if (state.owesSummary && isQuiet(state)) at = Math.min(at, state.activeAt + settledPause)
  if (state.compareAt !== null) at = Math.min(at, state.compareAt)
  if (isOwed(state)) at = Math.min(at, state.heardAt + silentMax)
  if (hasAsked(state)) at = Math.min(at, state.askedAt + state.stallPause)
  for (const link of state.behind) at = Math.min(at, askAt(state, link))
  return at
}
