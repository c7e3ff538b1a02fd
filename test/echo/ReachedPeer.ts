/**
 * A whole Peer on a network in memory whose parts a test can reach: the storage, which fails and waits on command, the feeds of its
 * spaces, and its keys. What peers send is handed to the feeds, as a Replicator would; all else goes through the public API.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as SupervisorLayer from "../../src/layers/actor/Supervisor.ts"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as ReplicatorLayer from "../../src/layers/echo/Replicator.ts"
import * as SpaceServiceLayer from "../../src/layers/echo/SpaceService.ts"
import * as Entrance from "../../src/layers/halo/Entrance.ts"
import * as IdentityServiceLayer from "../../src/layers/halo/IdentityService.ts"
import * as IdentityStore from "../../src/layers/halo/IdentityStore.ts"
import * as OperationStore from "../../src/layers/halo/OperationStore.ts"
import * as ConnectionLayer from "../../src/layers/mesh/Connection.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as DeviceLayer from "../../src/layers/peer/Device.ts"
import * as PeerLayer from "../../src/layers/peer/Peer.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as KeyringStorage from "../../src/layers/platform/KeyringStorage.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { headMessage, type Run } from "../../src/schema/echo/Feed.ts"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { Supervisor } from "../../src/services/actor/Supervisor.ts"
import { FeedStore, type SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import { Replicator } from "../../src/services/echo/Replicator.ts"
import type { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { Swarm } from "../../src/services/mesh/Swarm.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { Storage, type StorageError } from "../../src/services/platform/Storage.ts"
import { naiveLeaf, naiveRoot, Weather } from "./FeedDevices.ts"

export interface Reached {
  readonly peer: Peer["Service"]
  readonly weather: Weather
  readonly keyring: Keyring["Service"]
  readonly supervisor: Supervisor["Service"]
  /** The feeds of a space that was opened, by its id as text. */
  readonly feeds: (space: string) => SpaceFeeds
}

/** What a test puts in place of the real thing. */
export interface Alterations {
  readonly feeds?: (feeds: SpaceFeeds) => SpaceFeeds
  readonly swarm?: (swarm: Swarm["Service"]) => Swarm["Service"]
  readonly replicator?: (replicator: Replicator["Service"]) => Replicator["Service"]
  /** A disk that outlasts the peer, with its keys. */
  readonly disk?: Storage["Service"]
}

export const reach = (alter: Alterations = {}): Effect.Effect<Reached, StorageError, MemoryNetwork | Scope.Scope> =>
  Effect.gen(function* () {
    const weather = new Weather(alter.disk ?? StorageMemory.make())
    const opened = new Map<string, SpaceFeeds>()
    const feedStore = Effect.map(FeedStoreLayer.make, (store) =>
      FeedStore.of({
        ...store,
        open: (options) =>
          Effect.map(store.open(options), (real) => {
            const feeds = alter.feeds === undefined ? real : alter.feeds(real)
            opened.set(feedText(options.space), feeds)
            return feeds
          })
      })
    )
    const mesh = SwarmLayer.layer.pipe(
      Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, ConnectionLayer.layer))
    )
    const swarm = Layer.effect(
      Swarm,
      Effect.map(Swarm, (real) => alter.swarm?.(real) ?? real)
    ).pipe(Layer.provide(mesh))
    const replicator = Layer.effect(
      Replicator,
      Effect.map(Replicator, (real) => alter.replicator?.(real) ?? real)
    ).pipe(Layer.provide(ReplicatorLayer.layer))
    const layer = PeerLayer.layer.pipe(
      Layer.provide(Layer.provideMerge(IdentityServiceLayer.layer({ urls: [] }), SpaceServiceLayer.layer({ urls: [] }))),
      Layer.provide(Layer.merge(Entrance.layer, Layer.provideMerge(IdentityStore.layer, OperationStore.layer))),
      Layer.provide(Layer.mergeAll(Layer.effect(FeedStore, feedStore), replicator, swarm)),
      Layer.provideMerge(SupervisorLayer.layer),
      Layer.provide(DeviceLayer.layer),
      Layer.provideMerge(alter.disk === undefined ? KeyringMemory.layer : KeyringStorage.layer),
      Layer.provide(Layer.merge(Layer.succeed(Storage, weather.storage), CryptoNode.layer))
    )
    const services = yield* Layer.build(Layer.fresh(layer))
    return {
      peer: Context.get(services, Peer),
      weather,
      keyring: Context.get(services, Keyring),
      supervisor: Context.get(services, Supervisor),
      feeds: (space) => opened.get(space)!
    }
  })

/** A space's id as bytes. */
export const bytesOf = (text: string): Uint8Array => Result.getOrThrow(Base64Url.decode(text))

/** The whole feed with these blocks, signed by a key that the keyring holds: what another life of this device may have written. */
export const signedRun = (keyring: Keyring["Service"], feed: Uint8Array, blocks: ReadonlyArray<Uint8Array>): Effect.Effect<Run> =>
  Effect.gen(function* () {
    const root = naiveRoot(blocks.map(naiveLeaf))
    const signature = yield* Effect.orDie(keyring.sign(feed, headMessage(feed, blocks.length, root)))
    return { feed, from: 0, blocks, head: { length: blocks.length, root, signature }, proof: null }
  })
