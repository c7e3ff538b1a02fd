/** Spaces of people, over all real layers: members come to one state whoever has let whom in, and who is out gets nothing more. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { elapse } from "../mesh/Elapse.ts"
import { letIn, person } from "./Household.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

const titles = (space: Space) => Effect.map(space.query(Task).all, (tasks) => tasks.map(({ title }) => title).sort())

describe("a space whose members meet", () => {
  it.effect("shows each what the others write, also who was let in by another than the founder", () =>
    Effect.gen(function* () {
      const [ann, bob, cy] = [yield* person, yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "admin")
      yield* elapse("2 seconds")
      const third = yield* letIn(his, cy, "editor")
      yield* elapse("2 seconds")
      yield* hers.create(Task, { title: "of ann" })
      yield* his.create(Task, { title: "of bob" })
      yield* third.create(Task, { title: "of cy" })
      yield* elapse("5 seconds")
      for (const space of [hers, his, third]) assert.deepStrictEqual(yield* titles(space), ["of ann", "of bob", "of cy"])
      const hashes = yield* Effect.forEach([hers, his, third], (space) => space.stateHash)
      assert.deepStrictEqual(hashes[1], hashes[0])
      assert.deepStrictEqual(hashes[2], hashes[0])
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("shows nothing more to who was removed, who learns that", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "editor")
      yield* hers.create(Task, { title: "before" })
      yield* elapse("3 seconds")
      assert.deepStrictEqual(yield* titles(his), ["before"])
      yield* hers.membership!.remove(yield* identityOf(his))
      yield* hers.create(Task, { title: "after" })
      yield* elapse("2 minutes")
      assert.isNotNull(yield* his.membership!.removed)
      assert.deepStrictEqual(yield* titles(his), ["before"])
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )
})

const identityOf = (space: Space) =>
  Effect.map(space.membership!.people, (people) => people.find(({ isSelf }) => isSelf)!.identity)
