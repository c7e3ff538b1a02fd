/**
 * A plan that fails is made small: what does not matter goes, what matters stays, and luck is given more than one chance.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../../src/schema/simulation/Fault.ts"
import type { Event, Plan, Step } from "../../src/schema/simulation/Plan.ts"
import { shrink } from "../../src/schema/simulation/Shrink.ts"

const step = (n: number, peer: string): Step => ({ id: `step${n}`, at: 100 * n + 1, kind: "step", peer, step: n })
const reset = (n: number, peer: string): Fault => ({ id: `reset${n}`, at: 100 * n + 50, kind: "reset", peer, lasts: 0 })

const planOf = (events: ReadonlyArray<Event>, seed = 7): Plan => ({
  format: 1,
  file: null,
  name: "shrunk",
  seed,
  world: { peers: ["p1", "p2", "p3", "p4"], preemption: 30, network: "mobile", trouble: 20_000 },
  events
})

const least = (plan: Plan, fails: (plan: Plan) => boolean, budget = 300) => {
  const shrinking = shrink(plan, budget)
  const tried: Array<Plan> = []
  for (let turn = shrinking.next(); ; turn = shrinking.next(fails(tried.at(-1)!))) {
    if (turn.done === true) return { ...turn.value, all: tried }
    tried.push(turn.value)
  }
}

const has = (plan: Plan, ...ids: ReadonlyArray<string>) => ids.every((id) => plan.events.some((event) => event.id === id))
const many = Array.from({ length: 40 }, (_, n) => step(n, `p${1 + (n % 4)}`))

describe("Shrink", () => {
  it("leaves the events that matter, and the peers that they name", () => {
    const plan = planOf([...many, reset(3, "p2"), reset(9, "p4")])
    const { plan: small, tried } = least(plan, (each) => has(each, "step5", "reset3"))
    assert.deepStrictEqual(
      small.events.map(({ id }) => id),
      ["step5", "reset3"]
    )
    assert.deepStrictEqual(small.world, { peers: ["p1", "p2"], preemption: 0, network: "usual", trouble: 1_000 })
    assert.isBelow(tried, 100)
  })

  it("lets another peer take the steps of one that goes", () => {
    const { plan: small } = least(planOf(many), (each) => has(each, "step2", "step3", "step5"))
    assert.lengthOf(small.events, 3)
    assert.deepStrictEqual(small.world.peers, ["p1", "p2"])
  })

  it("names nobody who is not there any more, in the side of a partition neither", () => {
    const parted: Fault = { id: "parted", at: 900, kind: "partition", peer: "p1", side: ["p1", "p4"], lasts: 500 }
    const { plan: small } = least(planOf([...many, parted]), (each) => has(each, "parted"))
    assert.deepStrictEqual(small.world.peers, ["p1", "p2"])
    const [left] = small.events
    assert.deepStrictEqual((left as Fault).side, ["p1"])
  })

  it("tries less under other seeds when no event can go under this one", () => {
    const eight = many.slice(0, 8)
    // under the first seed it needs all of them to fall together, under others two will do
    const fails = (each: Plan) => (each.seed === 7 ? each.events.length === 8 : each.seed === 3 && has(each, "step1", "step6"))
    const { plan: small } = least(planOf(eight), fails)
    assert.strictEqual(small.seed, 3)
    assert.isAtMost(small.events.length, 5)
    assert.isTrue(has(small, "step1", "step6"))
  })

  it("tries no plan twice, and no more than it may", () => {
    const { all, plan: small, tried } = least(planOf(many), () => false, 50)
    assert.strictEqual(tried, all.length)
    assert.isAtMost(tried, 50)
    assert.lengthOf(new Set(all.map((each) => JSON.stringify(each))), all.length)
    assert.deepStrictEqual(small, planOf(many))
  })
})
