/**
 * What a peer in a world calls durable survives the loss of power, whatever life of the space had written it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as World from "../../src/layers/simulation/World.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import type { SimulatedPeer } from "../../src/services/simulation/World.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

const titles = (space: Space) =>
  Effect.map(space.query(Task, { orderBy: "title" }).all, (tasks) => tasks.map(({ title }) => title))

const durable = (space: Space) => Effect.map(Stream.runHead(space.status), (status) => Option.getOrThrow(status).durable)

const inSpace = <A, E>(peer: SimulatedPeer, ticket: string, body: (space: Space) => Effect.Effect<A, E>) =>
  peer.run(Effect.flatMap(Peer, ({ spaces }) => Effect.flatMap(spaces.open(ticket), body)))

describe("World: what is durable", () => {
  for (const seed of [1, 2, 3, 4]) {
    it.live(
      `a space that opens again on a full disk takes nothing relaxed for durable, and no power loss forks it (${seed})`,
      () =>
        World.run({ peers: ["ann", "bob"], seed }, (world) =>
          Effect.gen(function* () {
            const [ann, bob] = [world.peer("ann"), world.peer("bob")]
            const members = [yield* bob.run(Effect.map(Peer, ({ device }) => device))]
            const ticket = yield* ann.run(
              Effect.flatMap(Peer, ({ spaces }) => Effect.map(spaces.create({ name: "Home", members }), (space) => space.ticket))
            )
            yield* inSpace(ann, ticket, (space) => space.create(Task, { title: "first" }))
            yield* inSpace(bob, ticket, (space) => space.query(Task).first)
            const before = yield* inSpace(ann, ticket, durable)

            yield* inSpace(ann, ticket, (space) => space.create(Task, { title: "milk" }, { durability: "relaxed" }))
            yield* ann.fillDisk(true)
            yield* inSpace(ann, ticket, (space) => space.close)
            const open = ann.run(Effect.flatMap(Peer, ({ spaces }) => spaces.open(ticket)))
            assert.strictEqual((yield* Effect.flip(open))._tag, "StorageFull")
            yield* Effect.sleep("5 seconds")
            assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["first"])

            yield* ann.fillDisk(false)
            yield* ann.crash({ how: "machine", disk: "lost" })
            yield* ann.restart
            yield* world.partition([["ann"], ["bob", "kube"]])
            assert.strictEqual(yield* inSpace(ann, ticket, durable), before)
            yield* inSpace(ann, ticket, (space) => space.create(Task, { title: "strict" }))
            yield* world.heal
            yield* Effect.sleep("3 minutes")
            for (const peer of [ann, bob]) assert.deepStrictEqual(yield* inSpace(peer, ticket, titles), ["first", "strict"])
            const hashes = yield* Effect.forEach([ann, bob], (peer) => inSpace(peer, ticket, (space) => space.stateHash))
            assert.strictEqual(hashes[0], hashes[1])
          })
        )
    )
  }

  it.live("a relaxed write is kept by a space that opens again once the disk has room", () =>
    World.run({ peers: ["ann"], seed: 1 }, (world) =>
      Effect.gen(function* () {
        const ann = world.peer("ann")
        const ticket = yield* ann.run(
          Effect.flatMap(Peer, ({ spaces }) => Effect.map(spaces.create({ name: "Home", members: [] }), (space) => space.ticket))
        )
        yield* inSpace(ann, ticket, (space) => space.create(Task, { title: "milk" }, { durability: "relaxed" }))
        yield* ann.fillDisk(true)
        yield* inSpace(ann, ticket, (space) => space.close)
        yield* ann.fillDisk(false)
        assert.deepStrictEqual(yield* inSpace(ann, ticket, titles), ["milk"])
        yield* ann.crash({ how: "machine", disk: "lost" })
        yield* ann.restart
        assert.deepStrictEqual(yield* inSpace(ann, ticket, titles), ["milk"])
      })
    )
  )
})
