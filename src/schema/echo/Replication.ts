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
import { firstKey, lastKey } from "../platform/RangeSet.ts"
import { feedText } from "./FeedTable.ts"
import { isSameItem, rangeHash, splitRange } from "./RangeSync.ts"
import {
  acknowledge,
  admitted,
  dataCame,
  forkCame,
  forkKept,
  ingested,
  judge,
  manifestCame,
  met,
  prove,
  refreshBehind,
  resume,
  stalled,
  told,
  toldAll,
  wants
} from "./ReplicationAsking.ts"
import type { FeedItem, Message, Range, Wanted } from "./ReplicationMessage.ts"
import { grown, hastenAll, loaded, lostPause, ranked, refreshSending, refusedBy, schedule, wanted } from "./ReplicationSending.ts"
import { type Event, type FeedLink, freezeOf, type LocalFeed, type Output, type ReplicationState } from "./ReplicationState.ts"
import { hasAsked, isOwed, isSummaryDue, silentMax } from "./ReplicationWaiting.ts"

/** When a proof may be sent again to who does not say that it has it: twice as late each time. */
const forkPause = 8_000
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
      return loaded(state, event.from, event.run, event.nextArrival, now)
    case "ForkLoaded":
      return forkLoaded(state, event.feed, event.proof, now)
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
  grown(state, link, now)
  judge(state, link, now)
  refreshBehind(state, link, now)
}

const received = (state: ReplicationState, message: Message, now: number) => {
  switch (message._tag) {
    case "Summary":
      if (state.operations !== undefined) state.operations.summed(message.ops)
      else if (!equalBytes(message.ops, rangeHash([], state.hash)))
        return state.close("it has operations, which version 0 does not know")
      return summaryCame(state, message.stored, now)
    case "Range":
      return rangeCame(state, message, now)
    case "Have":
      return toldAll(state, message.feeds, now)
    case "Want":
      for (const each of message.feeds) wantCame(state, each, now)
      return
    case "Data":
      return dataCame(state, message.run, now)
    case "Manifest":
      return manifestCame(state, message.manifest)
    case "Fork":
      return forkCame(state, message.feed, message.index, message.proof, now)
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
  prove(state, link, now)
  wanted(state, link, want, before, now)
}

const summaryCame = (state: ReplicationState, stored: Uint8Array, now: number) => {
  const earned = (now - state.summaryTokensAt) / summaryPause
  state.summaryTokens = Math.min(summaryTokensMax, state.summaryTokens + earned) - 1
  state.summaryTokensAt = now
  // each may cost a hash of all feeds
  if (state.summaryTokens < 0) return state.close("it sums up without end", "greedy")
  const isFirst = !state.hasHeardSummary
  state.summedAt = now
  state.hasHeardSummary = true
  // who says this has nothing more to answer
  state.unanswered = 0
  if (equalBytes(stored, state.own.summary())) {
    for (const own of state.own.values()) {
      if (!isSameItem(state.theirs.get(own.text), own)) told(state, state.link(own.feed, own.text), own, now)
    }
    state.compareAt = null
    state.comparePause = 1_000
    return
  }
  // what is known to differ is under way, or was said; it is said again in case it got lost
  if (equalBytes(stored, state.theirs.summary())) return tellAgain(state, now)
  if (equalBytes(stored, rangeHash(asTold(state), state.hash))) {
    for (const each of asTold(state)) told(state, state.link(each.feed), each, now)
    return
  }
  // at the beginning both see the difference, and one is enough to compare, unless it saw none
  const isOthers = isFirst && !state.leads
  state.compareAt ??= isOthers ? now + othersPause : Math.max(now, state.nextCompareAt)
}

/** The peer lacks what it was told of, and nothing is under way. */
const tellAgain = (state: ReplicationState, now: number) => {
  if (state.due.size > 0 || (state.flightBytes > 0 && now - state.sentAt < lostPause)) return
  for (const own of state.own.values()) tellOf(state, own, now)
}

/** The peer has not the same of a feed: it is told what is here, unless it has more, and given the proof when it lacks one. */
const tellOf = (state: ReplicationState, own: LocalFeed, now: number) => {
  const there = state.theirs.get(own.text)
  if (isSameItem(there, own)) return
  const link = state.link(own.feed, own.text)
  if ((there?.length ?? -1) <= own.length) state.haves.add(link)
  if (there !== undefined) prove(state, link, now)
}

/** The peer's set if it has, of what it never spoke of, just what it was told. */
const asTold = (state: ReplicationState): ReadonlyArray<FeedItem> => {
  const items: Array<FeedItem> = []
  for (const { feed, text } of state.own.between(firstKey, lastKey)) {
    const { length, mark } = state.theirs.get(text) ?? state.links.get(text)?.told ?? untold
    if (length >= 0 && mark !== null) items.push({ feed, length, mark })
  }
  return items
}

const untold = { length: -1, mark: null }

const rangeCame = (state: ReplicationState, range: Range, now: number) => {
  const here = state.own.between(range.from, range.to)
  const cost = 1 + Math.floor(here.length / tokenFeeds)
  state.rangeTokens = Math.min(rangeTokensMax, state.rangeTokens + now - state.rangeTokensAt) - cost
  state.rangeTokensAt = now
  if (state.rangeTokens < 0) return state.close("it compares without end", "greedy")
  state.owesSummary = true
  state.compareAt = null
  if (!(range.content instanceof Uint8Array)) {
    toldAll(state, range.content, now)
    for (const own of here) tellOf(state, own, now)
    return
  }
  if (state.own.isSameRange(range)) return sameCame(state, here, now)
  compare(state, range.from, range.to)
}

/** The peer has had all of this: the hash may have waited until it was sent, and what is shorter by now tells nothing. */
const sameCame = (state: ReplicationState, here: ReadonlyArray<LocalFeed>, now: number) => {
  for (const { feed, length, mark, text } of here) acknowledge(state, state.link(feed, text), length, now, mark)
}

/** Says what there is between two keys. */
const compare = (state: ReplicationState, from: Uint8Array, to: Uint8Array) => {
  for (const range of splitRange(state.own, from, to)) {
    if (state.ranges.length >= rangesQueued) return
    state.ranges.push(range)
  }
}

/** Says a range, whose feeds may have grown since it was to be said: as of now, since what is said later counts. */
const speakRange = (state: ReplicationState, range: Range) => {
  const { content, from, to } = range
  for (const each of content instanceof Uint8Array ? [range] : splitRange(state.own, from, to)) {
    state.output.messages.push(each)
    if (each.content instanceof Uint8Array) continue
    for (const { feed, length, mark } of each.content) state.link(feed).told = { length, mark }
  }
  state.owesSummary = true
}

const forkLoaded = (state: ReplicationState, text: string, proof: Uint8Array | null, now: number) => {
  state.isForkLoading = false
  const link = state.links.get(text)
  if (link === undefined || proof === null) return
  const index = freezeOf(state.own.get(text))
  if (index === null) return
  link.forkSent = index
  link.forkAgainAt = now + Math.min(forkPause * 2 ** link.forkSends++, comparePauseMax)
  state.output.messages.push({ _tag: "Fork", feed: link.feed, index, proof })
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
  speakManifests(state, now)
  if (state.haves.size > 0 || now >= state.newsAt) hastenAll(state)
  speakLengths(state)
  const asked = wants(state, now)
  if (asked.length > 0) messages.push({ _tag: "Want", feeds: asked })
  for (const range of state.ranges.splice(0, rangesAtOnce)) speakRange(state, range)
  if (isSummaryDue(state, now)) {
    hastenAll(state)
    speakLengths(state)
    speakSummary(state, now)
  }
  schedule(state)
}

const speakOfForks = (state: ReplicationState) => {
  const link = state.isForkLoading ? undefined : nextFork(state)
  if (link === undefined) return
  state.forks.delete(link)
  state.isForkLoading = true
  state.output.actions.push({ _tag: "LoadFork", feed: link.feed, text: link.text })
}

/** Who has not the manifest yet cannot keep a proof. */
const nextFork = (state: ReplicationState): FeedLink | undefined => {
  for (const link of state.forks) if (!state.manifests.has(link)) return link
  return undefined
}

const speakManifests = (state: ReplicationState, now: number) => {
  let left = manifestsAtOnce
  for (const link of state.manifests) {
    if (left-- === 0) return
    state.manifests.delete(link)
    const manifest = state.manifest(link.text)
    if (manifest === null) continue
    const { length } = manifest
    state.charge(link.isManifestSent ? link.sent.count(0, length, now) : link.sent.count(length, 0, now))
    link.isManifestSent = true
    state.output.messages.push({ _tag: "Manifest", manifest })
    refreshSending(state, link)
  }
}

/** Tells how long feeds are, but for those whose blocks are about to tell it; and what need not be sent any more. */
const speakLengths = (state: ReplicationState) => {
  const feeds: Array<FeedItem> = []
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
    const { length, mark } = state.own.get(link.text)!
    link.told = { length, mark }
    feeds.push({ feed: link.feed, length, mark })
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

const speakSummary = (state: ReplicationState, now: number) => {
  state.summedAt = now
  state.isSummaryDue = state.owesSummary = false
  const frontier = state.frontierHash()
  const ops = state.operations?.summary() ?? rangeHash([], state.hash)
  state.output.messages.push({ _tag: "Summary", stored: state.own.summary(), frontier, ops })
}

const passTime = (state: ReplicationState, now: number) => {
  state.returned.pass(now)
  if (now - state.heardAt >= silentMax && isOwed(state)) return state.close("it has owed an answer for too long", null)
  if (hasAsked(state) && now - state.askedAt >= state.stallPause) stalled(state, now)
  for (const link of state.halted) if (link.resumeAt <= now) resume(state, link, now)
  if (state.compareAt !== null && now >= state.compareAt) {
    state.compareAt = null
    compare(state, firstKey, lastKey)
    state.nextCompareAt = now + state.comparePause
    state.comparePause = Math.min(state.comparePause * 2, comparePauseMax)
  }
}
