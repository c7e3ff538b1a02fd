/**
 * The timeline of a failed simulation: within its lines and columns, with runs summed, and with the failure always on it.
 */
import { assert, describe, it } from "@effect/vitest"
import { timeline } from "../../src/schema/simulation/Timeline.ts"
import { busy, Lines, reportOf, shrunk } from "./reports.ts"

const rowsOf = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  return lines.slice(lines.findIndex((line) => line.startsWith("  seconds")) + 1)
}

describe("the timeline of a failed simulation", () => {
  it("says what failed, then each event on a line, with a column for each peer", () => {
    const lines = [
      "0 boot ann 1",
      "0 boot bob 1",
      "1000 write ann 1 71 strict",
      "2000 crash bob machine lost 1",
      "9000 packet ann>bob#1 ann bob 0 288 5 1200"
    ]
    const failure = { check: "durable", says: "v1 is missing", peer: "ann", micros: 2_500_000 }
    const text = timeline(reportOf(lines, { peers: ["ann", "bob"], failure }))
    assert.deepStrictEqual(text.split("\n"), [
      "no acknowledged write is lost, seed 7",
      "durable fails at 2.500 s on ann: v1 is missing",
      "",
      "  seconds   ann  bob",
      "    0.000    ▲    │    ann boots, life 1",
      "             │    ▲    bob boots, life 1",
      "    0.001    ●    │    ann writes 1, 71 B, strict",
      "    0.002    │    ✕    bob loses power, disk lost, 1 write lost",
      "    0.009    ├────▶    packet ann→bob, 288 B",
      "             ⋮    ⋮    … 2.5 s …",
      "    2.500    ✗         ann violates durable"
    ])
  })

  it("sums the packets between two events, by who sent them to whom", () => {
    const lines = new Lines("sums")
    for (let i = 0; i < 12; i++) lines.packet(i, "ann", "bob", 340)
    for (let i = 0; i < 3; i++) lines.packet(i, "bob", "ann", 100)
    lines.say(100, "calm")
    lines.packet(200, "ann", "bob", 340)
    const rows = rowsOf(timeline(reportOf(lines.all())))
    assert.deepStrictEqual(rows.map((row) => row.split("    ").at(-1)?.trim()).sort(), [
      "12 packets ann→bob, 4.1 kB",
      "3 packets bob→ann, 300 B",
      "calm: every fault is over",
      "packet ann→bob, 340 B"
    ])
  })

  it("sums what only keeps connections alive into one line", () => {
    const lines = new Lines("small")
    for (const [from, to] of [
      ["ann", "bob"],
      ["bob", "ann"],
      ["cy", "ann"]
    ] as const)
      lines.packet(10, from, to, 8)
    assert.match(timeline(reportOf(lines.all())), /3 small packets, 24 B$/)
  })

  it("keeps to its lines and columns, and to the failure", () => {
    for (const linesMax of [10, 20, 60, 500]) {
      for (const width of [40, 80, 120]) {
        for (const report of [busy(5), busy(3), shrunk()]) {
          const lines = timeline(report, { linesMax, width }).split("\n")
          assert.isAtMost(lines.length, linesMax)
          for (const line of lines) assert.isAtMost([...line].length, width)
          assert.match(lines.at(-1)!, /✗/)
        }
      }
    }
  })

  it("says how many lines are left out", () => {
    const all = rowsOf(timeline(busy(5), { linesMax: 5_000 })).filter((row) => !row.includes("⋮")).length
    const rows = rowsOf(timeline(busy(5), { linesMax: 40 }))
    const leftOut = rows.reduce((sum, row) => sum + Number(/(\d+) lines? left out/.exec(row)?.[1] ?? 0), 0)
    assert.strictEqual(rows.filter((row) => !row.includes("⋮")).length + leftOut, all)
    assert.isAbove(leftOut, 0)
  })

  it("has no columns where there is no room for them", () => {
    const peers = Array.from({ length: 60 }, (_, i) => `p${i}`)
    assert.deepStrictEqual(rowsOf(timeline(reportOf(["0 boot p7 1"], { peers }))), ["    0.000    p7 boots, life 1"])
  })

  it("lets no control character through", () => {
    const text = timeline(reportOf(["0 console ann red \u001b[31m alert \u0007"], { title: "a\u001b[2Jb" }))
    assert.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })

  it("of the same report is the same text", () => {
    assert.strictEqual(timeline(busy(5)), timeline(busy(5)))
  })
})
