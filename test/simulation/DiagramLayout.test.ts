/**
 * Where things stand in a space-time diagram: time runs downwards, what is idle is folded, and no label covers another or a lane.
 */
import { assert, describe, it } from "@effect/vitest"
import { layoutOf } from "../../src/schema/simulation/DiagramLayout.ts"
import type { Box, Layout } from "../../src/schema/simulation/DiagramParts.ts"
import { scaleOf } from "../../src/schema/simulation/DiagramScale.ts"
import { widthOf, wrap } from "../../src/schema/simulation/DiagramText.ts"
import type { Report } from "../../src/schema/simulation/Report.ts"
import { eventsOf } from "../../src/schema/simulation/TraceEvent.ts"
import { focus } from "../../src/schema/simulation/TraceFocus.ts"
import { busy, Lines, reportOf, shrunk } from "./reports.ts"

const drawn = (report: Report, messagesMax = 200): Layout => {
  const events = eventsOf(report)
  return layoutOf(report.peers, events, focus(events, report.failure, messagesMax))
}

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

/** What is wrong with a layout, a line each. */
const faultsOf = ({ bars, height, labels, lanes, ticks, width }: Layout): ReadonlyArray<string> => {
  const faults: Array<string> = []
  labels.forEach((label, i) => {
    for (const other of labels.slice(i + 1)) if (overlap(label, other)) faults.push(`"${label.lines}" covers "${other.lines}"`)
    const isAcross = (x: number) => label.role !== "failure" && label.x < x && x < label.x + label.width
    for (const { name, x } of lanes) if (isAcross(x)) faults.push(`"${label.lines}" covers the lane of ${name}`)
    for (const bar of bars)
      if (bar.kind !== "cut" && overlap(label, bar)) faults.push(`"${label.lines}" covers a bar: ${bar.title}`)
    if (label.x < 0 || label.y < 0 || label.x + label.width > width || label.y + label.height > height)
      faults.push(`"${label.lines}" is cut off`)
  })
  ticks.forEach(({ text, y }, i) => {
    if (i > 0 && y - ticks[i - 1]!.y < 12) faults.push(`the time ${text} covers the one before`)
  })
  return faults
}

const words = [
  "v1",
  "a",
  "WWWWWW",
  "acknowledged",
  "x".repeat(80),
  "mmm mmm mmm",
  "→→→→",
  "日本語のとても長い説明",
  "<b>",
  "0.1.2.3.4.5.6.7.8.9"
]

/** Anything at any time. */
const random = (seed: number): Report => {
  const lines = new Lines(`random ${seed}`)
  const peers = ["ann", "bob", "cy", "a-peer-with-a-very-long-name", "eve", "finn"].slice(0, 1 + lines.draw(6))
  const pick = <A>(from: ReadonlyArray<A>): A => from[lines.draw(from.length)]!
  for (let i = 0, at = 0; i < 150; i++) {
    at += pick([0, 0, 1, 5, 40, 800])
    const [peer, other, text] = [pick(peers), pick(peers), Array.from({ length: lines.draw(8) }, () => pick(words)).join(" ")]
    const id = `i${lines.draw(9)}`
    if (peer !== other && lines.draw(2) === 0) lines.packet(at, peer, pick([other, "kube"]), lines.draw(2_000))
    const said = [
      `boot ${peer} 2`,
      `crash ${peer} machine torn 3`,
      `freeze ${peer}`,
      `thaw ${peer}`,
      `full ${peer} true`,
      `full ${peer} false`,
      `slowdisk ${peer} 200`,
      `write ${peer} 1 99 strict`,
      `open ${peer}>${other}#1`,
      `reset ${peer}>${other}#1 ${text}`,
      `partition ${peer}|${other}+kube`,
      `cut ${peer} ${other}`,
      `slow ${peer} ${other} 300`,
      "heal",
      `log ${peer} Error ${text}`,
      `step ${id} ${peer} ${text}`,
      `did ${id} ok`,
      `did ${id} ${text}`,
      `acknowledged ${peer} ${text}`,
      `fault ${id} thing - ${text}`,
      `mended ${id}`,
      `signaling down ${text}`,
      "calm",
      `whatever ${text}`
    ]
    lines.say(at, pick(said))
  }
  const failure = { check: pick(words), says: words.join(" "), peer: pick([null, ...peers]), micros: 10 ** 9 }
  return reportOf(lines.all(), { peers, failure: pick([null, failure]) })
}

describe("labels of a diagram", () => {
  it("cover neither each other nor a lane, with 3 and with 5 peers and 200 messages", () => {
    for (const report of [shrunk(), busy(3), busy(5)]) assert.deepStrictEqual(faultsOf(drawn(report)), [])
    for (const peers of [3, 5]) {
      const { arrows } = drawn(busy(peers))
      assert.strictEqual(arrows.filter(({ event }) => event.sort === "packet").length, 200)
    }
  })

  it("cover nothing whatever happens", () => {
    for (let seed = 0; seed < 60; seed++) assert.deepStrictEqual(faultsOf(drawn(random(seed), 60)), [], `seed ${seed}`)
  })

  it("are wrapped, and cut where there is no more room, within the width that they were given", () => {
    const lines = wrap(words.join(" "), 120, 3, (text) => widthOf(text, 12))
    assert.strictEqual(lines.length, 3)
    for (const line of lines) assert.isAtMost(widthOf(line, 12), 120)
    assert.match(lines[2]!, /…$/)
  })
})

describe("time in a diagram", () => {
  it("runs downwards, and messages never go up", () => {
    for (const report of [shrunk(), busy(5), random(3)]) {
      const { arrows, points } = drawn(report, 100)
      for (const { y1, y2 } of arrows) assert.isAtMost(y1, y2)
      for (const name of report.peers) {
        const ys = points
          .filter(({ title }) => title.includes(`  ${name} `))
          .map(({ title, y }) => [Number.parseFloat(title), y] as const)
        ys.forEach(([at, y], i) => assert.isTrue(i === 0 || ys[i - 1]![0] > at || ys[i - 1]![1] < y, `${name} at ${at}`))
      }
    }
  })

  it("is folded where nothing happens for long, however long that is", () => {
    const moments = (gap: number) => scaleOf([], [0, 1_000, 1_000 + gap], 10)
    assert.deepStrictEqual(moments(500_000).folds, [])
    const [short, long] = [moments(5_000_000), moments(3_600_000_000)]
    assert.deepStrictEqual(
      short.folds.map(({ from, to }) => [from, to]),
      [[1_000, 5_001_000]]
    )
    assert.strictEqual(short.bottom, long.bottom)
    assert.isTrue(short.folds.every(({ height, y }) => y > short.y(1_000) && y + height < short.y(5_001_000)))
  })

  it("gives room to what claims it, and puts what is of one moment one below the other", () => {
    const thing = (at: number) => ({ at, claims: [{ column: "a", above: 10, below: 10 }] })
    const things = [thing(0), thing(1), thing(1)]
    const scale = scaleOf(things, [], 10)
    assert.deepStrictEqual(
      things.map((each) => scale.yOf(each) - scale.y(0)),
      [0, 20, 40]
    )
  })

  it("says in each fold how many messages are left out of it", () => {
    const lines = new Lines("idle")
    for (const at of [0, 3_000, 6_000]) lines.say(at, `step w${at} ann write`).packet(at + 1, "ann", "bob", 400)
    lines.packet(4_000, "ann", "bob", 8)
    const { folds, labels } = drawn(reportOf(lines.all()))
    assert.deepStrictEqual(
      folds.map(({ text }) => text),
      ["… 3.0 s …", "… 3.0 s …"]
    )
    assert.deepStrictEqual(
      labels.filter(({ role }) => role === "fold").map(({ title }) => title),
      ["1 message left out"]
    )
  })
})

describe("spans of a diagram", () => {
  it("of a crash without a boot go down to the failure", () => {
    const failure = { check: "durable", says: "v1 is missing", peer: "bob", micros: 9_000 }
    const { bars, bottom, failure: line, lanes } = drawn(reportOf(["0 boot ann 1", "10 crash ann process  0"], { failure }))
    const down = bars.find(({ kind }) => kind === "down")
    assert.isTrue(down?.isOpen)
    assert.strictEqual(down!.y + down!.height, bottom)
    assert.strictEqual(line?.y, bottom)
    assert.deepStrictEqual(
      lanes.filter(({ isFailing }) => isFailing).map(({ name }) => name),
      ["bob"]
    )
  })

  it("of faults at the same time stand beside each other", () => {
    const lines = [
      "0 fault a part - first",
      "5 fault b part - second",
      "10 mended a",
      "20 fault c part - third",
      "30 mended b",
      "30 mended c"
    ]
    const brackets = drawn(reportOf(lines)).bars.filter(({ kind }) => kind === "fault")
    assert.deepStrictEqual(
      brackets.map(({ x }) => x - brackets[0]!.x),
      [0, 10, 0]
    )
  })

  it("stand between two lanes where links are cut: two lines for both directions, one for one", () => {
    const walls = (line: string) =>
      drawn(reportOf([line, "9 heal"]))
        .bars.filter(({ kind }) => kind === "cut")
        .map(({ width }) => width > 0)
    assert.deepStrictEqual(walls("1 partition ann|bob+cy"), [true])
    assert.deepStrictEqual(walls("1 cut bob cy"), [false])
  })
})

describe("the focus of a diagram", () => {
  const report = busy(5)
  const events = eventsOf(report)

  it("keeps the failure, what was planned, and what befell peers, and no more messages than it may", () => {
    for (const most of [0, 1, 7, 50, 200]) {
      const { leftOut, shown } = focus(events, report.failure, most)
      assert.strictEqual(shown.at(-1)?.kind, "violated")
      assert.strictEqual(shown.length + leftOut.length, events.length)
      assert.strictEqual(shown.filter(({ sort }) => sort === "packet").length, most)
      assert.deepStrictEqual(
        leftOut.filter(({ sort }) => sort === "event"),
        []
      )
    }
  })

  it("prefers the failing peer's messages, and the last ones", () => {
    const packets = focus(events, report.failure, 60).shown.filter(({ sort }) => sort === "packet")
    const ofBob = packets.filter(({ hop }) => hop?.from === "bob" || hop?.to === "bob")
    const mean = (of: typeof packets) => of.reduce((sum, { at }) => sum + at, 0) / of.length
    assert.isAbove(ofBob.length, packets.length / 2)
    assert.isAbove(mean(packets), mean(events.filter(({ sort }) => sort === "packet")))
  })
})
