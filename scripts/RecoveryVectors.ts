/**
 * Vectors of seed phrases and of the keys that follow from them: Trezor's for BIP-39, and those of SLIP-0010 for ed25519.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { phraseOf, readPhrase } from "../src/schema/halo/Mnemonic.ts"
import { nodeAt, seedOf } from "../src/schema/halo/RecoveryKeys.ts"
import { equalBytes } from "../src/schema/platform/Codec.ts"
import { array, bytes, field, hexField, type Vector } from "./Vector.ts"

const passphrase = "TREZOR"

/** `{"english": [[entropy, phrase, seed, extended key]...]}`. */
export const readBip39 = (text: string): ReadonlyArray<Vector> =>
  array(field(JSON.parse(text), "english")).map((each, at) => {
    const [entropy = "", phrase = "", seed = ""] = array(each).map(String)
    return {
      name: `phrase ${at + 1}`,
      holds: (crypto) =>
        Effect.sync(() => {
          const read = readPhrase(phrase)
          const isRead = Result.isSuccess(read) && equalBytes(read.success, bytes(entropy))
          return (
            isRead && phraseOf(bytes(entropy)) === phrase && equalBytes(seedOf(phrase, crypto.pbkdf2, passphrase), bytes(seed))
          )
        })
    }
  })

/** `[{section, seed, path, chain_code, private, public}...]`; public keys have a zero before them. */
export const readSlip10 = (text: string): ReadonlyArray<Vector> =>
  array(JSON.parse(text)).map((each) => {
    const path = String(field(each, "path"))
    const steps = path.split("/").slice(1)
    return {
      name: `${String(field(each, "section"))}, ${path}`,
      holds: (crypto) =>
        Effect.gen(function* () {
          const { chain, key } = nodeAt(
            hexField(each, "seed"),
            steps.map((step) => Number.parseInt(step, 10)),
            crypto.hmac512
          )
          const message = new Uint8Array(1)
          const publicKey = hexField(each, "public").subarray(1)
          const signature = yield* crypto.sign({ publicKey, secretKey: key }, message)
          const [isPair] = yield* crypto.verify([{ publicKey, message, signature }])
          return equalBytes(key, hexField(each, "private")) && equalBytes(chain, hexField(each, "chain_code")) && isPair === true
        })
    }
  })
