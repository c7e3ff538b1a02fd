/** Identities: what a phrase makes of itself, everywhere the same. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { identityId, identityOf, readIdentityGenesis } from "../../src/schema/halo/Identity.ts"
import { recoveryKey, seedOf } from "../../src/schema/halo/RecoveryKeys.ts"
import { decodeWith } from "../../src/schema/platform/Codec.ts"
import { hash, Key } from "./People.ts"

const { agree, hkdf, hmac512: hmac, pbkdf2 } = CryptoNode.make()
const basePoint = Uint8Array.of(9, ...new Uint8Array(31))
const primitives = {
  hash,
  hmac,
  hkdf: (key: Uint8Array, info: Uint8Array) => hkdf(key, info),
  signingKeyOf: (secretKey: Uint8Array) => new Key(secretKey).publicKey,
  encryptionKeyOf: (secretKey: Uint8Array) => agree(secretKey, basePoint)!
}
const phrase = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
const seed = seedOf(phrase, pbkdf2)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

describe("Identity", () => {
  it("follows from the phrase alone", () => {
    const { genesis, identity } = identityOf(seed, primitives)
    assert.strictEqual(hex(identity), "3c23eba945b08ec9e1195892f3c1c168b2145c01c07187202fd40dac9f903c7b")
    assert.deepStrictEqual(identityOf(seedOf(phrase, pbkdf2), primitives).genesis, genesis)
    assert.notStrictEqual(hex(identityOf(seed, primitives, 1).identity), hex(identity))
  })

  it("is the hash of its public recovery keys and a nonce", () => {
    const { encryption, genesis, identity, recovery } = identityOf(seed, primitives)
    const read = Result.getOrThrow(decodeWith(genesis, readIdentityGenesis))
    assert.deepStrictEqual(identityId(genesis, hash), identity)
    assert.deepStrictEqual([read.recovery, read.encryption], [recovery.publicKey, encryption.publicKey])
    const backup = recoveryKey(seed, "backup", hmac)
    assert.deepStrictEqual(read.nonce, hkdf(backup, new TextEncoder().encode("halo/identity-nonce/v1")).slice(0, 16))
    const secrets = [recovery.secretKey, encryption.secretKey, backup].map(hex)
    assert.lengthOf(new Set(secrets), 3)
    for (const secret of secrets) assert.notInclude(hex(genesis), secret)
  })
})
