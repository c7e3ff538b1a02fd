/**
 * The auditor: opens a folder that nobody has open, verifies every signature in it anew, folds its feeds anew, and compares what they
 * hold with what the journals claim.
 *
 * `node demo/audit.ts`, asked by calls. It opens storage and feeds and no Peer: it dials nobody, and writes nothing into any feed.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as FeedStoreLayer from "../src/layers/echo/FeedStore.ts"
import * as BootCounterNode from "../src/layers/platform/BootCounterNode.ts"
import * as CryptoNode from "../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../src/layers/platform/KeyringStorage.ts"
import * as StorageLevel from "../src/layers/platform/StorageLevel.ts"
import type { ChangeSet, Plain } from "../src/schema/echo/ChangeSet.ts"
import { decodePlain } from "../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../src/schema/echo/Feed.ts"
import { feedText } from "../src/schema/echo/FeedTable.ts"
import { frontierHash } from "../src/schema/echo/Frontier.ts"
import { decodeTicket } from "../src/schema/echo/Space.ts"
import { SpaceState } from "../src/schema/echo/SpaceState.ts"
import { stateHash } from "../src/schema/echo/StateHash.ts"
import { FeedStore, type SpaceFeeds, type StoredFeed } from "../src/services/echo/FeedStore.ts"
import type { Receipt } from "../src/services/echo/SpaceService.ts"
import { Crypto } from "../src/services/platform/Crypto.ts"
import { Keyring } from "../src/services/platform/Keyring.ts"
import type { AuditCalls, Audited } from "./calls.ts"
import { changeOf, depsOf } from "./change.ts"
import { readJournals } from "./journal.ts"
import type { Change } from "./naive.ts"
import { run, serve } from "./parent.ts"

/** Receipts by the place that they claim. */
class Claims {
  private readonly open = new Map<string, Receipt>()
  readonly uncovered: Array<Change> = []
  changes = 0

  constructor(journals: ReadonlyArray<string>) {
    for (const { done } of readJournals(journals)) {
      if (done !== null && done !== undefined) this.open.set(`${done.feed} ${done.first}`, done)
    }
  }

  /** A change set that a feed holds. Its receipt must tell the same. */
  meet(feed: string, changeSet: ChangeSet, plain: Plain): void {
    this.changes++
    const place = `${feed} ${changeSet.first}`
    const receipt = this.open.get(place)
    const feedOf = (position: number): string => (position === 0 ? feed : feedText(plain.feeds[position - 1]!))
    if (receipt === undefined) this.uncovered.push(changeOf(feed, changeSet, feedOf))
    else if (isBorneOut(receipt, changeSet, depsOf(changeSet, feedOf))) this.open.delete(place)
  }

  /** Receipts that no feed bears out. */
  get missing(): ReadonlyArray<string> {
    return [...this.open.keys()]
  }
}

const isBorneOut = (receipt: Receipt, { mutations, time }: ChangeSet, deps: Change["deps"]): boolean => {
  const lines = (each: Change["deps"]) =>
    each
      .map(({ counter, feed }) => `${feed} ${counter}`)
      .sort()
      .join()
  return receipt.count === mutations.length && receipt.time === time && lines(receipt.deps) === lines(deps)
}

/** Folds all feeds of a space from their first block, one after the other as far as each can go. */
const fold = Effect.fnUntraced(function* (feeds: SpaceFeeds, state: SpaceState, claims: Claims | null) {
  const step = Effect.fnUntraced(function* (feed: StoredFeed, number: number) {
    const blocks = yield* feeds.read(feed.id, state.delivery.length(number), 1_048_576)
    let count = 0
    for (const block of blocks) {
      const decoded = decodeBlock(block.bytes)
      const content = Result.isSuccess(decoded) ? decoded.success : decoded.failure
      if (state.deliver(number, content, block.root)._tag === "Waits") break
      count++
      if (claims === null || !(content instanceof Uint8Array)) continue
      const plain = Result.getOrThrow(decodePlain(content))
      for (const changeSet of plain.changeSets) claims.meet(feed.text, changeSet, plain)
    }
    return count
  })
  for (let moved = true; moved; ) {
    moved = false
    for (const feed of feeds.list()) {
      const number = state.feeds.intern(feed.id)
      while (state.delivery.length(number) < feed.length && (yield* step(feed, number)) > 0) moved = true
    }
  }
})

const audit = (folder: string, ticketText: string, journals: ReadonlyArray<string> | null) =>
  Effect.gen(function* () {
    const crypto = yield* Crypto
    const keyring = yield* Keyring
    const feedStore = yield* FeedStore
    const ticket = yield* Effect.fromResult(decodeTicket(ticketText, crypto.hash))
    const members = new Set(ticket.genesis.devices.map(Base64Url.encode))
    const state = new SpaceState()
    const [device] = yield* keyring.list("device")
    const feeds = yield* feedStore.open({
      space: ticket.space,
      device: device!,
      isMember: (member) => members.has(Base64Url.encode(member)),
      feedId: (index) => state.feeds.id(index)
    })
    const { blocks, signatures } = yield* feeds.audit
    const claims = journals === null ? null : new Claims(journals)
    yield* fold(feeds, state, claims)
    const count = (type: string): number => state.objects.ofType(type).filter((entry) => !entry.isDeleted).length
    const audited: Audited = {
      stateHash: stateHash(state.objects, crypto.hash),
      frontier: Buffer.from(frontierHash({ floors: [], applied: state.delivery.applied() }, crypto.hash)).toString("hex"),
      cities: count("City"),
      visits: count("Visit"),
      blocks,
      signatures,
      changes: claims?.changes ?? 0,
      missing: claims?.missing ?? [],
      uncovered: claims?.uncovered ?? []
    }
    return audited
  }).pipe(Effect.scoped, Effect.provide(Layer.fresh(opened(folder))))

const opened = (folder: string) =>
  FeedStoreLayer.layer.pipe(
    Layer.provideMerge(KeyringStorage.layer),
    Layer.provideMerge(Layer.merge(StorageLevel.layer({ folder }), CryptoNode.layer)),
    Layer.provideMerge(BootCounterNode.layer({ folder }))
  )

run(serve<AuditCalls, never>({ audit }))
