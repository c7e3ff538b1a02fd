/**
 * DC1 under hostile bytes: whatever is accepted is written so, everything else is a `Malformed`, and nothing else is thrown.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { decode, encode, equalBytes, Malformed } from "../../src/schema/platform/Codec.ts"
import { numbersFrom } from "../../src/testing/Seeded.ts"
import { accepted } from "./CodecVectors.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))

describe("Codec: hostile bytes", () => {
  const corpus: ReadonlyArray<Uint8Array> = [
    ...accepted.map(([bytes]) => fromHex(bytes)),
    encode({
      title: "Straße \u{1f600}",
      done: false,
      tags: ["a", "b"],
      at: { lat: 52.5, lon: -13.375, raw: new Uint8Array(30) }
    }),
    encode([
      0,
      new Uint8Array(32),
      [
        [1, 2 ** 40],
        [70_000, -5]
      ],
      "text of more than twenty-four bytes",
      null
    ]),
    encode(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key ${i}`, i * 1_000])))
  ]

  /** Answers whether the bytes were accepted, and asserts the gate: accepted bytes are what their value encodes to. */
  const gate = (bytes: Uint8Array): boolean => {
    const result = decode(bytes)
    if (Result.isFailure(result)) {
      assert.instanceOf(result.failure, Malformed)
      assert.isAtMost(result.failure.offset, bytes.length)
      return false
    }
    if (!equalBytes(encode(result.success), bytes)) assert.fail(`${hex(bytes)} was accepted, and is written otherwise`)
    return true
  }

  it("refuses every encoding that is cut off, at every byte", () => {
    for (const bytes of corpus) {
      for (let length = 0; length < bytes.length; length++) assert.isFalse(gate(bytes.subarray(0, length)), hex(bytes))
    }
  })

  it("accepts after the flip of any bit only what is written so", () => {
    let cases = 0
    for (const bytes of corpus) {
      for (let bit = 0; bit < bytes.length * 8; bit++, cases++) {
        const flipped = bytes.slice()
        flipped[bit >>> 3]! ^= 1 << (bit & 7)
        gate(flipped)
      }
    }
    assert.isAtLeast(cases, 5_000)
  })

  it("accepts of all inputs of one and two bytes only what is written so", () => {
    let count = 0
    for (let a = 0; a < 256; a++) {
      if (gate(Uint8Array.of(a))) count++
      for (let b = 0; b < 256; b++) if (gate(Uint8Array.of(a, b))) count++
    }
    // one byte: 24 + 24 integers, "", empty bytes, [], {}, false, true, null.
    // two bytes: 2 × 232 integers, 256 byte strings, 128 texts, 55 arrays of one item
    assert.strictEqual(count, 55 + 464 + 256 + 128 + 55)
  })

  it("accepts of 30,000 mutants only what is written so (seed 1)", () => {
    const below = numbersFrom(1)
    const pick = () => corpus[below(corpus.length)]!
    let kept = 0
    for (let i = 0; i < 30_000; i++) {
      let mutant: Uint8Array = pick().slice()
      for (let n = 1 + below(3); n > 0; n--) mutant = mutate(mutant, pick(), below)
      if (gate(mutant)) kept++
    }
    assert.isAtLeast(kept, 1_000, "too few mutants were valid to test the gate")
    assert.isAtMost(kept, 29_000, "too few mutants were invalid")
  })
})

type Below = (below: number) => number

const mutate = (bytes: Uint8Array, other: Uint8Array, below: Below): Uint8Array => {
  const at = below(bytes.length + 1)
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  const heads = [0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x38, 0x58, 0x78, 0x81, 0x98, 0xa1, 0xb8, 0xf4, 0xf6, 0xf7, 0xf9, 0xfb, 0xff]
  switch (below(6)) {
    case 0:
      return Uint8Array.of(...before, below(256), ...after)
    case 1:
      return Uint8Array.of(...before, ...after.subarray(1))
    case 2:
      return Uint8Array.of(...before, heads[below(heads.length)]!, ...after.subarray(1))
    case 3:
      return Uint8Array.of(...before, ...other)
    case 4:
      return Uint8Array.of(...before, ...other, ...after)
    default:
      return Uint8Array.of(...before, ((after[0] ?? 0) + (below(2) === 0 ? 1 : 255)) & 0xff, ...after.subarray(1))
  }
}
