/**
 * Both Crypto layers: the same signatures, the same verdicts under predicate P, the same hashes; published vectors, counted.
 */

import { assert, describe, it } from "@effect/vitest"
import { ED25519_TORSION_SUBGROUP } from "@noble/curves/ed25519.js"
import * as Effect from "effect/Effect"
import { readSpeccheck, speccheck } from "../../scripts/Ed25519Vectors.ts"
import { cryptoLayers, failing, kinds } from "../../scripts/vectors.ts"
import * as Native from "../../src/layers/platform/CryptoCipherNode.ts"
import * as CryptoNoble from "../../src/layers/platform/CryptoNoble.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { holds, isKeyValid, isWellFormed } from "../../src/schema/platform/Ed25519.ts"
import { hasVectors, vectorText } from "../vectors.ts"

const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const sources: ReadonlyArray<readonly [kind: string, file: string, count: number]> = [
  ["ed25519", "ed25519/sign-input-1024.txt", 1_024],
  ["speccheck", "ed25519-speccheck/cases.json", 12],
  ["wycheproof", "wycheproof/ed25519_test.json", 151],
  ["wycheproof", "wycheproof/x25519_test.json", 518],
  ["wycheproof", "wycheproof/x25519_jwk_test.json", 531],
  ["wycheproof", "wycheproof/hkdf_sha256_test.json", 86],
  ["wycheproof", "wycheproof/hmac_sha512_test.json", 174],
  ["wycheproof", "wycheproof/xchacha20_poly1305_test.json", 315],
  ["bip39", "bip39/trezor-vectors.json", 24],
  ["slip-0010", "slip-0010/ed25519.json", 12]
]

describe("Crypto: published vectors", () => {
  for (const [kind, file, count] of sources) {
    it.effect.skipIf(!hasVectors)(
      `${file}: ${count} answered alike, and as they must be, on node and on noble`,
      () =>
        Effect.gen(function* () {
          const vectors = kinds.get(kind)!(vectorText(file))
          assert.lengthOf(vectors, count)
          const passed: Array<string> = []
          for (const [layer, crypto] of cryptoLayers) {
            assert.deepStrictEqual(yield* failing(crypto, vectors), [], `failed on ${layer}`)
            passed.push(`${vectors.length.toLocaleString("en")} ${passed.length === 0 ? "passed " : ""}on ${layer}`)
          }
          console.log(`vectors ${file}: ${passed.join(", ")}`)
        }),
      120_000
    )
  }

  it.skipIf(!hasVectors)("speccheck: what P refuses by the bytes alone is what the table says it refuses for", () => {
    const vectors = readSpeccheck(vectorText("ed25519-speccheck/cases.json"))
    const refusedByBytes = vectors.map(({ publicKey, signature }) => !isWellFormed(publicKey, signature))
    assert.deepStrictEqual(
      refusedByBytes,
      speccheck.map(([isValid]) => !isValid)
    )
  })
})

describe("Crypto: sealing", () => {
  const noble = CryptoNoble.make()
  const inBulk = { ...CryptoNode.make(), seal: Native.sealNatively, open: Native.openNatively }

  it.effect.skipIf(!hasVectors)("OpenSSL alone, behind HChaCha20, answers all 315 of Wycheproof", () =>
    Effect.gen(function* () {
      const vectors = kinds.get("wycheproof")!(vectorText("wycheproof/xchacha20_poly1305_test.json"))
      assert.lengthOf(vectors, 315)
      assert.deepStrictEqual(yield* failing(inBulk, vectors), [])
    })
  )

  it("seals the example of draft-irtf-cfrg-xchacha-03, A.3.1, on both layers and natively", () => {
    const text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    const key = fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f")
    const nonce = fromHex("404142434445464748494a4b4c4d4e4f5051525354555657")
    const sealed =
      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452" +
      "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"
    for (const crypto of [...cryptoLayers.map(([, layer]) => layer), inBulk])
      assert.strictEqual(hex(crypto.seal(key, nonce, ascii(text), fromHex("50515253c0c1c2c3c4c5c6c7"))), sealed)
  })

  it("is the same on both layers at every length where their ways part, and for bytes at any offset", () => {
    const [, node] = cryptoLayers[0]!
    const random = (length: number) => Effect.runSync(node.random(length + 3)).subarray(3)
    for (const length of [0, 1, 4_079, 4_080, 4_095, 4_096, 4_097, 65_536]) {
      const [key, nonce, message, associated] = [random(32), random(24), random(length), random(length % 100)]
      const sealed = node.seal(key, nonce, message, associated)
      assert.deepStrictEqual(noble.seal(key, nonce, message, associated), sealed)
      for (const crypto of [node, noble, inBulk]) {
        const opened = crypto.open(key, nonce, sealed, associated)!
        assert.deepStrictEqual(opened, message.slice())
        assert.strictEqual(opened.constructor, Uint8Array)
      }
    }
  })

  it("opens nothing that was altered, moved, cut, or sealed under another key, and throws for no length", () => {
    const [key, nonce, message, associated] = [32, 24, 5_000, 7].map((length) => new Uint8Array(length).fill(length))
    const sealed = noble.seal(key!, nonce!, message!, associated)
    const flipped = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
    for (const crypto of [...cryptoLayers.map(([, layer]) => layer), inBulk]) {
      assert.isNull(crypto.open(flipped(key!), nonce!, sealed, associated))
      assert.isNull(crypto.open(key!, flipped(nonce!), sealed, associated))
      assert.isNull(crypto.open(key!, nonce!, flipped(sealed), associated))
      assert.isNull(crypto.open(key!, nonce!, sealed, flipped(associated!)))
      assert.isNull(crypto.open(key!, nonce!, sealed))
      for (const length of [0, 15, 16, 4_999]) assert.isNull(crypto.open(key!, nonce!, sealed.subarray(0, length), associated))
      for (const [badKey, badNonce] of [
        [31, 24],
        [33, 24],
        [32, 12],
        [32, 25]
      ] as const) {
        assert.isNull(crypto.open(new Uint8Array(badKey), new Uint8Array(badNonce), sealed))
        assert.throws(() => crypto.seal(new Uint8Array(badKey), new Uint8Array(badNonce), message!), RangeError)
      }
    }
  })
})

describe("Crypto: predicate P", () => {
  const p = 2n ** 255n - 19n
  const point = (y: bigint, sign = 0): Uint8Array => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => Number((y >> BigInt(8 * i)) & 0xffn))
    bytes[31]! |= sign << 7
    return bytes
  }
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const [, node] = cryptoLayers[0]!
  const key = Effect.runSync(node.generate)
  const message = ascii("a message")
  const signature = Effect.runSync(node.sign(key, message))

  it("refuses all eight points of small order, as keys and as R, in every spelling", () => {
    const canonical = ED25519_TORSION_SUBGROUP.map(fromHex)
    assert.lengthOf(canonical, 8)
    const others = [point(1n, 1), point(p - 1n, 1), point(p), point(p, 1), point(p + 1n), point(p + 1n, 1)]
    for (const small of [...canonical, ...others]) {
      assert.isFalse(isKeyValid(small), hex(small))
      assert.isFalse(isWellFormed(small, signature), hex(small))
      assert.isFalse(isWellFormed(key.publicKey, Uint8Array.of(...small, ...signature.subarray(32))), hex(small))
    }
  })

  it("refuses y ≥ p, and takes p − 2 for a matter of the curve", () => {
    for (let y = p; y < 2n ** 255n; y++) for (const sign of [0, 1]) assert.isFalse(isKeyValid(point(y, sign)))
    assert.isTrue(isWellFormed(point(p - 2n), signature))
    assert.isTrue(isWellFormed(point(p - 3n, 1), signature))
  })

  it("takes S = L − 1 and refuses S = L", () => {
    const withS = (s: bigint) => Uint8Array.of(...signature.subarray(0, 32), ...point(s))
    for (const s of [0n, 1n, order - 1n]) assert.isTrue(isWellFormed(key.publicKey, withS(s)))
    for (const s of [order, order + 1n, 2n * order, 2n ** 255n - 1n]) assert.isFalse(isWellFormed(key.publicKey, withS(s)))
  })

  it("admits half of all y as keys: those that are on the curve", () => {
    const valid = Array.from({ length: 64 }, (_, i) => isKeyValid(point(BigInt(i) + 2n))).filter(Boolean).length
    assert.isTrue(valid > 16 && valid < 48, `${valid} of 64`)
    assert.isFalse(isKeyValid(point(2n)), "y = 2 is on no curve")
    assert.isTrue(isKeyValid(point(3n)))
  })

  it("answers false, and never throws, for lengths that are none", () => {
    for (const length of [0, 31, 33, 64]) {
      assert.isFalse(isKeyValid(new Uint8Array(length).fill(3)))
      assert.isFalse(holds(new Uint8Array(length).fill(3), message, signature))
    }
    for (const length of [0, 63, 65, 128]) assert.isFalse(holds(key.publicKey, message, new Uint8Array(length).fill(3)))
  })

  it.effect("gives the same verdict on both layers, whatever bit is flipped in key, message or signature", () =>
    Effect.gen(function* () {
      const flips = [key.publicKey, message, signature].flatMap((field, which) =>
        Array.from({ length: field.length }, (_, byte) => {
          const flipped = field.slice()
          flipped[byte]! ^= 1 << (byte & 7)
          const fields = [key.publicKey, message, signature]
          fields[which] = flipped
          return { publicKey: fields[0]!, message: fields[1]!, signature: fields[2]! }
        })
      )
      const list = [{ publicKey: key.publicKey, message, signature }, ...flips]
      for (const [name, crypto] of cryptoLayers) {
        assert.deepStrictEqual(yield* crypto.verify(list), [true, ...flips.map(() => false)], name)
      }
    })
  )
})

for (const [name, crypto] of cryptoLayers) {
  describe(`Crypto: ${name}`, () => {
    it("hashes the examples of FIPS 180 (SHA-256)", () => {
      const examples: ReadonlyArray<readonly [string, string]> = [
        ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
        [
          "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ],
        [
          "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ],
        ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"]
      ]
      for (const [text, digest] of examples) assert.strictEqual(hex(crypto.hash(ascii(text))), digest)
      console.log(`vectors sha256 fips-180: ${examples.length} passed on ${name}`)
    })

    it("answers plain Uint8Arrays", () => {
      const key = Effect.runSync(crypto.generate)
      const answers = [
        crypto.hash(Buffer.from("abc")),
        Effect.runSync(crypto.random(8)),
        Effect.runSync(crypto.sign(key, ascii("a"))),
        key.publicKey,
        key.secretKey
      ]
      for (const answer of answers) assert.strictEqual(answer.constructor, Uint8Array)
    })

    it.effect("makes keys that differ, are valid, and sign what they verify", () =>
      Effect.gen(function* () {
        const keys = yield* Effect.all(Array.from({ length: 10 }, () => crypto.generate))
        assert.strictEqual(new Set(keys.map((key) => hex(key.publicKey))).size, keys.length)
        for (const key of keys) {
          assert.isTrue(crypto.isKeyValid(key.publicKey))
          // a copy of the pair, so that nothing kept with the pair is used
          const signature = yield* crypto.sign({ ...key }, ascii("hello"))
          const claim = { publicKey: key.publicKey, message: ascii("hello"), signature }
          assert.deepStrictEqual(yield* crypto.verify([claim, { ...claim, message: ascii("hallo") }, claim]), [true, false, true])
        }
        assert.deepStrictEqual(yield* crypto.verify([]), [])
      })
    )

    it("has as much randomness as is asked for", () => {
      for (const length of [0, 1, 32, 65_536, 200_000]) {
        const bytes = Effect.runSync(crypto.random(length))
        assert.lengthOf(bytes, length)
        // a run of 16 zeros has a chance of 2^-128
        if (length >= 32) assert.isFalse(bytes.subarray(-16).every((byte) => byte === 0))
      }
    })
  })
}

describe("Crypto: node", () => {
  it.effect("keeps judging rightly when it has seen more keys than it keeps", () =>
    Effect.gen(function* () {
      const crypto = CryptoNode.make()
      const message = ascii("x")
      const claims = yield* Effect.forEach(Array.from({ length: 1_100 }), () =>
        Effect.gen(function* () {
          const key = yield* crypto.generate
          return { publicKey: key.publicKey, message, signature: yield* crypto.sign(key, message) }
        })
      )
      for (const list of [claims, claims.toReversed()]) assert.isTrue((yield* crypto.verify(list)).every(Boolean))
    })
  )

  it("takes its randomness from where it is told, as noble does, and makes the same keys of it", () => {
    const seeded = () => {
      let n = 0
      return (length: number) => Uint8Array.from({ length }, () => n++ & 0xff)
    }
    const [node, noble] = [CryptoNode.make({ random: seeded() }), CryptoNoble.make({ random: seeded() })]
    for (let i = 0; i < 3; i++) assert.deepStrictEqual(Effect.runSync(node.generate), Effect.runSync(noble.generate))
    assert.deepStrictEqual(Effect.runSync(node.random(4)), Uint8Array.of(96, 97, 98, 99))
    assert.deepStrictEqual(Effect.runSync(noble.random(4)), Uint8Array.of(96, 97, 98, 99))
    const pair = Effect.runSync(node.generateAgreement)
    assert.deepStrictEqual(pair, Effect.runSync(noble.generateAgreement))
    const base = Uint8Array.of(9, ...new Uint8Array(31))
    assert.deepStrictEqual(node.agree(pair.secretKey, base), pair.publicKey)
  })
})
