/**
 * Published Ed25519 vectors as one shape: a claim, whether it holds under predicate P, and, where known, the key that signed it.
 */
import * as Effect from "effect/Effect"
import { equalBytes } from "../src/schema/platform/Codec.ts"
import { array, bytes, field, hexField, lines, type Vector } from "./Vector.ts"

export interface Ed25519Vector {
  readonly name: string
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly isValid: boolean
  /** The seed, when the vector says that signing with it gives just this signature. */
  readonly secretKey: Uint8Array | null
}

/** djb's sign.input: `seed + public : public : message : signature + message`, one a line. */
export const readSignInput = (text: string): ReadonlyArray<Ed25519Vector> =>
  lines(text).map((line, i) => {
    const [pair = "", publicKey = "", message = "", signed = ""] = line.split(":")
    return {
      name: `line ${i + 1}`,
      publicKey: bytes(publicKey),
      message: bytes(message),
      signature: bytes(signed.slice(0, 128)),
      isValid: true,
      secretKey: bytes(pair.slice(0, 64))
    }
  })

/**
 * What the twelve cases of "Taming the many EdDSAs" (table 1) must answer under P, and why.
 *
 * A is the public key, R the first half of the signature, S the second; a "mixed" point has a part of order L and one of small order.
 */
export const speccheck: ReadonlyArray<readonly [isValid: boolean, why: string]> = [
  [false, "A and R of small order, S = 0; the equation holds for any message: P refuses small order"],
  [false, "A of small order (R mixed); the equation holds"],
  [false, "R of small order (A mixed); the equation holds"],
  [true, "A and R mixed; the equation holds with and without cofactor"],
  [true, "A and R mixed; the equation holds with cofactor only, and P has the cofactor"],
  [true, "A mixed, R of order L; the equation holds with cofactor only"],
  [false, "S is between L and 2 L: a second spelling of a signature that holds"],
  [false, "S is between 2 L and 3 L: a third spelling"],
  [false, "R is not canonical (and of small order); the equation holds if R is hashed reduced"],
  [false, "R is not canonical (and of small order); the equation holds if R is hashed as received"],
  [false, "A is not canonical (and of small order); the equation holds if A is hashed reduced, or with cofactor"],
  [false, "A is not canonical (and of small order); the equation holds if A is hashed as received"]
]

/** ed25519-speccheck's cases.json. */
export const readSpeccheck = (text: string): ReadonlyArray<Ed25519Vector> =>
  array(JSON.parse(text)).map((each, i) => ({
    name: `case ${i}`,
    publicKey: hexField(each, "pub_key"),
    message: hexField(each, "message"),
    signature: hexField(each, "signature"),
    isValid: speccheck[i]?.[0] ?? false,
    secretKey: null
  }))

/** The groups of Wycheproof's eddsa_verify_schema_v1. Its verdicts and P's are the same. */
export const readWycheproof = (groups: ReadonlyArray<unknown>): ReadonlyArray<Ed25519Vector> =>
  groups.flatMap((group) => {
    const publicKey = hexField(field(group, "publicKey"), "pk")
    return array(field(group, "tests")).map((test) => ({
      name: `tcId ${field(test, "tcId")}`,
      publicKey,
      message: hexField(test, "msg"),
      signature: hexField(test, "sig"),
      isValid: field(test, "result") === "valid",
      secretKey: null
    }))
  })

/** What a layer has to answer of each: the verdict, and where the key is known the signature too. */
export const asVectors = (vectors: ReadonlyArray<Ed25519Vector>): ReadonlyArray<Vector> =>
  vectors.map((vector) => ({
    name: vector.name,
    holds: (crypto) =>
      Effect.gen(function* () {
        const { isValid, message, publicKey, secretKey, signature } = vector
        const [holds] = yield* crypto.verify([vector])
        const isSigned = secretKey === null || equalBytes(yield* crypto.sign({ publicKey, secretKey }, message), signature)
        return holds === isValid && isSigned
      })
  }))
