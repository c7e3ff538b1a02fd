/** Identities as applications hold them: made, confirmed, brought to further devices, and taken away. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import type { Identity } from "../../src/services/halo/IdentityService.ts"
import { MemoryNetwork as Network } from "../../src/services/mesh/MemoryNetwork.ts"
import type { Peer } from "../../src/services/peer/Peer.ts"
import { elapse } from "../mesh/Elapse.ts"

const Task = ObjectType.make("Task", { title: Schema.String })
const titles = (space: Space) => Effect.map(space.query(Task).all, (tasks) => tasks.map(({ title }) => title).sort())

/** Brings an identity to another peer by texts. */
const broughtTo = (identity: Identity, peer: Peer["Service"]) =>
  Effect.gen(function* () {
    const welcome = yield* identity.admit(yield* peer.accept(identity.offer))
    yield* peer.enter(welcome)
    return yield* peer.identities.get(identity.id)
  })

describe("an identity", () => {
  it.effect("is made with a phrase that is shown once, and confirmed by typing it, however carelessly", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const { identity, limits, phrase } = yield* peer.identities.create({
        name: "Ann",
        words: 24,
        device: "laptop",
        platform: "Linux"
      })
      const words = Redacted.value(phrase).split(" ")
      assert.strictEqual(words.length, 24)
      assert.notInclude(String(phrase), words[0]!)
      assert.match(limits, /do not bring back/)
      assert.strictEqual(yield* identity.isConfirmed, false)
      const typo = yield* Effect.flip(identity.confirm(Redacted.make(words.with(3, "lettre").join(" "))))
      assert.match(typo.message, /word 4 is not in the list/)
      const other = (yield* peer.identities.create({ name: "Work" })).phrase
      assert.strictEqual((yield* Effect.flip(identity.confirm(other)))._tag, "PhraseWrong")
      yield* identity.confirm(Redacted.make(words.map((word) => word.slice(0, 4).toUpperCase()).join(", ")))
      assert.strictEqual(yield* identity.isConfirmed, true)
      assert.strictEqual(yield* identity.name, "Ann")
      const [device] = yield* identity.devices
      assert.deepInclude(device, { name: "laptop", platform: "Linux", isThis: true, isBelow: true, isOnline: true })
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("shares nothing with another one on the same device", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const { identity: home } = yield* peer.identities.create({ name: "Ann" })
      const { identity: work } = yield* peer.identities.create({ name: "Dr. Ann" })
      assert.notStrictEqual(home.device, work.device)
      const private_ = yield* peer.spaces.create({ name: "Home" })
      const office = yield* peer.spaces.create({ name: "Office", identity: work.id })
      assert.deepStrictEqual(
        (yield* home.spaces).map(({ id }) => id),
        [private_.id]
      )
      assert.deepStrictEqual(
        (yield* work.spaces).map(({ id }) => id),
        [office.id]
      )
      assert.deepStrictEqual(office.members, [work.device])
      assert.deepStrictEqual(
        (yield* peer.identities.list).map(({ id }) => id),
        [home.id, work.id]
      )
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("comes into others' spaces by texts, and is known there by its name", () =>
    Effect.gen(function* () {
      const [ann, bob] = [yield* PeerMemory.open, yield* PeerMemory.open]
      yield* ann.identities.create({ name: "Ann" })
      const { identity } = yield* bob.identities.create({ name: "Bob" })
      const hers = yield* ann.spaces.create({ name: "Home" })
      const offer = yield* hers.membership.offer("editor")
      const welcome = yield* hers.membership.admit(yield* bob.accept(offer))
      const his = yield* bob.enter(welcome)
      assert.strictEqual(his.id, hers.id)
      yield* bob.enter(welcome)
      yield* elapse("10 seconds")
      const people = yield* hers.membership.people
      assert.deepStrictEqual(people.map(({ name, role }) => `${name} ${role}`).sort(), ["Ann owner", "Bob editor"])
      assert.include(
        people.map((each) => each.identity),
        identity.id
      )
      // a stranger's welcome lets nobody in
      const carol = yield* PeerMemory.open
      yield* carol.identities.create({ name: "Carol" })
      assert.match((yield* Effect.flip(carol.enter(welcome))).message, /let in no identity of this device/)
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("lives on several devices, which are in all of its spaces, and whose names all of them know", () =>
    Effect.gen(function* () {
      const [laptop, phone] = [yield* PeerMemory.open, yield* PeerMemory.open]
      const { identity } = yield* laptop.identities.create({ name: "Ann", device: "laptop" })
      const home = yield* laptop.spaces.create({ name: "Home" })
      yield* home.create(Task, { title: "milk" })
      const there = yield* broughtTo(identity, phone)
      yield* there.rename(there.device, "phone", "Android")
      yield* elapse("20 seconds")
      const [ticket] = yield* there.spaces
      const same = yield* phone.spaces.open(ticket!.ticket)
      assert.deepStrictEqual(yield* titles(same), ["milk"])
      yield* same.create(Task, { title: "bread" })
      yield* elapse("10 seconds")
      assert.deepStrictEqual(yield* titles(home), ["bread", "milk"])
      const names = (yield* identity.devices).map(({ isBelow, isOnline, name }) => `${name} ${isOnline} ${isBelow}`)
      assert.deepStrictEqual(names.sort(), ["laptop true true", "phone true true"])
      assert.strictEqual(yield* there.name, "Ann")
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("takes a stolen device away everywhere, from when on it was stolen, and shows what it did", () =>
    Effect.gen(function* () {
      const [laptop, phone] = [yield* PeerMemory.open, yield* PeerMemory.open]
      const { identity, phrase } = yield* laptop.identities.create({ name: "Ann", device: "laptop" })
      const home = yield* laptop.spaces.create({ name: "Home" })
      const there = yield* broughtTo(identity, phone)
      const [ticket] = yield* there.spaces
      const same = yield* phone.spaces.open(ticket!.ticket)
      yield* elapse("20 seconds")
      yield* same.create(Task, { title: "before" })
      yield* elapse("5 seconds")
      const since = yield* Clock.currentTimeMillis
      yield* same.create(Task, { title: "after" })
      yield* same.membership.setPolicy("locked")
      yield* elapse("5 seconds")
      const history = yield* identity.history(there.device, since)
      assert.strictEqual(history.changes.get(home.id), 1)
      assert.strictEqual(history.deeds.length, 1)
      // the one below cannot take the one above away, but the phrase can
      const refused = yield* Effect.flip(there.revoke(identity.device))
      assert.strictEqual(refused._tag, "PhraseNeeded")
      yield* identity.revoke(there.device, { since })
      yield* elapse("10 seconds")
      assert.deepStrictEqual(yield* titles(home), ["before"])
      // what it set is undone, too, though others had built upon it
      assert.strictEqual(yield* home.membership.policy, "invite")
      assert.deepStrictEqual(home.members, [identity.device])
      assert.strictEqual((yield* identity.devices).length, 1)
      assert.strictEqual((yield* same.membership.removed)?.by, identity.id)
      // it is the last one now: nobody but the phrase could bring it back
      assert.strictEqual((yield* Effect.flip(identity.revoke(identity.device)))._tag, "PhraseNeeded")
      assert.strictEqual(yield* home.membership.role, "owner")
      yield* identity.revoke(identity.device, { phrase })
      assert.strictEqual(yield* home.membership.role, null)
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("adds devices and takes them away where it is a member still, and elsewhere nothing", () =>
    Effect.gen(function* () {
      const [ann, bob, phone] = [yield* PeerMemory.open, yield* PeerMemory.open, yield* PeerMemory.open]
      yield* ann.identities.create({ name: "Ann" })
      const { identity } = yield* bob.identities.create({ name: "Bob" })
      const hers = yield* ann.spaces.create({ name: "Hers" })
      const offer = yield* hers.membership.offer("editor")
      const there = yield* bob.enter(yield* hers.membership.admit(yield* bob.accept(offer)))
      const his = yield* bob.spaces.create({ name: "His" })
      yield* elapse("10 seconds")
      yield* hers.membership.remove(identity.id)
      yield* elapse("10 seconds")
      assert.strictEqual(yield* there.membership.role, null)
      const same = yield* broughtTo(identity, phone)
      assert.deepStrictEqual(
        (yield* same.spaces).map(({ id }) => id),
        [his.id]
      )
      assert.include(his.members, same.device)
      yield* identity.revoke(same.device)
      assert.deepStrictEqual(his.members, [identity.device])
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("is not revoked by a device below, in any space, whether that one is open or not", () =>
    Effect.gen(function* () {
      const [laptop, phone] = [yield* PeerMemory.open, yield* PeerMemory.open]
      const { identity, phrase } = yield* laptop.identities.create({ name: "Ann" })
      const home = yield* laptop.spaces.create({ name: "Home" })
      const there = yield* broughtTo(identity, phone)
      const before = home.members.length
      assert.strictEqual((yield* Effect.flip(there.revoke(identity.device)))._tag, "PhraseNeeded")
      yield* elapse("10 seconds")
      assert.strictEqual(home.members.length, before)
      yield* home.close
      yield* identity.revoke(there.device, { phrase })
      const again = yield* laptop.spaces.open(home.ticket)
      assert.deepStrictEqual(again.members, [identity.device])
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("is removed from a device with all that is its", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const { identity } = yield* peer.identities.create({ name: "Ann" })
      const space = yield* peer.spaces.create({ name: "Home" })
      yield* space.create(Task, { title: "milk" })
      yield* identity.wipe
      assert.deepStrictEqual(yield* peer.identities.list, [])
      assert.deepStrictEqual(yield* peer.spaces.list, [])
      assert.strictEqual((yield* Effect.flip(peer.spaces.open(space.ticket)))._tag, "IdentityMissing")
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("[S55] adds a new device to spaces that another of its devices has entered meanwhile", () =>
    Effect.gen(function* () {
      const [laptop, tablet, phone, bob] = [
        yield* PeerMemory.open,
        yield* PeerMemory.open,
        yield* PeerMemory.open,
        yield* PeerMemory.open
      ]
      const { identity } = yield* laptop.identities.create({ name: "Ann" })
      const there = yield* broughtTo(identity, tablet)
      yield* bob.identities.create({ name: "Bob" })
      const his = yield* bob.spaces.create({ name: "Bob's" })
      yield* elapse("10 seconds")
      const network = yield* Network
      yield* network.cut("silent")
      // the tablet comes into a space, and the laptop adds a phone, and neither hears of the other
      const hers = yield* tablet.enter(yield* his.membership.admit(yield* tablet.accept(yield* his.membership.offer("editor"))))
      const third = yield* broughtTo(identity, phone)
      assert.notInclude(hers.members, third.device)
      yield* network.heal
      yield* elapse("120 seconds")
      assert.include(hers.members, third.device)
      assert.include(his.members, third.device)
      assert.strictEqual((yield* there.devices).length, 3)
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )
})

describe("names that others wrote", () => {
  const hostile = "Bob\u001b[2J\u202e\n evil"
  const Device = ObjectType.make("troupe/device", { device: Schema.String, name: Schema.String, platform: Schema.String })

  it.effect("are shown in one line, without what moves a cursor or turns the writing, whoever wrote them", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const { identity } = yield* peer.identities.create({ name: "Ann", device: "laptop" })
      // as a program writes that does not ask whether it is a name
      yield* identity.space.create(Device, { device: identity.device, name: hostile, platform: "\u0007" })
      const [first] = yield* identity.space.query(Device).all
      yield* identity.space.delete(first!)
      const [row] = yield* identity.devices
      assert.deepInclude(row, { name: "Bob[2J evil", platform: "" })
      const space = yield* peer.spaces.create({ name: "Home" })
      yield* space.change((transaction) => transaction.profile({ name: hostile }))
      const [self] = yield* space.membership.people
      assert.strictEqual(self?.name, "Bob[2J evil")
      assert.notInclude((yield* space.membership.provenance(identity.id)).flat().join(""), "\u001b")
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )
})
