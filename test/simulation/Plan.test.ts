/** Plans as files: what was written is read, and what is none is refused with what is wrong with it. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { faultsOf, hostile } from "../../src/schema/simulation/Faults.ts"
import { decodePlan, encodePlan, eventText, type Plan } from "../../src/schema/simulation/Plan.ts"

const peers = ["ann", "bob", "cy"]

const plan = (seed: number): Plan => ({
  format: 1,
  file: "test/shop.test.ts",
  name: 'sells "7" once',
  seed,
  world: { peers, preemption: 30, network: "mobile", trouble: 20_000 },
  events: [
    { id: "step1", at: 5, kind: "step", peer: "ann", step: { item: 7, tags: ["a", null], to: { name: "b\n" } } },
    { id: "step2", at: 9, kind: "step", peer: "bob", step: "waits" },
    ...faultsOf(hostile, seed, peers).events
  ]
})

const read = (text: string): Plan => Result.getOrThrow(decodePlan(text))
const refused = (change: (json: Record<string, unknown>) => unknown): string => {
  const result = decodePlan(JSON.stringify(change(JSON.parse(encodePlan(plan(1))) as Record<string, unknown>)))
  assert.isTrue(Result.isFailure(result))
  return Result.isFailure(result) ? result.failure : ""
}

describe("a plan as a file", () => {
  it("is read as it was written, whatever its events are", () => {
    for (let seed = 1; seed <= 50; seed++) assert.deepStrictEqual(read(encodePlan(plan(seed))), plan(seed))
    assert.deepStrictEqual(read(encodePlan({ ...plan(1), events: [], file: null })), { ...plan(1), events: [], file: null })
  })

  it("has one event a line, so that two of them can be compared", () => {
    const lines = encodePlan(plan(1)).trimEnd().split("\n")
    assert.lengthOf(lines, plan(1).events.length + 2)
    assert.deepStrictEqual(JSON.parse(lines[1]!.replace(/,$/, "")), plan(1).events[0])
  })

  it("is refused with where it is wrong", () => {
    assert.isTrue(Result.isFailure(decodePlan("")))
    assert.isTrue(Result.isFailure(decodePlan("{")))
    const { name: _, ...nameless } = plan(1)
    assert.match(
      refused(() => nameless),
      /name/
    )
    assert.match(
      refused((json) => ({ ...json, format: 2 })),
      /format/
    )
    assert.match(
      refused((json) => ({ ...json, seed: 1.5 })),
      /seed/
    )
    assert.match(
      refused((json) => ({ ...json, world: { ...plan(1).world, network: "carrier pigeon" } })),
      /network/
    )
    assert.match(
      refused((json) => ({ ...json, events: [{ id: "flood1", at: 1, kind: "flood", peer: "ann", lasts: 0 }] })),
      /events/
    )
    assert.match(
      refused((json) => ({ ...json, events: [{ id: "crash1", at: "soon", kind: "crash", peer: "ann", lasts: 0 }] })),
      /events/
    )
  })

  it("says its events as people read them", () => {
    const [first, second] = plan(1).events
    assert.strictEqual(eventText(first!), 'ann: item 7, tags ["a",null], to {"name":"b\\n"}')
    assert.strictEqual(eventText(second!), "bob: waits")
    assert.strictEqual(
      eventText({ id: "x", at: 0, kind: "oneWay", peer: "ann", other: "bob", lasts: 1_500 }),
      "nothing from ann to bob for 1.5 s"
    )
  })
})
