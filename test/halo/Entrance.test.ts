/**
 * Devices that meet in a swarm and let each other in, with real keys, signatures, operations and connections, in virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as EntranceLayer from "../../src/layers/halo/Entrance.ts"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { Entrance } from "../../src/services/halo/Entrance.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { type PeerChannel, Swarm } from "../../src/services/mesh/Swarm.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { elapse } from "../mesh/Elapse.ts"
import { foundedByAnn, type OperationsInMemory } from "./OperationsInMemory.ts"
import { keyOf } from "./People.ts"

/** A device in the swarm of a space, which reads until its channels end. */
const joined = Effect.fnUntraced(function* (network: MemoryNetwork["Service"], name: string, operations: OperationsInMemory) {
  const key = keyOf(`${name}, device`)
  const keys = Context.get(yield* Layer.build(Layer.fresh(Layer.provide(KeyringMemory.layer, CryptoNode.layer))), Keyring)
  const keyring = Keyring.of({ ...keys, sign: (_, message) => Effect.succeed(key.sign(message)) })
  const services = yield* Layer.build(
    Layer.fresh(
      SwarmLayer.layer.pipe(
        Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)),
        Layer.merge(EntranceLayer.layer),
        Layer.provide(Layer.mergeAll(Layer.succeed(Keyring, keyring), CryptoNode.layer, Layer.succeed(MemoryNetwork, network)))
      )
    )
  )
  const [entrance, swarm] = [Context.get(services, Entrance), Context.get(services, Swarm)]
  const self = key.publicKey
  const met: Array<PeerChannel> = []
  const refused: Array<string> = []
  yield* swarm.join({
    space: operations.space,
    device: self,
    isMember: (device) => operations.membership.device(feedText(device)).standing === "member",
    channel: "echo/replicate",
    version: 1,
    enter: ({ channel, device }) =>
      Effect.tapError(entrance.enter({ operations, self, device, channel }), ({ message }) =>
        Effect.sync(() => refused.push(message))
      ),
    onPeer: (peer) => {
      met.push(peer)
      return listen(peer)
    }
  })
  return { text: feedText(self), operations, swarm, met, refused }
})

const listen = (peer: PeerChannel) =>
  Effect.flatMap(peer.socket.reader, (reader) => Effect.forever(reader.pull)) as Effect.Effect<void, unknown, Scope.Scope>

const areSame = (a: OperationsInMemory, b: OperationsInMemory) => assert.deepStrictEqual(a.set.summary(), b.set.summary())

describe("Entrance", () => {
  it.effect("members with different operations come to the same, and then each has met the other once", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, ann, copy } = foundedByAnn()
      admit("bob")
      const early = copy()
      admit("cy")
      for (let n = 0; n < 60; n++) admit(`guest ${n}`)
      const late = copy()
      const [a, b, c] = [
        yield* joined(network, "ann", ann),
        yield* joined(network, "bob", early),
        yield* joined(network, "cy", late)
      ]
      yield* elapse("2 seconds")
      for (const each of [a, b, c]) assert.deepStrictEqual([each.met.length, each.refused], [2, []])
      areSame(a.operations, b.operations)
      areSame(a.operations, c.operations)
      const opened = yield* Effect.result(a.swarm.open(b.text, "nothing", 0))
      assert.isTrue(Result.isSuccess(opened))
    })
  )

  it.effect("who is a member to nobody it meets stays outside, and learns nothing", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, ann, copy, deviceOf } = foundedByAnn()
      admit("bob")
      const knowing = copy()
      admit("cy")
      const a = yield* joined(network, "ann", ann)
      const m = yield* joined(network, "mallory", knowing)
      yield* elapse("10 minutes")
      assert.deepStrictEqual([a.met.length, m.met.length], [0, 0])
      assert.strictEqual(knowing.set.size, 2)
      assert.isAtLeast(m.refused.length, 5, "it is tried again")
      assert.isAtMost(m.refused.length, 40, "and ever more rarely")
      const opened = yield* Effect.result(m.swarm.open(a.text, "nothing", 0))
      assert.isTrue(Result.isFailure(opened))
      assert.strictEqual(deviceOf("ann"), "ann, device")
    })
  )

  it.effect("[S54] who was removed while it was away learns its removal, and no later operation", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, ann, copy, remove, standing } = foundedByAnn()
      admit("bob")
      const away = copy()
      admit("cy")
      remove("bob")
      const size = ann.set.size
      admit("dan")
      const a = yield* joined(network, "ann", ann)
      const b = yield* joined(network, "bob", away)
      yield* elapse("2 seconds")
      assert.strictEqual(standing(away, "bob"), "former")
      assert.strictEqual(away.set.size, size)
      assert.deepStrictEqual([a.met.length, b.met.length], [0, 0])
      yield* elapse("5 minutes")
      assert.strictEqual(away.set.size, size)
    })
  )

  it.effect("a device that another has not heard of shows by what it was let in", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const { admit, copy } = foundedByAnn()
      admit("bob")
      const early = copy()
      admit("cy")
      const late = copy()
      const b = yield* joined(network, "bob", early)
      const c = yield* joined(network, "cy", late)
      yield* elapse("2 seconds")
      assert.deepStrictEqual([b.met.length, c.met.length], [1, 1])
      assert.strictEqual(c.met[0]!.entered?.operations, late)
      areSame(early, late)
    })
  )
})
