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

export interface Options {
  /** Whether enough is known of a check: what breaks it is not made smaller. */
  readonly isKnown?: (check: string) => boolean
  /** Whether the time is over; asked before each run of a smaller plan. */
  readonly isOver?: () => boolean
  /** Whether what holds is run again, too, to see whether it is one execution. */
  readonly isTwice?: boolean
}

/** Runs a plan; of one that fails, finds the least, in at most so many further runs. */
export const hunt = (
  simulation: Simulation,
  plan: Plan,
  budget: number,
  { isKnown = () => false, isOver = () => false, isTwice = false }: Options = {}
): Effect.Effect<Hunted> =>
  Effect.gen(function* () {
    const first: Array<string> = []
    const verdict = yield* WorldTrial.run(simulation, plan, isTwice ? (line) => first.push(line) : undefined)
    const [failure] = verdict.violations
    const isEnough = failure === undefined ? !isTwice : isKnown(failure.check)
    if (isEnough) return { verdict, found: null }
    const lines: Array<string> = []
    const second = yield* WorldTrial.run(simulation, plan, (line) => lines.push(line), false)
    // who asked the host is told that, and not what came of it
    if (verdict.trace !== "" && second.trace !== verdict.trace)
      return yield* unequal(simulation, plan, verdict, isTwice ? [first, lines] : [lines])
    if (failure === undefined) return { verdict, found: null }
    const shrunk = yield* smaller(simulation, plan, failure.check, budget, isOver)
    lines.length = 0
    const again = yield* WorldTrial.run(simulation, shrunk.plan, (line) => lines.push(line), false)
    const same = again.violations.find(({ check }) => check === failure.check) ?? failure
    return { verdict, found: { plan, verdict, shrunk, again, failure: same, lines } }
  })

/** The same plan was two executions: what is to be mended first, and nothing can be made smaller before. */
const unequal = (
  simulation: Simulation,
  plan: Plan,
  verdict: Verdict,
  traces: ReadonlyArray<ReadonlyArray<string>>
): Effect.Effect<Hunted> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const again = yield* WorldTrial.run(simulation, plan, (line) => lines.push(line), false)
    const said = "the same plan had another trace when it was run again: something in it is decided by neither plan nor seed"
    const says = `${said}${differenceOf([...traces, lines])}`
    const failure = { check: "one execution", says, peer: null, seconds: verdict.virtualSeconds }
    const told = { ...verdict, violations: [failure, ...verdict.violations] }
    return { verdict: told, found: { plan, verdict: told, shrunk: { plan, tried: 0 }, again, failure, lines } }
  })

/** The first line that differs, since what it tells of was decided by something else. */
const differenceOf = ([before = [], lines = []]: ReadonlyArray<ReadonlyArray<string>>): string => {
  const at = Array.from({ length: Math.max(before.length, lines.length) }, (_, n) => n).find((n) => before[n] !== lines[n])
  if (at === undefined) return ""
  const [was, is] = [before, lines].map((each) => each[at]?.slice(0, lineMax) ?? "nothing")
  return `\nline ${at + 1} was  ${was}\nand then      ${is}`
}

/** Letters that are shown of a line of a trace. */
const lineMax = 300

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
