import * as Effect from "effect/Effect"
import * as WorldTrial from "../src/layers/simulation/WorldTrial.ts"
import { planOf } from "../src/services/simulation/Simulation.ts"
import { scenarios } from "../test/simulation/scenarios/index.ts"
const replication = scenarios[process.env["S"] ?? "replication"]!
const [from, to] = process.argv.slice(2).map(Number) as [number, number]
const t = performance.now()
const sum: Record<string, number> = {}
const fails: Record<string, number[]> = {}
let v = 0, cb = 0
for (let seed = from; seed <= to; seed++) {
  const t0 = performance.now()
  const plan = await Effect.runPromise(planOf(replication, seed))
  const skip = (process.env["SKIP"] ?? "").split(",")
  const verdict = await Effect.runPromise(WorldTrial.run(replication, { ...plan, events: plan.events.filter((e) => !skip.includes(e.kind)) }))
  v += verdict.virtualSeconds
  if ((verdict.faults["crashBeforeSync"] ?? 0) > 0) cb++
  for (const [k, n] of Object.entries({ ...verdict.faults, ...verdict.met, operations: verdict.operations })) sum[k] = (sum[k] ?? 0) + n
  for (const { check } of verdict.violations.slice(0, 1)) (fails[check] ??= []).push(seed)
  if (process.env["V"]) console.log(seed, Math.round(performance.now() - t0), "ms", verdict.virtualSeconds, verdict.violations.slice(0, 3), [...new Set(plan.events.map((e) => e.kind))].join(" "), plan.events.length)
}
console.log(sum, "crashBeforeSync seeds", cb, "virtual", v, "seconds", (performance.now() - t) / 1000)
console.log(fails)
