/**
 * What a trial offers to tests of spaces: that peers come to agree, all but those of whom nothing is promised.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import { only } from "../../src/schema/simulation/Faults.ts"
import type { Event } from "../../src/schema/simulation/Plan.ts"
import * as Simulation from "../../src/services/simulation/Simulation.ts"
import type { Trial } from "../../src/services/simulation/Trial.ts"
import * as Workload from "../../src/services/simulation/Workload.ts"
import { type Doing, Note, planOf, ran, step, trial, write } from "./trials.ts"

describe("Trial: converged and check", () => {
  it.live("[W30] says that peers have not come together in time", () =>
    Effect.gen(function* () {
      const { violations } = yield* ran([], (world) =>
        Effect.gen(function* () {
          const shared = yield* world.together("Notes")
          yield* world.partition([["ann"], ["bob", "cy", "kube"]])
          yield* write(shared, world, "ann", "alone")
          yield* world.converged(shared, { within: "10 seconds" })
        })
      )
      assert.deepStrictEqual(
        violations.map(({ check }) => check),
        ["equal frontiers"]
      )
      const [first, ann, bob, cy] = violations[0]!.says.split("\n")
      assert.strictEqual(first, "peers have not come to one state in time")
      assert.match(ann!, /^ann holds (\S{4} \d+(, )?)+; connected to nobody/)
      assert.match(bob!, /^bob holds (\S{4} \d+(, )?)+; connected to cy/)
      assert.match(cy!, /^cy holds (\S{4} \d+(, )?)+; connected to bob/)
    })
  )

  it.live("[W30] asks nothing of a peer whose disk has rotted, nor of a copy of it, says so, and asks all others", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const rotting = (isParted: boolean) =>
        trial((world) =>
          Effect.gen(function* () {
            const shared = yield* world.together("Notes")
            yield* world.play(() => write(shared, world, "ann", "hello"))
            yield* world.converged(shared, { within: "1 minute" })
            if (isParted) yield* world.partition([["bob"], ["ann", "ann~", "cy", "kube"]])
            yield* write(shared, world, "bob", "later")
            yield* world.converged(shared, { within: "1 minute" })
            yield* world.check("hello is there", (peer) =>
              shared.in(peer, (space) => Effect.map(space.query(Note).all, (all) => all.length === 2))
            )
          })
        )
      const rots: ReadonlyArray<Event> = [
        step("a", 100),
        { id: "bitRot1", at: 5_000, kind: "bitRot", peer: "ann", lasts: 0 },
        { id: "clone1", at: 6_000, kind: "clone", peer: "ann", other: "ann~", lasts: 0 }
      ]
      const { faults, violations } = yield* WorldTrial.run(rotting(false), planOf(rots), (line) => lines.push(line))
      assert.deepStrictEqual([violations, faults], [[], { bitRot: 1, clone: 1 }])
      const unasked = lines.filter((line) => line.includes(" unasked ")).map((line) => line.split(" ").slice(2).join(" "))
      assert.deepStrictEqual(unasked, ["ann since its disk has rotted", "ann~ since its disk has rotted"])
      const parted = yield* WorldTrial.run(rotting(true), planOf(rots))
      assert.deepStrictEqual(
        parted.violations.map(({ check }) => check),
        ["equal frontiers"]
      )
    })
  )

  it.live("[W30] counts a world in which nobody is left to be asked", () =>
    Effect.gen(function* () {
      const rot = (peer: string): Event => ({ id: `bitRot-${peer}`, at: 5_000, kind: "bitRot", peer, lasts: 0 })
      const body = (world: Trial<Doing>) =>
        Effect.gen(function* () {
          const shared = yield* world.together("Notes")
          yield* world.play(() => write(shared, world, "ann", "hello"))
          yield* world.converged(shared, { within: "1 minute" })
          yield* world.check("is asked of nobody", () => Effect.succeed(false))
        })
      const { met, violations } = yield* ran([step("a", 100), rot("ann"), rot("bob"), rot("cy")], body)
      assert.deepStrictEqual([violations, met], [[], { "unasked seeds": 1 }])
    })
  )

  it.live("[W30] takes copies of one device for agreed when there is nobody else at whom they could meet", () =>
    Effect.gen(function* () {
      const copied = trial((world) =>
        Effect.gen(function* () {
          const shared = yield* world.together("Notes")
          yield* (yield* world.clone("ann", "twin")).restart
          if (world.peers.length === 2) yield* (yield* world.clone("twin", "triplet")).restart
          for (const name of ["ann", "twin"]) yield* write(shared, world, name, "alone")
          yield* world.converged(shared, { within: "1 minute" })
        })
      )
      const plan = planOf([])
      const alone = yield* WorldTrial.run(copied, { ...plan, world: { ...plan.world, peers: ["ann"] } })
      assert.deepStrictEqual(alone.violations, [])
      assert.deepStrictEqual((yield* WorldTrial.run(copied, plan)).violations, [])
    })
  )

  it.live("[W30] lets hostile faults and converged be taken together", () =>
    Effect.gen(function* () {
      const notes = Workload.make({ step: Schema.Struct({ write: Schema.Literals(["a", "b"]) }), count: 10 })
      const faults = only("bitRot", "clone", "rollback", "crash")
      const hostile = Simulation.make("hostile", { peers: 3, faults, workload: notes }, (world) =>
        Effect.gen(function* () {
          const shared = yield* world.together("Notes")
          yield* world.play((step, peer) => shared.in(peer, (space) => space.create(Note, { text: step.write })))
          yield* world.converged(shared, { within: "2 minutes" })
        })
      )
      for (let seed = 1; seed <= 6; seed++) {
        const { violations } = yield* WorldTrial.run(hostile, yield* Simulation.planOf(hostile, seed))
        assert.deepStrictEqual(violations, [], `seed ${seed}`)
      }
    })
  )
})
