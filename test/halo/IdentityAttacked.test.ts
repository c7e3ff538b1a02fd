/** Identities whose folder was copied, and whose devices have clocks that are far off: nobody is kept out, and the next edit wins. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import type { Identity } from "../../src/services/halo/IdentityService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import type { Peer } from "../../src/services/peer/Peer.ts"
import type { Storage } from "../../src/services/platform/Storage.ts"
import { elapse } from "../mesh/Elapse.ts"
import { peerOver } from "./PeerOver.ts"

const Task = ObjectType.make("Task", { title: Schema.String })
const titles = (space: Space) => Effect.map(space.query(Task).all, (tasks) => tasks.map(({ title }) => title).sort())
const roles = (space: Space) =>
  Effect.map(space.membership.people, (people) => people.map(({ name, role }) => `${name} ${role}`).sort())
const called = (identity: Identity) => Effect.map(identity.devices, (rows) => rows.map(({ name }) => name).sort())

/** Brings an identity to another peer by texts. */
const broughtTo = (identity: Identity, peer: Peer["Service"]) =>
  Effect.gen(function* () {
    yield* peer.enter(yield* identity.admit(yield* peer.accept(identity.offer)))
    return yield* peer.identities.get(identity.id)
  })

/** Lets somebody into a space. */
const letIn = Effect.fnUntraced(function* (space: Space, guest: Peer["Service"], role: "reader" | "editor") {
  return yield* guest.enter(yield* space.membership.admit(yield* guest.accept(yield* space.membership.offer(role))))
})

/** What a folder holds, as another one. */
const copied = Effect.fnUntraced(function* (storage: Storage["Service"]) {
  const copy = StorageMemory.make()
  const entries = yield* storage.range({ from: Uint8Array.of(0), to: Uint8Array.of(255), limit: 100_000 })
  yield* copy.write(
    entries.map(({ key, value }) => ({ key: key.slice(), value: value.slice() })),
    { durability: "strict" }
  )
  return copy
})

describe("an identity whose folder was copied", () => {
  it.effect("[S53] is the same device twice: what both sign counts, nobody is kept out, and both go on", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      const life = yield* Scope.make()
      const laptop = yield* Scope.provide(peerOver(storage), life)
      const { identity } = yield* laptop.identities.create({ name: "Ann", device: "laptop" })
      const { ticket } = yield* laptop.spaces.create({ name: "Home" })
      const [phone, tablet, bob, cy] = [
        yield* PeerMemory.open,
        yield* PeerMemory.open,
        yield* PeerMemory.open,
        yield* PeerMemory.open
      ]
      yield* bob.identities.create({ name: "Bob" })
      yield* cy.identities.create({ name: "Cy" })
      const witness = yield* broughtTo(identity, phone)
      yield* elapse("20 seconds")
      yield* Scope.close(life, Exit.void)
      const copy = yield* copied(storage)
      const network = yield* MemoryNetwork
      yield* network.cut("silent")
      const [one, two] = [yield* peerOver(storage), yield* peerOver(copy)]
      const [first, second] = [yield* one.identities.get(identity.id), yield* two.identities.get(identity.id)]
      assert.strictEqual(first.device, second.device)
      const [home, same] = [yield* one.spaces.open(ticket), yield* two.spaces.open(ticket)]
      // each does what the other knows nothing of
      yield* broughtTo(first, tablet)
      yield* letIn(home, bob, "editor")
      yield* home.create(Task, { title: "by one" })
      yield* letIn(same, cy, "reader")
      yield* second.setName("Anna")
      yield* same.create(Task, { title: "by two" })
      yield* network.heal
      yield* elapse("5 minutes")
      const third = yield* phone.spaces.open(ticket)
      for (const space of [home, same, third]) {
        assert.deepStrictEqual(yield* roles(space), ["Ann owner", "Bob editor", "Cy reader"])
        assert.lengthOf(space.members, 5)
        assert.deepStrictEqual(yield* titles(space), ["by one", "by two"])
        assert.deepStrictEqual(yield* space.membership.withheld, [])
        assert.isNull(yield* space.membership.removed)
      }
      for (const each of [first, second, witness]) {
        assert.strictEqual(yield* each.name, "Anna")
        assert.lengthOf(yield* each.devices, 3)
      }
      // and both go on
      yield* home.membership.setPolicy("locked")
      yield* elapse("1 minute")
      yield* same.membership.setPolicy("invite")
      yield* same.create(Task, { title: "later by two" })
      yield* home.create(Task, { title: "later by one" })
      yield* elapse("2 minutes")
      assert.deepStrictEqual(yield* titles(third), ["by one", "by two", "later by one", "later by two"])
      assert.strictEqual(yield* third.membership.policy, "invite")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a device whose clock says 2248", () => {
  const now = Date.UTC(2026, 10, 27)
  const ahead = Date.UTC(2248, 0, 1) - now

  const mistaken = Effect.map(Clock.Clock, (clock) => ({
    ...clock,
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + ahead,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (millis) => millis + ahead)
  }))

  it.effect("[S17] wins no name, no device, no role: the next edit of another replaces what it said", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const [laptop, tablet, bob] = [yield* PeerMemory.open, yield* PeerMemory.open, yield* PeerMemory.open]
      const phone = yield* Effect.provideService(peerOver(StorageMemory.make()), Clock.Clock, yield* mistaken)
      yield* bob.identities.create({ name: "Bob" })
      const { identity } = yield* laptop.identities.create({ name: "Ann", device: "laptop" })
      const home = yield* laptop.spaces.create({ name: "Home" })
      const there = yield* broughtTo(identity, phone)
      yield* elapse("20 seconds")
      const [brought] = yield* there.spaces
      const same = yield* phone.spaces.open(brought!.ticket)
      yield* there.rename(there.device, "phone")
      yield* there.setName("Future Ann")
      yield* there.rename(identity.device, "future")
      yield* broughtTo(there, tablet)
      const his = yield* letIn(same, bob, "reader")
      yield* same.membership.setName("Future Ann")
      yield* elapse("20 seconds")
      assert.strictEqual(yield* identity.name, "Future Ann")
      assert.deepStrictEqual(yield* called(identity), ["", "future", "phone"])
      assert.deepStrictEqual(yield* roles(home), ["Bob reader", "Future Ann owner"])

      const times = (yield* identity.devices).flatMap(({ addedAt, lastSeen }) => [addedAt, lastSeen ?? 0])
      const latest = yield* Clock.currentTimeMillis
      assert.isTrue(
        times.every((time) => time <= latest),
        `${times}`
      )

      yield* identity.setName("Ann")
      yield* home.membership.setName("Ann at home")
      yield* identity.rename(identity.device, "laptop")
      yield* letIn(home, bob, "editor")
      const added = (yield* identity.devices).find(({ name }) => name === "")
      yield* identity.revoke(added?.device ?? "")
      yield* elapse("1 minute")
      for (const each of [identity, there]) {
        assert.strictEqual(yield* each.name, "Ann")
        assert.deepStrictEqual(yield* called(each), ["laptop", "phone"])
      }
      for (const space of [home, same, his]) assert.deepStrictEqual(yield* roles(space), ["Ann at home owner", "Bob editor"])
      // and the mistaken device may name itself anew, as any
      yield* there.setName("Ann again")
      yield* elapse("1 minute")
      assert.deepStrictEqual([yield* identity.name, yield* there.name], ["Ann again", "Ann again"])
      yield* identity.setName("Ann at last")
      yield* elapse("1 minute")
      assert.deepStrictEqual([yield* identity.name, yield* there.name], ["Ann at last", "Ann at last"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
