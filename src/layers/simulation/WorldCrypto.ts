/**
 * The Crypto of a life in a simulated world: that of Node, with randomness from the seed, which verifies each signature once a world.
 *
 * All peers of a world are one process and would come to the same answer, each at a third of the time that a seed takes. What is kept is
 * keyed by all the bytes that decide, so whoever asks about other bytes is answered about those. Of a pair of keys the first signature is
 * verified; when that holds, the two belong together, and what they sign later holds as well.
 */
import * as Effect from "effect/Effect"
import type { Crypto, KeyPair, Signed } from "../../services/platform/Crypto.ts"
import * as CryptoNode from "../platform/CryptoNode.ts"

const latin1 = new TextDecoder("latin1")

/** Answers of one world, to all its lives. */
export class Verified {
  readonly signatures = new Map<string, boolean>()
  readonly keys = new Map<string, boolean>()
}

export const make = (random: (length: number) => Uint8Array, { keys, signatures }: Verified): Crypto["Service"] => {
  const crypto = CryptoNode.make({ random })
  const pairs = new WeakSet<KeyPair>()
  const verifyOne = (signed: Signed) => {
    const key = keyOf(signed)
    const known = signatures.get(key)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(crypto.verify([signed]), ([holds]) => {
      signatures.set(key, holds!)
      return holds!
    })
  }
  return {
    ...crypto,
    sign: (pair, message) =>
      Effect.flatMap(crypto.sign(pair, message), (signature) => {
        const signed = { publicKey: pair.publicKey, message, signature }
        if (pairs.has(pair)) signatures.set(keyOf(signed), true)
        return Effect.map(verifyOne(signed), (holds) => {
          if (holds) pairs.add(pair)
          return signature
        })
      }),
    verify: (list) => Effect.forEach(list, verifyOne),
    isKeyValid: (publicKey) => {
      const text = textOf(publicKey)
      const known = keys.get(text) ?? crypto.isKeyValid(publicKey)
      keys.set(text, known)
      return known
    }
  }
}

/** Keys and signatures are of fixed length, where they are anything at all; else their lengths part them. */
const keyOf = ({ message, publicKey, signature }: Signed): string =>
  `${publicKey.length} ${signature.length} ${textOf(publicKey)}${textOf(signature)}${textOf(message)}`

/** One character for each byte: windows-1252, which `latin1` means here, is one to one. */
const textOf = (bytes: Uint8Array): string => latin1.decode(bytes)
