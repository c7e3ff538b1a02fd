/** Spaces whose members are identities: who may do what in them, as applications see it. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { bytesOfText } from "../../src/schema/echo/FeedTable.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { letIn, type Person, person } from "../halo/Household.ts"
import { elapse } from "../mesh/Elapse.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

describe("a space of an identity", () => {
  it.effect("belongs to who made it, and opens again with its ticket", () =>
    Effect.gen(function* () {
      const ann = yield* person
      const space = yield* ann.spaces.create({ name: "Home" })
      assert.strictEqual(yield* space.membership.role, "owner")
      yield* space.create(Task, { title: "milk" })
      yield* space.membership.setName("Ann")
      assert.deepStrictEqual(
        (yield* space.membership.people).map(({ name, role }) => [name, role]),
        [["Ann", "owner"]]
      )
      yield* space.close
      const again = yield* ann.spaces.open(space.ticket)
      assert.deepStrictEqual(
        (yield* again.query(Task).all).map(({ title }) => title),
        ["milk"]
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("lets a reader say who he is, and change nothing else", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* person, yield* person]
      const space = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(space, bob, "reader")
      assert.strictEqual(yield* his.membership.role, "reader")
      const refused = yield* Effect.flip(his.create(Task, { title: "milk" }))
      assert.match(refused.message, /you are a reader in space .* Ask an admin for the editor role/)
      yield* his.membership.setName("Bob")
      const people = yield* his.membership.people
      assert.deepStrictEqual(
        people.filter(({ isSelf }) => isSelf).map(({ name }) => name),
        ["Bob"]
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is replicated among its members, whoever brought them in, and to nobody else", () =>
    Effect.gen(function* () {
      const [ann, bob, carol] = [yield* person, yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "admin")
      yield* elapse("5 seconds")
      yield* hers.create(Task, { title: "milk" })
      // carol comes in by bob, and ann learns of her by herself
      const third = yield* letIn(his, carol)
      yield* third.create(Task, { title: "bread" })
      yield* elapse("20 seconds")
      for (const space of [hers, his, third]) assert.deepStrictEqual(yield* titles(space), ["bread", "milk"])
      assert.strictEqual(new Set(yield* Effect.forEach([hers, his, third], ({ stateHash }) => stateHash)).size, 1)
      assert.strictEqual(new Set(yield* Effect.forEach([hers, his, third], ({ frontier }) => frontier)).size, 1)
      yield* hers.membership.setName("Ann")
      yield* his.membership.setName("Bob")
      yield* elapse("10 seconds")
      const [origin] = yield* third.membership.provenance(carol.identity.text)
      assert.match(
        origin!.join("\n"),
        /^Bob .* \(admin, by device .*\) admitted somebody .* as editor.*\nAnn .* admitted Bob .*\nAnn .* founded the space/
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("refuses to remove whom nobody knows and who is not below, and says nothing of it to others", () =>
    Effect.gen(function* () {
      const [ann, bob, cy] = [yield* person, yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob, "admin")
      const third = yield* letIn(hers, cy, "admin")
      const { membership } = his
      const before = yield* his.frontier
      for (const identity of [ann.identity.text, cy.identity.text, bob.identity.text, "!!!", "A".repeat(43)])
        assert.strictEqual((yield* Effect.flip(membership.remove(identity)))._tag, "NotPermitted")
      assert.match((yield* Effect.flip(membership.demote(ann.identity.text, "reader"))).message, /below him/)
      assert.match((yield* Effect.flip(hers.membership.remove(ann.identity.text))).message, /Use `leave`/)
      const elders = yield* Effect.flip(membership.removeDevice(ann.identity.text, ann.identity.deviceText))
      assert.match(elders.message, /below him/)
      const foreign = yield* Effect.flip(membership.removeDevice(ann.identity.text, cy.identity.deviceText))
      assert.match(foreign.message, /no such device here/)
      assert.strictEqual(yield* his.frontier, before)
      assert.strictEqual(yield* third.membership.role, "admin")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("shows who was removed that he was, lets him keep what he has, and takes nothing more of it", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob)
      yield* elapse("5 seconds")
      yield* his.create(Task, { title: "seen" })
      yield* elapse("5 seconds")
      const network = yield* MemoryNetwork
      yield* network.cut("silent")
      yield* his.create(Task, { title: "unseen" })
      yield* hers.membership.remove(bob.identity.text)
      yield* network.heal
      yield* elapse("90 seconds")
      assert.deepStrictEqual(yield* titles(hers), ["seen"])
      const removed = yield* his.membership.removed
      assert.strictEqual(removed?.by, ann.identity.text)
      // he keeps what he has
      assert.deepStrictEqual(yield* titles(his), ["seen", "unseen"])
      const refused = yield* Effect.flip(his.create(Task, { title: "more" }))
      assert.match(refused.message, /you are no member of space/)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("withholds what a stolen device wrote since a time, on every device, until somebody endorses it", () =>
    Effect.gen(function* () {
      const [ann, bob, carol] = [yield* person, yield* person, yield* person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* letIn(hers, bob)
      const third = yield* letIn(hers, carol, "admin")
      yield* elapse("5 seconds")
      yield* his.create(Task, { title: "before" })
      yield* elapse("5 seconds")
      const since = yield* Clock.currentTimeMillis
      yield* his.create(Task, { title: "after" })
      yield* elapse("5 seconds")
      yield* hers.membership.remove(bob.identity.text, { since })
      yield* elapse("10 seconds")
      for (const space of [hers, third]) assert.deepStrictEqual(yield* titles(space), ["before"])
      const [withheld] = yield* third.membership.withheld
      assert.strictEqual(withheld?.identity, bob.identity.text)
      // who is below the revocation cannot undo it
      yield* third.membership.endorse(withheld!.feed)
      yield* elapse("5 seconds")
      assert.deepStrictEqual(yield* titles(hers), ["before"])
      yield* hers.membership.endorse(withheld!.feed)
      yield* elapse("5 seconds")
      for (const space of [hers, third]) assert.deepStrictEqual(yield* titles(space), ["after", "before"])
      assert.strictEqual(yield* hers.stateHash, yield* third.stateHash)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect(
    "can be read and not written once a member has said what this version does not know, and a reader cannot bring that about",
    () =>
      Effect.gen(function* () {
        const [ann, bob, carol] = [yield* person, yield* person, yield* person]
        const hers = yield* ann.spaces.create({ name: "Home" })
        const his = yield* letIn(hers, bob)
        yield* letIn(hers, carol, "reader")
        yield* elapse("5 seconds")
        const say = ({ identity, operations }: Person) =>
          Effect.scoped(
            Effect.flatMap(operations.open(bytesOfText(hers.id), null), ({ publish }) =>
              publish({ type: "Unknown", number: 77, content: Uint8Array.of(0xf6) }, { device: identity.device })
            )
          )
        yield* say(carol)
        yield* elapse("5 seconds")
        yield* hers.create(Task, { title: "milk" })
        yield* say(bob)
        yield* elapse("5 seconds")
        const refused = yield* Effect.flip(hers.create(Task, { title: "bread" }))
        assert.match(refused.message, /it holds a control operation of type 77, which this version of Troupe does not know/)
        assert.deepStrictEqual(yield* titles(his), ["milk"])
        // who has removed him is rid of it
        yield* hers.membership.remove(bob.identity.text, { since: 0 })
        yield* hers.create(Task, { title: "bread" })
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

const titles = (space: Space) => Effect.map(space.query(Task).all, (tasks) => tasks.map(({ title }) => title).sort())
