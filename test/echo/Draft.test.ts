/** Drafts: what a transaction did, before it is stamped. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Draft } from "../../src/schema/echo/Draft.ts"
import { type ObjectOf, ObjectType, read, TypeIndex } from "../../src/schema/echo/ObjectType.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"

const Person = ObjectType.make("Person", { address: Schema.Struct({ street: Schema.String, city: Schema.String }) })

describe("Draft", () => {
  it("a record updated twice in one transaction is what the second update says", () => {
    const state = new SpaceState()
    state.write(new Uint8Array(32).fill(1), 0)
    const commit = <A>(body: (draft: Draft<string>) => A): A => {
      const draft = new Draft(state, new TypeIndex(), { missing: (id) => id, untyped: (id) => id })
      const value = body(draft)
      state.merge(state.stamp(draft.mutations, 1).changeSet)
      return value
    }
    const ann = commit((draft) => draft.create(Person, { address: { street: "Rue 1", city: "Bern" } }))
    commit((draft) => {
      draft.update(ann, { address: { street: "Rue 2", city: "Bern" } })
      draft.update(ann, { address: { street: "Rue 1", city: "Basel" } })
    })
    const found = read(Person, state.objects, state.objects.findId(ann.id)!) as ObjectOf<typeof Person>
    assert.deepStrictEqual(found.address, { street: "Rue 1", city: "Basel" })
  })
})
