/**
 * Lines of a trace, parsed and put into words: nothing that a user wrote is refused or lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { eventsOf, isSmall } from "../../src/schema/simulation/TraceEvent.ts"
import { nodesOf, parseLine } from "../../src/schema/simulation/TraceLine.ts"
import { spansOf } from "../../src/schema/simulation/TraceSpan.ts"
import { reportOf } from "./reports.ts"

const wordsOf = (...lines: ReadonlyArray<string>) => eventsOf(reportOf(lines)).map(({ peer, says }) => [peer, says])
const spans = (...lines: ReadonlyArray<string>) =>
  spansOf(eventsOf(reportOf(lines)), ["ann", "bob", "cy"]).map(({ from, kind, of, to }) => [kind, of, from, to])

describe("lines of a trace", () => {
  it("are a time, a kind and words, of which empty ones stay", () => {
    assert.deepStrictEqual(parseLine("12 crash ann process  0"), { at: 12, kind: "crash", details: ["ann", "process", "", "0"] })
    assert.deepStrictEqual(parseLine("7 heal"), { at: 7, kind: "heal", details: [] })
  })

  it("that are none are notes with all that they say", () => {
    assert.deepStrictEqual(parseLine("at Object.run (main.ts:3)"), {
      at: 0,
      kind: "note",
      details: ["at", "Object.run", "(main.ts:3)"]
    })
    assert.deepStrictEqual(parseLine(""), { at: 0, kind: "note", details: [""] })
  })

  it("name the two nodes of a wire", () => {
    assert.deepStrictEqual(nodesOf("ann>kube#12"), ["ann", "kube"])
    assert.isNull(nodesOf("ann"))
  })
})

describe("what lines say", () => {
  it("stands on the peer that it befalls", () => {
    assert.deepStrictEqual(
      wordsOf(
        "0 boot ann 1",
        "1 crash bob machine torn 2",
        "2 crash cy process  0",
        "3 full ann true",
        "4 write bob 2 1690 relaxed",
        "5 log cy Warn no  answer"
      ),
      [
        ["ann", "boots, life 1"],
        ["bob", "loses power, disk torn, 2 writes lost"],
        ["cy", "crashes"],
        ["ann", "disk full"],
        ["bob", "writes 2, 1.7 kB, relaxed"],
        ["cy", "warn: no answer"]
      ]
    )
  })

  it("is a note when nobody knows the kind, even one that objects have by nature", () => {
    assert.deepStrictEqual(wordsOf("1 sold ann 3 apples", "2 sold out", "3 constructor ann", "4 packet ann>bob#1 ann 0 64 2"), [
      ["ann", "sold 3 apples"],
      [null, "sold out"],
      ["ann", "constructor"],
      [null, "packet ann>bob#1 ann 0 64 2"]
    ])
  })

  it("is a hop of a packet: from when it was sent to when it came", () => {
    const [small, large] = eventsOf(
      reportOf(["9000 packet ann>bob#1 bob ann 4 8 99 1000", "9500 packet ann>bob#1 ann bob 5 400 99 2000"])
    )
    assert.deepStrictEqual(small?.hop, { from: "bob", to: "ann", sent: 1_000, bytes: 8 })
    assert.deepStrictEqual(
      [small, large].map((event) => isSmall(event!)),
      [true, false]
    )
  })

  it("that a step has ended, on the peer that had begun it", () => {
    assert.deepStrictEqual(wordsOf("1 step w1 bob append v1", "2 did w1 ok", "3 step w2 cy append v2", "4 did w2 FlushFailed"), [
      ["bob", "begins append v1"],
      ["bob", "has done append v1"],
      ["cy", "begins append v2"],
      ["cy", "fails to append v2: FlushFailed"]
    ])
  })

  it("tells clocks, clones, disks and signaling in words", () => {
    const lines = [
      "1 clock ann set -7200000 30000",
      "2 clock bob set - -5",
      "3 clock ann jump 3600000",
      "4 clone bob twin",
      "5 boot twin 1",
      "6 restore bob machine 4 2",
      "7 rot cy nothing",
      "8 signaling careless 2",
      "9 signaling slow 0"
    ]
    assert.deepStrictEqual(wordsOf(...lines), [
      ["ann", "clock -120.0 min off drifting 30000 ppm"],
      ["bob", "clock drifting -5 ppm"],
      ["ann", "clock jumps 60.0 min"],
      ["bob", "cloned as twin"],
      ["twin", "boots, life 1"],
      ["bob", "disk set back, and its count of starts"],
      ["cy", "nothing on disk to rot"],
      [null, "signaling loses or doubles one in 2"],
      [null, "signaling fast again"]
    ])
  })

  it("leaves out what undoes a hindrance that was not there", () => {
    assert.deepStrictEqual(wordsOf("1 full ann false", "2 thaw bob", "3 slowdisk cy 0", "4 freeze bob", "5 thaw bob"), [
      ["bob", "freezes"],
      ["bob", "thaws"]
    ])
  })

  it("ends with the failure, whether a line says so or not, and nothing comes after", () => {
    const failure = { check: "durable", says: "v1 is missing", peer: "bob", micros: 5 }
    for (const lines of [
      ["1 heal", "5 violated durable bob v1 is missing", "9 heal"],
      ["1 heal", "9 heal"]
    ]) {
      const events = eventsOf(reportOf(lines, { failure }))
      assert.deepStrictEqual(
        events.map(({ at, kind }) => [at, kind]),
        [
          [1, "heal"],
          [5, "violated"]
        ]
      )
    }
  })
})

describe("spans of a trace", () => {
  it("of a crash without a boot go to the end", () => {
    assert.deepStrictEqual(spans("1 crash ann process  0", "2 crash bob machine lost 1", "8 boot bob 2"), [
      ["down", "ann", 1, null],
      ["down", "bob", 2, 8]
    ])
  })

  it("of a pause end when the peer crashes, and so do its steps", () => {
    assert.deepStrictEqual(
      spans("1 freeze ann", "2 step w1 ann write", "3 step w2 bob write", "4 crash ann process  0", "6 did w2 ok"),
      [
        ["frozen", "ann", 1, 4],
        ["step", "w1", 2, 4],
        ["step", "w2", 3, 6],
        ["down", "ann", 4, null]
      ]
    )
  })

  it("of links end when all heal, and are told once when a fault was planned", () => {
    assert.deepStrictEqual(spans("1 cut ann bob", "5 heal"), [
      ["cut", "ann>bob", 1, 5],
      ["network", "cut ann bob", 1, 5]
    ])
    assert.deepStrictEqual(spans("1 fault f1 part - part ann | bob", "1 part ann bob", "5 heal", "5 mended f1"), [
      ["cut", "ann>bob", 1, 5],
      ["cut", "bob>ann", 1, 5],
      ["fault", "f1", 1, 5]
    ])
  })

  it("of signaling last until it is up, careful or fast again, whatever links heal", () => {
    const lines = [
      "1 signaling down",
      "2 signaling careless 3",
      "3 signaling slow 500",
      "4 signaling forget",
      "5 heal",
      "6 signaling up",
      "7 signaling careless 0"
    ]
    assert.deepStrictEqual(spans(...lines), [
      ["network", "signaling down", 1, 6],
      ["network", "signaling careless", 2, 7],
      ["network", "signaling slow", 3, null]
    ])
  })

  it("of links are clogged, and slow, until that is undone", () => {
    assert.deepStrictEqual(spans("1 clog ann bob", "2 slow bob cy 300", "4 unclog ann bob", "5 slow bob cy 0"), [
      ["network", "clog ann bob", 1, 4],
      ["network", "slow bob cy", 2, 5]
    ])
  })

  it("of a partition part every two of different sides", () => {
    const cuts = spans("1 partition ann|bob+cy").filter(([kind]) => kind === "cut")
    assert.deepStrictEqual(
      cuts.map(([, of]) => of),
      ["ann>bob", "ann>cy", "bob>ann", "cy>ann"]
    )
  })
})
