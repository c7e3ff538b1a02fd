/**
 * `npm run bench -- simulation`: what a simulated world costs, on one core.
 *
 * Seeds of the scenario of replication with five peers, whose world signs, hashes, stores and merges as any other; ten peers in one space
 * that each write every ten seconds; a hundred peers in one world; and an hour in which nobody does anything. Each runs in this process, one
 * after the other, and a world that does not come to one state stops the bench.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { together } from "../src/layers/simulation/TrialChecks.ts"
import * as World from "../src/layers/simulation/World.ts"
import * as WorldTrial from "../src/layers/simulation/WorldTrial.ts"
import { ObjectType } from "../src/schema/echo/ObjectType.ts"
import { Peer } from "../src/services/peer/Peer.ts"
import { planOf } from "../src/services/simulation/Simulation.ts"
import type { World as Simulated } from "../src/services/simulation/World.ts"
import { replication } from "../test/simulation/scenarios/Replication.ts"
import { median, type Options, type Ratio, type Report, type Row } from "./src/Report.ts"

const Note = ObjectType.make("Note", { text: Schema.String })

const seeds = 60
const seedsAMinuteMin = 300
const virtualSecondsMin = 200
/** What a hundred peers may take that write once each. */
const hundredSecondsMax = 120

/** Seconds of this process's own time, whatever else the machine does. */
const own = (): number => {
  const { system, user } = process.cpuUsage()
  return (user + system) / 1_000_000
}

const timed = async <A>(work: () => Promise<A>): Promise<readonly [seconds: number, answer: A]> => {
  const before = own()
  const answer = await work()
  return [own() - before, answer]
}

/** How many seconds so many seeds take, and how many virtual ones pass in them. */
const seedsOf = async (first: number) => {
  let virtual = 0
  const [seconds] = await timed(async () => {
    for (let seed = first; seed < first + seeds; seed++) {
      const plan = await Effect.runPromise(planOf(replication, seed))
      virtual += (await Effect.runPromise(WorldTrial.run(replication, plan))).virtualSeconds
    }
  })
  return { seconds, virtual }
}

/** All peers in one space; each writes so often, so many times. */
const writing = (peers: number, writes: number, everySeconds: number) => {
  const names = Array.from({ length: peers }, (_, i) => `p${i}`)
  const body = (world: Simulated) =>
    Effect.gen(function* () {
      const shared = yield* together(world)("Notes")
      const all = Effect.forEach(
        world.peers,
        (peer, i) =>
          Effect.gen(function* () {
            yield* Effect.sleep((i * 997) % (everySeconds * 1_000))
            for (let n = 0; n < writes; n++) {
              yield* shared.in(peer, (space) => space.create(Note, { text: `${i} ${n}` }))
              yield* Effect.sleep(everySeconds * 1_000)
            }
          }),
        { concurrency: "unbounded" }
      )
      yield* all
      yield* Effect.sleep("30 seconds")
      const frontiers = yield* Effect.forEach(world.peers, (peer) => shared.in(peer, (space) => space.frontier))
      return new Set(frontiers).size
    })
  return timed(async () => {
    const { value, virtualSeconds } = await Effect.runPromise(World.run({ peers: names, seed: 1, limit: "1 day" }, body))
    if (value !== 1) throw new Error(`${peers} peers came to ${value} frontiers`)
    return virtualSeconds
  })
}

/** Peers that hold a space each and are alone. */
const idling = () => {
  const names = Array.from({ length: 10 }, (_, i) => `p${i}`)
  const made = Effect.flatMap(Peer, ({ spaces }) => spaces.create({ name: "Mine", members: [] }))
  return timed(() =>
    Effect.runPromise(
      World.run({ peers: names, seed: 1, limit: "1 day" }, (world) =>
        Effect.andThen(
          Effect.forEach(world.peers, (peer) => peer.run(made)),
          Effect.sleep("1 hour")
        )
      )
    )
  )
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  print(`simulated worlds on one core, seconds of the process's own time; median of ${rounds} rounds`)
  await seedsOf(1_000_001)
  const all: Array<{
    readonly seeds: number
    readonly virtual: number
    readonly ten: number
    readonly tenSeconds: number
    readonly idle: number
  }> = []
  for (let round = 0; round < rounds; round++) {
    const { seconds, virtual } = await seedsOf(1 + round * seeds)
    const [tenSeconds, tenVirtual] = await writing(10, 30, 10)
    const [idleSeconds] = await idling()
    all.push({ seeds: seconds, virtual: virtual / seconds, ten: tenVirtual / tenSeconds, tenSeconds, idle: idleSeconds })
  }
  const [manySeconds, manyVirtual] = await writing(100, 1, 10)
  const of = (figure: keyof (typeof all)[number]): number => median(all.map((each) => each[figure]))
  const row = (work: string, seconds: number, perSecond?: number): Row => ({
    ...{ work, system: "troupe", seconds },
    ...(perSecond === undefined ? {} : { perSecond })
  })
  const rows: ReadonlyArray<Row> = [
    row(`${seeds} seeds, 5 peers`, of("seeds"), of("virtual")),
    row("10 peers, a write every 10 s each", of("tenSeconds"), of("ten")),
    row("100 peers, a write each", manySeconds, manyVirtual / manySeconds),
    row("10 peers, an idle hour", of("idle"), 3_600 / of("idle"))
  ]
  const aim = (name: string, ratio: number, least: number): Ratio => ({ name, ratio, aim: `≥ ${least}`, isMet: ratio >= least })
  const ratios: ReadonlyArray<Ratio> = [
    aim("seeds a minute, 5 peers", (seeds * 60) / of("seeds"), seedsAMinuteMin),
    aim("virtual seconds a second, 10 peers", of("ten"), virtualSecondsMin),
    aim("times 100 peers in two minutes", hundredSecondsMax / manySeconds, 1)
  ]
  for (const { perSecond = 0, seconds = 0, work } of rows)
    print(`${work.padEnd(36)} ${seconds.toFixed(2).padStart(8)} s ${perSecond.toFixed(0).padStart(8)} virtual seconds a second`)
  for (const { aim: least, isMet, name, ratio } of ratios)
    print(`${name.padEnd(36)} ${ratio.toFixed(ratio < 10 ? 1 : 0).padStart(8)} (aim ${least}: ${isMet ? "met" : "missed"})`)
  return { rows, ratios }
}
