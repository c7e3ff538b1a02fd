/**
 * The sending half of replication: what a peer is given, in which order, and how much at a time.
 *
 * [R4] Nobody is sent what they have said to have, what came from them, or anything twice unless they ask for it again.
 * [R6] The feed whose next block was stored first has the turn, for 256 KiB or one block: what a block depends on was stored before it.
 * [R7] At most 2 MiB are unacknowledged, whatever the peer does or leaves; what it had anew too often is charged (ReplicationSent.ts).
 * [R8] Own feeds are pushed to all who know them, others to those who want all that comes; the rest are told how long a feed is, and of
 * feeds of others many at a time, since most of those who are connected have them from whoever wrote them.
 */
import { turnBytesMax, windowBytesMax } from "../platform/Limits.ts"
import { isUnsigned, type Run } from "./Feed.ts"
import { isSameItem } from "./RangeSync.ts"
import { markOf, type Wanted } from "./ReplicationMessage.ts"
import { type FeedLink, freezeOf, type LocalFeed, type ReplicationState } from "./ReplicationState.ts"

/** What a run weighs beside its blocks. */
const runRoom = 256
/** How long it takes at most until a peer is told of what somebody else wrote. */
const newsPause = 2_000
/** How many feeds are ranked at once. */
const ranksMax = 512
/** How long what was sent may be on its way: then who asks for it, or sums up without it, has lost it. */
export const lostPause = 30_000

const isPushed = (state: ReplicationState, link: FeedLink, own: LocalFeed): boolean =>
  link.isPushed || (own.author === state.self && state.acknowledged(link.text) !== undefined)

/** Decides anew whether blocks of a feed are to be sent. */
export const refreshSending = (state: ReplicationState, link: FeedLink) => {
  const own = state.own.get(link.text)
  state.due.delete(link)
  if (own === undefined || link.refusedByPeer !== null || link.isDry || state.manifests.has(link)) return
  const pushed = isPushed(state, link, own)
  if (link.cursor < 0 && pushed) link.cursor = state.acknowledged(link.text) ?? 0
  // who has frozen the feed takes nothing beyond
  const length = Math.min(own.length, freezeOf(state.theirs.get(link.text)) ?? own.length)
  const target = pushed ? length : Math.min(link.limit, length)
  if (link.cursor >= 0 && Math.max(link.cursor, link.incoming) < target) state.due.add(link)
}

const moveTo = (link: FeedLink, cursor: number) => {
  if (link.cursor === cursor) return
  link.cursor = cursor
  link.arrival = null
  link.isDry = false
}

/** What is under way of a feed up to a length has come. */
const settle = (state: ReplicationState, link: FeedLink, length: number) => {
  while (link.flight.length > 0 && link.flight[0]!.end <= length) state.flightBytes -= link.flight.shift()!.bytes
}

/** Nothing of a feed is waited for any more, but it may still come. */
const takeBack = (state: ReplicationState, link: FeedLink) => {
  for (const { at, bytes } of link.flight.splice(0)) {
    state.flightBytes -= bytes
    state.returned.add(bytes, at)
  }
}

/** What may be under way besides all that is. */
export const roomOf = (state: ReplicationState): number => windowBytesMax - state.flightBytes - state.returned.bytes

/** A feed of this device has grown, come or frozen. */
export const grown = (state: ReplicationState, link: FeedLink, now: number) => {
  link.isDry = false
  refreshSending(state, link)
  const own = state.own.get(link.text)!
  if (isSameItem(link.told, own)) return
  // of its own feed the peer waits to hear, of this device's nobody else tells, and a freeze stops what is under way
  if (own.author === state.peer || own.author === state.self || freezeOf(own) !== null) state.haves.add(link)
  else {
    if (state.news.size === 0) state.newsAt = now + newsPause
    state.news.add(link)
  }
}

/** The peer is told without a pause, if it has yet to be told at all. */
export const hasten = (state: ReplicationState, link: FeedLink) => {
  if (state.news.delete(link)) state.haves.add(link)
}

/** All news are told now. */
export const hastenAll = (state: ReplicationState) => {
  for (const link of state.news) state.haves.add(link)
  state.news.clear()
  state.newsAt = Number.POSITIVE_INFINITY
}

/** Where the peer will stand in a feed when all that was sent has come. */
const expected = (state: ReplicationState, link: FeedLink): number =>
  link.flight.length > 0 ? link.flight[link.flight.length - 1]!.end : (state.acknowledged(link.text) ?? 0)

/** The peer asks for blocks. `before` is what it had said to have when it asked. */
export const wanted = (
  state: ReplicationState,
  link: FeedLink,
  { from, to }: Wanted,
  before: number | undefined,
  now: number
) => {
  const isAgain = link.refusedByPeer !== null
  link.refusedByPeer = null
  link.isPushed = to === null
  link.limit = to ?? 0
  if (from === 0 && (isAgain || !link.isManifestSent) && to !== 0) state.manifests.add(link)
  // a Want that crossed what it asks for must not bring it twice
  const isUnderWay = link.flight.length > 0 && now - link.sentAt < lostPause
  const hasCrossed = !isAgain && isUnderWay && from >= (before ?? 0)
  if (!hasCrossed && (to === null || from < to)) {
    takeBack(state, link)
    moveTo(link, from)
  }
  link.isDry = false
  refreshSending(state, link)
}

/** The peer does not take a feed. */
export const refusedBy = (state: ReplicationState, link: FeedLink, reason: string) => {
  link.refusedByPeer = reason
  state.answered(link)
  link.isPushed = false
  link.limit = 0
  takeBack(state, link)
  state.manifests.delete(link)
  refreshSending(state, link)
}

/** The peer has more of a feed than we knew: it is sent none of that. */
export const advance = (state: ReplicationState, link: FeedLink, length: number) => {
  settle(state, link, length)
  link.sent.acknowledged(length)
  if (link.cursor >= 0 && link.cursor < length) moveTo(link, length)
  refreshSending(state, link)
}

/** The peer has less of a feed than we took it to have: it is sent that, too. */
export const retreat = (state: ReplicationState, link: FeedLink, length: number, now: number) => {
  if (link.cursor <= length) return refreshSending(state, link)
  takeBack(state, link)
  moveTo(link, length)
  refreshSending(state, link)
  // what it had acknowledged may still be on its way, too
  const bytes = Math.min(link.sent.bytes, roomOf(state))
  if (state.due.has(link) && bytes > 0) state.returned.add(bytes, now)
}

/** Asks for the next run, when there is one and room for it. */
export const schedule = (state: ReplicationState) => {
  if (state.loading !== null || state.isRanking || state.due.size === 0 || roomOf(state) <= 0) return
  const link = state.due.size === 1 ? state.due.values().next().value! : first(state)
  if (link === null) return
  moveTo(link, Math.max(link.cursor, link.incoming))
  state.loading = link
  const maxBytes = Math.min(turnBytesMax, roomOf(state))
  const withProof = link.cursor !== expected(state, link)
  state.output.actions.push({ _tag: "Load", feed: link.feed, text: link.text, from: link.cursor, maxBytes, withProof })
}

/** The due feed whose next block arrived first, or null while that is looked up. */
const first = (state: ReplicationState): FeedLink | null => {
  let best: FeedLink | null = null
  const unknown: Array<FeedLink> = []
  for (const link of state.due) {
    if (link.arrival === null) {
      if (unknown.length < ranksMax) unknown.push(link)
    } else if (best === null || link.arrival < best.arrival!) best = link
  }
  if (unknown.length === 0) return best
  state.isRanking = true
  const blocks = unknown.map(({ feed, text, cursor }) => ({ feed, text, index: cursor }))
  state.output.actions.push({ _tag: "Rank", blocks })
  return null
}

/** The places in the order of arrival that were asked for. What cannot be read comes last. */
export const ranked = (
  state: ReplicationState,
  ranks: ReadonlyArray<{ readonly feed: string; readonly index: number; readonly arrival: number | null }>
) => {
  state.isRanking = false
  for (const { feed, index, arrival } of ranks) {
    const link = state.links.get(feed)
    if (link !== undefined && link.cursor === index) link.arrival = arrival ?? Number.MAX_SAFE_INTEGER
  }
  schedule(state)
}

/** The run that was asked for is there, and leaves unless something else was decided meanwhile. */
export const loaded = (state: ReplicationState, from: number, run: Run | null, nextArrival: number | null, now: number) => {
  const link = state.loading
  if (link === null) return
  state.loading = null
  if (state.due.has(link) && link.cursor === from) {
    if (run === null || isEarly(state, link, run)) {
      link.isDry = true
      refreshSending(state, link)
    } else send(state, link, run, nextArrival, now)
  }
  schedule(state)
}

/** Who has not the proof, or one of another place, cannot verify a run that ends where the feed is frozen here. */
const isEarly = (state: ReplicationState, link: FeedLink, { head }: Run): boolean =>
  isUnsigned(head) && freezeOf(state.theirs.get(link.text)) !== head.length

const send = (state: ReplicationState, link: FeedLink, run: Run, nextArrival: number | null, now: number) => {
  const end = run.from + run.blocks.length
  const bytes = run.blocks.reduce((sum, block) => sum + block.length, runRoom)
  if (end > (state.acknowledged(link.text) ?? 0)) {
    link.flight.push({ end, bytes, at: now })
    state.flightBytes += bytes
    link.sentAt = state.sentAt = now
  } else state.returned.add(bytes, now)
  const again = run.blocks.filter((_, i) => link.sent.has(run.from + i))
  const anew = again.length === 0 ? 0 : again.reduce((sum, block) => sum + block.length, runRoom)
  link.sent.add(run.from, end)
  state.charge(link.sent.count(bytes - anew, anew, now))
  moveTo(link, end)
  link.arrival = nextArrival
  if (link.told.length < end) link.told = { length: end, mark: markOf(run.head.root) }
  if (isSameItem(link.told, state.own.get(link.text)!)) {
    state.haves.delete(link)
    state.news.delete(link)
  }
  state.output.messages.push({ _tag: "Data", run })
  refreshSending(state, link)
}
