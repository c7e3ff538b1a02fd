/**
 * What both keyrings promise, and what the one in Storage keeps when it is opened again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CryptoNoble from "../../src/layers/platform/CryptoNoble.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as KeyringStorage from "../../src/layers/platform/KeyringStorage.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { keyringRange } from "../../src/schema/platform/StorageKeys.ts"
import { Crypto } from "../../src/services/platform/Crypto.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { Storage, StorageFull } from "../../src/services/platform/Storage.ts"

const inMemory = KeyringMemory.layer.pipe(Layer.provideMerge(CryptoNode.layer))
const inStorage = KeyringStorage.layer.pipe(Layer.provideMerge(CryptoNode.layer))
const withStorage = (storage: Storage["Service"]) => inStorage.pipe(Layer.provide(Layer.succeed(Storage, storage)))

const message = Uint8Array.of(1, 2, 3)

for (const [name, layer] of [
  ["memory", inMemory],
  ["storage", inStorage.pipe(Layer.provide(StorageMemory.layer))]
] as const) {
  describe(`Keyring: ${name}`, () => {
    it.effect("signs with the keys that it made, and lists them by purpose, oldest first", () =>
      Effect.gen(function* () {
        const keyring = yield* Keyring
        const crypto = yield* Crypto
        const device = yield* keyring.generate("device")
        const feeds = [yield* keyring.generate("feed"), yield* keyring.generate("feed"), yield* keyring.generate("feed")]
        assert.deepStrictEqual(yield* keyring.list("device"), [device])
        assert.deepStrictEqual(yield* keyring.list("feed"), feeds)
        for (const publicKey of [device, ...feeds]) {
          assert.isTrue(crypto.isKeyValid(publicKey))
          const signature = yield* keyring.sign(publicKey, message)
          assert.deepStrictEqual(yield* crypto.verify([{ publicKey, message, signature }]), [true])
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect("answers KeyMissing, in words, for a key that it does not hold or no longer holds", () =>
      Effect.gen(function* () {
        const keyring = yield* Keyring
        const key = yield* keyring.generate("feed")
        assert.isTrue(yield* keyring.has(key))
        yield* keyring.remove(key)
        yield* keyring.remove(key)
        assert.isFalse(yield* keyring.has(key))
        assert.isEmpty(yield* keyring.list("feed"))
        const error = yield* Effect.flip(keyring.sign(key, message))
        assert.strictEqual(error._tag, "KeyMissing")
        assert.match(error.message, /^this device holds no private key for [\w-]{43}\. Use the device/)
      }).pipe(Effect.provide(layer))
    )

    it.effect("agrees with its keys for agreement on what the other side has too, also on the other Crypto layer", () =>
      Effect.gen(function* () {
        const keyring = yield* Keyring
        const noble = CryptoNoble.make()
        const key = yield* keyring.generate("agreement")
        const other = yield* noble.generateAgreement
        const shared = yield* keyring.agree(key, other.publicKey)
        assert.lengthOf(shared, 32)
        assert.deepStrictEqual(noble.agree(other.secretKey, key), shared)
        assert.deepStrictEqual(yield* keyring.list("agreement"), [key])
      }).pipe(Effect.provide(layer))
    )

    it.effect("uses no key for what it was not made for", () =>
      Effect.gen(function* () {
        const keyring = yield* Keyring
        const made = {
          device: [yield* keyring.generate("device"), yield* keyring.generate("device")],
          feed: [yield* keyring.generate("feed")],
          agreement: [yield* keyring.generate("agreement"), yield* keyring.generate("agreement")]
        }
        for (const purpose of ["device", "feed", "agreement"] as const)
          assert.deepStrictEqual(yield* keyring.list(purpose), made[purpose])
        for (const key of made.agreement) assert.strictEqual((yield* Effect.flip(keyring.sign(key, message)))._tag, "KeyMissing")
        for (const key of [...made.device, ...made.feed])
          assert.strictEqual((yield* Effect.flip(keyring.agree(key, made.agreement[0]!)))._tag, "KeyMissing")
      }).pipe(Effect.provide(layer))
    )

    it.effect("refuses to agree with a key of small order, or one that is none, and says whom to refuse", () =>
      Effect.gen(function* () {
        const keyring = yield* Keyring
        const key = yield* keyring.generate("agreement")
        for (const other of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31)), new Uint8Array(31)]) {
          const error = yield* Effect.flip(keyring.agree(key, other))
          assert.strictEqual(error._tag, "AgreementRefused")
          assert.match(error.message, /is no key to agree on a secret with.*Refuse whoever sent it/)
        }
        yield* keyring.remove(key)
        assert.strictEqual((yield* Effect.flip(keyring.agree(key, key)))._tag, "KeyMissing")
        assert.isEmpty(yield* keyring.list("agreement"))
      }).pipe(Effect.provide(layer))
    )

    it.effect("hands out copies of public keys", () =>
      Effect.gen(function* () {
        const keyring = yield* Keyring
        const key = yield* keyring.generate("device")
        key.fill(0)
        for (const listed of yield* keyring.list("device")) listed.fill(0)
        const [again] = yield* keyring.list("device")
        assert.isTrue(yield* keyring.has(again!))
        assert.isFalse(again!.every((byte) => byte === 0))
      }).pipe(Effect.provide(layer))
    )
  })
}

describe("Keyring: storage, opened again", () => {
  it.effect("holds the same keys in the same order, and goes on behind them", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      const made: Array<Uint8Array> = []
      const agreeing: Array<Uint8Array> = []
      for (let opening = 1; opening <= 3; opening++) {
        yield* Effect.gen(function* () {
          const keyring = yield* Keyring
          assert.deepStrictEqual(yield* keyring.list("feed"), made)
          if (made.length > 0) yield* keyring.sign(made[0]!, message)
          made.push(yield* keyring.generate("feed"), yield* keyring.generate("feed"))
          agreeing.push(yield* keyring.generate("agreement"))
          assert.deepStrictEqual(yield* keyring.list("agreement"), agreeing)
          yield* keyring.agree(agreeing[0]!, agreeing[0]!)
        }).pipe(Effect.provide(withStorage(storage), { local: true }))
      }
      assert.lengthOf(made, 6)
    })
  )

  it.effect("refuses to open over a record that is not its own", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      yield* storage.write([{ key: Uint8Array.of(keyringRange, 0, 1), value: Uint8Array.of(0x83) }], { durability: "strict" })
      const error = yield* Effect.flip(Effect.provide(Keyring, withStorage(storage), { local: true }))
      assert.strictEqual(error._tag, "StorageFailed")
      assert.match(error.message, /reading a private key .* failed: Malformed/)
    })
  )

  it.effect("makes no key that it could not store", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      const full = Storage.make({ ...storage, write: () => Effect.fail(new StorageFull({ folder: "/full" })) })
      yield* Effect.gen(function* () {
        const keyring = yield* Keyring
        const error = yield* Effect.flip(keyring.generate("device"))
        assert.strictEqual(error._tag, "StorageFull")
        assert.isEmpty(yield* keyring.list("device"))
      }).pipe(Effect.provide(withStorage(full), { local: true }))
    })
  )
})
