/**
 * A Keyring that forgets everything with its process: for tests and for peers that keep nothing.
 */

import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import { Crypto, type KeyPair } from "../../services/platform/Crypto.ts"
import { KeyMissing, Keyring, type Purpose } from "../../services/platform/Keyring.ts"

const make: Effect.Effect<Keyring["Service"], never, Crypto> = Effect.gen(function* () {
  const crypto = yield* Crypto
  // a Map keeps the order of insertion, which is what `list` promises
  const pairs = new Map<string, { readonly purpose: Purpose; readonly pair: KeyPair }>()

  return {
    generate: (purpose) =>
      Effect.map(purpose === "agreement" ? crypto.generateAgreement : crypto.generate, (pair) => {
        pairs.set(Base64Url.encode(pair.publicKey), { purpose, pair })
        return pair.publicKey.slice()
      }),
    list: (purpose) =>
      Effect.sync(() =>
        [...pairs.values()].filter((held) => held.purpose === purpose).map((held) => held.pair.publicKey.slice())
      ),
    has: (publicKey) => Effect.sync(() => pairs.has(Base64Url.encode(publicKey))),
    sign: (publicKey, message) =>
      Effect.suspend(() => {
        const text = Base64Url.encode(publicKey)
        const held = pairs.get(text)
        return held === undefined ? Effect.fail(new KeyMissing({ publicKey: text })) : crypto.sign(held.pair, message)
      }),
    remove: (publicKey) =>
      Effect.sync(() => {
        pairs.delete(Base64Url.encode(publicKey))
      })
  }
})

export const layer: Layer.Layer<Keyring, never, Crypto> = Layer.effect(Keyring, make)
