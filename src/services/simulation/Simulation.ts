/**
 * A simulated test: peers, faults, what people do, and a body that says what has to hold. Each seed of it is a plan, and each plan a world.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../schema/simulation/Fault.ts"
import { type Faults, faultsOf, swarm } from "../../schema/simulation/Faults.ts"
import type { Lie } from "../../schema/simulation/Lie.ts"
import { unfitCount, unfitNames } from "../../schema/simulation/PeerNames.ts"
import type { Plan } from "../../schema/simulation/Plan.ts"
import { preemptionOf, streamOf } from "../../schema/simulation/Seed.ts"
import type { PeerServices } from "../peer/Peer.ts"
import type { Trial } from "./Trial.ts"
import type { Workload } from "./Workload.ts"

/** Names (`PeerNames` says which), or how many, 1 to 100, or from how many to how many: then each seed draws it. */
export type Peers = number | ReadonlyArray<string> | { readonly from: number; readonly to: number }

export type Program = Layer.Layer<never, unknown, PeerServices>

/** The lies of those peers that tell some, by their names. */
export type Lies = { readonly [peer: string]: Lie }

export interface Options<S> {
  /** 3 unless said. */
  readonly peers?: Peers
  /** How many seeds a run of the test takes when nobody says otherwise; 100 unless said. */
  readonly seeds?: number
  /** `Faults.swarm` unless said. */
  readonly faults?: Faults
  readonly workload?: Workload<S>
  /** What each life of a peer begins with. */
  readonly layer?: Program | ((peer: string) => Program)
  /** Peers that lie: each runs what all run, and tells one lie. */
  readonly lies?: Lies
  /** What becomes of calls to the host's clock, randomness and timers: refused unless said, or answered from the world. */
  readonly host?: "refuse" | "answer"
}

/** What one world runs. */
export interface Run<S> {
  readonly layer?: Program | ((peer: string) => Program)
  readonly lies?: Lies
  readonly body: (trial: Trial<S>) => Effect.Effect<unknown, unknown>
  /** Told when a fault has ended a life of a peer: its process, its machine, or with its disk put back. */
  readonly onCrash?: (peer: string, fault: Fault) => void
}

export interface Simulation {
  readonly name: string
  readonly peers: Peers
  readonly seeds: number
  readonly faults: Faults
  /** The steps of a seed, and the lane of each; none without a workload. */
  readonly workload: Pick<Workload<Schema.Json>, "draw" | "lane"> | null
  readonly host: "refuse" | "answer"
  /** Made anew for each world, so that nothing is carried from one to the next. Its steps are as JSON has them. */
  readonly begin: (plan: Plan) => Run<Schema.Json>
}

/** What keeps options from being those of a test; null when nothing does. */
const unfit = (peers: Peers, seeds: number): string | null => {
  if (!(Number.isSafeInteger(seeds) && seeds >= 1)) return `${seeds} is no number of seeds: say a whole one from 1 on`
  if (typeof peers === "number") return unfitCount(peers)
  if (!("from" in peers)) return peers.length === 0 ? "it has no peers: name one at least" : unfitNames(peers)
  const { from, to } = peers
  if (from > to) return `from ${from} to ${to} peers are none: the second number is the greater one`
  return unfitCount(from) ?? unfitCount(to)
}

/** A test whose worlds have state of their own: `begin` is called for each. */
export const makeWith = <S = never>(
  name: string,
  options: Omit<Options<S>, "layer" | "lies">,
  begin: (plan: Plan) => Run<S>
): Simulation => {
  const { faults = swarm, host = "refuse", peers = 3, seeds = 100, workload } = options
  const why = unfit(peers, seeds)
  if (why !== null) throw new Error(`The test ${JSON.stringify(name)} cannot be run: ${why}.`)
  const read = (trial: Trial<Schema.Json>): Trial<S> => ({
    ...trial,
    play: (perform) =>
      workload === undefined || perform === undefined
        ? trial.play()
        : trial.play((step, peer) => perform(workload.decode(step), peer))
  })
  const steps = workload && { draw: workload.draw, lane: (step: Schema.Json) => workload.lane(workload.decode(step)) }
  return {
    name,
    peers,
    seeds,
    faults,
    host,
    workload: steps ?? null,
    begin: (plan) => {
      const { body, ...run } = begin(plan)
      return { ...run, body: (trial) => body(read(trial)) }
    }
  }
}

/** A test whose body says it all. */
export const make = <S = never>(
  name: string,
  options: Options<S>,
  body: (trial: Trial<S>) => Effect.Effect<unknown, unknown>
): Simulation => {
  const { layer, lies } = options
  return makeWith(name, options, () => ({
    body,
    ...(layer === undefined ? {} : { layer }),
    ...(lies === undefined ? {} : { lies })
  }))
}

/** A good line in most seeds. */
const networks = ["usual", "usual", "usual", "lan", "wifi", "mobile", "far", "satellite"] as const

const peersOf = (peers: Peers, seed: number): ReadonlyArray<string> => {
  if (typeof peers !== "number" && !("from" in peers)) return peers
  const count = typeof peers === "number" ? peers : peers.from + streamOf(seed, "peers").below(peers.to - peers.from + 1)
  return Array.from({ length: count }, (_, i) => `p${i + 1}`)
}

/** The plan of a seed. `file` is where the test stands, for who replays it. */
export const planOf = (simulation: Simulation, seed: number, file: string | null = null): Effect.Effect<Plan> => {
  const peers = peersOf(simulation.peers, seed)
  const faults = faultsOf(simulation.faults, seed, peers)
  const trouble = faults.seconds * 1_000
  const draw = simulation.workload === null ? Effect.succeed([]) : simulation.workload.draw(seed, peers, trouble)
  return Effect.map(draw, (steps): Plan => {
    const events = [...steps, ...faults.events].sort((a, b) => a.at - b.at)
    const preemption = preemptionOf(seed)
    const network = streamOf(seed, "network").pick(networks)
    return { format: 1, file, name: simulation.name, seed, world: { peers, preemption, network, trouble }, events }
  })
}
