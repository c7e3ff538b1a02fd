/** What a member wrote who had been removed meanwhile: handed in, kept apart, and brought in when somebody vouches for it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { letIn, person } from "../halo/Household.ts"
import { elapse } from "../mesh/Elapse.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

const titles = (space: Space) => Effect.map(space.query(Task).all, (tasks) => tasks.map(({ title }) => title).sort())

/** That all of them show these, and are in one state. */
const areAt = Effect.fnUntraced(function* (spaces: ReadonlyArray<Space>, expected: ReadonlyArray<string>) {
  for (const space of spaces) assert.deepStrictEqual(yield* titles(space), expected)
  const hashes = yield* Effect.forEach(spaces, ({ stateHash }) => stateHash)
  assert.strictEqual(new Set(hashes).size, 1)
})

const withheldBy = (space: Space) => Effect.map(space.membership!.withheld, (all) => all.map(({ identity }) => identity).sort())

describe("a writer who was removed while away", () => {
  it.effect(
    "[S37] [S54] comes back with three months of work: it is withheld, listed, and counts for all once it is endorsed",
    () =>
      Effect.gen(function* () {
        const [ann, bob, cy, dan] = [yield* person, yield* person, yield* person, yield* person]
        const network = yield* MemoryNetwork
        const hers = yield* ann.spaces.create({ name: "Home" })
        const his = yield* letIn(hers, bob)
        const third = yield* letIn(hers, cy)
        yield* elapse("5 seconds")
        yield* his.create(Task, { title: "seen" })
        yield* elapse("5 seconds")
        yield* network.cut("reset")
        yield* hers.membership!.remove(bob.identity.text)
        yield* Effect.forEach([hers, his, third], ({ close }) => close)
        const work: Array<string> = []
        for (let month = 1; month <= 3; month++) {
          yield* TestClock.adjust("30 days")
          const away = yield* bob.spaces.open(his.ticket)
          for (let n = 0; n < 100; n++) {
            work.push(`task ${n} of month ${month}`)
            yield* away.create(Task, { title: work.at(-1)! }, { durability: "relaxed" })
          }
          yield* away.close
        }
        const at = yield* ann.spaces.open(hers.ticket)
        yield* at.create(Task, { title: "later" })
        yield* letIn(at, dan)
        yield* network.heal
        const [back, other] = [yield* bob.spaces.open(his.ticket), yield* cy.spaces.open(third.ticket)]
        yield* elapse("3 minutes")
        yield* areAt([at, other], ["later", "seen"])
        // [S54] he learns that he is out, and nothing that came later
        assert.deepStrictEqual(yield* titles(back), [...work, "seen"].sort())
        assert.lengthOf(yield* back.membership!.people, 2)
        const removed = yield* back.membership!.removed
        assert.deepStrictEqual([removed?.by, removed?.unsent], [ann.identity.text, 0])
        const [withheld, ...rest] = yield* at.membership!.withheld
        assert.deepStrictEqual([withheld?.identity, rest], [bob.identity.text, []])
        // that an object is there, and its title
        assert.strictEqual(withheld!.to - withheld!.from + 1, 2 * work.length)
        assert.deepStrictEqual(yield* other.membership!.withheld, [withheld!])
        yield* at.membership!.endorse(withheld!.feed)
        yield* elapse("10 seconds")
        yield* areAt([at, other], [...work, "later", "seen"].sort())
        assert.deepStrictEqual(yield* at.membership!.withheld, [])
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("[S12] lets in another meanwhile: both are out, what both wrote is withheld, and an endorsement brings it back", () =>
    Effect.gen(function* () {
      const [ann, bob, cy, dan] = [yield* person, yield* person, yield* person, yield* person]
      const network = yield* MemoryNetwork
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "admin")
      const fourth = yield* letIn(hers, dan)
      yield* elapse("5 seconds")
      yield* network.cut("reset")
      yield* hers.membership!.remove(bob.identity.text)
      const third = yield* letIn(his, cy)
      yield* his.create(Task, { title: "of bob" })
      yield* third.create(Task, { title: "of cy" })
      yield* network.heal
      yield* elapse("6 minutes")
      yield* areAt([hers, fourth], [])
      const out = [bob.identity.text, cy.identity.text].sort()
      for (const space of [hers, fourth]) {
        assert.deepStrictEqual(
          (yield* space.membership!.people).map(({ identity }) => identity).sort(),
          [ann.identity.text, dan.identity.text].sort()
        )
        assert.deepStrictEqual(yield* withheldBy(space), out)
      }
      for (const { feed } of yield* hers.membership!.withheld) yield* hers.membership!.endorse(feed)
      yield* elapse("10 seconds")
      yield* areAt([hers, fourth], ["of bob", "of cy"])
      const removed = yield* third.membership!.removed
      assert.deepStrictEqual([removed?.by, removed?.unsent], [ann.identity.text, 0])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("[S12] [S30] leaves standing what honest people wrote beside and after what is withheld", () =>
    Effect.gen(function* () {
      const [ann, bob, cy, dan] = [yield* person, yield* person, yield* person, yield* person]
      const network = yield* MemoryNetwork
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "admin")
      const fourth = yield* letIn(hers, dan)
      const task = yield* fourth.create(Task, { title: "shared" })
      yield* elapse("5 seconds")
      yield* network.cut("reset")
      yield* hers.membership!.remove(bob.identity.text)
      yield* hers.close
      yield* network.heal
      // the others do not know of it, and go on
      const third = yield* letIn(his, cy)
      yield* elapse("2 minutes")
      const same = (yield* third.query(Task).all)[0]!
      yield* third.update(same, { title: "of cy" })
      yield* his.create(Task, { title: "of bob" })
      yield* elapse("5 seconds")
      assert.deepStrictEqual(yield* titles(fourth), ["of bob", "of cy"])
      yield* fourth.create(Task, { title: "beside" })
      yield* fourth.update(task, { title: "after" })
      yield* elapse("5 seconds")
      const at = yield* ann.spaces.open(hers.ticket)
      yield* elapse("3 minutes")
      yield* areAt([at, fourth], ["after", "beside"])
      assert.deepStrictEqual(yield* withheldBy(at), [bob.identity.text, cy.identity.text].sort())
      for (const { feed } of yield* at.membership!.withheld) yield* at.membership!.endorse(feed)
      yield* elapse("10 seconds")
      yield* areAt([at, fourth], ["after", "beside", "of bob"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
