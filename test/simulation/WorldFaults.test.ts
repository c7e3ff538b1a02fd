/**
 * The faults of a plan: every kind does something, counts only when it did, and lasts as long as it says.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import { type Fault, type Kind, kinds } from "../../src/schema/simulation/Fault.ts"
import { Note, planOf, ran, step, trial } from "./trials.ts"

/** A fault of a kind in the middle of a world in which all write. */
const faultOf = (kind: Kind): Fault => {
  const plain = { id: kind, at: 2_000, kind, peer: "ann", lasts: 3_000 }
  const more: Partial<Record<Kind, Partial<Fault>>> = {
    powerLoss: { left: "lost" },
    crashBeforeSync: { left: "lost" },
    restartStorm: { amount: 3 },
    partition: { side: ["ann"] },
    partialPartition: { other: "bob" },
    oneWay: { other: "bob" },
    slowLink: { other: "bob", amount: 500 },
    clog: { other: "bob" },
    corruptFrame: { other: "bob", amount: 1 },
    signalingSlow: { amount: 500 },
    signalingCareless: { amount: 2 },
    slowDisk: { amount: 200 },
    clone: { other: "ann~" },
    clockSkew: { amount: 60_000 },
    clockDrift: { amount: 10_000 },
    clockJump: { amount: -60_000 }
  }
  return { ...plain, ...more[kind] }
}

/** What makes peers talk to the KUBE in the middle of a fault: they do so to find each other, and then seldom. */
const stirred: ReadonlyArray<Fault> = [
  { id: "forget", at: 2_200, kind: "signalingForget", peer: "ann", lasts: 0 },
  { id: "reset", at: 2_500, kind: "reset", peer: "ann", lasts: 0 }
]

describe("Trial: faults", () => {
  for (const kind of kinds) {
    it.live(`[W31] ${kind} happens, counts, and is over in the end`, () =>
      Effect.gen(function* () {
        const steps = Array.from({ length: 40 }, (_, i) => step(`s${i}`, 200 * i, ["ann", "bob", "cy"][i % 3]))
        const simulation = trial((world) =>
          Effect.gen(function* () {
            const shared = yield* world.together("Notes")
            yield* world.play((_, peer) => shared.in(peer, (space) => space.create(Note, { text: peer.name })))
            if (kind !== "bitRot") yield* world.converged(shared, { within: "3 minutes" })
          })
        )
        const others = kind === "signalingSlow" || kind === "signalingCareless" ? stirred : []
        const plan = planOf([...steps, faultOf(kind), ...others].sort((a, b) => a.at - b.at))
        const verdict = yield* WorldTrial.run(simulation, plan)
        assert.deepStrictEqual(verdict.violations, [])
        assert.strictEqual(verdict.faults[kind], 1)
      })
    )
  }
})

describe("Trial: what counts and what lasts", () => {
  /** They happen to whoever is there, and need nobody to do anything. */
  const always: ReadonlyArray<Kind> = ["crash", "powerLoss", "restartStorm", "clone"]

  it.live("[W31] in a world where nobody does anything only what ends a life counts, and a copy", () =>
    Effect.gen(function* () {
      for (const kind of kinds) {
        const { faults, violations } = yield* ran([faultOf(kind)], (world) => world.play())
        assert.deepStrictEqual([kind, violations, faults[kind] ?? 0], [kind, [], always.includes(kind) ? 1 : 0])
      }
    })
  )

  it.live("[W31] a clock that is moved by nothing, and a disk that is put back to what it is, count nothing", () =>
    Effect.gen(function* () {
      const still = { at: 500, peer: "ann", lasts: 2_000 }
      const verdict = yield* ran(
        [
          { ...still, id: "skew", kind: "clockSkew", amount: 0 },
          { ...still, id: "drift", kind: "clockDrift", amount: 0 },
          { ...still, id: "first", kind: "clockJump", amount: 1_000 },
          { ...still, id: "jump", at: 700, kind: "clockJump", amount: 0 },
          { ...still, id: "back", kind: "rollback" },
          ...[1_000, 1_500, 2_000].map((at) => step(`s${at}`, at))
        ],
        (world) => world.play((_, peer) => peer.run(Effect.andThen(Clock.currentTimeMillis, Clock.monotonicTimeNanos)))
      )
      assert.deepStrictEqual([verdict.violations, verdict.operations, verdict.faults], [[], 3, { clockJump: 1 }])
    })
  )

  /** How the lines of the trace begin that tell what is held up. */
  const tells: Partial<Record<Kind, string>> = {
    freeze: "freeze ann|thaw ann",
    sleep: "freeze ann|thaw ann",
    fullDisk: "full ann",
    slowLink: "slow ann bob",
    clog: "clog ann bob|unclog ann bob",
    signalingDown: "signaling down|signaling up",
    signalingSlow: "signaling slow",
    signalingCareless: "signaling careless",
    slowDisk: "slowdisk ann",
    clockSkew: "clock ann set",
    clockDrift: "clock ann set"
  }

  const told = (events: ReadonlyArray<Fault>, lines: string) =>
    Effect.gen(function* () {
      const found: Array<string> = []
      const simulation = trial((world) => world.play())
      yield* WorldTrial.run(simulation, planOf(events, 8_000), (line) => {
        const [at, ...rest] = line.split(" ")
        const [seconds, text] = [Number(at) / 1_000_000, rest.join(" ")]
        // what is told at the end of the trouble is told whatever there was
        if (seconds < 7 && lines.split("|").some((each) => text.startsWith(each))) found.push(`${seconds} ${text}`)
      })
      return found
    })

  for (const [kind, lines] of Object.entries(tells) as ReadonlyArray<[Kind, string]>) {
    it.live(`[W31] ${kind} lasts as long as it says, whatever else does the same`, () =>
      Effect.gen(function* () {
        const long: Fault = { ...faultOf(kind), id: "long", at: 1_000, lasts: 3_000 }
        const short: Fault = {
          ...faultOf(kind),
          id: "short",
          at: 1_500,
          lasts: 500,
          ...(long.amount && { amount: long.amount + 1 })
        }
        const [begun, ended] = yield* told([long], lines)
        assert.isTrue(begun?.startsWith("1 ") && ended?.startsWith("4 "))
        const both = yield* told([long, short], lines)
        // the one that began last decides while it lasts, and then the other one again
        const again = begun!.replace("1 ", "2 ")
        const [shortBegun] = yield* told([short], lines)
        assert.deepStrictEqual(both, long.amount === undefined ? [begun, ended] : [begun, shortBegun, again, ended])
      })
    )
  }

  it.live("[W31] a life that stands still does so as long as the faults that it met say, and not those of the life before", () =>
    Effect.gen(function* () {
      const freeze: Fault = { ...faultOf("freeze"), id: "before", at: 1_000, lasts: 3_000 }
      const crash: Fault = { ...faultOf("crash"), at: 1_500, lasts: 500 }
      const again: Fault = { ...freeze, id: "again", at: 2_500 }
      assert.deepStrictEqual(yield* told([freeze, crash, again], "freeze ann|thaw ann|boot ann 2"), [
        "1 freeze ann",
        "2 boot ann 2",
        "2.5 freeze ann",
        "5.5 thaw ann"
      ])
    })
  )
})
