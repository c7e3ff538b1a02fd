/** What a space is between making and wiping, as docs/spaces.md tells it: what one sees in each state, and how it ends. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { identityKeys } from "../../src/schema/halo/IdentityRecords.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import type { Peer } from "../../src/services/peer/Peer.ts"
import { hanging, peerOver } from "../halo/PeerOver.ts"
import { elapse } from "../mesh/Elapse.ts"

const Task = ObjectType.make("Task", { title: Schema.String })
const titles = (space: Space) => Effect.map(space.query(Task).all, (tasks) => tasks.map(({ title }) => title).sort())
const statusOf = (space: Space) => Effect.map(Stream.runHead(space.status), Option.getOrThrow)
const names = (space: Space) => Effect.map(space.membership.people, (people) => people.map(({ name }) => name).sort())

/** Ann's space, and a welcome to Bob's device. */
const invited = Effect.fnUntraced(function* (bob: Peer["Service"]) {
  const ann = yield* PeerMemory.open
  yield* ann.identities.create({ name: "Ann" })
  const { identity } = yield* bob.identities.create({ name: "Bob" })
  const hers = yield* ann.spaces.create({ name: "Home" })
  yield* hers.create(Task, { title: "hers" })
  const acceptance = yield* bob.accept(yield* hers.membership.offer("editor"))
  return { hers, identity, welcome: yield* hers.membership.admit(acceptance) }
})

/** Does something for at most half a minute. */
const within = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.flip(Effect.timeout(effect, "30 seconds")))
    yield* elapse("31 seconds")
    assert.isDefined(fiber.pollUnsafe(), "it does not end")
    return yield* Fiber.join(fiber)
  })

describe("a space", () => {
  it.effect("that was entered while nobody is there is open at once, counts what waits, and fills when somebody comes", () =>
    Effect.gen(function* () {
      const bob = yield* PeerMemory.open
      const { hers, welcome } = yield* invited(bob)
      const network = yield* MemoryNetwork
      yield* network.cut("silent")
      const his = yield* bob.enter(welcome)
      yield* his.create(Task, { title: "his" })
      yield* elapse("1 hour")
      assert.strictEqual(yield* his.membership.role, "editor")
      const alone = yield* statusOf(his)
      assert.deepStrictEqual([alone.connected, alone.stuck, alone.readOnly], [[], [], null])
      assert.isAbove(alone.local, 0)
      assert.strictEqual(alone.acknowledgedBy.size, 0)
      assert.deepStrictEqual(yield* titles(his), ["his"])
      // whoever waits for others says how long
      assert.strictEqual((yield* within(his.synced({ quorum: 1 })))._tag, "TimeoutError")
      yield* network.heal
      yield* elapse("2 minutes")
      assert.deepStrictEqual(
        [yield* titles(his), yield* titles(hers)],
        [
          ["hers", "his"],
          ["hers", "his"]
        ]
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect(
    "that was left while offline is over at once here, and for others when they hear of it; what nobody has is counted",
    () =>
      Effect.gen(function* () {
        const bob = yield* PeerMemory.open
        const { hers, welcome } = yield* invited(bob)
        const his = yield* bob.enter(welcome)
        yield* elapse("10 seconds")
        const network = yield* MemoryNetwork
        yield* network.cut("silent")
        yield* his.create(Task, { title: "unsent" })
        yield* his.membership.leave()
        assert.strictEqual(yield* his.membership.role, null)
        // that an object is there, and its title
        assert.deepInclude(yield* his.membership.removed, { by: null, unsent: 2 })
        const refused = yield* Effect.flip(his.create(Task, { title: "more" }))
        assert.match(`${refused._tag} ${refused.message}`, /^NotAuthorized .*What is here can still be read/)
        yield* elapse("1 hour")
        assert.deepStrictEqual(yield* names(hers), ["Ann", "Bob"])
        yield* network.heal
        yield* elapse("3 minutes")
        assert.deepStrictEqual(yield* names(hers), ["Ann"])
        assert.strictEqual((yield* his.membership.removed)?.unsent, 0)
        // leaving takes nothing along: what he wrote before still comes, and counts
        assert.deepStrictEqual(yield* titles(hers), ["hers", "unsent"])
        assert.deepStrictEqual(yield* hers.membership.withheld, [])
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("from which one was removed can be read, verified and copied, also after a restart, and ends by a wipe", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      const ticket = yield* Effect.scoped(
        Effect.gen(function* () {
          const bob = yield* peerOver(storage)
          const { hers, identity, welcome } = yield* invited(bob)
          const his = yield* bob.enter(welcome)
          yield* his.create(Task, { title: "his" })
          yield* elapse("10 seconds")
          yield* hers.membership.remove(identity.id)
          yield* elapse("10 seconds")
          return his.ticket
        })
      )
      const bob = yield* peerOver(storage)
      const his = yield* bob.spaces.open(ticket)
      const removed = yield* his.membership.removed
      assert.isString(removed?.by)
      assert.match((yield* statusOf(his)).readOnly ?? "", /no member of space .* any more\. What is here can still be read/)
      assert.deepStrictEqual(yield* titles(his), ["hers", "his"])
      assert.isAbove((yield* his.audit).blocks, 1)
      // exported: what is read there is written elsewhere
      const own = yield* bob.spaces.create({ name: "Mine" })
      for (const { title } of yield* his.query(Task).all) yield* own.create(Task, { title })
      assert.deepStrictEqual(yield* titles(own), ["hers", "his"])
      yield* bob.spaces.wipe(his.id)
      assert.deepStrictEqual(
        (yield* bob.spaces.list).map(({ id }) => id),
        [own.id]
      )
      assert.strictEqual((yield* Effect.flip(his.membership.role))._tag, "SpaceClosed")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("from which one was removed can be written again with a new welcome", () =>
    Effect.gen(function* () {
      const bob = yield* PeerMemory.open
      const { hers, identity, welcome } = yield* invited(bob)
      const his = yield* bob.enter(welcome)
      yield* elapse("10 seconds")
      yield* hers.membership.remove(identity.id)
      yield* elapse("10 seconds")
      const stale = yield* Effect.flip(bob.enter(welcome))
      assert.match(stale.message, /this device was removed since\. Ask an admin to let it in again/)
      const again = yield* hers.membership.admit(yield* bob.accept(yield* hers.membership.offer("editor")))
      assert.strictEqual((yield* bob.enter(again)).id, his.id)
      assert.isNull(yield* his.membership.removed)
      yield* his.create(Task, { title: "back" })
      yield* elapse("2 minutes")
      assert.deepStrictEqual(yield* titles(hers), ["back", "hers"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a space on a storage that hangs", () => {
  const made = Effect.gen(function* () {
    const { gate, storage } = yield* hanging
    const peer = yield* peerOver(storage)
    yield* peer.identities.create({ name: "Ann" })
    const home = yield* peer.spaces.create({ name: "Home" })
    return { gate, peer, home }
  })

  it.effect("is opened for as long as its opener waits, and later by the next one", () =>
    Effect.gen(function* () {
      const { gate, home, peer } = yield* made
      yield* home.close
      gate.closeUnsafe()
      assert.strictEqual((yield* within(peer.spaces.open(home.ticket)))._tag, "TimeoutError")
      const waiting = yield* Effect.forkChild(peer.spaces.open(home.ticket))
      yield* elapse("1 hour")
      yield* gate.open
      const opened = yield* Fiber.join(waiting)
      assert.strictEqual(yield* opened.name, "Home")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect(
    "is closed for as long as its closer waits; what it was writing is written when the storage answers, and then it is closed",
    () =>
      Effect.gen(function* () {
        const { gate, home, peer } = yield* made
        gate.closeUnsafe()
        const writing = yield* Effect.forkChild(home.create(Task, { title: "milk" }))
        yield* elapse("1 second")
        assert.strictEqual((yield* within(home.close))._tag, "TimeoutError")
        // it goes on to close, and whoever opens it waits
        const opening = yield* Effect.forkChild(peer.spaces.open(home.ticket))
        yield* elapse("1 hour")
        assert.isUndefined(opening.pollUnsafe())
        yield* gate.open
        yield* elapse("1 second")
        yield* Fiber.join(writing)
        assert.strictEqual((yield* Effect.flip(home.create(Task, { title: "late" })))._tag, "SpaceClosed")
        assert.deepStrictEqual(yield* titles(yield* Fiber.join(opening)), ["milk"])
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("is wiped in the end by whoever asks again", () =>
    Effect.gen(function* () {
      const { gate, home, peer } = yield* made
      gate.closeUnsafe()
      yield* Effect.forkChild(Effect.exit(home.create(Task, { title: "milk" })))
      yield* elapse("1 second")
      assert.strictEqual((yield* within(peer.spaces.wipe(home.id)))._tag, "TimeoutError")
      yield* gate.open
      yield* elapse("1 second")
      assert.lengthOf(yield* peer.spaces.list, 1)
      yield* peer.spaces.wipe(home.id)
      assert.deepStrictEqual(yield* peer.spaces.list, [])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("an acceptance", () => {
  it.effect("waits for its welcome until sixteen later ones were given; its keys are gone then, and nobody else's", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      const phone = yield* peerOver(storage)
      const { identity: own, phrase } = yield* phone.identities.create({ name: "Own" })
      const offers: Array<{
        readonly admit: (acceptance: string) => Effect.Effect<string, unknown>
        readonly acceptance: string
      }> = []
      for (let at = 0; at < 17; at++) {
        const { identity } = yield* (yield* PeerMemory.open).identities.create({ name: `Ann ${at}` })
        offers.push({ admit: identity.admit, acceptance: yield* phone.accept(identity.offer) })
      }
      const [first, second] = offers
      const late = yield* Effect.flip(phone.enter(yield* first!.admit(first!.acceptance)))
      assert.match(String(late), /let in no identity of this device. Accept the offer/)
      yield* phone.enter(yield* second!.admit(second!.acceptance))
      yield* phone.enter(yield* offers[16]!.admit(offers[16]!.acceptance))
      const here = yield* phone.identities.list
      assert.lengthOf(here, 3)
      assert.strictEqual(here[0]?.id, own.id)
      yield* own.confirm(Redacted.make(Redacted.value(phrase)))
      // his own identity, fourteen that wait, and the two that came
      assert.lengthOf(yield* storage.range({ ...identityKeys, limit: 100 }), 17)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
