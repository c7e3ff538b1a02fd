/**
 * The report as one HTML file: all of it escaped, nothing from outside, the failure on top.
 */
import { assert, describe, it } from "@effect/vitest"
import { diagram, type Report } from "../../src/schema/simulation/Diagram.ts"
import { busy, reportOf, shrunk } from "./reports.ts"

const evil = `<script>alert(1)</script>"'&`
const hostile: Report = reportOf(
  [
    `0 boot ann 1`,
    `1 log ann Info ${evil}`,
    `2 step w1 ann ${evil}`,
    `3 did w1 ${evil}`,
    `4 fault f1 part - ${evil}`,
    `5 ${evil}`,
    `6 packet ${evil}>bob#1 ${evil} bob 0 100 1 5`,
    `7 open ${evil}>bob#1`,
    `8 crash bob machine ${evil} 1`,
    `9 acknowledged bob ${evil}`,
    `10 console bob ring \u0007 and \u0000`
  ],
  {
    title: evil,
    seed: evil,
    peers: ["ann", "bob", evil],
    replay: evil,
    trace: evil,
    plan: [{ at: 1, peer: evil, kind: evil, text: evil }],
    failure: { check: evil, says: evil, peer: evil, micros: 20 }
  }
)

/** The tags of a page, by name. */
const tagsOf = (page: string): ReadonlySet<string> =>
  new Set([...page.matchAll(/<(\w+)/g)].map(([, name]) => name!.toLowerCase()))

describe("the diagram of a failed simulation", () => {
  it("escapes whatever users wrote: in titles, logs, steps, peers, plans and failures", () => {
    const page = diagram(hostile)
    assert.isFalse(tagsOf(page).has("script"))
    assert.include(page, "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;")
    assert.notMatch(page, /[\u0000-\u0008\u000b-\u001f]/)
    assert.deepStrictEqual(tagsOf(page), new Set([...tagsOf(page)].filter((tag) => known.has(tag))))
  })

  it("is one file, which loads nothing and runs nothing", () => {
    const page = diagram(shrunk())
    assert.notMatch(page, /(?:src|href)=|url\((?!#)|@import|https?:|\son\w+=/)
    assert.include(page, "default-src 'none'")
  })

  it("says the failure in one sentence, then how to run it again, then the plan that is left, then what happened", () => {
    const page = diagram(shrunk())
    const order = [
      "<b>durable</b> fails at 24.200 s on cy: acknowledged cy:1=v27 is missing at cy",
      "no-acknowledged-write-is-lost-7.json",
      "3 events, shrunk from 56",
      "at its next sync, disk: lost, 2.86 s",
      `role="img"`,
      "All events as text",
      "cy violates durable"
    ]
    const places = order.map((text) => page.lastIndexOf(text))
    assert.deepStrictEqual(
      places,
      [...places].sort((a, b) => a - b)
    )
    assert.notInclude(places, -1)
  })

  it("says how many messages are left out", () => {
    assert.match(diagram(busy(5)), /200 of \d{3} messages/)
    assert.match(diagram(busy(5), { messagesMax: 10 }), /10 of \d{3} messages/)
    assert.include(diagram(reportOf([])), "all 0 messages")
  })

  it("of the same report is the same text", () => {
    for (const make of [shrunk, () => busy(3), () => hostile]) assert.strictEqual(diagram(make()), diagram(make()))
  })

  it("of nothing, and of a peer alone, is a page too", () => {
    assert.include(diagram(reportOf([], { peers: [] })), "No check failed.")
    const failure = { check: "quiet", says: "nobody was there", peer: "ann", micros: 9_000_000 }
    assert.include(diagram(reportOf(["0 heal", "5000000 sold out"], { peers: [], failure })), "nobody was there")
    assert.include(diagram(reportOf(["0 boot ann 1"], { peers: ["ann"] })), "ann")
  })
})

const known = new Set(
  "html head meta title style body header p h1 h2 small b span code table thead tbody tr th td ul li fieldset label input main div svg g path rect text desc defs marker pattern circle section details summary pre".split(
    " "
  )
)
