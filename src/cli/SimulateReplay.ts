/**
 * Runs one plan again, and shows what happens in it whether it fails or holds.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as PlansNode from "../layers/simulation/PlansNode.ts"
import { Miscalled } from "./Misuse.ts"
import type { Ran, Setup } from "./SimulateMessage.ts"
import { open } from "./SimulateProcess.ts"
import { chosen, failed, say } from "./SimulateRun.ts"
import { SimulateSum } from "./SimulateSum.ts"

export interface Asked extends Omit<Setup, "file" | "peers" | "shrink"> {
  /** The path of the plan. */
  readonly plan: string
  /** Where the test stands of a plan that does not say it. */
  readonly file: string | null
  readonly json: boolean
}

const planAt = (path: string) =>
  Effect.try({
    try: () => PlansNode.planAt(path),
    catch: (error) => new Miscalled({ says: PlansNode.messageOf(error) })
  })

export const replay = (asked: Asked) =>
  Effect.gen(function* () {
    const began = performance.now()
    const plan = yield* planAt(asked.plan)
    const file = plan.file ?? asked.file
    if (file === null)
      return yield* new Miscalled({ says: `${asked.plan} does not say which file its test is in: write it as "file".` })
    const setup: Setup = { file, peers: null, shrink: 0, replay: asked.replay, worldSeconds: asked.worldSeconds }
    const process = yield* open(setup)
    const tests = yield* chosen({ file, peers: null, test: plan.name }, yield* process.tests)
    const sum = new SimulateSum(tests, plan.world.peers.length)
    const results: Array<Ran> = []
    yield* process.ask({ is: "replay", plan, path: asked.plan }, (ran) => {
      sum.add(ran)
      results.push(ran)
    })
    const { shown, verdict } = results[0]!
    say(asked.json, `${shown!.timeline}\n\n${shown!.told}`)
    const seconds = (performance.now() - began) / 1_000
    if (asked.json) yield* Console.log(JSON.stringify({ ...sum.json(seconds), plan: asked.plan, trace: verdict.trace }))
    if (verdict.violations.length > 0) yield* failed
  }).pipe(
    Effect.scoped,
    Effect.onInterrupt(() => failed)
  )
