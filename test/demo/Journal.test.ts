/** Journals: what survives a kill, and what of it is believed. */

import { appendFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { CityProperties } from "../../demo/cities.ts"
import { expand, tell } from "../../demo/expand.ts"
import { type Journal, openJournal, readJournals } from "../../demo/journal.ts"
import type { Change } from "../../demo/naive.ts"

const city = (row: number): CityProperties => ({ row, name: `C${row}`, country: "AD", admin1: "", admin2: "", lat: 1, lng: 2 })

const withJournal = (use: (journal: Journal, file: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-journal-"))
  try {
    const file = join(folder, "bob-1.journal")
    use(openJournal(file, "bob1"), file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const receipt = { feed: "f", first: 5, count: 1, time: 9, deps: [] }

describe("journal", () => {
  it("pairs intents with receipts, and knows which have none", () =>
    withJournal((journal, file) => {
      const done = journal.intend([{ do: "update", object: "f.1", patch: { note: "a" } }])
      journal.intend([{ do: "delete", object: "f.1" }])
      journal.receive(done, receipt)
      assert.deepStrictEqual(
        readJournals([file]).map((entry) => [entry.intent, entry.done]),
        [
          ["bob1-1", receipt],
          ["bob1-2", undefined]
        ]
      )
    }))

  it("leaves out the last line of a killed process when it is torn", () =>
    withJournal((journal, file) => {
      journal.intend([{ do: "delete", object: "f.1" }])
      appendFileSync(file, '{"receipt":"bob1-1","do')
      assert.deepStrictEqual(
        readJournals([file]).map((entry) => entry.done),
        [undefined]
      )
    }))
})

describe("what journals tell", () => {
  const steps = [{ do: "update", object: "f.1", patch: { note: "a", spot: { lat: 1, lng: 2 } } }] as const

  it("names each object that an import makes by its dot", () => {
    const mutations = expand([{ do: "import", from: 3, to: 5 }], { feed: "f", first: 10 }, city)
    assert.strictEqual(mutations.length, 16)
    assert.deepStrictEqual(mutations[1], { op: "put", object: "f.10", path: ["row"], value: 3 })
    assert.deepStrictEqual(mutations[9], { op: "put", object: "f.18", path: ["row"], value: 4 })
  })

  it("complains of a receipt whose count is another than the intent's", () => {
    const { problems } = tell([{ intent: "bob1-1", steps, done: receipt }], [], city)
    assert.match(problems.join(), /bob1-1 makes 3 mutations, and its receipt tells of 1/)
  })

  it("counts what was under way at the kill once, and complains of what nobody intended", () => {
    const mutations = expand(steps, { feed: "f", first: 7 }, city)
    const change: Change = { feed: "f", first: 7, time: 9, deps: [], mutations }
    const entries = [{ intent: "bob1-1", steps, done: undefined }]
    const told = tell(entries, [change], city)
    assert.deepStrictEqual([told.inFlight, told.changes.length, told.problems], [1, 1, []])
    assert.match(tell(entries, [change, { ...change, first: 20 }], city).problems.join(), /at 20 that nobody intended/)
  })

  it("does not count the making of the space, which has no receipt, as under way", () => {
    const made = [{ do: "space", name: "Cities" }] as const
    const change: Change = { feed: "f", first: 1, time: 9, deps: [], mutations: expand(made, { feed: "f", first: 1 }, city) }
    assert.strictEqual(tell([{ intent: "alice1-1", steps: made, done: undefined }], [change], city).inFlight, 0)
  })
})
