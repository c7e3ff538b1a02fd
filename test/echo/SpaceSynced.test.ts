/** `synced` ends when what was there at the call is durable here and stored by as many others as were asked for: never before. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { reach } from "./ReachedPeer.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

/** Bounds a wait that ends when all is well. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutOrElse(effect, { duration: "10 seconds", orElse: () => Effect.die(new Error("it never ended")) })

describe("synced", () => {
  it.live("waits until the changes before it are durable here, although a peer has all that is", () =>
    Effect.gen(function* () {
      const alice = yield* reach()
      const bob = yield* reach()
      const home = yield* alice.peer.spaces.create({ name: "Home", members: [bob.peer.device] })
      yield* bob.peer.spaces.open(home.ticket)
      yield* soon(home.synced(bob.peer.device))

      alice.weather.gate.closeUnsafe()
      const creating = yield* Effect.forkChild(home.create(Task, { title: "Milk" }), { startImmediately: true })
      const one = yield* Effect.forkChild(home.synced(bob.peer.device), { startImmediately: true })
      const any = yield* Effect.forkChild(home.synced({ quorum: 1 }), { startImmediately: true })
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual([one.pollUnsafe(), any.pollUnsafe(), creating.pollUnsafe()], [undefined, undefined, undefined])
      yield* alice.weather.gate.open
      yield* soon(Fiber.join(one))
      yield* soon(Fiber.join(any))
      yield* Fiber.join(creating)
      const feed = alice
        .feeds(home.id)
        .list()
        .find(({ length }) => length > 0)!
      assert.deepStrictEqual([feed.length, bob.feeds(home.id).find(feed.id)?.length], [2, 2])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("with a quorum waits for that many others, and for no more", () =>
    Effect.gen(function* () {
      const [alice, bob, carol] = [yield* reach(), yield* reach(), yield* reach()]
      const members = [bob.peer.device, carol.peer.device]
      const home = yield* alice.peer.spaces.create({ name: "Home", members })
      const both = yield* Effect.forkChild(home.synced({ quorum: 2 }), { startImmediately: true })
      const one = yield* Effect.forkChild(home.synced({ quorum: 1 }), { startImmediately: true })
      yield* Effect.sleep("50 millis")
      assert.isUndefined(one.pollUnsafe())
      yield* bob.peer.spaces.open(home.ticket)
      yield* soon(Fiber.join(one))
      yield* Effect.sleep("200 millis")
      assert.isUndefined(both.pollUnsafe())
      yield* carol.peer.spaces.open(home.ticket)
      yield* soon(Fiber.join(both))
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
