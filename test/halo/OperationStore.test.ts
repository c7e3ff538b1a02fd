/** The store of control operations, over a real storage and real signatures. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as OperationStoreLayer from "../../src/layers/halo/OperationStore.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { decodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import { WaitingOperations } from "../../src/schema/halo/WaitingOperations.ts"
import { OperationStore } from "../../src/services/halo/OperationStore.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { Weather } from "../echo/FeedDevices.ts"
import { hash, keyOf, made, named, Person } from "./People.ts"

const ann = new Person("ann")
const bob = new Person("bob")
const carol = new Person("carol")
const genesis = made(
  { space: new Uint8Array(32), parents: [], proof: null, time: 0, payload: ann.founding("laptop") },
  keyOf("laptop")
)
const space = genesis.id
const admission = (
  person: Person,
  device: string,
  role: 1 | 2 | 3 | 4,
  parents = [genesis.id],
  by = "laptop",
  proof = genesis.id
) => made({ space, parents, proof, time: 1, payload: person.admission(space, device, role) }, keyOf(by))

const over = (storage: Storage["Service"]) =>
  Effect.map(
    Layer.build(
      Layer.fresh(
        OperationStoreLayer.layer.pipe(
          Layer.provide(Layer.merge(Layer.succeed(Storage, storage), KeyringMemory.layer)),
          Layer.provide(CryptoNode.layer)
        )
      )
    ),
    (services) => Context.get(services, OperationStore)
  )

describe("OperationStore", () => {
  it.effect("[O1] keeps what holds in whichever order it comes, and opens again as it was", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      const operations = yield* (yield* over(storage)).open(space, null)
      const first = admission(bob, "phone", 3)
      const second = admission(carol, "tablet", 2, [first.id], "phone", first.id)
      assert.deepStrictEqual(yield* operations.take([second.bytes]), { added: [], waiting: 1, refused: [] })
      const later = yield* operations.take([first.bytes, genesis.bytes])
      assert.strictEqual(later.added.length, 3)
      assert.deepStrictEqual(
        operations.membership.members().map(({ role }) => role),
        (yield* (yield* over(storage)).open(space, null)).membership.members().map(({ role }) => role)
      )
      assert.strictEqual(operations.membership.members().length, 3)
      assert.deepStrictEqual(operations.heads(), [second.id])
    })
  )

  it.effect("[O2] keeps nothing of what strangers sign, nor of what nobody has a right to", () =>
    Effect.gen(function* () {
      const operations = yield* (yield* over(StorageMemory.make())).open(space, null)
      const reader = admission(bob, "phone", 1)
      yield* operations.take([genesis.bytes, reader.bytes])
      const beyond = admission(carol, "tablet", 2, [reader.id], "phone", reader.id)
      const stranger = admission(carol, "tablet", 2, [genesis.id], "tablet")
      const forged = Uint8Array.from(admission(carol, "tablet", 2).bytes)
      forged[forged.length - 1]! ^= 1
      const taken = yield* operations.take([beyond.bytes, stranger.bytes, forged, named("junk")])
      assert.deepStrictEqual(taken.added, [])
      assert.strictEqual(taken.refused.length, 4)
      assert.strictEqual(operations.list().length, 2)
      // the same operation under a signature that holds is another matter
      assert.strictEqual((yield* operations.take([admission(carol, "tablet", 2).bytes])).added.length, 1)
    })
  )

  it.effect("[O3] shows nothing of what could not be kept, and takes it again later", () =>
    Effect.gen(function* () {
      const weather = new Weather(StorageMemory.make())
      const operations = yield* (yield* over(weather.storage)).open(space, null)
      const all = [genesis, admission(bob, "phone", 3), admission(carol, "tablet", 2)].map(({ bytes }) => bytes)
      yield* operations.take(all.slice(0, 1))
      weather.failing = "both"
      const failure = yield* Effect.flip(operations.take(all.slice(1)))
      assert.strictEqual(failure._tag, "StorageFailed")
      assert.strictEqual(operations.membership.members().length, 1)
      assert.strictEqual(operations.set.size, 1)
      weather.failing = null
      assert.strictEqual((yield* operations.take(all)).added.length, 2)
      assert.strictEqual(operations.membership.members().length, 3)
    })
  )

  it("[O4] forgets the earliest of who has most waiting, and nothing of others", () => {
    const waiting = new WaitingOperations(5_000)
    const read = (person: Person, device: string, parents: ReadonlyArray<Uint8Array>, by: string) =>
      Result.getOrThrow(decodeOperation(admission(person, device, 2, [...parents], by).bytes, space, hash))
    const quiet = read(bob, "phone", [named("a parent")], "laptop")
    waiting.put(quiet, "a parent")
    const many = Array.from({ length: 20 }, (_, at) => read(carol, `tablet ${at}`, [named(`junk ${at}`)], "phone"))
    for (const [at, each] of many.entries()) waiting.put(each, `junk ${at}`)
    assert.isBelow(waiting.size, 8)
    assert.deepStrictEqual(waiting.release("a parent"), [quiet])
    assert.deepStrictEqual(waiting.release("junk 0"), [])
    assert.deepStrictEqual(waiting.release("junk 19"), [many[19]!])
  })
})
