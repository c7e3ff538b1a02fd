/**
 * What a device knows of one peer while their connection lasts: who has which feed how far, what was asked, what is under way.
 *
 * The state belongs to one connection and is changed in place by the steps of the machine (Replication.ts); it grows with the feeds
 * that differ, never with what a peer sends. Rules and messages: docs/format.md#replication.
 */

import type { Run } from "./Feed.ts"
import { feedText } from "./FeedTable.ts"
import { FeedSet, type SetItem } from "./RangeSync.ts"
import type { Mark, Message, Range } from "./ReplicationMessage.ts"
import { Returned, Sent } from "./ReplicationSent.ts"

/** A feed of this device: `length` counts what is durable, and not what lies beyond a freeze. */
export interface LocalFeed extends SetItem {
  /** The device whose feed it is, as text. */
  readonly author: string
  readonly mark: Mark
}

/** Where a proven fork froze a feed, or null. */
export const freezeOf = (item: { readonly mark: Mark | null } | undefined): number | null =>
  typeof item?.mark === "number" ? item.mark : null

/** What may happen to the machine. Actions of a `Received` are carried out, and answered, before the next `Received`. */
export type Event =
  | { readonly _tag: "Received"; readonly message: Message }
  /** A frame that is no message. */
  | { readonly _tag: "Garbled"; readonly reason: string }
  /** A feed of this device was admitted, grew or froze, whoever did it. */
  | { readonly _tag: "Grew"; readonly feed: LocalFeed }
  | { readonly _tag: "Admitted"; readonly feed: string; readonly isRefused: boolean }
  | {
      readonly _tag: "Ingested"
      readonly feed: string
      readonly end: number
      readonly added: number
      readonly refusal: string | null
    }
  | { readonly _tag: "ForkKept"; readonly feed: string; readonly refusal: string | null }
  | { readonly _tag: "ForkLoaded"; readonly feed: string; readonly proof: Uint8Array | null }
  | {
      readonly _tag: "Ranked"
      readonly ranks: ReadonlyArray<{ readonly feed: string; readonly index: number; readonly arrival: number | null }>
    }
  | {
      readonly _tag: "Loaded"
      readonly feed: string
      readonly from: number
      readonly run: Run | null
      readonly nextArrival: number | null
    }
  /** The channel takes more, or a time has come: nothing is said but in answer to this, to `ForkLoaded` and to `Loaded`. */
  | { readonly _tag: "Writable" }

/** What the machine asks for. */
export type Action =
  | { readonly _tag: "Admit"; readonly feed: string; readonly manifest: Uint8Array }
  | { readonly _tag: "Ingest"; readonly feed: string; readonly run: Run }
  | { readonly _tag: "KeepFork"; readonly feed: string; readonly proof: Uint8Array }
  | { readonly _tag: "LoadFork"; readonly feed: Uint8Array; readonly text: string }
  | {
      readonly _tag: "Rank"
      readonly blocks: ReadonlyArray<{ readonly feed: Uint8Array; readonly text: string; readonly index: number }>
    }
  | {
      readonly _tag: "Load"
      readonly feed: Uint8Array
      readonly text: string
      readonly from: number
      readonly maxBytes: number
      readonly withProof: boolean
    }
  /** To be shown; nothing is answered. */
  | { readonly _tag: "Acknowledged"; readonly feed: string; readonly length: number; readonly before?: number | undefined }
  /** A feed is not taken from the peer, or (null) is again. */
  | { readonly _tag: "Refused"; readonly feed: string; readonly reason: string | null }
  /** The connection ends, after the messages of this step. */
  | { readonly _tag: "Close"; readonly reason: string }

export interface Output {
  readonly messages: Array<Message>
  readonly actions: Array<Action>
}

/** Blocks on their way up to `end`. */
interface Flown {
  readonly end: number
  readonly bytes: number
  readonly at: number
}

/** A search for the place where a feed forked: blocks from `from` up to `until` are wanted once more, `next` is to come. */
interface Search {
  readonly from: number
  readonly until: number
  next: number
  isAsked: boolean
}

/** One feed as this connection sees it. */
export class FeedLink {
  readonly feed: Uint8Array
  readonly text: string
  /** What the peer knows us to have; a length of −1 for nothing in particular. */
  told: { readonly length: number; readonly mark: Mark | null } = { length: -1, mark: null }
  /** Whether the peer was told of the feed and has said nothing of it yet. */
  isAwaited = false
  /** Whether the peer wants all that comes. */
  isPushed = false
  /** The next block to send, −1 before any was wanted or pushed; and where sending ends unless it is pushed. */
  cursor = -1
  limit = 0
  /** The place of block `cursor` in the order of arrival, when known. */
  arrival: number | null = null
  /** Nothing could be read at `cursor`; it is tried again when the feed has grown. */
  isDry = false
  readonly flight: Array<Flown> = []
  sentAt = 0
  readonly sent = new Sent()
  isManifestSent = false
  /** Why the peer does not take this feed. */
  refusedByPeer: string | null = null
  /** The freeze of which the peer was sent the proof, and when it may be sent once more. */
  forkSent: number | null = null
  forkSends = 0
  forkAgainAt = 0
  /** Blocks up to here are being stored that the peer sent; −1 for none. */
  incoming = -1
  /** Blocks up to here were here when the connection began, or came from this peer: it has no reason to send one of them. */
  crossed: number
  /** Whether the peer has sent a proof of a fork. */
  hasProved = false
  /** Whether all that the peer has was asked for. */
  isAsked = false
  behindSince = 0
  /** How often it was asked for all since anything new of the feed came from this peer, or it turned out to have no more. */
  asks = 0
  /** Why this feed is not taken from this peer until it is resumed, and how often it was stopped since anything new came. */
  stopped: string | null = null
  resumeAt = 0
  stops = 0
  pauses = 0
  retryAt = 0
  search: Search | null = null

  constructor(feed: Uint8Array, text: string, crossed: number) {
    this.feed = feed
    this.text = text
    this.crossed = crossed
  }
}

/** A connection as a source of feeds. */
export interface Source {
  /** Another connection brings this feed now. */
  readonly passedOver: (feed: string) => void
}

/** Whose turn it is to bring a feed, and when it got the turn or brought something new of it last. */
interface Turn {
  readonly source: Source
  readonly at: number
}

/** Which connection of a space brings which feed, so that no feed is asked of two peers at once. Shared by a space's connections. */
export class Sources {
  private readonly turns = new Map<string, Turn>()

  get size(): number {
    return this.turns.size
  }

  of(feed: string): Source | undefined {
    return this.turns.get(feed)?.source
  }

  /** The connection is asked for a feed. Asking the same again gives no more time. */
  ask(feed: string, source: Source, now: number): void {
    if (this.of(feed) !== source) this.take(feed, source, now)
  }

  /** The connection has brought something new of a feed: nothing else counts as progress. */
  take(feed: string, source: Source, now: number): void {
    const before = this.of(feed)
    this.turns.set(feed, { source, at: now })
    if (before !== undefined && before !== source) before.passedOver(feed)
  }

  /** The connection ends: what it was to bring may be asked of any other at once. */
  end(source: Source): void {
    for (const [feed, turn] of this.turns) if (turn.source === source) this.turns.delete(feed)
  }

  /** When a feed that another connection brings may be asked of this one: later, the more often it was asked in vain. */
  askAt(link: FeedLink, source: Source): number {
    const turn = this.turns.get(link.text)
    if (turn === undefined || turn.source === source) return 0
    return Math.max(link.behindSince, turn.at) + Math.min(sourcePause * 2 ** link.asks, sourcePauseMax)
  }
}

/** How long a source may bring nothing new of a feed before another is asked for it. */
const sourcePause = 2_000
const sourcePauseMax = 64_000

export interface Options {
  readonly hash: (bytes: Uint8Array) => Uint8Array
  /** The public keys of both ends. */
  readonly self: Uint8Array
  readonly peer: Uint8Array
  readonly feeds: ReadonlyArray<LocalFeed>
  readonly sources: Sources
  /** The manifest of an own feed, encoded. */
  readonly manifest: (feed: string) => Uint8Array | null
  /** The hash of what is applied now. */
  readonly frontierHash: () => Uint8Array
  /** The operations beside the feeds: their hash, and what becomes of the other's. Version 0 has none. */
  readonly operations?: { readonly summary: () => Uint8Array; readonly summed: (ops: Uint8Array) => void }
  /** Another connection has given this one something to say: `Writable` is due. */
  readonly wake?: () => void
  readonly now: number
}

export class ReplicationState {
  readonly hash: Options["hash"]
  readonly manifest: Options["manifest"]
  readonly frontierHash: Options["frontierHash"]
  readonly operations: Options["operations"]
  readonly self: string
  readonly peer: string
  readonly own: FeedSet<LocalFeed>
  /** What the peer has said to have stored: the acknowledged lengths. */
  readonly theirs: FeedSet
  readonly links = new Map<string, FeedLink>()
  readonly sources: Sources
  readonly source: Source = { passedOver: (feed) => this.passedOver(feed) }
  private readonly wake: Options["wake"]

  // what is to be said, in sets so that it is said once and nothing grows
  readonly refusals = new Map<string, Message>()
  readonly forks = new Set<FeedLink>()
  readonly manifests = new Set<FeedLink>()
  readonly haves = new Set<FeedLink>()
  /** Feeds of others that have grown here: told when anything is, and after a pause in any case. */
  readonly news = new Set<FeedLink>()
  /** When the news are told at the latest. */
  newsAt = Number.POSITIVE_INFINITY
  /** Feeds that the peer has yet to be told of, when it has answered for others. */
  readonly unnamed = new Set<FeedLink>()
  readonly behind = new Set<FeedLink>()
  /** Feeds that are not taken until a pause is over. */
  readonly halted = new Set<FeedLink>()
  readonly prunes = new Set<FeedLink>()
  readonly due = new Set<FeedLink>()
  ranges: Array<Range> = []
  isSummaryDue = true

  // comparing
  hasHeardSummary = false
  owesSummary = false
  compareAt: number | null = null
  nextCompareAt = 0
  comparePause = 1_000
  readonly leads: boolean

  // what is under way
  flightBytes = 0
  readonly returned = new Returned()
  /** When blocks were sent last. */
  sentAt = 0
  loading: FeedLink | null = null
  isRanking = false
  isForkLoading = false
  rangeTokens = 4_096
  rangeTokensAt: number
  summaryTokens = 16
  summaryTokensAt: number
  /** The run that is being stored. */
  coming: Run | null = null
  /** Bytes that nobody had wanted, less those that were new, and one for each millisecond. */
  wasted = 0
  /** Feeds that the peer has named and that are not admitted here; and feeds of which it has said nothing since it was told of them. */
  strangers = 0
  unanswered = 0
  /** Why the connection ends, and what the peer is told of it. */
  closing: string | null = null
  farewell: string | null = null

  // times
  activeAt: number
  /** When either side summed up last. */
  summedAt: number
  heardAt: number
  /** When something was asked for, or came that had been asked for. */
  askedAt: number
  stallPause = 20_000

  output: Output = { messages: [], actions: [] }

  constructor(options: Options) {
    this.hash = options.hash
    this.manifest = options.manifest
    this.frontierHash = options.frontierHash
    this.operations = options.operations
    this.self = feedText(options.self)
    this.peer = feedText(options.peer)
    this.leads = isSmaller(options.self, options.peer)
    this.own = new FeedSet<LocalFeed>(options.hash)
    this.theirs = new FeedSet(options.hash)
    for (const feed of options.feeds) this.own.put(feed)
    this.sources = options.sources
    this.wake = options.wake
    this.activeAt = this.summedAt = this.heardAt = this.askedAt = this.rangeTokensAt = this.summaryTokensAt = options.now
  }

  /** The link of a feed, made before a feed here first grows. Ids are copied: what is kept must not hold a whole frame. */
  link(feed: Uint8Array, text = feedText(feed)): FeedLink {
    let link = this.links.get(text)
    if (link === undefined) {
      const own = this.own.get(text)
      link = new FeedLink(own?.feed ?? feed.slice(), text, own?.length ?? 0)
      this.links.set(text, link)
    }
    return link
  }

  /** The acknowledged length of a feed; undefined when the peer never spoke of it. */
  acknowledged(text: string): number | undefined {
    return this.theirs.get(text)?.length
  }

  /** What another connection brings needs not be sent here too, unless the peer has sent all that it said to have. */
  private passedOver(feed: string): void {
    const link = this.links.get(feed)
    if (link === undefined || !link.isAsked || link.search !== null || !this.behind.has(link)) return
    link.isAsked = false
    this.prunes.add(link)
    this.wake?.()
  }

  /** The feed will be refused aloud, once until it is said. */
  refuse(link: FeedLink, reason: string): void {
    this.refusals.set(link.text, { _tag: "Refuse", reason, feed: link.feed })
  }

  /** Nothing more of the feed is taken until a pause is over, which is longer each time. */
  stop(link: FeedLink, reason: string, now: number): void {
    if (link.stopped !== null) return
    link.stopped = reason
    link.resumeAt = now + Math.min(stopPause * 2 ** link.stops++, stopPauseMax)
    link.search = null
    this.halted.add(link)
    this.behind.delete(link)
    this.refuse(link, reason)
    this.output.actions.push({ _tag: "Refused", feed: link.text, reason })
  }

  /** What the peer had that was refused was taken after all. */
  taken(link: FeedLink): void {
    if (link.stops === 0) return
    link.stops = 0
    this.output.actions.push({ _tag: "Refused", feed: link.text, reason: null })
  }

  /** The peer has said something of a feed that it was told of. */
  answered(link: FeedLink): void {
    if (!link.isAwaited) return
    link.isAwaited = false
    this.unanswered = Math.max(0, this.unanswered - 1)
  }

  /** Counts what was sent without being wanted; who goes on with it is cut off. */
  charge(bytes: number): void {
    this.wasted += bytes
    if (this.wasted > wastedBytesMax) this.close("it goes on sending what nobody wants", "greedy")
  }

  /** What was of use makes up for what was not. */
  forgive(bytes: number): void {
    this.wasted = Math.max(0, this.wasted - bytes)
  }

  close(reason: string, farewell: string | null = "malformed"): void {
    if (this.closing !== null) return
    this.closing = reason
    this.farewell = farewell
  }
}

const wastedBytesMax = 8_388_608
/** How long a feed that was refused is not asked for again, at first and at most. */
const stopPause = 30_000
const stopPauseMax = 3_600_000

const isSmaller = (a: Uint8Array, b: Uint8Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!
  return false
}
