/**
 * docs/format.md tells every bound that the code knows, and no other number than the code's.
 */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Limits from "../../src/schema/platform/Limits.ts"

describe("Limits", () => {
  it("are in docs/format.md, each with its number", () => {
    const text = readFileSync(new URL("../../docs/format.md", import.meta.url), "utf8")
    const section = text.slice(text.indexOf("\n## Limits\n"), text.indexOf("\n## Storage keys\n"))
    const told = [...section.matchAll(/^\| `(\w+)` \| ([\d,]+) \| [FWP–] \| \S.*\|$/gm)].map(
      ([, name = "", bound = ""]) => [name, Number(bound.replaceAll(",", ""))] as const
    )
    assert.deepStrictEqual(Object.fromEntries(told), { ...Limits })
    assert.lengthOf(told, Object.keys(Limits).length, "a bound is told twice")
  })
})
