/**
 * What all seeds came to: sums, failures by check, and the JSON that commands print last.
 */
import { counted } from "../schema/simulation/Report.ts"
import { type Row, summed } from "../schema/simulation/TraceStates.ts"
import type { Peers } from "../services/simulation/Simulation.ts"
import { type Ran, shrunkMax, type Test } from "./SimulateMessage.ts"

interface Failing {
  readonly test: string
  readonly seed: number
  readonly check: string
  readonly says: string
  /** The path of the plan; null when the seed is only counted. */
  readonly plan: string | null
}

interface Counts {
  [name: string]: number
}

const add = (sum: Counts, more: { readonly [name: string]: number }): void => {
  for (const [name, n] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + n
}

/** By name, so that the order does not tell which process was first. */
const sorted = (counts: Counts): Counts =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : Number(a > b))))

const listed = (counts: Counts): string =>
  Object.entries(sorted(counts))
    .map(([name, n]) => `${name} ${n}`)
    .join(", ")

const peersOf = (peers: Peers): number | string =>
  typeof peers === "number" ? peers : "from" in peers ? `${peers.from} to ${peers.to}` : peers.length

export class SimulateSum {
  /** Worlds that were run, those of old plans among them. */
  done = 0
  readonly failing: Array<Failing> = []
  private readonly tests: ReadonlyArray<Test>
  private readonly peers: number | null
  private violations = 0
  private virtualSeconds = 0
  private operations = 0
  private withCrashBeforeSync = 0
  private readonly failed: Counts = {}
  private readonly faults: Counts = {}
  private readonly met: Counts = {}
  private table: ReadonlyArray<Row> = []

  constructor(tests: ReadonlyArray<Test>, peers: number | null) {
    this.tests = tests
    this.peers = peers
  }

  /** Takes a run in. Answers whether enough is known now of the check that it breaks. */
  add({ seed, shown, test, verdict }: Ran): boolean {
    this.done++
    this.virtualSeconds += verdict.virtualSeconds
    this.operations += verdict.operations
    this.violations += verdict.violations.length
    add(this.failed, verdict.failed)
    add(this.faults, verdict.faults)
    add(this.met, verdict.met)
    this.table = summed([this.table, verdict.table])
    if ((verdict.faults["crashBeforeSync"] ?? 0) > 0) this.withCrashBeforeSync++
    const [violation] = verdict.violations
    if (violation === undefined) return false
    const { check, says } = violation
    this.failing.push({ test, seed, check, says, plan: shown?.plan ?? null })
    return this.failing.filter((each) => each.test === test && each.check === check).length === shrunkMax
  }

  /** The object of commands; `seconds` is what it took. */
  json(seconds: number) {
    const peers = new Set(this.tests.map((test) => this.peers ?? peersOf(test.peers)))
    return {
      scenario: this.tests.map(({ name }) => name).join(", "),
      seeds: this.done,
      peers: peers.size === 1 ? [...peers][0]! : null,
      violations: this.violations,
      failing: [...this.failing].sort((a, b) => a.seed - b.seed),
      virtualSeconds: Math.round(this.virtualSeconds),
      seconds: Math.round(seconds * 10) / 10,
      seedsPerMinute: Math.round((this.done * 60) / seconds),
      virtualPerSecond: Math.round(this.virtualSeconds / seconds),
      faults: sorted(this.faults),
      seedsWithCrashBeforeSync: this.withCrashBeforeSync,
      operations: this.operations,
      failedSteps: sorted(this.failed),
      met: sorted(this.met),
      table: this.table
    }
  }

  /** The same for people. */
  text(seconds: number): string {
    const { seeds, seedsPerMinute, virtualPerSecond, virtualSeconds, ...rest } = this.json(seconds)
    return [
      `${counted(seeds, "seed")}, ${virtualSeconds} virtual seconds in ${rest.seconds} s: ${seedsPerMinute} seeds a minute, ${virtualPerSecond} virtual seconds a second`,
      `${counted(this.operations, "operation")}; faults that changed something: ${listed(this.faults) || "none"}`,
      ...(Object.keys(this.failed).length > 0 ? [`failed steps: ${listed(this.failed)}`] : []),
      ...(Object.keys(this.met).length > 0 ? [`met: ${listed(this.met)}`] : []),
      ...this.checks(),
      this.failing.length === 0 ? "no violation" : `${this.failing.length} of ${this.done} failed`
    ].join("\n")
  }

  /** Each check that fails, and in how many seeds. */
  private checks(): ReadonlyArray<string> {
    const names = new Set(this.failing.map(({ check, test }) => JSON.stringify([test, check])))
    return [...names].map((name) => {
      const of = this.failing.filter(({ check, test }) => JSON.stringify([test, check]) === name)
      const uncut = of.filter(({ plan }) => plan === null).length
      const more = uncut === 0 ? "" : `, ${uncut} of them counted alone`
      return `"${of[0]!.check}" of "${of[0]!.test}" fails in ${counted(of.length, "seed")}${more}: ${seedsOf(of)}`
    })
  }
}

const seedsOf = (failing: ReadonlyArray<Failing>): string => {
  // a seed may fail as an old plan, too
  const seeds = [...new Set(failing.map(({ seed }) => seed))].sort((a, b) => a - b)
  return `${seeds.slice(0, 20).join(", ")}${seeds.length > 20 ? ", …" : ""}`
}
