/** The demo's claims: a run in which all is well passes, and every single thing that could be wrong is noticed. */
import { assert, describe, it } from "@effect/vitest"
import type { Audited, Modelled, State } from "../../demo/calls.ts"
import { type Evidence, failed, type Result } from "../../demo/claims.ts"

const state: State = {
  cities: 300,
  visits: 20,
  frontier: "f",
  stateHash: "h",
  conflicts: 130,
  people: ["alice owner", "bob editor"]
}
const audited: Audited = {
  cities: 300,
  visits: 20,
  stateHash: "h",
  frontier: "f",
  blocks: 40,
  signatures: 30,
  changes: 50,
  missing: [],
  uncovered: [],
  problems: []
}
const model: Modelled = {
  stateHash: "h",
  conflicts: 130,
  remarks: 120,
  objects: { City: 300, Visit: 20, "troupe/space": 1 },
  changes: 50,
  inFlight: 1,
  problems: []
}
const result: Result = {
  converged: true,
  peers: [],
  objects: 320,
  changes: 50,
  conflicts: 130,
  killedAt: 100,
  pids: { alice: [1], bob: [2, 3] },
  cutEdits: { alice: 120, bob: 120 },
  inFlight: 1,
  partitionSeconds: 10.5,
  bytesOnWire: 1,
  seconds: 20,
  model: "h",
  audit: "h"
}
const good: Evidence = {
  limit: 300,
  result,
  states: { alice: state, bob: state },
  audits: { alice: audited, bob: audited },
  model,
  reopenedWith: 100,
  silence: { seconds: 10.5, bytes: 0 },
  foreignRemarks: { alice: 0, bob: 0 }
}
const withResult = (part: Partial<Result>): Evidence => ({ ...good, result: { ...result, ...part } })
const withBob = (part: Partial<State>): Evidence => ({ ...good, states: { alice: state, bob: { ...state, ...part } } })
const withAudit = (part: Partial<Audited>): Evidence => ({ ...good, audits: { alice: audited, bob: { ...audited, ...part } } })
const withModel = (part: Partial<Modelled>): Evidence => ({ ...good, model: { ...model, ...part } })

const planted: ReadonlyArray<readonly [string, Evidence]> = [
  ["another frontier", withBob({ frontier: "g" })],
  ["another state", withBob({ stateHash: "i" })],
  ["a city too few", withBob({ cities: 299 })],
  ["a visit too many", withBob({ visits: 21 })],
  ["another role", withBob({ people: ["alice owner", "bob reader"] })],
  ["another who is in", withBob({ people: ["alice owner", "bob editor", "eve editor"] })],
  ["another count of conflicts", withBob({ conflicts: 131 })],
  ["killed before anything", withResult({ killedAt: 0 })],
  ["killed after everything", { ...withResult({ killedAt: 320 }), reopenedWith: 320 }],
  ["back with less than was durable", { ...good, reopenedWith: 99 }],
  ["never restarted", withResult({ pids: { alice: [1], bob: [2, 2] } })],
  ["too few edits in the cut", withResult({ cutEdits: { alice: 120, bob: 99 } })],
  ["too short a cut", withResult({ partitionSeconds: 9.99 })],
  ["a byte that crossed the cut", { ...good, silence: { seconds: 10.5, bytes: 1 } }],
  ["a remark that reached alice in the cut", { ...good, foreignRemarks: { alice: 1, bob: 0 } }],
  ["a remark that reached bob in the cut", { ...good, foreignRemarks: { alice: 0, bob: 1 } }],
  ["remarks that had seen each other", withModel({ remarks: 99 })],
  ["too few conflicts", withResult({ conflicts: 99 })],
  ["a model of another mind", withModel({ stateHash: "i" })],
  ["a model that counts other conflicts", withModel({ conflicts: 129 })],
  ["a model with other objects", withModel({ objects: { City: 300, Visit: 19 } })],
  ["a change set that no journal tells of", withModel({ changes: 49 })],
  ["a change set that nobody intended", withModel({ problems: ["feed f holds …"] })],
  ["an audit that folds to another state", withAudit({ stateHash: "i" })],
  ["an audit at another frontier", withAudit({ frontier: "g" })],
  ["a block that an audit cannot read", withAudit({ problems: ["feed f …"] })],
  ["an audit that verified nothing", withAudit({ signatures: 0 })],
  ["a receipt that no feed bears out", withAudit({ missing: ["f 7"] })]
]

describe("claims", () => {
  it("hold when all is well", () => assert.deepStrictEqual(failed(good), []))

  it.each(planted)("notice %s", (_, evidence) => assert.strictEqual(failed(evidence).length, 1))
})
