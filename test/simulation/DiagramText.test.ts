/** Texts of a diagram: what is too long is cut in time, however long it is. */
import { assert, describe, it } from "@effect/vitest"
import { wrap } from "../../src/schema/simulation/DiagramText.ts"

describe("DiagramText", () => {
  it("cuts a text of a million letters after few measurements", () => {
    let measured = 0
    const measure = (text: string): number => {
      measured++
      return text.length * 7
    }
    const lines = wrap("x".repeat(1_000_000), 700, 3, measure)
    assert.deepStrictEqual(lines, [`${"x".repeat(99)}…`])
    assert.isBelow(measured, 40)
  })
})
