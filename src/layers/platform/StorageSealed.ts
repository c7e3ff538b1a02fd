/**
 * Storage whose values are sealed before they reach the storage beneath: whoever reads that one sees keys and lengths.
 *
 * A value is sealed under the key of `Sealing`, with a random nonce of its own and bound to its key, so that records cannot be exchanged
 * for one another. Keys stay as they are, for they are ordered. The version of the storage stays readable without a key, and a record
 * beside it, sealed and empty, tells before anything is read whether this is the key. Bytes: docs/format.md#sealed-storage.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { keysEnd, sealKey, storageVersion, storageVersionKey } from "../../schema/platform/StorageKeys.ts"
import { nonceBytes } from "../../schema/platform/XChaCha20Poly1305.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { KeyFileDamaged, Sealing, type SealingError } from "../../services/platform/Sealing.ts"
import {
  type Backend,
  type Change,
  Storage,
  type StorageError,
  StorageFailed,
  StorageOlder
} from "../../services/platform/Storage.ts"

const make = Effect.gen(function* () {
  const [beneath, sealing, crypto] = [yield* Storage, yield* Sealing, yield* Crypto]
  const check = yield* beneath.get(sealKey)
  if (check === null && (yield* holdsRecords(beneath)))
    return yield* new StorageOlder({ folder: beneathName, found: 0, known: storageVersion })
  const key = yield* sealing.unlock(check === null ? "new" : "sealed")
  const sealed = Storage.make(over(beneath, crypto, key))
  if (check === null) yield* sealed.write([{ key: sealKey, value: new Uint8Array() }], { durability: "strict" })
  else if (opened(crypto, key, sealKey, check) === null) return yield* new KeyFileDamaged({ folder: beneathName })
  return sealed
})

/** Over a `Storage` that is beneath it. */
export const layer: Layer.Layer<Storage, StorageError | StorageOlder | SealingError, Storage | Sealing | Crypto> = Layer.effect(
  Storage,
  make
)

const beneathName = "the storage"

const holdsRecords = (beneath: Backend): Effect.Effect<boolean, StorageError> =>
  Effect.map(beneath.range({ from: sealKey, to: keysEnd, limit: 1 }), (entries) => entries.length > 0)

const over = (beneath: Backend, crypto: Crypto["Service"], secret: Uint8Array): Backend => {
  const read = (key: Uint8Array, value: Uint8Array): Uint8Array => {
    const message = isOpen(key) ? value : opened(crypto, secret, key, value)
    if (message === null) throw unreadable(key)
    return message
  }
  const reading = <A>(read: () => A): Effect.Effect<A, StorageFailed> =>
    Effect.try({ try: read, catch: (cause) => new StorageFailed({ folder: beneathName, operation: "reading", cause }) })

  return {
    getMany: (keys) =>
      Effect.flatMap(beneath.getMany(keys), (values) =>
        reading(() => values.map((value, i) => (value === null ? null : read(keys[i]!, value))))
      ),
    range: (range) =>
      Effect.flatMap(beneath.range(range), (entries) =>
        reading(() => entries.map(({ key, value }) => ({ key, value: read(key, value) })))
      ),
    write: (batch, options) =>
      Effect.flatMap(crypto.random(batch.length * nonceBytes), (nonces) => {
        const seal = ({ key, value }: Change, i: number): Change => {
          if (value === null || isOpen(key)) return { key, value }
          const nonce = nonces.subarray(i * nonceBytes, (i + 1) * nonceBytes)
          const message = crypto.seal(secret, nonce, value, key)
          const record = new Uint8Array(nonceBytes + message.length)
          record.set(nonce)
          record.set(message, nonceBytes)
          return { key, value: record }
        }
        return beneath.write(batch.map(seal), options)
      })
  }
}

/** Whether a record is readable without a key. */
const isOpen = (key: Uint8Array): boolean => equalBytes(key, storageVersionKey)

const opened = (crypto: Crypto["Service"], secret: Uint8Array, key: Uint8Array, record: Uint8Array): Uint8Array | null =>
  record.length < nonceBytes ? null : crypto.open(secret, record.subarray(0, nonceBytes), record.subarray(nonceBytes), key)

const unreadable = (key: Uint8Array): Error => {
  const name = Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("")
  return new Error(
    `the record ${name} is not as it was sealed; put the folder back from a copy, or begin with a new one and let peers fill it`
  )
}
