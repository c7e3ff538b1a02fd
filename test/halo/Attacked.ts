/** A space of Ann's (owner), Bob's (admin) and Carol's (editor) in a real OperationStore, which counts what it verifies and stores. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as OperationStoreLayer from "../../src/layers/halo/OperationStore.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { operationKeys } from "../../src/schema/halo/OperationRecords.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { OperationStore, type SpaceOperations } from "../../src/services/halo/OperationStore.ts"
import { Crypto } from "../../src/services/platform/Crypto.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { type Key, keyOf, type Made, made, Person } from "./People.ts"

export const text = (bytes: Uint8Array): string => Base64Url.encode(bytes)

export const [ann, bob, carol, mallory] = ["Ann", "Bob", "Carol", "Mallory"].map((name) => new Person(name)) as [
  Person,
  Person,
  Person,
  Person
]

const layerOf = (storage: Storage["Service"], crypto: Crypto["Service"]) =>
  OperationStoreLayer.layer.pipe(
    Layer.provide(Layer.merge(Layer.succeed(Storage, storage), KeyringMemory.layer)),
    Layer.provide(Layer.succeed(Crypto, crypto))
  )

export class Attacked {
  readonly genesis = made(
    { space: new Uint8Array(32), parents: [], proof: null, time: 0, payload: ann.founding("laptop") },
    keyOf("laptop")
  )
  readonly space = this.genesis.id
  readonly operations: SpaceOperations
  private readonly storage: Storage["Service"]
  private readonly counted: { verified: number }
  private time = 0
  readonly admitsBob = this.by("laptop", this.genesis, bob.admission(this.space, "phone", 3))
  readonly admitsCarol = this.by("laptop", this.genesis, carol.admission(this.space, "tablet", 2))

  constructor(operations: SpaceOperations, storage: Storage["Service"], counted: { verified: number }) {
    this.operations = operations
    this.storage = storage
    this.counted = counted
  }

  /** An operation that the key of a name signs, by the right that `proof` gave it, and which has seen that and `seen`. */
  by(signer: string | Key, proof: Made, payload: Payload, seen: ReadonlyArray<Made> = []): Made {
    const parents = [...new Map([proof, ...seen].map(({ id }) => [text(id), id])).values()]
    const key = typeof signer === "string" ? keyOf(signer) : signer
    return made({ space: this.space, parents, proof: proof.id, time: this.time++, payload }, key)
  }

  take(...operations: ReadonlyArray<Pick<Made, "bytes">>) {
    return this.operations.take(operations.map(({ bytes }) => bytes))
  }

  /** How an operation stands; what was never kept is malformed. */
  standing({ id }: Made) {
    return this.operations.membership.standing(text(id))
  }

  /** Names and roles of those who are in. */
  get members(): string {
    const names = new Map(Object.entries({ ann, bob, carol, mallory }).map(([name, { identity }]) => [text(identity), name]))
    const members = this.operations.membership
      .members()
      .map(({ identity, role }) => `${names.get(identity) ?? "another"} ${role}`)
    return members.sort().join()
  }

  /** How many signatures were verified since the last time that it was asked. */
  verified(): number {
    const { verified } = this.counted
    this.counted.verified = 0
    return verified
  }

  get storedBytes() {
    const all = this.storage.range({ ...operationKeys(this.space, 0), limit: 1_000_000 })
    return Effect.map(all, (page) => page.reduce((sum, { key, value }) => sum + key.length + value.length, 0))
  }
}

export const everybody = "ann 4,bob 3,carol 2"

/** Removes somebody from a space, as having seen nothing that he wrote. */
export const removing = ({ identity }: Person, voidFrom: Made | null = null): Payload => ({
  ...{ type: "Cap", identity, maxRole: 0 },
  ...{ frontier: [], voidFrom: voidFrom?.id ?? null }
})

export const removingDevice = ({ identity }: Person, device: string, voidFrom: Made | null = null): Payload => ({
  ...{ type: "RemoveDevice", identity, device: keyOf(device).publicKey, reason: 0 },
  ...{ frontier: [], voidFrom: voidFrom?.id ?? null }
})

/** With everybody in. */
export const attacked = Effect.gen(function* () {
  const [storage, crypto] = [StorageMemory.make(), CryptoNode.make()]
  const counted = { verified: 0 }
  const counting = Crypto.of({
    ...crypto,
    verify: (list) => {
      counted.verified += list.length
      return crypto.verify(list)
    }
  })
  const store = Context.get(yield* Layer.build(Layer.fresh(layerOf(storage, counting))), OperationStore)
  const { id } = new Attacked({} as SpaceOperations, storage, counted).genesis
  const world = new Attacked(yield* store.open(id, null), storage, counted)
  yield* world.take(world.genesis, world.admitsBob, world.admitsCarol)
  world.verified()
  return world
})
