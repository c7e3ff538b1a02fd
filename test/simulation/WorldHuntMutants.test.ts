/**
 * Bugs that are planted in a copy of this tree are found there, by seeds whose plans the right program holds.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { look, withMutant } from "../../scripts/MutantHunt.ts"
import { mutants } from "./mutants/index.ts"
import { planted } from "./mutants/Mutant.ts"

const named = (part: string) => mutants.find(({ name }) => name.includes(part))!

describe("Looking for planted bugs", () => {
  it.each([
    ["what was sent counts as acknowledged", "status claims too much"],
    ["an actor that leaves memory keeps its scope", "counters"]
  ])("finds that %s", { timeout: 120_000 }, async (name, check) => {
    const mutant = named(name)
    const { found } = await withMutant(mutant, (faulty) =>
      look({ faulty, scenario: String(mutant.scenario), most: 30, budget: 10, enough: 10 }, 2)
    )
    assert.isNotNull(found)
    assert.include(found.checks, check)
    assert.isAtMost(found.plan.events.length, found.before)
  })

  it("plants in a copy, which is gone afterwards, and leaves this tree as it is", async () => {
    const mutant = named("an actor that leaves memory keeps its scope")
    const here = fs.readFileSync(mutant.file, "utf8")
    const folder = await withMutant(mutant, async (copy) => {
      assert.strictEqual(fs.readFileSync(path.join(copy, mutant.file), "utf8"), planted(here, mutant))
      return copy
    })
    assert.isFalse(fs.existsSync(folder))
    assert.strictEqual(fs.readFileSync(mutant.file, "utf8"), here)
  })

  it("says so when the process that looks fails, and takes nothing for found", { timeout: 60_000 }, async () => {
    const task = { faulty: "/nowhere", scenario: "actors", most: 1, budget: 1, enough: 1 }
    const error = await look(task, 1).then(
      () => null,
      (reason: unknown) => String(reason)
    )
    assert.match(error!, /had found nothing[\s\S]*ERR_MODULE_NOT_FOUND/)
  })
})
