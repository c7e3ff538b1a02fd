/**
 * A Keyring that forgets everything with its process: for tests and for peers that keep nothing.
 */

import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import { Crypto, type KeyPair } from "../../services/platform/Crypto.ts"
import { AgreementRefused, KeyMissing, Keyring, type Purpose } from "../../services/platform/Keyring.ts"

const make: Effect.Effect<Keyring["Service"], never, Crypto> = Effect.gen(function* () {
  const crypto = yield* Crypto
  // a Map keeps the order of insertion, which is what `list` promises
  const pairs = new Map<string, { readonly purpose: Purpose; readonly pair: KeyPair }>()

  const find = (publicKey: Uint8Array, agrees: boolean): Effect.Effect<KeyPair, KeyMissing> =>
    Effect.suspend(() => {
      const text = Base64Url.encode(publicKey)
      const held = pairs.get(text)
      if (held === undefined || (held.purpose === "agreement") !== agrees) return Effect.fail(new KeyMissing({ publicKey: text }))
      return Effect.succeed(held.pair)
    })

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
    sign: (publicKey, message) => Effect.flatMap(find(publicKey, false), (pair) => crypto.sign(pair, message)),
    agree: (publicKey, other) =>
      Effect.flatMap(find(publicKey, true), (pair) => {
        const shared = crypto.agree(pair.secretKey, other)
        return shared === null ? Effect.fail(new AgreementRefused({ other: Base64Url.encode(other) })) : Effect.succeed(shared)
      }),
    remove: (publicKey) =>
      Effect.sync(() => {
        const text = Base64Url.encode(publicKey)
        pairs.get(text)?.pair.secretKey.fill(0)
        pairs.delete(text)
      })
  }
})

export const layer: Layer.Layer<Keyring, never, Crypto> = Layer.effect(Keyring, make)
