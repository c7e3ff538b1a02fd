/**
 * Trials of plans that a test writes by hand: three peers, steps that say what they do, and faults.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { none } from "../../src/schema/simulation/Faults.ts"
import type { Event, Plan } from "../../src/schema/simulation/Plan.ts"
import * as Simulation from "../../src/services/simulation/Simulation.ts"
import type { Shared, Trial } from "../../src/services/simulation/Trial.ts"
import * as Workload from "../../src/services/simulation/Workload.ts"

export const Note = ObjectType.make("Note", { text: Schema.String })
const Doing = Schema.Struct({ do: Schema.String })
export type Doing = typeof Doing.Type
export const workload = Workload.make<Doing, Schema.Json>({ step: Doing, count: 4, by: () => ({ do: "write" }) })

export const planOf = (events: ReadonlyArray<Event>, trouble = 10_000): Plan => ({
  format: 1,
  file: null,
  name: "a trial",
  seed: 7,
  world: { peers: ["ann", "bob", "cy"], preemption: 0, network: "usual", trouble },
  events
})

export const step = (id: string, at: number, peer = "ann"): Event => ({ id, at, kind: "step", peer, step: { do: id } })

export const trial = (body: (world: Trial<Doing>) => Effect.Effect<unknown, unknown>) =>
  Simulation.make<Doing>("a trial", { peers: ["ann", "bob", "cy"], faults: none, workload }, body)

export const ran = (events: ReadonlyArray<Event>, body: (world: Trial<Doing>) => Effect.Effect<unknown, unknown>) =>
  WorldTrial.run(trial(body), planOf(events))

export const write = (shared: Shared, world: Trial<Doing>, peer: string, text: string) =>
  shared.in(world.peer(peer), (space) => space.create(Note, { text }))
