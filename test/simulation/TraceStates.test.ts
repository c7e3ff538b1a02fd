/** The table of states: in which events of a trace peers left them, and in which a crash came. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import type { Event } from "../../src/schema/simulation/Plan.ts"
import { parseLine } from "../../src/schema/simulation/TraceLine.ts"
import { summed, TraceStates } from "../../src/schema/simulation/TraceStates.ts"
import { planOf, step, trial } from "./trials.ts"

const tableOf = (...lines: ReadonlyArray<string>) => {
  const states = new TraceStates()
  for (const line of lines) states.take(parseLine(`1000 ${line}`))
  return states.table.map(({ crashed, event, left, state }) => `${state}, ${event}: ${left} ${crashed}`)
}

describe("the table of states", () => {
  it("[W36] counts how a peer leaves being up, frozen, and its steps, in order or by a crash of either kind", () => {
    assert.deepStrictEqual(tableOf("boot ann 1", "freeze ann", "thaw ann", "crash ann process  0"), [
      "frozen, thaw: 1 0",
      "up, crash: 0 1"
    ])
    assert.deepStrictEqual(tableOf("boot ann 1", "freeze ann", "crash ann machine torn 3", "boot ann 2", "close ann 0"), [
      "frozen, powerLoss: 0 1",
      "up, close: 1 0",
      "up, powerLoss: 0 1"
    ])
    assert.deepStrictEqual(tableOf("boot ann 1", "unbooted ann no key", "crash ann process  0"), ["up, unbooted: 1 0"])
    const steps = [
      "step a ann add milk",
      "did a ok",
      "step b ann add milk",
      "did b StorageFailed",
      "step c ann x",
      "step d bob x"
    ]
    assert.deepStrictEqual(tableOf("boot ann 1", ...steps, "crash ann process  0", "did c PeerDown", "did d ok"), [
      "step, StorageFailed: 1 0",
      "step, crash: 0 1",
      "step, ok: 2 0",
      "up, crash: 0 1"
    ])
  })

  it("[W36] counts how connections end, and a crash at either end once", () => {
    const opened = ["open ann>bob#1", "open ann>cy#1", "open bob>cy#1"]
    assert.deepStrictEqual(tableOf(...opened, "end ann>bob#1 ann 1000", "reset ann>cy#1 unknown there", "reset ann>kube#1 x"), [
      "connected, end: 1 0",
      "connected, reset: 1 0"
    ])
    assert.deepStrictEqual(tableOf("boot bob 1", ...opened, "crash bob process  0", "reset ann>bob#1", "end bob>cy#1 cy 1006"), [
      "connected, crash: 0 2",
      "up, crash: 0 1"
    ])
  })

  it("[W36] leaves a disk full or slow through crashes, and counts those", () => {
    const lines = ["full ann true", "slowdisk ann 500", "crash ann process  0", "crash ann machine lost 0", "full ann false"]
    assert.deepStrictEqual(tableOf("boot ann 1", ...lines, "slowdisk ann 0", "full ann false"), [
      "disk full, crash: 0 1",
      "disk full, powerLoss: 0 1",
      "disk full, room: 1 0",
      "disk slow, crash: 0 1",
      "disk slow, fast: 1 0",
      "disk slow, powerLoss: 0 1",
      "up, crash: 0 1"
    ])
  })

  it("[W36] takes notes of a test for what they are, and sums tables", () => {
    assert.deepStrictEqual(tableOf("did nothing ok", "thaw", "open door", "end of the story", "crash"), [])
    const [row, other] = [
      { state: "up", event: "crash", left: 0, crashed: 1 },
      { state: "step", event: "ok", left: 2, crashed: 0 }
    ]
    assert.deepStrictEqual(summed([[row], [other, row]]), [other, { ...row, crashed: 2 }])
  })

  it.live("[W36] is that of the world in which a plan was run", () =>
    Effect.gen(function* () {
      const crash: Event = { id: "crash1", at: 1_500, kind: "crash", peer: "ann", lasts: 100 }
      const body = trial((world) => world.play((_, peer) => peer.run(Effect.sleep("1 second"))))
      const { table } = yield* WorldTrial.run(body, planOf([step("a", 0), step("b", 1_200), crash]))
      assert.deepStrictEqual(
        table.filter(({ state }) => state !== "connected"),
        [
          { state: "step", event: "crash", left: 0, crashed: 1 },
          { state: "step", event: "ok", left: 1, crashed: 0 },
          { state: "up", event: "close", left: 3, crashed: 0 },
          { state: "up", event: "crash", left: 0, crashed: 1 }
        ]
      )
    })
  )
})
