/**
 * The randomness of worlds is the same on every engine and for ever: a seed that found something must find it again.
 */
import { assert, describe, it } from "@effect/vitest"
import { drawn, hashBytes, keyOf, Stream, streamOf } from "../../src/schema/simulation/Seed.ts"

describe("Seed", () => {
  it("draws what it always drew", () => {
    const stream = streamOf(7, "picks")
    assert.deepStrictEqual(
      Array.from({ length: 4 }, () => stream.bits()),
      [3988303128, 3408611343, 564243364, 3909751211]
    )
    assert.strictEqual(keyOf(7, "wire", "ann>bob#1"), 3009404643)
    assert.strictEqual(hashBytes(Uint8Array.of(1, 2, 3)), 1315153499)
    assert.deepStrictEqual(
      [0, 1, 2].map((n) => drawn(42, n, 1_000)),
      [724, 756, 731]
    )
  })

  it("gives each concern a stream of its own", () => {
    assert.notStrictEqual(streamOf(7, "a").bits(), streamOf(7, "b").bits())
    assert.notStrictEqual(streamOf(7, "a").bits(), streamOf(8, "a").bits())
  })

  it("stays within its bounds and reaches both ends", () => {
    const stream = new Stream(1)
    const found = new Set<number>()
    for (let i = 0; i < 1_000; i++) found.add(stream.below(5))
    assert.deepStrictEqual([...found].sort(), [0, 1, 2, 3, 4])
    assert.strictEqual(stream.below(1), 0)
    for (let i = 0; i < 1_000; i++) {
      const fraction = stream.fraction()
      assert.isTrue(fraction >= 0 && fraction < 1)
    }
  })
})
