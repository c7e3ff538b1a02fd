/**
 * Watches over the world that a worker process runs, and tells of one that does not end.
 *
 * A world is a loop that gives way to nobody, so a step that goes round and round can be noticed from another process alone.
 */
import * as PlansNode from "../layers/simulation/PlansNode.ts"
import * as ReportNode from "../layers/simulation/ReportNode.ts"
import type { Plan } from "../schema/simulation/Plan.ts"
import { timeline } from "../schema/simulation/Timeline.ts"
import type { Ran, Setup } from "./SimulateMessage.ts"

/** How often it is said of a world that it still runs: so many times until it is given up. */
const words = 10

export class SimulateWatch {
  private readonly seconds: number
  private readonly onHung: (plan: Plan) => void
  private plan: Plan | null = null
  private began = 0
  private timer: NodeJS.Timeout | undefined

  constructor(seconds: number, onHung: (plan: Plan) => void) {
    this.seconds = seconds
    this.onHung = onHung
  }

  /** A world begins: of this plan, or of a smaller one. */
  begins(plan: Plan | null = this.plan): void {
    this.ends()
    this.plan = plan
    this.began = performance.now()
    this.timer = setInterval(() => this.looks(), (this.seconds * 1_000) / words)
  }

  ends(): void {
    clearInterval(this.timer)
  }

  private looks(): void {
    const { plan } = this
    if (plan === null) return
    const took = (performance.now() - this.began) / 1_000
    if (took >= this.seconds) {
      this.ends()
      this.onHung(plan)
    } else process.stderr.write(`still in seed ${plan.seed} of "${plan.name}" after ${Math.round(took)} s\n`)
  }
}

/** What came of a plan whose world did not end: its plan is kept. `old` is where it stood. */
export const hung = (plan: Plan, { replay, worldSeconds }: Setup, old?: string): Ran => {
  const says = `it did not end within ${worldSeconds} s of real time, and its process was ended: something in it goes round and round`
  const failure = { check: "the world", says, peer: null, seconds: 0 }
  const verdict = {
    violations: [failure],
    trace: "",
    virtualSeconds: 0,
    operations: 0,
    failed: {},
    faults: {},
    table: [],
    met: {}
  }
  const found = { plan, verdict, shrunk: { plan, tried: 0 }, again: verdict, failure, lines: [] }
  const kept = ReportNode.keep(found, (path) => `${replay} ${PlansNode.quoted(path)}`)
  const shown = { told: ReportNode.told(kept, found, old), timeline: timeline(kept.report), plan: kept.plan }
  return { test: plan.name, isOld: old !== undefined, seed: plan.seed, verdict, shown }
}
