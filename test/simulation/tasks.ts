/**
 * A small program for tests of worlds: people with tasks in one space, opened anew in whichever life a peer is.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import type { SimulatedPeer, World } from "../../src/services/simulation/World.ts"

const Task = ObjectType.make("Task", { title: Schema.String, done: Schema.Boolean })

export const device = (peer: SimulatedPeer) => peer.run(Effect.map(Peer, (found) => found.device))

export const titles = (space: Space) => Effect.map(space.query(Task).all, (tasks) => tasks.map(({ title }) => title).sort())

/** Opens the space anew, in whichever life the peer is. */
export const inSpace = <A, E>(peer: SimulatedPeer, ticket: string, body: (space: Space) => Effect.Effect<A, E>) =>
  peer.run(Effect.flatMap(Peer, ({ spaces }) => Effect.flatMap(spaces.open(ticket), body)))

export const write = (peer: SimulatedPeer, ticket: string, title: string) =>
  inSpace(peer, ticket, (space) => space.create(Task, { title, done: false }))

/** Peers in one space of the first of them, which all show its first task. */
export const gathered = Effect.fnUntraced(function* (world: World, ...names: ReadonlyArray<string>) {
  const [first, ...others] = names.map((name) => world.peer(name))
  const members = yield* Effect.forEach(others, device)
  const ticket = yield* first!.run(
    Effect.flatMap(Peer, ({ spaces }) => Effect.map(spaces.create({ name: "Home", members }), (space) => space.ticket))
  )
  yield* write(first!, ticket, "first")
  for (const other of others) yield* inSpace(other, ticket, (space) => space.query(Task).first)
  return ticket
})

/** Two peers in one space. */
export const together = Effect.fnUntraced(function* (world: World) {
  const ticket = yield* gathered(world, "ann", "bob")
  return { ann: world.peer("ann"), bob: world.peer("bob"), ticket }
})

/** Waits, in the world's time, until a peer shows these titles. */
export const shows = (peer: SimulatedPeer, ticket: string, expected: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (;;) {
      const found = yield* inSpace(peer, ticket, titles)
      if (JSON.stringify(found) === JSON.stringify(expected)) return
      yield* Effect.sleep("100 millis")
    }
  })
