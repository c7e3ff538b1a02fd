/** Devices that come into a space in unusual ways: before they know of it, or by somebody who may not let them in any more. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { bytesOfText } from "../../src/schema/echo/FeedTable.ts"
import { encodeIdentityTicket } from "../../src/schema/echo/Space.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { letIn, person } from "../halo/Household.ts"
import { hash } from "../halo/People.ts"
import { elapse } from "../mesh/Elapse.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

describe("a device that came into a space", () => {
  it.effect("while the space was open already, without a word of its operations, writes what counts", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      yield* bob.spaces.open(encodeIdentityTicket({ space: bytesOfText(hers.id), identity: bob.identity.id, urls: [] }, hash))
      const his = yield* letIn(hers, bob)
      yield* elapse("5 seconds")
      yield* his.create(Task, { title: "milk" })
      yield* elapse("20 seconds")
      const tasks = yield* hers.query(Task).all
      assert.deepStrictEqual(
        tasks.map(({ title }) => title),
        ["milk"]
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("by an admin who was removed at the same time is told that it is out, and by whom", () =>
    Effect.gen(function* () {
      const [ann, bob, carol] = [yield* person, yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "admin")
      yield* elapse("5 seconds")
      const network = yield* MemoryNetwork
      yield* network.cut("silent")
      const third = yield* letIn(his, carol)
      assert.isNull(yield* third.membership.removed)
      yield* hers.membership.remove(bob.identity.text)
      yield* network.heal
      yield* elapse("90 seconds")
      const removed = yield* third.membership.removed
      assert.strictEqual(removed?.by, ann.identity.text)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
