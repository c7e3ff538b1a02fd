/** Spaces of people, over all real layers: members come to one state whoever has let whom in, and who is out gets nothing more. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
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
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("brings together whom two admins have let in while they were apart, who are strangers to each other", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const [ann, bob, cy, dan] = [yield* person, yield* person, yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "admin")
      yield* elapse("2 seconds")
      yield* network.cut("reset")
      const third = yield* letIn(hers, cy)
      const fourth = yield* letIn(his, dan)
      const all = [hers, his, third, fourth]
      for (const [n, space] of all.entries()) yield* space.create(Task, { title: `task ${n}` })
      yield* elapse("5 seconds")
      assert.deepStrictEqual(yield* titles(fourth), ["task 3"])
      yield* network.heal
      yield* elapse("2 minutes")
      for (const space of all) assert.deepStrictEqual(yield* titles(space), ["task 0", "task 1", "task 2", "task 3"])
      const hashes = new Set(yield* Effect.forEach(all, (space) => Effect.map(space.stateHash, String)))
      assert.strictEqual(hashes.size, 1)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("shows nothing more to who was removed, who learns that", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "editor")
      yield* hers.create(Task, { title: "before" })
      yield* elapse("3 seconds")
      assert.deepStrictEqual(yield* titles(his), ["before"])
      yield* hers.membership.remove(yield* identityOf(his))
      yield* hers.create(Task, { title: "after" })
      yield* elapse("2 minutes")
      assert.isNotNull(yield* his.membership.removed)
      assert.deepStrictEqual(yield* titles(his), ["before"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

const identityOf = (space: Space) =>
  Effect.map(space.membership.people, (people) => people.find(({ isSelf }) => isSelf)!.identity)
