/**
 * Faults that hold up the same: the one that began last decides, and each ends for itself alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { Overlaps } from "../../src/schema/simulation/Overlaps.ts"

describe("Overlaps", () => {
  it("leave what is held up to the last that still lasts, whichever ends first", () => {
    const overlaps = new Overlaps()
    const seen = (): number | null => overlaps.amount("disk")
    assert.isNull(seen())
    overlaps.begin("disk", { id: "a", at: 1, amount: 10 })
    overlaps.begin("disk", { id: "b", at: 2, amount: 20 })
    overlaps.begin("disk", { id: "c", at: 3, amount: 0 })
    overlaps.begin("clock", { id: "d", at: 4, amount: 40 })
    assert.strictEqual(seen(), 0)
    overlaps.end("disk", "b")
    assert.strictEqual(seen(), 0)
    overlaps.end("disk", "c")
    assert.strictEqual(seen(), 10)
    overlaps.end("disk", "a")
    assert.isNull(seen())
    assert.strictEqual(overlaps.amount("clock"), 40)
  })

  it("of those that began at once take the same one, in whatever order they come", () => {
    const holds = [1, 2, 3].map((n) => ({ id: `a${n}`, at: 5, amount: n }))
    for (const order of [holds, holds.toReversed()]) {
      const overlaps = new Overlaps()
      for (const hold of order) overlaps.begin("disk", hold)
      assert.strictEqual(overlaps.amount("disk"), 3)
    }
  })
})
