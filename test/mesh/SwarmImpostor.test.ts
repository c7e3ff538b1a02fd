/** Who names a member's key without holding it gets no channel: the signature of the handshake is looked at, through the real Swarm. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { type PeerChannel, Swarm } from "../../src/services/mesh/Swarm.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { elapse } from "./Elapse.ts"

const space = new Uint8Array(32).fill(3)

/** A device with a key of its own, and how it joins the space under any key, signing with its own. Answers whom it has met. */
const device = Effect.fnUntraced(function* (network: MemoryNetwork["Service"]) {
  const keys = yield* Layer.build(Layer.fresh(KeyringMemory.layer.pipe(Layer.provide(CryptoNode.layer))))
  const keyring = Context.get(keys, Keyring)
  const key = yield* keyring.generate("device")
  const forging = Keyring.of({ ...keyring, sign: (_, message) => keyring.sign(key, message) })
  const services = SwarmLayer.layer.pipe(
    Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)),
    Layer.provide(Layer.mergeAll(Layer.succeed(Keyring, forging), CryptoNode.layer, Layer.succeed(MemoryNetwork, network)))
  )
  const swarm = Context.get(yield* Layer.build(Layer.fresh(services)), Swarm)
  const listen = (peer: PeerChannel) =>
    Effect.flatMap(peer.socket.reader, (reader) => Effect.forever(reader.pull)) as Effect.Effect<void, unknown, Scope.Scope>
  const join = Effect.fnUntraced(function* (as: Uint8Array) {
    const met: Array<string> = []
    yield* swarm.join({
      space,
      device: as,
      isMember: () => true,
      channel: "echo/replicate",
      version: 0,
      onPeer: (peer) => {
        met.push(peer.deviceText)
        return listen(peer)
      }
    })
    return met
  })
  return { key, join }
})

describe("Swarm, with somebody who names a member's key", () => {
  it.effect("gives no channel to a signature by another key, whoever of the two offers, and one to the key itself", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetworkLayer.make
      const carol = yield* device(network)
      // several, so that members offer to the impostor and it offers to members
      const members = yield* Effect.forEach([1, 2, 3], () => device(network))
      const impostor = yield* device(network)
      const seen = yield* Effect.forEach(members, ({ join, key }) => join(key))
      yield* impostor.join(carol.key)
      yield* elapse("20 seconds")
      const named = Buffer.from(carol.key).toString("base64url")
      for (const met of seen) assert.deepStrictEqual([met.length, met.includes(named)], [2, false])
      yield* carol.join(carol.key)
      yield* elapse("20 seconds")
      for (const met of seen) assert.strictEqual(met.filter((each) => each === named).length, 1)
    })
  )
})
