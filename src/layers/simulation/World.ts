/**
 * Runs a program in a simulated world: peers with their layers, a network, disks, and one loop that decides what happens when.
 *
 * The loop is synchronous: a world of minutes is over in a moment, and nothing of the host comes between. What happens is written down
 * line by line, and the SHA-256 of it is what says that two executions were one.
 */
import { createHash } from "node:crypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { Platter } from "../../schema/simulation/Disk.ts"
import { Links, type Profile, usual } from "../../schema/simulation/Links.ts"
import { type Ended, Loop } from "../../schema/simulation/Loop.ts"
import { MachineClock } from "../../schema/simulation/MachineClock.ts"
import { unfitName, unfitNames } from "../../schema/simulation/PeerNames.ts"
import { keyOf, preemptionOf, type Seed, Stream, streamOf } from "../../schema/simulation/Seed.ts"
import type { Violation } from "../../services/simulation/Host.ts"
import type { Lies, Program } from "../../services/simulation/Simulation.ts"
import {
  HostTouched,
  type Outcome,
  PeersRefused,
  type SimulatedDisk,
  type World,
  WorldHalted
} from "../../services/simulation/World.ts"
import { guard } from "./HostNode.ts"
import { Verified } from "./WorldCrypto.ts"
import * as WorldDisk from "./WorldDisk.ts"
import { WorldLife } from "./WorldLife.ts"
import * as WorldLinks from "./WorldLinks.ts"
import { WorldNetwork } from "./WorldNetwork.ts"
import { type Surroundings, WorldPeer } from "./WorldPeer.ts"
import { kube } from "./WorldSignaling.ts"

export interface Options {
  readonly peers: ReadonlyArray<string>
  readonly seed: Seed
  /** The mean number of operations after which a fiber gives way to others; drawn from the seed unless said, 0 for never. */
  readonly preemption?: number
  readonly network?: Partial<Profile>
  /** Virtual time after which the world is halted; an hour unless said. */
  readonly limit?: Duration.Input
  /** What each life of a peer begins with: its actors, and whatever else it runs by itself. */
  readonly layer?: Program | ((peer: string) => Program)
  /** Which peers lie, and how. */
  readonly lies?: Lies
  /**
   * What becomes of clocks, randomness and timers that something takes from the host and not from Effect, as libraries do. They are
   * refused unless said, and fail the world; `answer` takes them from the peer whose task is running. Network and WebCrypto are refused.
   */
  readonly host?: "refuse" | "answer"
  /** Whether what the program prints through the host's console is printed, when the world has ended; it is, unless said. */
  readonly prints?: boolean
  /** Is given every line of the trace. */
  readonly onEvent?: (line: string) => void
}

/** 2030-01-01T00:00:00Z */
const epochMicros = 1_893_456_000_000_000

/** Runs the body in a world of its own, and answers what came of it. */
export const run = <A, E>(
  options: Options,
  body: (world: World) => Effect.Effect<A, E>
): Effect.Effect<Outcome<A>, E | PeersRefused | WorldHalted | HostTouched> =>
  Effect.suspend((): Effect.Effect<Outcome<A>, E | PeersRefused | WorldHalted | HostTouched> => {
    const why = unfitNames(options.peers)
    if (why !== null) return Effect.fail(new PeersRefused({ why }))
    const simulation = new Simulation(options)
    return simulation.run(body(simulation.world))
  })

class Simulation {
  readonly world: World
  private readonly options: Options
  private readonly loop: Loop
  private readonly network: WorldNetwork
  private readonly host: WorldLife
  private readonly all: Array<WorldPeer>
  private readonly violations: Array<Violation> = []
  private readonly sequences = new Map<string, Stream>()
  private readonly disks = new Map<string, SimulatedDisk>()
  private readonly hash = createHash("sha256")
  private events = 0
  private hindrances = 0

  constructor(options: Options) {
    this.options = options
    const { layer = Layer.empty, network, seed } = options
    const preemption = options.preemption ?? preemptionOf(seed)
    this.loop = new Loop(streamOf(seed, "picks"), keyOf(seed, "ties"))
    const life = (name: string, number: number, clock: MachineClock) =>
      new WorldLife({ loop: this.loop, seed, name, number, preemption, clock, note: this.note })
    this.host = life("world", 0, new MachineClock(epochMicros))
    this.network = new WorldNetwork(seed, {
      loop: this.loop,
      links: new Links({ ...usual, ...network }),
      host: this.host,
      isUp: (node) => node === kube || this.all.some((each) => each.name === node && each.isRunning),
      note: this.note,
      hinder: () => this.hindrances++
    })
    const program = typeof layer === "function" ? layer : () => layer
    const around: Surroundings = {
      loop: this.loop,
      seed,
      network: this.network,
      verified: new Verified(),
      life,
      epochMicros,
      note: this.note
    }
    this.all = options.peers.map((name) => new WorldPeer(name, () => program(name), around, options.lies?.[name] ?? null))
    this.world = this.make()
  }

  private readonly note = (kind: string, ...details: ReadonlyArray<string | number>): void => {
    const line = [this.loop.now, kind, ...details].join(" ")
    this.events++
    this.hash.update(line).update("\n")
    this.options.onEvent?.(line)
  }

  private make(): World {
    return {
      ...WorldLinks.make(this.network),
      peers: this.all,
      peer: (name) => this.peerOf(name),
      seconds: Effect.sync(() => this.loop.now / 1_000_000),
      draw: (name, below) => this.sequenceOf(name).below(below),
      clone: (peer, as) => Effect.sync(() => this.clone(peer, as)),
      hindered: Effect.sync(() => this.hindrances),
      disk: (name) => this.diskOf(name),
      network: this.network.of(this.host),
      note: (kind, ...details) => Effect.sync(() => this.note(kind, ...details))
    }
  }

  private peerOf(name: string): WorldPeer {
    const found = this.all.find((each) => each.name === name)
    if (found !== undefined) return found
    throw new Error(`there is no peer ${name} in this world, only ${this.all.map((each) => each.name).join(", ")}`)
  }

  private clone(peer: string, as: string): WorldPeer {
    const taken = this.all.map(({ name }) => name)
    const why = unfitName(as, true)
    if (why !== null) throw new Error(why)
    if (taken.includes(as)) throw new Error(`there is a node ${as} in this world already: clone as another`)
    this.note("clone", peer, as)
    const clone = this.peerOf(peer).clone(as)
    this.all.push(clone)
    return clone
  }

  private diskOf(name: string): SimulatedDisk {
    const known = this.disks.get(name)
    if (known !== undefined) return known
    const { host: life, loop, note } = this
    const { seed } = this.options
    const platter = new Platter()
    const disk: SimulatedDisk = {
      storage: WorldDisk.storage({ loop, seed: `${seed}|${name}`, life, platter, note, onSync: () => undefined }),
      crash: (left) => Effect.sync(() => platter.crash(left, streamOf(seed, "crash", name))),
      fill: (isFull) =>
        Effect.sync(() => {
          platter.isFull = isFull
        })
    }
    this.disks.set(name, disk)
    return disk
  }

  private sequenceOf(name: string): Stream {
    const known = this.sequences.get(name)
    if (known !== undefined) return known
    const sequence = new Stream(keyOf(this.options.seed, "draw", name))
    this.sequences.set(name, sequence)
    return sequence
  }

  run<A, E>(body: Effect.Effect<A, E>): Effect.Effect<Outcome<A>, E | WorldHalted | HostTouched> {
    let exit: Exit.Exit<A, E> | null = null
    const limit = Duration.toMillis(this.options.limit ?? "1 hour") * 1_000
    const ended = guard.during(
      () => {
        for (const each of this.all) each.boot()
        Effect.runForkWith(this.host.references)(body).addObserver((found) => {
          exit = found
        })
        return this.loop.run(() => exit !== null || this.violations.length > 0, limit)
      },
      (violation) => this.violations.push(violation),
      this.options.host === "answer" ? () => this.running.machine : null,
      this.options.prints ?? true
    )
    return this.outcome(exit, ended)
  }

  /** The life whose task is running. */
  private get running(): WorldLife {
    const { current } = this.loop
    return current instanceof WorldLife ? current : this.host
  }

  private outcome<A, E>(exit: Exit.Exit<A, E> | null, ended: Ended): Effect.Effect<Outcome<A>, E | WorldHalted | HostTouched> {
    const [violation] = this.violations
    if (violation !== undefined) return Effect.fail(new HostTouched(violation))
    const virtualSeconds = this.loop.now / 1_000_000
    const trace = this.hash.digest("hex")
    if (exit === null) {
      const seed = String(this.options.seed)
      return Effect.fail(new WorldHalted({ seed, seconds: virtualSeconds, why: whys[ended], trace }))
    }
    if (Exit.isFailure(exit)) return Effect.failCause(exit.cause)
    const { bytes, frames } = this.network.traffic
    return Effect.succeed({ value: exit.value, trace, events: this.events, virtualSeconds, steps: this.loop.ran, frames, bytes })
  }
}

const whys: { readonly [ended in Ended]: string } = {
  done: "it had ended",
  stuck: "nothing is ready and no timer is set, so it waits for something outside, such as a native promise",
  limit: "its limit of virtual time was reached",
  circle: "two million steps were taken and no time passed"
}
