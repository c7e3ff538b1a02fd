/**
 * Project Wycheproof's files, by the algorithm that they name.
 */
import * as Effect from "effect/Effect"
import { equalBytes } from "../src/schema/platform/Codec.ts"
import type { Crypto } from "../src/services/platform/Crypto.ts"
import { asVectors, readWycheproof } from "./Ed25519Vectors.ts"
import { array, bytes, field, hexField, type Vector } from "./Vector.ts"

type Test = (crypto: Crypto["Service"], test: unknown) => boolean

/** The bytes of an X25519 key, as hexadecimal or as a JSON Web Key (RFC 8037); null where it is none. */
const agreementKey = (key: unknown, part: "d" | "x"): Uint8Array | null => {
  if (typeof key === "string") return bytes(key)
  if (typeof key !== "object" || key === null) return null
  const { crv, kty, [part]: text } = key as { readonly [name: string]: unknown }
  const read = kty === "OKP" && crv === "X25519" && typeof text === "string" ? Buffer.from(text, "base64url") : null
  return read?.length === 32 ? Uint8Array.from(read) : null
}

/**
 * xdh_comp_schema_v1 and xdh_jwk_comp_schema_v1. What is only acceptable must be answered as it says, but for keys of small order, which are
 * refused.
 */
const agreement: Test = (crypto, test) => {
  const [own, other] = [agreementKey(field(test, "private"), "d"), agreementKey(field(test, "public"), "x")]
  const shared = own === null || other === null ? null : crypto.agree(own, other)
  const isRefused = field(test, "result") === "invalid" || array(field(test, "flags")).includes("ZeroSharedSecret")
  return isRefused ? shared === null : shared !== null && equalBytes(shared, hexField(test, "shared"))
}

/** hkdf_test_schema_v1. */
const derivation: Test = (crypto, test) => {
  try {
    const options = { salt: hexField(test, "salt"), length: Number(field(test, "size")) }
    const derived = crypto.hkdf(hexField(test, "ikm"), hexField(test, "info"), options)
    return field(test, "result") === "valid" && equalBytes(derived, hexField(test, "okm"))
  } catch (error) {
    return error instanceof RangeError && field(test, "result") === "invalid"
  }
}

/** mac_test_schema_v1, whose tags may be cut short. */
const authentication: Test = (crypto, test) => {
  const tag = hexField(test, "tag")
  const made = crypto.hmac512(hexField(test, "key"), hexField(test, "msg"))
  return equalBytes(made.subarray(0, tag.length), tag) === (field(test, "result") === "valid")
}

/** aead_test_schema_v1: what is valid is sealed like that and opens again, what is not does not open. */
const sealing: Test = (crypto, test) => {
  const [key, nonce, associated] = [hexField(test, "key"), hexField(test, "iv"), hexField(test, "aad")]
  const message = hexField(test, "msg")
  const sealed = Uint8Array.of(...hexField(test, "ct"), ...hexField(test, "tag"))
  const opened = crypto.open(key, nonce, sealed, associated)
  if (field(test, "result") !== "valid") return opened === null
  const isSealed = equalBytes(crypto.seal(key, nonce, message, associated), sealed)
  return isSealed && opened !== null && equalBytes(opened, message)
}

const tests: ReadonlyMap<unknown, Test> = new Map([
  ["XDH", agreement],
  ["HKDF-SHA-256", derivation],
  ["HMACSHA512", authentication],
  ["XCHACHA20-POLY1305", sealing]
])

export const readFile = (text: string): ReadonlyArray<Vector> => {
  const file: unknown = JSON.parse(text)
  const algorithm = field(file, "algorithm")
  const groups = array(field(file, "testGroups"))
  if (algorithm === "EDDSA") return asVectors(readWycheproof(groups))
  const test = tests.get(algorithm)
  if (test === undefined) throw new Error(`nothing here does ${String(algorithm)}`)
  return groups
    .flatMap((group) => array(field(group, "tests")))
    .map((each) => ({ name: `tcId ${field(each, "tcId")}`, holds: (crypto) => Effect.sync(() => test(crypto, each)) }))
}
