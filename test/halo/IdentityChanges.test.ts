/** What identities tell by themselves: each change once, the value of now first, and to slow readers less. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import type { IdentityView } from "../../src/services/halo/IdentityService.ts"
import { elapse } from "../mesh/Elapse.ts"

/** Everything that a stream has told so far, while the scope lasts. */
const toldBy = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function* () {
    const told: Array<A> = []
    const fiber = yield* Effect.forkScoped(Stream.runForEach(stream, (each) => Effect.sync(() => told.push(each))))
    yield* elapse("1 second")
    return { told, fiber }
  })

const inWords = ({ devices, isConfirmed, name, removed }: IdentityView) =>
  `${name}${isConfirmed ? " confirmed" : ""}: ${devices
    .map((each) => `${each.name || "?"}${each.platform === "" ? "" : `/${each.platform}`}${each.isThis ? "*" : ""}`)
    .sort()
    .join(", ")}${removed === null ? "" : " (removed)"}`

describe("identity.changes", () => {
  it.effect(
    "tells its name, its devices, what they are called, that the phrase was typed, and that this device was taken away",
    () =>
      Effect.gen(function* () {
        const [laptop, phone] = [yield* PeerMemory.open, yield* PeerMemory.open]
        const { identity, phrase } = yield* laptop.identities.create({ name: "Ann", device: "laptop" })
        const { told } = yield* toldBy(identity.changes)
        const since = () => told.splice(0).map(inWords)
        assert.deepStrictEqual(since(), ["Ann: laptop*"])
        yield* identity.setName("Anna")
        yield* elapse("1 second")
        assert.deepStrictEqual(since(), ["Anna: laptop*"])
        // by another handle of the same identity
        yield* (yield* laptop.identities.get(identity.id)).confirm(phrase)
        yield* elapse("1 second")
        assert.deepStrictEqual(since(), ["Anna confirmed: laptop*"])
        yield* phone.enter(yield* identity.admit(yield* phone.accept(identity.offer)))
        yield* elapse("10 seconds")
        assert.deepStrictEqual(since(), ["Anna confirmed: ?, laptop*"])
        const there = yield* phone.identities.get(identity.id)
        const other = yield* toldBy(there.changes)
        yield* there.rename(there.device, "phone", "Android")
        yield* elapse("10 seconds")
        assert.deepStrictEqual(since(), ["Anna confirmed: laptop*, phone/Android"])
        // nothing of the identity, so nothing is told
        yield* laptop.spaces.create({ name: "Home" })
        yield* identity.confirm(phrase)
        yield* identity.setName("Anna")
        yield* elapse("60 seconds")
        assert.deepStrictEqual(since(), [])
        yield* identity.revoke(there.device)
        yield* elapse("10 seconds")
        assert.deepStrictEqual(since(), ["Anna confirmed: laptop*"])
        assert.deepStrictEqual(other.told.map(inWords), [
          "Anna: ?*, laptop",
          "Anna: laptop, phone/Android*",
          "Anna: laptop (removed)"
        ])
        assert.strictEqual(other.told.at(-1)?.removed?.by, identity.id)
      }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("tells a slow reader less, and in the end what holds", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const { identity } = yield* peer.identities.create({ name: "Ann", device: "laptop" })
      const [told, gate] = [[] as Array<string>, yield* Latch.make(false)]
      const slow = Stream.runForEach(identity.changes, ({ name }) =>
        Effect.andThen(
          gate.await,
          Effect.sync(() => told.push(name))
        )
      )
      yield* Effect.forkScoped(slow)
      yield* elapse("1 second")
      for (let at = 1; at <= 100; at++) yield* identity.setName(`Ann ${at}`)
      yield* elapse("1 second")
      yield* gate.open
      yield* elapse("1 second")
      assert.isBelow(told.length, 40)
      assert.deepStrictEqual([told[0], told.at(-1)], ["Ann", "Ann 100"])
      assert.strictEqual(new Set(told).size, told.length)
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("ends when the identity is wiped", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const { identity } = yield* peer.identities.create({ name: "Ann" })
      const { fiber } = yield* toldBy(identity.changes)
      yield* identity.wipe
      const over = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(over._tag, "SpaceClosed")
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )
})

describe("peer.identities.changes", () => {
  it.effect("tells which identities are here, when one is made, comes from another device, or is wiped", () =>
    Effect.gen(function* () {
      const [laptop, phone] = [yield* PeerMemory.open, yield* PeerMemory.open]
      const { told } = yield* toldBy(phone.identities.changes)
      const { identity: ann } = yield* laptop.identities.create({ name: "Ann" })
      const acceptance = yield* phone.accept(ann.offer)
      yield* elapse("10 seconds")
      yield* phone.enter(yield* ann.admit(acceptance))
      yield* elapse("10 seconds")
      const { identity: work } = yield* phone.identities.create({ name: "Work" })
      yield* elapse("1 second")
      yield* (yield* phone.identities.get(ann.id)).wipe
      yield* elapse("1 second")
      const ids = told.map((all) => all.map(({ id }) => id))
      assert.deepStrictEqual(ids, [[], [ann.id], [ann.id, work.id], [work.id]])
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )
})
