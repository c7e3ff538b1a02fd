/**
 * The audit: verifies every signature that a storage holds anew, folds its feeds anew, and compares what they hold with what the
 * journals claim. It opens feeds and no Peer: it dials nobody, and writes nothing into any feed.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Hex from "effect/encoding/Hex"
import { feedText } from "../src/schema/echo/FeedTable.ts"
import { frontierHash } from "../src/schema/echo/Frontier.ts"
import { decodeTicket } from "../src/schema/echo/Space.ts"
import { SpaceState } from "../src/schema/echo/SpaceState.ts"
import { stateHash } from "../src/schema/echo/StateHash.ts"
import { FeedStore } from "../src/services/echo/FeedStore.ts"
import { OperationStore } from "../src/services/halo/OperationStore.ts"
import { Crypto } from "../src/services/platform/Crypto.ts"
import { Keyring } from "../src/services/platform/Keyring.ts"
import type { Audited } from "./calls.ts"
import { fold, Receipts } from "./fold.ts"
import type { Entry } from "./journal.ts"

/** Without entries nothing is compared. */
export const audit = (ticketText: string, entries: ReadonlyArray<Entry> | null) =>
  Effect.gen(function* () {
    const crypto = yield* Crypto
    const keyring = yield* Keyring
    const feedStore = yield* FeedStore
    const operationStore = yield* OperationStore
    const ticket = yield* Effect.fromResult(decodeTicket(ticketText, crypto.hash))
    const operations = yield* operationStore.open(ticket.space, null)
    const state = new SpaceState()
    const [device] = yield* keyring.list("device")
    const feeds = yield* feedStore.open({
      space: ticket.space,
      device: device!,
      admits: ({ device, feed }) => operations.deviceOf(feedText(feed)) === Base64Url.encode(device),
      feedId: (index) => state.feeds.id(index)
    })
    const { blocks, signatures } = yield* feeds.audit
    const receipts = entries === null ? null : new Receipts(entries)
    const problems = yield* fold(feeds, state, receipts)
    const count = (type: string): number => state.objects.ofType(type).filter((entry) => !entry.isDeleted).length
    const audited: Audited = {
      stateHash: stateHash(state.objects, crypto.hash),
      frontier: Hex.encode(
        frontierHash({ controlHeads: operations.heads(), floors: [], applied: state.delivery.applied() }, crypto.hash)
      ),
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
  }).pipe(Effect.scoped)
