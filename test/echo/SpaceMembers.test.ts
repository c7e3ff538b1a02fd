/** Spaces whose members are identities: who may do what in them, as applications see it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import { letIn, person } from "../halo/Household.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

describe("a space of an identity", () => {
  it.effect("belongs to who made it, and opens again with its ticket", () =>
    Effect.gen(function* () {
      const ann = yield* person
      const space = yield* ann.spaces.create({ name: "Home" })
      assert.strictEqual(yield* space.membership!.role, "owner")
      yield* space.create(Task, { title: "milk" })
      yield* space.membership!.setName("Ann")
      assert.deepStrictEqual(
        (yield* space.membership!.people).map(({ name, role }) => [name, role]),
        [["Ann", "owner"]]
      )
      yield* space.close
      const again = yield* ann.spaces.open(space.ticket)
      assert.deepStrictEqual(
        (yield* again.query(Task).all).map(({ title }) => title),
        ["milk"]
      )
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("lets a reader say who he is, and change nothing else", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* person, yield* person]
      const space = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(space, bob, "reader")
      assert.strictEqual(yield* his.membership!.role, "reader")
      const refused = yield* Effect.flip(his.create(Task, { title: "milk" }))
      assert.match(refused.message, /you are a reader in space .* Ask an admin for the editor role/)
      yield* his.membership!.setName("Bob")
      const people = yield* his.membership!.people
      assert.deepStrictEqual(
        people.filter(({ isSelf }) => isSelf).map(({ name }) => name),
        ["Bob"]
      )
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )
})
