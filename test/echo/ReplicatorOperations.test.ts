/**
 * Feeds and control operations on one channel: what lets a feed count is there before it, and who is out is cut off.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as ReplicatorLayer from "../../src/layers/echo/Replicator.ts"
import * as EntranceLayer from "../../src/layers/halo/Entrance.ts"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { encodeManifest } from "../../src/schema/echo/Feed.ts"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { equalBytes } from "../../src/schema/platform/Codec.ts"
import { FeedStore, type SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import { type Observer, Replicator } from "../../src/services/echo/Replicator.ts"
import { Entrance } from "../../src/services/halo/Entrance.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { Swarm } from "../../src/services/mesh/Swarm.ts"
import { Device } from "../../src/services/peer/Device.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { foundedByAnn, type OperationsInMemory } from "../halo/OperationsInMemory.ts"
import { keyOf, madeByNewer } from "../halo/People.ts"
import { elapse } from "../mesh/Elapse.ts"
import { append } from "./ReplicatorPair.ts"

const silent: Observer = {
  frontier: () => ({ controlHeads: [], floors: [], applied: [] }),
  acknowledged: () => {},
  sent: () => {},
  refused: () => {}
}

/** Everything of a peer that is below its spaces, with the key of that name. */
const services = Effect.fnUntraced(function* (network: MemoryNetwork["Service"], name: string) {
  const key = keyOf(name)
  const keys = Context.get(yield* Layer.build(Layer.fresh(Layer.provide(KeyringMemory.layer, CryptoNode.layer))), Keyring)
  const keyring = Keyring.of({
    ...keys,
    sign: (by, message) => (equalBytes(by, key.publicKey) ? Effect.succeed(key.sign(message)) : keys.sign(by, message))
  })
  const device = Device.of({ publicKey: key.publicKey, text: feedText(key.publicKey) })
  const platform = Layer.mergeAll(
    CryptoNode.layer,
    Layer.succeed(Keyring, keyring),
    Layer.succeed(Device, device),
    Layer.succeed(Storage, StorageMemory.make()),
    Layer.succeed(MemoryNetwork, network)
  )
  const swarm = Layer.provide(SwarmLayer.layer, Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer))
  const all = Layer.mergeAll(swarm, FeedStoreLayer.layer, ReplicatorLayer.layer, EntranceLayer.layer)
  return yield* Layer.build(Layer.fresh(Layer.provide(all, platform)))
})

/** A device of a space of operations. Feeds are admitted by operations alone, and what came too early is told. */
const peer = Effect.fnUntraced(function* (network: MemoryNetwork["Service"], name: string, operations: OperationsInMemory) {
  const self = keyOf(name).publicKey
  const context = yield* services(network, name)
  const [entrance, replicator] = [Context.get(context, Entrance), Context.get(context, Replicator)]
  const early: Array<string> = []
  const { space } = operations
  const feeds: SpaceFeeds = yield* Context.get(context, FeedStore).open({
    space,
    device: self,
    admits: ({ device, feed }) => {
      const isAdmitted = equalBytes(device, self) || operations.deviceOf(feedText(feed)) === feedText(device)
      if (!isAdmitted) early.push(feedText(device))
      return isAdmitted
    },
    feedId: () => feeds.list().find(({ manifest }) => equalBytes(manifest.device, self))!.id
  })
  const writer = yield* feeds.writer
  const ends: Array<string> = []
  let connected = 0
  yield* Context.get(context, Swarm).join({
    space,
    device: self,
    isMember: (device) => operations.membership.device(feedText(device)).standing === "member",
    channel: "echo/replicate",
    version: 1,
    enter: ({ channel, device }) => entrance.enter({ operations, self, device, channel }),
    onPeer: (met) =>
      Effect.suspend(() => {
        connected++
        return Effect.ensuring(
          Effect.tapError(replicator.run(feeds, met, silent), ({ message }) => Effect.sync(() => ends.push(message))),
          Effect.sync(() => connected--)
        )
      })
  })
  const lengthOf = (feed: Uint8Array) => feeds.find(feed)?.length ?? 0
  return { name, operations, feeds, writer, early, ends, lengthOf, connected: () => connected }
})

type Peer = Effect.Success<ReturnType<typeof peer>>

/** Admits a device's own feed, by the operation that granted it its right. */
const admitFeed = ({ name, operations, writer }: Peer, proof: Uint8Array) =>
  operations.sign(name, proof, { type: "AdmitFeed", manifest: encodeManifest(writer.feed.manifest) })

describe("Replicator in a space of operations", () => {
  it.effect("a feed reaches nobody before the operation that admits it, also through a third", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, ann, copy, deviceOf, genesis } = foundedByAnn()
      const proof = admit("bob")
      admit("cy")
      const [bob, cy] = [copy(), copy()]
      const a = yield* peer(network, deviceOf("ann"), ann)
      const b = yield* peer(network, deviceOf("bob"), bob)
      const c = yield* peer(network, deviceOf("cy"), cy)
      yield* elapse("2 seconds")
      assert.deepStrictEqual(
        [a, b, c].map((each) => each.connected()),
        [2, 2, 2]
      )
      admitFeed(b, proof)
      yield* append(b.writer, 1, 100)
      admitFeed(a, genesis)
      yield* append(a.writer, 1, 100)
      yield* elapse("5 seconds")
      for (const each of [a, b, c]) {
        assert.deepStrictEqual([each.lengthOf(a.writer.feed.id), each.lengthOf(b.writer.feed.id)], [1, 1])
        assert.deepStrictEqual(each.early, [])
        assert.deepStrictEqual(each.operations.set.summary(), ann.set.summary())
      }
    })
  )

  it.effect("what is new at one is at all the others, and what was not pushed is found when they sum up", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, ann, copy, deviceOf } = foundedByAnn()
      admit("bob")
      const bob = copy()
      const a = yield* peer(network, deviceOf("ann"), ann)
      const b = yield* peer(network, deviceOf("bob"), bob)
      yield* elapse("2 seconds")
      for (let n = 0; n < 40; n++) admit(`guest ${n}`)
      yield* elapse("1 second")
      assert.strictEqual(bob.set.size, 42)
      yield* elapse("2 minutes")
      assert.deepStrictEqual([a.connected(), b.connected(), a.ends, b.ends], [1, 1, [], []])
    })
  )

  it.effect("what a newer version has signed reaches everybody by whoever holds it, and ends no connection", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, ann, copy, deviceOf, genesis, space } = foundedByAnn()
      const proof = admit("bob")
      admit("cy")
      const [bob, cy] = [copy(), copy()]
      const newer = (time: number) =>
        madeByNewer({ space, parents: bob.heads(), proof, time, payload: { type: "Leave" } }, keyOf(deviceOf("bob"))).bytes
      // one before they meet and one while they are together
      yield* bob.take([newer(1)])
      const peers = [
        yield* peer(network, deviceOf("ann"), ann),
        yield* peer(network, deviceOf("bob"), bob),
        yield* peer(network, deviceOf("cy"), cy)
      ]
      yield* elapse("5 seconds")
      yield* bob.take([newer(2)])
      yield* elapse("5 seconds")
      admitFeed(peers[0]!, genesis)
      yield* append(peers[0]!.writer, 1, 100)
      yield* elapse("2 minutes")
      for (const each of peers) {
        assert.deepStrictEqual([each.operations.set.size, each.connected(), each.ends], [6, 2, []])
        assert.strictEqual(each.lengthOf(peers[0]!.writer.feed.id), 1)
      }
    })
  )

  it.effect("a member that is removed learns it at once, and its connection ends", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, ann, copy, deviceOf, genesis, remove, standing } = foundedByAnn()
      admit("bob")
      admit("cy")
      const [bob, cy] = [copy(), copy()]
      const a = yield* peer(network, deviceOf("ann"), ann)
      const b = yield* peer(network, deviceOf("bob"), bob)
      const c = yield* peer(network, deviceOf("cy"), cy)
      yield* elapse("2 seconds")
      remove("bob")
      yield* elapse("2 seconds")
      assert.strictEqual(standing(bob, "bob"), "former")
      assert.strictEqual(standing(cy, "bob"), "former")
      assert.deepStrictEqual([a.connected(), b.connected(), c.connected()], [1, 0, 1])
      const size = bob.set.size
      admitFeed(a, genesis)
      yield* append(a.writer, 1, 100)
      yield* elapse("5 minutes")
      assert.deepStrictEqual([bob.set.size, b.lengthOf(a.writer.feed.id)], [size, 0])
      assert.strictEqual(c.lengthOf(a.writer.feed.id), 1)
      assert.isTrue(a.ends.some((end) => end.includes("no member")))
    })
  )
})
