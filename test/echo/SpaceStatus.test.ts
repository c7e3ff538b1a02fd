/** What a space says of itself is told when it is something else than before, and then only. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import type { SpaceStatus } from "../../src/services/echo/SpaceService.ts"
import { reach } from "./ReachedPeer.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

describe("status", () => {
  it.live("is not told again for what changes nothing of it, such as how far others are with what others wrote", () =>
    Effect.gen(function* () {
      const [alice, bob, carol] = [yield* reach(), yield* reach(), yield* reach()]
      const members = [bob.peer.device, carol.peer.device]
      const home = yield* alice.peer.spaces.create({ name: "Home", members })
      const [theirs, hers] = [yield* bob.peer.spaces.open(home.ticket), yield* carol.peer.spaces.open(home.ticket)]
      yield* home.synced({ quorum: 2 })
      const told: Array<SpaceStatus> = []
      const listening = yield* Effect.forkChild(
        Stream.runForEach(home.status, (status) => Effect.sync(() => void told.push(status))),
        { startImmediately: true }
      )
      yield* Effect.forEach(Array.from({ length: 20 }), (_, n) => theirs.create(Task, { title: `${n}` }), { discard: true })
      yield* Effect.all([theirs.synced({ quorum: 2 }), hers.synced(alice.peer.device)])
      const others = told.length
      yield* home.create(Task, { title: "Milk" })
      yield* home.synced({ quorum: 2 })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(listening)
      assert.isAtMost(others, 3)
      assert.isAbove(told.length, others)
      for (const [at, status] of told.slice(1).entries()) assert.notDeepEqual(status, told[at])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
