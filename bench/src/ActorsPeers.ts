/**
 * Two peers in one process, over a network in memory, whose actors pass a ball: each hop is a call from one device to the other.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { answer, type Measured, now } from "./ActorsWork.ts"

const Player = Actor.make("Player", [
  Rpc.make("Hit", { payload: { left: Schema.Number } }).annotate(Actor.Callers, Actor.members)
])

const run = (count: number) =>
  Effect.gen(function* () {
    const peers = [yield* Layer.build(Layer.fresh(PeerMemory.layer)), yield* Layer.build(Layer.fresh(PeerMemory.layer))]
    const devices = peers.map((context) => Context.get(context, Peer).device)
    const done = yield* Deferred.make<void>()
    let hops = 0
    for (const [i, context] of peers.entries()) {
      const player = Player.toLayer(
        Effect.map(Player.client(`${1 - i}`), (other) =>
          Player.handlers({
            Hit: ({ left }) => {
              hops++
              if (left === 0) Deferred.doneUnsafe(done, Effect.void)
              else other.tellUnsafe("Hit", { left: left - 1 })
            }
          })
        )
      )
      const placed = Player.placed((address) => devices[Number(address)]!)
      yield* Effect.provide(Layer.build(Layer.provideMerge(player, placed)), context)
    }
    const [alice, bob] = peers.map((context) => Context.get(context, Peer).spaces)
    const space = yield* alice!.create({ name: "Court", members: [devices[1]!] })
    yield* bob!.open(space.ticket)
    yield* space.synced(devices[1]!)
    const first = yield* Effect.provide(Player.client("1"), peers[0]!)
    const start = now()
    yield* first.Hit({ left: count - 1 })
    yield* Deferred.await(done)
    return { seconds: now() - start, sum: hops, bytes: 0 }
  })

await answer(({ count }): Promise<Measured> => Effect.runPromise(Effect.scoped(Effect.provide(run(count), MemoryNetwork.layer))))
