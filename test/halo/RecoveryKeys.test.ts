/** Which keys follow from a phrase. That derivation is SLIP-0010's is shown by published vectors (test/platform/Crypto.test.ts). */
import { assert, describe, it } from "@effect/vitest"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { nodeAt, recoveryKey, seedOf } from "../../src/schema/halo/RecoveryKeys.ts"

const { hmac512, pbkdf2 } = CryptoNode.make()
const seed = seedOf("legal winner thank year wave sausage worth useful legal winner thank yellow", pbkdf2)

describe("RecoveryKeys", () => {
  it("stand at m/1162037327'/account'/role'/0', one for each purpose and account", () => {
    const roles = ["signing", "encryption", "backup"] as const
    const keys = [0, 1].flatMap((account) => roles.map((role) => recoveryKey(seed, role, hmac512, account)))
    const expected = [0, 1].flatMap((account) =>
      [0, 1, 2].map((role) => nodeAt(seed, [1_162_037_327, account, role, 0], hmac512).key)
    )
    assert.deepStrictEqual(keys, expected)
    assert.strictEqual(new Set(keys.map((key) => key.join())).size, 6)
    assert.deepStrictEqual(recoveryKey(seed, "backup", hmac512), keys[2])
  })
})
