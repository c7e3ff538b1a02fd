/** Identities on a storage that fails at every step: what is asked again after a restart is finished, and nothing is half there. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import type { Peer } from "../../src/services/peer/Peer.ts"
import { Storage, StorageFailed } from "../../src/services/platform/Storage.ts"
import { elapse } from "../mesh/Elapse.ts"
import { aloneOver, peerOver } from "./PeerOver.ts"

/** A storage that takes so many writes and no more. */
const lasting = (inner: Storage["Service"], writes: number) => {
  let left = writes
  const broken = new StorageFailed({ folder: "here", operation: "writing", cause: new Error("power is gone") })
  return Storage.make({
    ...inner,
    write: (batch, options) => Effect.suspend(() => (left-- > 0 ? inner.write(batch, options) : Effect.fail(broken)))
  })
}

/** What a peer over a storage does before it ends. */
const living = <A, E>(storage: Storage["Service"], life: (peer: Peer["Service"]) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(aloneOver(storage), life))

const everything = { from: Uint8Array.of(0), to: Uint8Array.of(255), limit: 10_000 }
const stored = (storage: Storage["Service"]) =>
  Effect.map(storage.range(everything), (entries) =>
    entries.flatMap(({ key, value }) => [Buffer.from(key).toString("hex"), Buffer.from(value).toString("hex")])
  )
const hexOf = (text: string) => Buffer.from(text, "base64url").toString("hex")

/** Does something with fewer writes than it takes, from none on, until it is done; answers with how many it was. */
const untilDone = <E, R>(attempt: (writes: number) => Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    for (let writes = 0; writes < 60; writes++) if (yield* attempt(writes)) return writes
    return assert.fail("it takes more than 60 writes")
  })

const hostOf = Effect.gen(function* () {
  const host = yield* PeerMemory.open
  const { identity } = yield* host.identities.create({ name: "Ann" })
  yield* host.spaces.create({ name: "Home" })
  return identity
})

describe("an identity on a storage that fails", () => {
  it.effect("is entered in full after a crash at any write", () =>
    Effect.gen(function* () {
      const identity = yield* hostOf
      const crashes = yield* untilDone((writes) =>
        Effect.gen(function* () {
          const storage = StorageMemory.make()
          const acceptance = yield* living(storage, (peer) => peer.accept(identity.offer))
          const welcome = yield* identity.admit(acceptance)
          const first = yield* Effect.exit(living(lasting(storage, writes), (peer) => peer.enter(welcome)))
          const spaces = yield* living(storage, (peer) =>
            Effect.gen(function* () {
              yield* peer.enter(welcome)
              return yield* (yield* peer.identities.get(identity.id)).spaces
            })
          )
          assert.strictEqual(spaces.length, 1)
          return first._tag === "Success"
        })
      )
      assert.isAbove(crashes, 3)
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("leaves no key on its device once it is wiped, however often that was cut off, and the other one in peace", () =>
    Effect.gen(function* () {
      const wipes = yield* untilDone((writes) =>
        Effect.gen(function* () {
          const storage = StorageMemory.make()
          const [home, work, office] = yield* living(storage, (peer) =>
            Effect.gen(function* () {
              const { identity: home } = yield* peer.identities.create({ name: "Ann" })
              const { identity: work } = yield* peer.identities.create({ name: "Dr. Ann" })
              const { id } = yield* peer.spaces.create({ name: "Office", identity: work.id })
              return [home.id, work, id] as const
            })
          )
          const wiping = (peer: Peer["Service"]) => Effect.flatMap(peer.identities.get(work.id), ({ wipe }) => wipe)
          const first = yield* Effect.exit(living(lasting(storage, writes), wiping))
          const left = yield* living(storage, (peer) =>
            Effect.gen(function* () {
              yield* Effect.catchTag(wiping(peer), "IdentityMissing", () => Effect.void)
              return yield* peer.identities.list
            })
          )
          assert.deepStrictEqual(
            left.map(({ id }) => id),
            [home]
          )
          const texts = yield* stored(storage)
          const found = [work.id, work.device, office].filter((gone) => texts.some((text) => text.includes(hexOf(gone))))
          assert.deepStrictEqual(found, [])
          return first._tag === "Success"
        })
      )
      assert.strictEqual(wipes > 3, true)
    })
  )

  it.effect("is there after a restart, and among its other devices before anybody asks for it", () =>
    Effect.gen(function* () {
      const laptop = yield* PeerMemory.open
      const { identity } = yield* laptop.identities.create({ name: "Ann", device: "laptop" })
      const storage = StorageMemory.make()
      const begin = living(storage, (peer) =>
        Effect.gen(function* () {
          yield* peer.enter(yield* identity.admit(yield* peer.accept(identity.offer)))
          const there = yield* peer.identities.get(identity.id)
          yield* there.rename(there.device, "phone", "Android")
          return there.device
        })
      )
      const phone = yield* begin
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* peerOver(storage)
          yield* elapse("10 seconds")
          const row = (yield* identity.devices).find(({ device }) => device === phone)
          assert.deepInclude(row, { name: "phone", platform: "Android", isOnline: true, isThis: false })
        })
      )
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("makes nothing of a welcome that does not let this device in", () =>
    Effect.gen(function* () {
      const identity = yield* hostOf
      const welcome = yield* identity.admit(yield* living(StorageMemory.make(), (peer) => peer.accept(identity.offer)))
      const storage = StorageMemory.make()
      yield* living(storage, () => Effect.void)
      const before = (yield* stored(storage)).length
      const refused = yield* living(storage, (peer) => Effect.flip(peer.enter(welcome)))
      assert.match(refused.message, /let in no identity of this device/)
      const after = yield* stored(storage)
      assert.strictEqual(after.length, before)
      assert.isFalse(after.some((text) => text.includes(hexOf(identity.id))))
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )

  it.effect("is entered with a welcome whose lines a mail has broken", () =>
    Effect.gen(function* () {
      const identity = yield* hostOf
      const phone = yield* PeerMemory.open
      const welcome = yield* identity.admit(yield* phone.accept(identity.offer))
      const entered = yield* phone.enter(welcome.replace(/.{76}/g, "$&\r\n"))
      assert.strictEqual(entered.id, identity.id)
      assert.strictEqual((yield* (yield* phone.identities.get(identity.id)).spaces).length, 1)
    }).pipe(Effect.provide(MemoryNetwork.layer))
  )
})
