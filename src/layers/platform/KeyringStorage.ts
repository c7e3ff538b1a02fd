/**
 * A Keyring in Storage: its private keys are sealed where the storage is, and not otherwise.
 *
 * Keys are decoded once, when the layer is built, and kept in memory; every change is written strictly before it counts.
 * Bytes: docs/format.md#storage-keys.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { decodeWith, type Malformed, Writer } from "../../schema/platform/Codec.ts"
import { publicKeyBytes, secretKeyBytes } from "../../schema/platform/Ed25519.ts"
import { keyringRange } from "../../schema/platform/StorageKeys.ts"
import { Crypto, type KeyPair } from "../../services/platform/Crypto.ts"
import { AgreementRefused, KeyMissing, Keyring, type Purpose } from "../../services/platform/Keyring.ts"
import { type Entry, Storage, type StorageError, StorageFailed } from "../../services/platform/Storage.ts"

interface Held {
  readonly purpose: Purpose
  readonly pair: KeyPair
  /** Grows with each key of the keyring. */
  readonly order: number
}

const make: Effect.Effect<Keyring["Service"], StorageError, Storage | Crypto> = Effect.gen(function* () {
  const storage = yield* Storage
  const crypto = yield* Crypto
  const held = new Map<string, Held>()
  for (const each of (yield* load(storage)).sort((a, b) => a.order - b.order))
    held.set(Base64Url.encode(each.pair.publicKey), each)
  let order = Math.max(-1, ...Array.from(held.values(), (each) => each.order))

  const generate = Effect.fn("Keyring.generate")(function* (purpose: Purpose) {
    const pair = yield* purpose === "agreement" ? crypto.generateAgreement : crypto.generate
    const made: Held = { purpose, pair, order: ++order }
    yield* storage.write([{ key: storageKey(made), value: encode(made) }], { durability: "strict" })
    held.set(Base64Url.encode(pair.publicKey), made)
    return pair.publicKey.slice()
  })

  const remove = Effect.fn("Keyring.remove")(function* (publicKey: Uint8Array) {
    const text = Base64Url.encode(publicKey)
    const gone = held.get(text)
    if (gone === undefined) return
    yield* storage.write([{ key: storageKey(gone), value: null }], { durability: "strict" })
    held.delete(text)
    gone.pair.secretKey.fill(0)
  })

  const find = (publicKey: Uint8Array, agrees: boolean): Effect.Effect<KeyPair, KeyMissing> =>
    Effect.suspend(() => {
      const text = Base64Url.encode(publicKey)
      const found = held.get(text)
      if (found === undefined || (found.purpose === "agreement") !== agrees)
        return Effect.fail(new KeyMissing({ publicKey: text }))
      return Effect.succeed(found.pair)
    })

  return {
    generate,
    list: (purpose) =>
      Effect.sync(() => [...held.values()].filter((each) => each.purpose === purpose).map((each) => each.pair.publicKey.slice())),
    has: (publicKey) => Effect.sync(() => held.has(Base64Url.encode(publicKey))),
    sign: (publicKey, message) => Effect.flatMap(find(publicKey, false), (pair) => crypto.sign(pair, message)),
    agree: (publicKey, other) =>
      Effect.flatMap(find(publicKey, true), (pair) => {
        const shared = crypto.agree(pair.secretKey, other)
        return shared === null ? Effect.fail(new AgreementRefused({ other: Base64Url.encode(other) })) : Effect.succeed(shared)
      }),
    remove
  }
})

export const layer: Layer.Layer<Keyring, StorageError, Storage | Crypto> = Layer.effect(Keyring, make)

const pageEntries = 1_000

const load = Effect.fnUntraced(function* (storage: Storage["Service"]) {
  const found: Array<Held> = []
  let from: Uint8Array = Uint8Array.of(keyringRange)
  for (;;) {
    const page = yield* storage.range({ from, to: Uint8Array.of(keyringRange + 1), limit: pageEntries })
    for (const entry of page) {
      const each = decode(entry)
      if (Result.isFailure(each)) {
        return yield* new StorageFailed({ folder: "the storage", operation: "reading a private key", cause: each.failure })
      }
      found.push(each.success)
    }
    if (page.length < pageEntries) return found
    from = Uint8Array.of(...page[page.length - 1]!.key, 0)
  }
})

const purposes: ReadonlyArray<Purpose> = ["device", "feed", "agreement"]
/** The suite of a key that nothing seals but the storage. */
const unsealed = 0

const storageKey = ({ pair, purpose }: Held): Uint8Array =>
  Uint8Array.of(keyringRange, purposes.indexOf(purpose), ...pair.publicKey)

const encode = ({ order, pair }: Held): Uint8Array =>
  new Writer().array(3).int(unsealed).int(order).bytes(pair.secretKey).finish()

const decode = ({ key, value }: Entry): Result.Result<Held, Malformed> =>
  decodeWith(value, (reader) => {
    const purpose = purposes[key[1] ?? purposes.length]
    if (purpose === undefined || key.length !== 2 + publicKeyBytes) return reader.fail("under a key that names none")
    reader.tuple(3)
    reader.uint(unsealed)
    const order = reader.uint()
    const secretKey = reader.fixed(secretKeyBytes).slice()
    return { purpose, order, pair: { publicKey: key.slice(2), secretKey } }
  })
