/**
 * Looks for a plan that fails: runs a plan, and when a promise is broken, the same once more, smaller ones, and the smallest with its trace.
 */
import * as Effect from "effect/Effect"
import type { Plan } from "../../schema/simulation/Plan.ts"
import { type Shrunk, shrink } from "../../schema/simulation/Shrink.ts"
import type { Hunted } from "../../services/simulation/Hunt.ts"
import type { Simulation } from "../../services/simulation/Simulation.ts"
import type { Verdict } from "../../services/simulation/Trial.ts"
import * as WorldTrial from "./WorldTrial.ts"

/**
 * Runs a plan; of one that fails, finds the least, in at most so many further runs and until the time is over, unless enough is known of the
 * check that it breaks.
 */
export const hunt = (
  simulation: Simulation,
  plan: Plan,
  budget: number,
  isKnown: (check: string) => boolean = () => false,
  isOver: () => boolean = () => false
): Effect.Effect<Hunted> =>
  Effect.gen(function* () {
    const verdict = yield* WorldTrial.run(simulation, plan)
    const [failure] = verdict.violations
    if (failure === undefined || isKnown(failure.check)) return { verdict, found: null }
    const second = yield* WorldTrial.run(simulation, plan, undefined, false)
    // who asked the host is told that, and not what came of it
    if (verdict.trace !== "" && second.trace !== verdict.trace) return yield* unequal(simulation, plan, verdict)
    const shrunk = yield* smaller(simulation, plan, failure.check, budget, isOver)
    const lines: Array<string> = []
    const again = yield* WorldTrial.run(simulation, shrunk.plan, (line) => lines.push(line), false)
    const same = again.violations.find(({ check }) => check === failure.check) ?? failure
    return { verdict, found: { plan, verdict, shrunk, again, failure: same, lines } }
  })

/** The same plan was two executions: what is to be mended first, and nothing can be made smaller before. */
const unequal = (simulation: Simulation, plan: Plan, verdict: Verdict): Effect.Effect<Hunted> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const again = yield* WorldTrial.run(simulation, plan, (line) => lines.push(line), false)
    const says = "the same plan had another trace when it was run again: something in it is decided by neither plan nor seed"
    const failure = { check: "one execution", says, peer: null, seconds: verdict.virtualSeconds }
    const told = { ...verdict, violations: [failure, ...verdict.violations] }
    return { verdict: told, found: { plan, verdict: told, shrunk: { plan, tried: 0 }, again, failure, lines } }
  })

const smaller = (
  simulation: Simulation,
  plan: Plan,
  check: string,
  budget: number,
  isOver: () => boolean
): Effect.Effect<Shrunk> =>
  Effect.gen(function* () {
    const shrinking = shrink(plan, budget)
    let best: Shrunk = { plan, tried: 0 }
    let turn = shrinking.next()
    while (turn.done !== true) {
      if (isOver()) return best
      const { violations } = yield* WorldTrial.run(simulation, turn.value, undefined, false)
      const isFailing = violations[0]?.check === check
      best = { plan: isFailing ? turn.value : best.plan, tried: best.tried + 1 }
      turn = shrinking.next(isFailing)
    }
    return turn.value
  })
