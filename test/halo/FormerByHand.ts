/** A device that was removed, by hand: it proves its key and then says what a test wants it to say. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { bytesOfText } from "../../src/schema/echo/FeedTable.ts"
import { type ControlMessage, decodeControl, encodeControl } from "../../src/schema/halo/ControlMessage.ts"
import { FeedStore } from "../../src/services/echo/FeedStore.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { EntranceRefused } from "../../src/services/halo/Entrance.ts"
import type { Channel, ConnectionClosed } from "../../src/services/mesh/Connection.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { Swarm } from "../../src/services/mesh/Swarm.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { elapse } from "../mesh/Elapse.ts"
import type { Person } from "./Household.ts"

/** What such a device says and hears on one channel. */
export interface Hand {
  readonly say: (message: ControlMessage) => Effect.Effect<void, ConnectionClosed>
  readonly send: (frame: Uint8Array) => Effect.Effect<void, ConnectionClosed>
  readonly hear: Effect.Effect<ControlMessage, ConnectionClosed>
}

const handOf = (channel: Channel): Hand => ({
  say: (message) => channel.send(encodeControl(message)),
  send: channel.send,
  hear: Effect.map(channel.take, (frame) => Result.getOrThrow(decodeControl(frame.slice())))
})

/** Hears that it is out, and by what. */
const introduced = Effect.fnUntraced(function* ({ hear, say }: Hand) {
  yield* say({ _tag: "Standing", standing: "member", ops: new Uint8Array(32) })
  for (let standings = 0; standings < 2; ) if ((yield* hear)._tag === "Standing") standings++
})

/** Meets whoever is there as the device of a person, until the script was followed as many times. */
export const meet = Effect.fnUntraced(function* <A>(
  { identity, keyring }: Person,
  space: Space,
  times: number,
  script: (hand: Hand) => Effect.Effect<A, ConnectionClosed>
) {
  const network = yield* MemoryNetwork
  const below = Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, Connection.layer)
  const platform = Layer.mergeAll(Layer.succeed(Keyring, keyring), CryptoNode.layer, Layer.succeed(MemoryNetwork, network))
  const done: Array<A> = []
  let talking = 0
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const services = yield* Layer.build(Layer.fresh(SwarmLayer.layer.pipe(Layer.provide(below), Layer.provide(platform))))
      yield* Context.get(services, Swarm).join({
        space: bytesOfText(space.id),
        device: identity.device,
        isMember: () => true,
        channel: "echo/replicate",
        version: 1,
        enter: ({ channel }) =>
          Effect.gen(function* () {
            const hand = handOf(channel)
            talking++
            yield* introduced(hand)
            done.push(yield* script(hand))
            return yield* new EntranceRefused({ reason: "it has said all" })
          }).pipe(Effect.ensuring(Effect.sync(() => talking--))),
        onPeer: () => Effect.void
      })
      for (let n = 0; n < 2_000 && done.length < times; n++) {
        yield* elapse("100 millis")
        // signatures are verified in real time, and nobody is to be called slow for that
        while (talking > 0) yield* Effect.yieldNow
      }
      return done
    })
  )
})

/** The feeds of a space that nobody has open, in a storage. */
export const feedsIn = Effect.fnUntraced(function* ({ identity, keyring, storage }: Person, space: Space) {
  const platform = Layer.mergeAll(Layer.succeed(Storage, storage), Layer.succeed(Keyring, keyring), CryptoNode.layer)
  const services = yield* Layer.build(Layer.fresh(Layer.provide(FeedStoreLayer.layer, platform)))
  return yield* Context.get(services, FeedStore).open({
    space: bytesOfText(space.id),
    device: identity.device,
    admits: () => true,
    feedId: () => new Uint8Array(32)
  })
})
