/**
 * The asking half of replication: what this device wants of a peer, and what it does with what comes.
 *
 * [R3] A manifest goes before a feed's first block; manifests and Data that nobody wanted are refused and not kept.
 * [R5] A peer is taken to have what it has said to have, and what it has sent once that was verified.
 * [R9] It never gives up: what was lost is asked for again, with growing pauses, and a feed of which one peer brings nothing of another.
 * [R11] A feed that is refused stops on this connection alone, and for a while; other feeds go on.
 * [R12] Where a feed forks is searched ever further back until the store holds a proof, and peers are given the proof.
 */
import * as Result from "effect/Result"
import { messageFeedsMax, strangeFeedsMax } from "../platform/Limits.ts"
import type { Run } from "./Feed.ts"
import { feedText } from "./FeedTable.ts"
import { isSameItem } from "./RangeSync.ts"
import { type FeedItem, feedOfManifest, isSameMark, type Mark, markOf, type Wanted } from "./ReplicationMessage.ts"
import { advance, hasten, refreshSending, retreat } from "./ReplicationSending.ts"
import { type FeedLink, freezeOf, type ReplicationState } from "./ReplicationState.ts"

/** What a message costs to handle that nobody wanted, beside its bytes. */
const nuisanceBytes = 65_536
const pauseMax = 64_000
/** What such a name costs. */
const nameBytes = 64
/** What a feed is worth that was admitted. */
const manifestBytes = 1_024

/** Decides anew whether the peer has more of a feed than this device. */
export const refreshBehind = (state: ReplicationState, link: FeedLink, now: number) => {
  if (link.search !== null) {
    state.behind.add(link)
    return
  }
  const own = state.own.get(link.text)
  const there = state.acknowledged(link.text)
  const has = own?.length ?? -1
  if (there === undefined || there <= has || link.stopped !== null) {
    state.behind.delete(link)
    link.asks = 0
    return
  }
  const frozenAt = freezeOf(own)
  if (frozenAt !== null && has >= frozenAt) {
    state.behind.delete(link)
    return
  }
  if (!state.behind.has(link)) link.behindSince = now
  state.behind.add(link)
}

/** Whether the peer may not know of the freeze of a feed, or not of one so low. */
const lacksFreeze = (state: ReplicationState, link: FeedLink): boolean => {
  const frozenAt = freezeOf(state.own.get(link.text))
  return frozenAt !== null && (freezeOf(state.theirs.get(link.text)) ?? Number.POSITIVE_INFINITY) > frozenAt
}

/** The peer is to have the proof that froze a feed: at once, and again after a pause when it still does not say that it has it. */
export const prove = (state: ReplicationState, link: FeedLink, now: number) => {
  if (!lacksFreeze(state, link)) return
  if (link.forkSent !== freezeOf(state.own.get(link.text)) || now >= link.forkAgainAt) state.forks.add(link)
}

/** What the peer has of a feed may be another thing than what is here: then one of the two learns of a fork. */
export const judge = (state: ReplicationState, link: FeedLink, now: number) => {
  const own = state.own.get(link.text)
  const there = state.theirs.get(link.text)
  if (own === undefined || there === undefined) return
  prove(state, link, now)
  if (!(own.mark instanceof Uint8Array && there.mark instanceof Uint8Array)) return
  const differs = own.length === there.length && !isSameMark(own.mark, there.mark)
  if (differs && link.search === null && link.stopped === null) searchFork(state, link, own.length, now)
}

const know = (state: ReplicationState, link: FeedLink, length: number, mark: Mark | null, now: number) => {
  const before = state.acknowledged(link.text)
  state.answered(link)
  if (before === undefined && state.own.get(link.text) === undefined) state.strangers++
  state.theirs.put({ feed: link.feed, text: link.text, length, mark: kept(state, link, mark) })
  state.output.actions.push({ _tag: "Acknowledged", feed: link.text, length, before })
  // it may have the proof now that a run needs
  link.isDry = false
  if (before !== undefined && before > length) retreat(state, link, length, now)
  else advance(state, link, length)
  judge(state, link, now)
  refreshBehind(state, link, now)
}

/** A mark to keep, which must not hold a whole frame: mostly it is that of the feed here. */
const kept = (state: ReplicationState, link: FeedLink, mark: Mark | null): Mark | null => {
  if (!(mark instanceof Uint8Array)) return mark
  const own = state.own.get(link.text)
  return own !== undefined && isSameMark(own.mark, mark) ? own.mark : mark.slice()
}

/** The peer has stored a feed up to a length at least, where the feed is this, if that is known. */
export const acknowledge = (state: ReplicationState, link: FeedLink, length: number, now: number, mark: Mark | null = null) => {
  const known = state.theirs.get(link.text)
  if (known !== undefined && known.length >= length) return
  const own = state.own.get(link.text)
  // who says no more than a length has most likely what is here; if not, the sums differ
  const likely = own?.length === length && own.mark instanceof Uint8Array ? own.mark : null
  know(state, link, length, freezeOf(known) ?? mark ?? likely, now)
}

/** The peer has just this of a feed. What was taken to be there before, and is not, was not heard aright. */
export const told = (state: ReplicationState, link: FeedLink, item: Pick<FeedItem, "length" | "mark">, now: number) => {
  if (!isSameItem(state.theirs.get(link.text), item)) know(state, link, item.length, item.mark, now)
  else judge(state, link, now)
}

export const toldAll = (state: ReplicationState, feeds: ReadonlyArray<FeedItem>, now: number) => {
  for (const item of feeds) {
    if (state.closing !== null) return
    const { feed } = item
    const text = feedText(feed)
    if (state.strangers < strangeFeedsMax || state.links.has(text) || state.own.get(text) !== undefined) {
      told(state, state.link(feed, text), item, now)
      continue
    }
    // named again when it is compared again, and there is room then
    state.charge(nameBytes)
    state.owesSummary = true
  }
}

/** A feed was admitted here, whoever brought it: if the peer has named it, it is no stranger any more. */
export const met = (state: ReplicationState, link: FeedLink) => {
  if (state.acknowledged(link.text) === undefined) return
  state.strangers--
  state.forgive(manifestBytes)
}

/** When the feed may be asked of this peer; infinity when it was asked already. */
export const askAt = (state: ReplicationState, link: FeedLink): number => {
  if (link.search !== null) return link.search.isAsked ? Number.POSITIVE_INFINITY : 0
  // who has more than the freeze lets count must know of it before it sends
  if (link.isAsked || state.forks.has(link)) return Number.POSITIVE_INFINITY
  return Math.max(link.retryAt, state.sources.askAt(link, state.source))
}

/** What to ask for now. */
export const wants = (state: ReplicationState, now: number): ReadonlyArray<Wanted> => {
  const feeds: Array<Wanted> = []
  for (const link of state.behind) {
    if (feeds.length === messageFeedsMax) break
    if (askAt(state, link) > now) continue
    state.askedAt = now
    if (link.search !== null) {
      link.search.isAsked = true
      feeds.push({ feed: link.feed, from: link.search.from, to: link.search.until })
      continue
    }
    link.isAsked = true
    link.asks++
    state.prunes.delete(link)
    state.sources.ask(link.text, state.source, now)
    feeds.push({ feed: link.feed, from: state.own.get(link.text)?.length ?? 0, to: null })
  }
  return feeds
}

/** When nothing has come for long of all that was asked, it is asked for again. */
export const stalled = (state: ReplicationState, now: number) => {
  for (const link of state.behind) {
    link.isAsked = false
    if (link.search !== null) link.search.isAsked = false
  }
  state.askedAt = now
  state.stallPause = Math.min(state.stallPause * 2, 320_000)
}

/**
 * The pause after a refusal is over. It is said once more, so that who sent what was refused knows that nothing of it is under way; and taken
 * back where nothing is lacking any more, since somebody else has brought it.
 */
export const resume = (state: ReplicationState, link: FeedLink, now: number) => {
  const { stopped } = link
  state.halted.delete(link)
  link.stopped = null
  link.isAsked = false
  judge(state, link, now)
  refreshBehind(state, link, now)
  if (stopped === null) return
  if (state.behind.has(link)) state.refuse(link, stopped)
  else state.output.actions.push({ _tag: "Refused", feed: link.text, reason: null })
}

/** A manifest came. */
export const manifestCame = (state: ReplicationState, manifest: Uint8Array) => {
  const feed = feedOfManifest(manifest)
  if (Result.isFailure(feed)) return state.close(`it sent a manifest that is none: ${feed.failure.message}`)
  const link = state.links.get(feedText(feed.success))
  // who is asked twice sends it twice, and who was asked first may send it last
  if (link !== undefined && state.own.get(link.text) !== undefined) return
  if (link === undefined || link.asks === 0 || link.stopped !== null) return state.charge(nuisanceBytes)
  state.output.actions.push({ _tag: "Admit", feed: link.text, manifest })
}

/** Blocks came. */
export const dataCame = (state: ReplicationState, run: Run, now: number) => {
  const text = feedText(run.feed)
  const own = state.own.get(text)
  const bytes = bytesOf(run, run.from, run.head.length)
  const known = state.links.get(text)
  if (own === undefined) {
    state.charge(bytes + nuisanceBytes)
    // a feed that nobody has named leaves no trace but the answer
    if (known === undefined) state.refusals.set("", { _tag: "Refuse", reason: "unknown-feed", feed: run.feed.slice() })
    else if (known.stopped === null) state.refuse(known, "unknown-feed")
    return
  }
  const link = known ?? state.link(run.feed, text)
  if (link.stopped !== null) return state.charge(bytes)
  const frozenAt = freezeOf(own)
  if (frozenAt !== null && run.from >= frozenAt) {
    if (link.stops > 0) state.charge(bytes)
    prove(state, link, now)
    return state.stop(link, "frozen", now)
  }
  if (link.search !== null && run.from !== link.search.next) return state.charge(bytes)
  if (run.from > own.length) {
    state.charge(bytes)
    // by its word it has what lies before
    acknowledge(state, link, run.from, now)
    if (link.retryAt <= now) lost(state, link, "gap", now)
    return
  }
  link.incoming = Math.max(link.incoming, run.from + run.blocks.length)
  refreshSending(state, link)
  state.coming = run
  state.output.actions.push({ _tag: "Ingest", feed: text, run })
}

/** Part of a feed is missing between what is here and what came: it is asked for again, later each time. */
const lost = (state: ReplicationState, link: FeedLink, reason: string, now: number) => {
  link.retryAt = now + Math.min(1_000 * 2 ** link.pauses, pauseMax)
  link.pauses++
  link.isAsked = false
  state.refuse(link, reason)
  refreshBehind(state, link, now)
}

/** A run was stored, or refused. */
export const ingested = (
  state: ReplicationState,
  link: FeedLink,
  end: number,
  added: number,
  refusal: string | null,
  now: number
) => {
  link.incoming = -1
  // who sent it has it under way until it is told
  hasten(state, link)
  const own = state.own.get(link.text)
  const frozenAt = freezeOf(own)
  const run = state.coming
  state.coming = null
  if (run !== null && link.search === null) weigh(state, link, run, added, refusal)
  if (frozenAt !== null) {
    link.search = null
    if (refusal !== null) prove(state, link, now)
  }
  if (refusal === null) stored(state, link, end, added, run, now)
  else if (refusal === "gap") lost(state, link, refusal, now)
  else if (frozenAt === null && refusal === "forked") searchFork(state, link, own?.length ?? 0, now)
  else if (frozenAt !== null && own !== undefined && own.length < frozenAt) lost(state, link, "gap", now)
  else state.stop(link, frozenAt === null ? refusal : "frozen", now)
  refreshSending(state, link)
  refreshBehind(state, link, now)
}

/**
 * What is new makes up for what was not. Of blocks that are here already those are charged that the peer had no reason to send: they
 * were here when the connection began, so that it was told of them before it could send any, or it has sent them once. What others
 * brought meanwhile may cross with the same from this peer, however fast they are; it is no more than has grown.
 */
const weigh = (state: ReplicationState, link: FeedLink, run: Run, added: number, refusal: string | null) => {
  const end = run.from + run.blocks.length
  if (refusal !== null) {
    // a fork is no fault of who tells of it
    if (refusal !== "forked") state.charge(bytesOf(run, run.from, end))
    return
  }
  if (run.from < link.crossed) state.charge(bytesOf(run, run.from, link.crossed))
  if (added > 0) state.forgive(bytesOf(run, end - added, end))
  link.crossed = Math.max(link.crossed, end)
}

/** What the blocks of a run from one index up to another weigh, and its head. */
const bytesOf = (run: Run, from: number, to: number): number =>
  run.blocks.slice(from - run.from, to - run.from).reduce((sum, block) => sum + block.length, 256)

const stored = (state: ReplicationState, link: FeedLink, end: number, added: number, run: Run | null, now: number) => {
  acknowledge(state, link, end, now, run === null ? null : markOf(run.head.root))
  if (link.search !== null) {
    link.search.next = end
    state.askedAt = now
    if (end < link.search.until) return
    state.stop(link, "forked", now)
    // the blocks are those that are here, whatever was heard of them: the next pause finds nothing to search for
    if (run !== null && state.theirs.get(link.text)?.length === end) know(state, link, end, markOf(run.head.root), now)
    return
  }
  if (added > 0) {
    link.pauses = link.asks = 0
    state.taken(link)
    state.stallPause = 20_000
    state.askedAt = now
  }
  const own = state.own.get(link.text)
  const source = state.sources.of(link.text)
  // the author is the best source of a feed; of two others the faster stays
  if (source === undefined || added > 0 || own?.author === state.peer) state.sources.take(link.text, state.source, now)
  else if (source !== state.source) prune(state, link)
}

/** Another connection brings this feed faster: here only its lengths are to be told. */
const prune = (state: ReplicationState, link: FeedLink) => {
  if (!link.isAsked) return
  link.isAsked = false
  state.prunes.add(link)
}

/** The peer has another feed under the same key: the blocks from ever further back are wanted, until both heads make a proof. */
const searchFork = (state: ReplicationState, link: FeedLink, length: number, now: number) => {
  if (length === 0 || link.search?.from === 0) return state.stop(link, "forked", now)
  const back = link.search === null ? 1 : 2 * (length - link.search.from)
  const from = Math.max(0, length - back)
  link.search = { from, until: length, next: from, isAsked: false }
  link.isAsked = false
}

/** The manifest of a feed was looked at. */
export const admitted = (state: ReplicationState, link: FeedLink, isRefused: boolean, now: number) => {
  if (isRefused) {
    state.charge(manifestBytes)
    state.stop(link, "manifest", now)
  } else state.taken(link)
  refreshBehind(state, link, now)
}

/** A proof came that a feed has forked. Who sends it knows of the freeze, whether or not it holds. */
export const forkCame = (state: ReplicationState, feed: Uint8Array, index: number, proof: Uint8Array, now: number) => {
  const text = feedText(feed)
  const own = state.own.get(text)
  const link = own === undefined ? undefined : state.link(feed, text)
  // each proof costs two signatures, and one of a feed is enough
  if (link === undefined || link.hasProved) state.charge(proof.length + 4_096)
  if (link === undefined) return
  link.hasProved = true
  told(state, link, { length: Math.min(state.acknowledged(text) ?? 0, index), mark: index }, now)
  state.output.actions.push({ _tag: "KeepFork", feed: text, proof })
}

/** The proof was verified, or refused. */
export const forkKept = (state: ReplicationState, link: FeedLink, refusal: string | null, now: number) => {
  if (refusal !== null) state.refuse(link, "bad-proof")
  else {
    link.search = null
    // who sends it does not know that this device has it, and may hold back what only such a one can verify
    state.haves.add(link)
    if (!lacksFreeze(state, link)) state.forks.delete(link)
  }
  refreshBehind(state, link, now)
}
