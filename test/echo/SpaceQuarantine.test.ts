/** How much a space keeps of what does not count: with bounds that are small, so that a test can reach them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { vi } from "vitest"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { letIn, person } from "../halo/Household.ts"
import { elapse } from "../mesh/Elapse.ts"

vi.mock("../../src/schema/platform/Limits.ts", async (real) => ({
  ...(await real<typeof import("../../src/schema/platform/Limits.ts")>()),
  lateBytesMax: 400_000,
  quarantineBytesMax: 1_000_000
}))

const Task = ObjectType.make("Task", { title: Schema.String })

const stuckOf = (space: Space) =>
  Effect.map(Stream.runHead(space.status), (status) => Option.getOrThrow(status).stuck.filter((each) => /late work/.test(each)))

describe("the quarantine of a space", () => {
  it.effect("takes so much a minute and so much in all, says when it is full, and goes on when somebody endorses", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* person, yield* person]
      const network = yield* MemoryNetwork
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob)
      yield* elapse("5 seconds")
      yield* his.create(Task, { title: "seen" })
      yield* elapse("5 seconds")
      yield* network.cut("reset")
      yield* hers.membership!.remove(bob.identity.text)
      for (let n = 0; n < 25; n++) yield* his.create(Task, { title: `${n}`.padEnd(60_000, "x") })
      yield* network.heal
      yield* elapse("10 seconds")
      const unsent = Effect.map(his.membership!.removed, (removed) => removed!.unsent)
      // each is two counters: 400,000 bytes are six
      assert.strictEqual(yield* unsent, 2 * (25 - 6))
      yield* elapse("10 minutes")
      assert.strictEqual(yield* unsent, 2 * (25 - 16))
      assert.match(
        (yield* stuckOf(hers)).join(),
        /late work of device .* is not taken: what is withheld here fills its room\. Endorse/
      )
      assert.match((yield* stuckOf(his)).join(), /takes no more late work, .* What is unsent stays here; ask an admin to endorse/)
      const [withheld] = yield* hers.membership!.withheld
      yield* hers.membership!.endorse(withheld!.feed)
      yield* elapse("10 minutes")
      assert.strictEqual(yield* unsent, 0)
      assert.deepStrictEqual([yield* stuckOf(hers), yield* stuckOf(his)], [[], []])
      assert.lengthOf(yield* hers.query(Task).all, 1 + 16)
      yield* hers.membership!.endorse(withheld!.feed)
      yield* elapse("5 seconds")
      assert.lengthOf(yield* hers.query(Task).all, 1 + 25)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
