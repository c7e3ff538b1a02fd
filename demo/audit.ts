/**
 * The auditor: opens a folder that nobody has open, verifies every signature in it anew, folds its feeds anew, and compares what they
 * hold with what the journals claim.
 *
 * `node demo/audit.ts`, asked by calls. It opens storage and feeds and no Peer: it dials nobody, and writes nothing into any feed.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as FeedStoreLayer from "../src/layers/echo/FeedStore.ts"
import * as BootCounterNode from "../src/layers/platform/BootCounterNode.ts"
import * as CryptoNode from "../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../src/layers/platform/KeyringStorage.ts"
import * as StorageLevel from "../src/layers/platform/StorageLevel.ts"
import { frontierHash } from "../src/schema/echo/Frontier.ts"
import { decodeTicket } from "../src/schema/echo/Space.ts"
import { SpaceState } from "../src/schema/echo/SpaceState.ts"
import { stateHash } from "../src/schema/echo/StateHash.ts"
import { FeedStore } from "../src/services/echo/FeedStore.ts"
import { Crypto } from "../src/services/platform/Crypto.ts"
import { Keyring } from "../src/services/platform/Keyring.ts"
import type { AuditCalls, Audited } from "./calls.ts"
import { fold, Receipts } from "./fold.ts"
import { readJournals } from "./journal.ts"
import { run, serve } from "./parent.ts"

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
    const receipts = journals === null ? null : new Receipts(readJournals(journals))
    const problems = yield* fold(feeds, state, receipts)
    const count = (type: string): number => state.objects.ofType(type).filter((entry) => !entry.isDeleted).length
    const audited: Audited = {
      stateHash: stateHash(state.objects, crypto.hash),
      frontier: Buffer.from(frontierHash({ floors: [], applied: state.delivery.applied() }, crypto.hash)).toString("hex"),
      cities: count("City"),
      visits: count("Visit"),
      blocks,
      signatures,
      changes: receipts?.changes ?? 0,
      missing: receipts?.missing ?? [],
      uncovered: receipts?.uncovered ?? [],
      problems
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
