/** Shrinking, with failures that are functions of the plan: it finds the few events that matter, within its budget. */
import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../../src/schema/simulation/Fault.ts"
import type { Event, Plan } from "../../src/schema/simulation/Plan.ts"
import { type Shrunk, shrink } from "../../src/schema/simulation/Shrink.ts"

const peers = ["p1", "p2", "p3", "p4"]

/** 40 steps of three peers and 20 faults of four kinds. */
const events: ReadonlyArray<Event> = Array.from({ length: 60 }, (_, n): Event => {
  const at = 137 + 311 * n
  if (n % 3 !== 0) return { id: `step${n}`, at, kind: "step", peer: peers[n % 3]!, step: { n } }
  const kind = (["crash", "powerLoss", "clog", "slowDisk"] as const)[n % 4]!
  const fault: Fault = { id: `${kind}${n}`, at, kind, peer: peers[n % 3]!, lasts: 4_321, amount: 5_000 }
  return kind === "clog" ? { ...fault, other: "p2" } : kind === "powerLoss" ? { ...fault, left: "torn" } : fault
})

const plan: Plan = {
  ...{ format: 1, file: null, name: "a test", seed: 1, events },
  world: { peers, preemption: 30, network: "satellite", trouble: 20_000 }
}

interface Shrinking extends Shrunk {
  readonly asked: ReadonlyArray<Plan>
}

const shrunk = (fails: (plan: Plan) => boolean, budget = 1_000): Shrinking => {
  const asked: Array<Plan> = []
  const shrinking = shrink(plan, budget)
  let turn = shrinking.next()
  while (turn.done !== true) {
    asked.push(turn.value)
    turn = shrinking.next(fails(turn.value))
  }
  return { ...turn.value, asked }
}

const idsOf = ({ events }: Plan): ReadonlyArray<string> => events.map(({ id }) => id)
const has =
  (...ids: ReadonlyArray<string>) =>
  (plan: Plan): boolean =>
    ids.every((id) => idsOf(plan).includes(id))

describe("shrinking", () => {
  it("finds the two events of sixty that matter, wherever they stand", () => {
    for (let a = 0; a < 60; a += 7)
      for (let b = a + 1; b < 60; b += 11) {
        const pair = [events[a]!.id, events[b]!.id]
        const { plan: least, tried } = shrunk(has(...pair))
        assert.deepStrictEqual(idsOf(least), pair)
        assert.isBelow(tried, 120, pair.join())
      }
  })

  it("makes what is left simpler: round times, short faults, disks that lose all, and no world that does not matter", () => {
    const { plan: least } = shrunk(has("powerLoss9", "step58"))
    assert.deepStrictEqual(least.events, [
      { id: "powerLoss9", at: 3_000, kind: "powerLoss", peer: "p1", lasts: 1_000, amount: 1_000, left: "lost" },
      { id: "step58", at: 18_000, kind: "step", peer: "p2", step: { n: 58 } }
    ])
    assert.deepStrictEqual(least.world, { peers: ["p1", "p2"], preemption: 0, network: "usual", trouble: 18_000 })
  })

  it("leaves what it needs as it was", () => {
    const needs = (plan: Plan): boolean =>
      has("crash12")(plan) &&
      plan.world.preemption === 30 &&
      plan.events.some(
        (event) => event.kind === "crash" && event.lasts === 4_321 && event.amount === 5_000 && event.at === 137 + 311 * 12
      )
    const { plan: least } = shrunk(needs)
    assert.deepStrictEqual(least.events, [events[12]!])
    assert.strictEqual(least.world.preemption, 30)
  })

  it("comes to no event when none matters", () => {
    assert.deepStrictEqual(shrunk(() => true).plan.events, [])
  })

  it("keeps the plan when nothing smaller fails", () => {
    assert.deepStrictEqual(shrunk(() => false).plan, plan)
  })

  it("tries no more plans than it may", () => {
    for (const budget of [0, 1, 7, 30]) {
      const { asked, plan: least, tried } = shrunk(has("step1", "step58"), budget)
      assert.isAtMost(asked.length, budget)
      assert.strictEqual(tried, asked.length)
      assert.isTrue(has("step1", "step58")(least))
    }
  })

  it("tries no plan twice", () => {
    for (const fails of [has("step1", "step58"), has("clog18"), () => true, () => false]) {
      const texts = shrunk(fails).asked.map((each) => JSON.stringify(each))
      assert.strictEqual(new Set(texts).size, texts.length)
    }
  })
})
