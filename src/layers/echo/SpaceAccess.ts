/**
 * Who may do what in a space, as a life of it asks: by the list of devices in its genesis, or by its control operations.
 *
 * Whose feed is stored, how much of it counts, and whether this device may write all follow from here, and nothing of it is remembered
 * elsewhere: what counts is asked anew after each operation.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { decodeForkProof, encodeManifest, type Manifest } from "../../schema/echo/Feed.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import type { Genesis } from "../../schema/echo/Space.ts"
import { type Accepted, acceptedPrefix } from "../../schema/halo/AcceptedPrefix.ts"
import { roles } from "../../schema/halo/Operation.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { SpaceFeeds, StoredFeed } from "../../services/echo/FeedStore.ts"
import type { SpaceOperations } from "../../services/halo/OperationStore.ts"
import type { KeyMissing } from "../../services/platform/Keyring.ts"
import type { StorageError } from "../../services/platform/Storage.ts"

/** What keeps this device from writing: it is no member (any more), it may only read, or it does not understand all. */
export type Refusal =
  | { readonly why: "removed" | "reader"; readonly role: 0 | 1 }
  | { readonly why: "newer"; readonly what: string }

/** Whether this device's feed is the one to write in: admitted by the right that it has, or to give way to another. */
export type Standing = "admitted" | "stale" | { readonly refused: string }

export interface SpaceAccess {
  /** This device's key in the space. */
  readonly device: Uint8Array
  /** The operations that decide, or null where a list of devices does. */
  readonly operations: SpaceOperations | null
  readonly isMember: (device: Uint8Array) => boolean
  /** Whether a feed may be stored at all: some operation has admitted it, standing or not. */
  readonly admits: (manifest: Manifest) => boolean
  readonly accepted: (feed: StoredFeed) => Accepted
  /** The heads of the control operations, sorted. */
  readonly heads: () => ReadonlyArray<Uint8Array>
  /** Takes from operations what concerns feeds (whose are admitted, which forked), and says in one what was found of forks here. */
  readonly follow: (feeds: SpaceFeeds) => Effect.Effect<void, StorageError | KeyMissing>
  /** Sees to it that this device's feed is admitted by the best right that the device has. */
  readonly admitOwn: (feed: StoredFeed) => Effect.Effect<Standing, StorageError | KeyMissing>
  /** Whether this device's feed has to give way to another: its right has changed since the feed was admitted. */
  readonly isStale: (feed: StoredFeed) => boolean
  readonly refusal: () => Refusal | null
}

const everything: Accepted = { role: roles.owner, counter: Number.POSITIVE_INFINITY }

/** Whoever is there may do everything. */
export const unlimited: SpaceAccess = {
  device: new Uint8Array(32),
  operations: null,
  isMember: () => true,
  admits: () => true,
  accepted: () => everything,
  heads: () => [],
  follow: () => Effect.void,
  admitOwn: () => Effect.succeed("admitted"),
  isStale: () => false,
  refusal: () => null
}

/** Version 0: the devices that the genesis names may do everything, for good. */
export const accessByDevices = ({ devices }: Genesis, device: Uint8Array): SpaceAccess => {
  const isMember = (key: Uint8Array) => devices.some((member) => equalBytes(member, key))
  return { ...unlimited, device, isMember, admits: (manifest) => isMember(manifest.device) }
}

const noBounds = { floor: 0, freeze: Number.POSITIVE_INFINITY }

/** Who was removed goes on seeing what he wrote: what others show of it is theirs. */
export const accessByOperations = (operations: SpaceOperations, device: Uint8Array): SpaceAccess => {
  const deviceText = Base64Url.encode(device)
  const right = () => operations.membership.rightOf(deviceText)
  const accepted = ({ text }: { readonly text: string }) => acceptedPrefix(operations.membership, text, noBounds)
  const isStale = (feed: StoredFeed) => {
    const own = right()
    if (own === null || operations.deviceOf(feed.text) === undefined) return false
    const { counter, role } = accepted(feed)
    return role !== own.role || counter !== Number.POSITIVE_INFINITY
  }
  return {
    device,
    operations,
    isMember: (key) => operations.membership.rightOf(Base64Url.encode(key)) !== null,
    admits: (manifest) => operations.deviceOf(feedText(manifest.feed)) === Base64Url.encode(manifest.device),
    accepted: (feed) => (right() === null && operations.deviceOf(feed.text) === deviceText ? everything : accepted(feed)),
    heads: operations.heads,
    follow: following(operations, device),
    admitOwn: (feed) =>
      Effect.suspend(() => {
        if (isStale(feed)) return Effect.succeed<Standing>("stale")
        if (right() === null || operations.deviceOf(feed.text) !== undefined) return Effect.succeed<Standing>("admitted")
        const payload = { type: "AdmitFeed", manifest: encodeManifest(feed.manifest) } as const
        return operations.publish(payload, { device }).pipe(
          Effect.as<Standing>("admitted"),
          Effect.catchTag("NotPermitted", ({ message }) => Effect.succeed<Standing>({ refused: message }))
        )
      }),
    isStale,
    refusal: () => {
      const newer = operations.unsupported()
      if (newer !== null) return { why: "newer", what: newer }
      const role = right()?.role ?? 0
      if (role === 0) return { why: "removed", role }
      return role === roles.reader ? { why: "reader", role } : null
    }
  }
}

const following = (operations: SpaceOperations, device: Uint8Array): SpaceAccess["follow"] => {
  let followed = 0
  const proven = new Map<string, number>()

  const tell = Effect.fnUntraced(function* (feeds: SpaceFeeds) {
    const isTold = ({ frozenAt, text }: StoredFeed) =>
      frozenAt === null || (proven.get(text) ?? Number.POSITIVE_INFINITY) <= frozenAt
    if (feeds.list().every(isTold)) return
    for (const proof of yield* feeds.forkProofs) {
      const { feed, index } = Result.getOrThrow(decodeForkProof(proof))
      if ((proven.get(feedText(feed)) ?? Number.POSITIVE_INFINITY) <= index) continue
      const told = operations.publish({ type: "ForkProof", proof }, { device })
      yield* Effect.catchTag(told, "NotPermitted", ({ message }) => Effect.logDebug(`a fork is not told: ${message}`))
      proven.set(feedText(feed), index)
    }
  })

  return Effect.fnUntraced(function* (feeds) {
    for (const list = operations.list(); followed < list.length; followed++) {
      const { payload, operation } = list[followed]!
      if (payload.type === "AdmitFeed") {
        const admitted = feeds.admit(payload.manifest)
        yield* Effect.catchTag(admitted, "ManifestRefused", ({ message }) => Effect.logDebug(message))
      }
      if (payload.type !== "ForkProof" || operation.deed.type !== "ForkProof") continue
      const { feed, index } = operation.deed
      proven.set(feed, Math.min(index, proven.get(feed) ?? index))
      yield* Effect.catchTag(feeds.admitFork(payload.proof), "RunRefused", ({ message }) => Effect.logDebug(message))
    }
    yield* tell(feeds)
  })
}
