/**
 * What a space keeps of those who were members once: their feeds beyond what counts, within a bound, and this device's own to hand in.
 *
 * It is stored like any other block and withheld by what the operations say, so that an endorsement finds it here. Blocks that wait for
 * others fill the room as well, though nobody knows yet what they are.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Semaphore from "effect/Semaphore"
import { feedText } from "../../schema/echo/FeedTable.ts"
import type { FeedLength } from "../../schema/halo/ControlMessage.ts"
import { lateBytesMax, quarantineBytesMax, turnBytesMax } from "../../schema/platform/Limits.ts"
import type { StoredFeed } from "../../services/echo/FeedStore.ts"
import type { LateFeeds } from "../../services/halo/Entrance.ts"
import type { SpaceOperations } from "../../services/halo/OperationStore.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import type { OpenSpace } from "./OpenSpace.ts"

/** Stored blocks that may not be delivered yet: where they end, and their bytes. */
interface Stored {
  readonly end: number
  readonly bytes: number
}

class SpaceQuarantine {
  private readonly space: OpenSpace
  private readonly waiting = new Map<string, Array<Stored>>()
  private readonly turn = Semaphore.makeUnsafe(1)
  private isMeasured = false
  private readonly clock: Clock.Clock
  /** Of each device that handed something in, how many bytes it might at a time. */
  private readonly allowances = new Map<string, { readonly bytes: number; readonly at: number }>()

  constructor(space: OpenSpace, clock: Clock.Clock) {
    this.space = space
    this.clock = clock
  }

  readonly allowed = (device: string): number => {
    const last = this.allowances.get(device)
    if (last === undefined) return lateBytesMax
    return Math.min(lateBytesMax, last.bytes + Math.floor(((elapsedMillis(this.clock) - last.at) * lateBytesMax) / 60_000))
  }

  readonly spend = (device: string, bytes: number): void => {
    this.allowances.set(device, { bytes: this.allowed(device) - bytes, at: elapsedMillis(this.clock) })
  }

  /** How many bytes more it takes. */
  get room(): Effect.Effect<number, StorageError> {
    const room = Effect.gen({ self: this }, function* () {
      if (!this.isMeasured) yield* this.measure()
      this.isMeasured = true
      const { feeds, state } = this.space
      let bytes = state.withheldBytes
      for (const feed of feeds.list()) {
        const stored = this.waiting.get(feed.text)
        if (stored === undefined) continue
        const length = state.delivery.length(state.feeds.intern(feed.id))
        const left = stored.filter(({ end }) => end > length)
        this.waiting.set(feed.text, left)
        for (const each of left) bytes += each.bytes
      }
      return quarantineBytesMax - bytes
    })
    return this.turn.withPermit(room)
  }

  stored(feed: string, end: number, bytes: number): void {
    const stored = this.waiting.get(feed)
    if (stored === undefined) this.waiting.set(feed, [{ end, bytes }])
    else stored.push({ end, bytes })
  }

  /** Reads once what was stored in earlier lives and waits. */
  private measure(): Effect.Effect<void, StorageError> {
    const { access, feeds, state } = this.space
    return Effect.forEach(
      feeds
        .list()
        .filter((feed) => access.accepted(feed).counter !== Number.POSITIVE_INFINITY || access.accepted(feed).role === 0),
      (feed) => this.measureFeed(feed, state.delivery.length(state.feeds.intern(feed.id))),
      { discard: true }
    )
  }

  private readonly measureFeed = Effect.fnUntraced({ self: this }, function* ({ id, length, text }: StoredFeed, from: number) {
    for (let at = from; at < length; ) {
      const blocks = yield* this.space.feeds.read(id, at, turnBytesMax)
      at += blocks.length
      this.stored(
        text,
        at,
        blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
      )
    }
  })
}

/** The feeds of a life of a space, as its entrance hands them in and takes them. */
export const lateFeedsOf = (space: OpenSpace, operations: SpaceOperations, clock: Clock.Clock): LateFeeds => {
  const { feeds, peers } = space
  const own = Base64Url.encode(space.access.device)
  const quarantine = new SpaceQuarantine(space, clock)

  /** The feed, admitted if the operation that says so has just come. */
  const found = Effect.fnUntraced(function* (feed: Uint8Array, manifests: ReadonlyMap<string, Uint8Array>) {
    const known = feeds.find(feed)
    const manifest = manifests.get(feedText(feed))
    if (known !== undefined || manifest === undefined) return known
    return yield* Effect.catchTag(feeds.admit(manifest), "ManifestRefused", () => Effect.succeed(undefined))
  })

  const lengths = Effect.fnUntraced(function* (device: string, offered: ReadonlyArray<FeedLength>) {
    const manifests = manifestsOf(operations, device)
    const here: Array<FeedLength> = []
    for (const { feed } of offered) {
      if (operations.deviceOf(feedText(feed)) !== device) continue
      const stored = yield* found(feed, manifests)
      if (stored !== undefined && stored.frozenAt === null) here.push({ feed, length: stored.length })
    }
    return here
  })

  return {
    own: () =>
      feeds
        .list()
        .filter((feed) => operations.deviceOf(feed.text) === own && feed.length > 0 && feed.frozenAt === null)
        .map(({ id, length }) => ({ feed: id, length })),
    run: (feed, from, maxBytes) => feeds.run(feed, from, maxBytes, false),
    acknowledged: (device, feed, length) => peers.observer(device).acknowledged(feedText(feed), length, -1),
    lengths,
    allowed: quarantine.allowed,
    spend: quarantine.spend,
    room: quarantine.room,
    keep: Effect.fnUntraced(function* (run) {
      const added = yield* feeds.ingest(run)
      const { blocks, feed, head } = run
      const text = feedText(feed)
      if (added > 0)
        quarantine.stored(
          text,
          head.length,
          blocks.reduce((sum, { length }) => sum + length, 0)
        )
      return feeds.find(feed)?.length ?? head.length
    }, Effect.uninterruptible),
    hindered: (device, reason) => peers.failed(device, reason)
  }
}

/** The manifests of a device's feeds, by feed, as operations admit them. */
const manifestsOf = (operations: SpaceOperations, device: string): ReadonlyMap<string, Uint8Array> => {
  const manifests = new Map<string, Uint8Array>()
  for (const { operation, payload } of operations.list()) {
    if (payload.type !== "AdmitFeed" || operation.deed.type !== "AdmitFeed" || operation.deed.device !== device) continue
    manifests.set(operation.deed.feed, payload.manifest)
  }
  return manifests
}
