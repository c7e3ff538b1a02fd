/**
 * A simulated world: peers, the network between them, their disks and their time, all under one seed.
 *
 * The body of a world is an Effect that runs in the world, on a clock that moves when nothing else is to be done. It starts things in
 * the lives of peers, and breaks what can break: links, connections, disks, processes, machines. The same seed is the same execution.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Backup, Left } from "../../schema/simulation/Disk.ts"
import type { TouchedLink, TouchedPeer, TouchedSignaling } from "../../schema/simulation/Touched.ts"
import type { IdentityStore } from "../halo/IdentityStore.ts"
import type { OperationStore } from "../halo/OperationStore.ts"
import type { MemoryNetwork } from "../mesh/MemoryNetwork.ts"
import type { PeerServices } from "../peer/Peer.ts"
import type { Crypto } from "../platform/Crypto.ts"
import type { Keyring } from "../platform/Keyring.ts"
import type { Storage } from "../platform/Storage.ts"

/** What runs in the life of a peer: all that its program is given, and what lies beneath, for tests that look there. */
export type LifeServices = PeerServices | IdentityStore | OperationStore | Keyring | Crypto

/** How a life ends: its process is killed, or its machine loses power, and then the disk has what it has. */
export type Crash = { readonly how: "process" } | { readonly how: "machine"; readonly disk: Left }

/** A peer of a world, whichever life it is in. */
export interface SimulatedPeer {
  readonly name: string
  /** The number of the life that it is in, or was in last. */
  readonly life: Effect.Effect<number>
  readonly isUp: Effect.Effect<boolean>
  /** How often what is wrong with it made a difference. */
  readonly touched: Effect.Effect<TouchedPeer>
  /** Runs an Effect in the peer's life, as soon as that is up. A crash in the middle fails it with `PeerDown`. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, LifeServices>) => Effect.Effect<A, E | PeerDown>
  /** Ends the life at once: nothing of it runs any more, no finalizer either. Answers how many unsynced batches were lost. */
  readonly crash: (crash?: Crash) => Effect.Effect<number>
  /** The same, at the moment of the next strict write at which its sync begins. */
  readonly crashAtSync: (disk: Left) => Effect.Effect<number>
  /** A new life on what the disk holds. */
  readonly restart: Effect.Effect<void>
  /** Closes the life in order. Answers what is left of it that should not be: fibers, timers, connections and places at topics. */
  readonly close: Effect.Effect<number, PeerDown>
  /** Stops everything of the peer for a while, as a laptop's lid does; bytes go on arriving. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
  /** What the disk shows at this moment, for who looks into it from outside; nothing takes time. */
  readonly disk: Storage["Service"]
  /** A copy of what the machine would find after losing power now and with it all that is not durable. */
  readonly durable: Effect.Effect<Storage["Service"]>
  /** From now on writes are refused, until it is told otherwise. */
  readonly fillDisk: (isFull: boolean) => Effect.Effect<void>
  /** Each operation of the disk takes so much longer. */
  readonly slowDisk: (by: Duration.Input) => Effect.Effect<void>
  /** A copy of what is durable on the disk now. */
  readonly backup: Effect.Effect<Backup>
  /**
   * Crashes the peer if it is up, and puts its disk back. `storage`, the default, leaves the boot counter beside it as it is, so that the
   * next life can notice; `machine` puts that back as well. Nobody restarts it. Answers whether there was anything else on the disk.
   */
  readonly restore: (backup: Backup, how?: "storage" | "machine") => Effect.Effect<boolean>
  /**
   * Flips one bit of one durable value, of any key or of those taken, which stays so until the value is overwritten, through crashes
   * too. Answers the key in hex; null when there is nothing to flip.
   */
  readonly rot: (among?: (key: Uint8Array) => boolean) => Effect.Effect<string | null>
  /**
   * Sets the clock, for this life and those to come; what is left out stays. `skew` puts the wall clock so much ahead of true time
   * (negative: behind). `driftPpm` lets it, the monotonic clock and sleeps that begin run faster by so many millionths (negative: slower).
   */
  readonly setClock: (clock: { readonly skew?: Duration.Input; readonly driftPpm?: number }) => Effect.Effect<void>
  /** Moves the wall clock alone, ahead or (negative) back. */
  readonly jumpClock: (by: Duration.Input) => Effect.Effect<void>
}

/** What may be wrong with the KUBE, which brings peers together. `heal` undoes none of it. */
export interface SimulatedSignaling {
  /** Ends all lines, and lets nobody in until it is up. */
  readonly down: Effect.Effect<void>
  readonly up: Effect.Effect<void>
  /** It starts anew at once: all lines are reset, and nobody is anywhere. */
  readonly forget: Effect.Effect<void>
  /** Each message to it and from it takes so much longer; 0 undoes it. */
  readonly slow: (by: Duration.Input) => Effect.Effect<void>
  /** One in so many signals is lost, or comes twice, or so late that others overtake it; null undoes it. */
  readonly careless: (oneIn: number | null) => Effect.Effect<void>
  /** How often what is wrong with it made a difference. */
  readonly touched: Effect.Effect<TouchedSignaling>
}

/** A disk that no peer uses, for what is written on Storage alone. */
export interface SimulatedDisk {
  /** Takes its time, as a peer's does. */
  readonly storage: Storage["Service"]
  /** The machine loses power: what was not durable is left as said. Answers how many batches were lost. */
  readonly crash: (left: Left) => Effect.Effect<number>
  readonly fill: (isFull: boolean) => Effect.Effect<void>
}

export interface World {
  /** All peers that there are now; a clone comes to the end of it. */
  readonly peers: ReadonlyArray<SimulatedPeer>
  /** A peer by its name; throws when there is none. */
  readonly peer: (name: string) => SimulatedPeer
  /** Seconds of virtual time since the world began. */
  readonly seconds: Effect.Effect<number>
  /** A number from 0 to before `below`, of a sequence under this name alone. */
  readonly draw: (name: string, below: number) => number
  /** Nothing gets from any node of one group to any of another, both ways. Nodes are peers, and `kube`, which brings them together. */
  readonly partition: (groups: ReadonlyArray<ReadonlyArray<string>>) => Effect.Effect<void>
  /** Nothing gets from one to the other; the way back stays open. */
  readonly cut: (from: string, to: string) => Effect.Effect<void>
  /** Undoes one cut: what was cut twice, by faults at the same time, is mended twice. */
  readonly mend: (from: string, to: string) => Effect.Effect<void>
  /** Nothing gets from one to the other or back. A third may still reach both: partitions may be partial. */
  readonly part: (one: string, other: string) => Effect.Effect<void>
  /** Packets from one to the other are held back, and nothing is lost or reset, however long it lasts. */
  readonly clog: (from: string, to: string) => Effect.Effect<void>
  /** They go on, and arrive in order. */
  readonly unclog: (from: string, to: string) => Effect.Effect<void>
  /** Flips a bit in each of the next so many frames (1 unless said) from one peer to another; `heal` takes back those to come. */
  readonly corrupt: (from: string, to: string, frames?: number) => Effect.Effect<void>
  /** How many frames were changed. */
  readonly corrupted: Effect.Effect<number>
  /** All links are whole again, none is clogged, slow or corrupting, and what stalled on them goes on. */
  readonly heal: Effect.Effect<void>
  readonly signaling: SimulatedSignaling
  /** Resets what is connected between two nodes, or to one; answers how many connections that were. */
  readonly reset: (node: string, other?: string) => Effect.Effect<number>
  /** Each packet between two nodes takes so much longer. */
  readonly slow: (from: string, to: string, by: Duration.Input) => Effect.Effect<void>
  /**
   * Another machine with a copy of all that is durable on the peer's, its boot counter and keys included: to everybody it is the same
   * device. It is a node of this name, runs what the peer runs, and is booted by `restart`.
   */
  readonly clone: (peer: string, as: string) => Effect.Effect<SimulatedPeer>
  /** How often what is wrong with the link from one to the other made a difference. */
  readonly touched: (from: string, to: string) => Effect.Effect<TouchedLink>
  /** How often a packet met a cut or clogged link or somebody could not be reached, in the whole world. */
  readonly hindered: Effect.Effect<number>
  /** A disk of this name, the same one each time. */
  readonly disk: (name: string) => SimulatedDisk
  /** The network as the body itself has it, from a node named `world`. */
  readonly network: MemoryNetwork["Service"]
  /** Writes a line into the trace. */
  readonly note: (kind: string, ...details: ReadonlyArray<string | number>) => Effect.Effect<void>
}

/** What came of a world. */
export interface Outcome<A> {
  readonly value: A
  /** The SHA-256 of the trace, in hex. */
  readonly trace: string
  readonly events: number
  readonly virtualSeconds: number
  /** Tasks and timers that ran. */
  readonly steps: number
  /** Frames between peers, and their bytes. */
  readonly frames: number
  readonly bytes: number
}

/** A world cannot have these peers. */
export class PeersRefused extends Schema.TaggedError<PeersRefused>()("PeersRefused", { why: Schema.String }) {
  override get message() {
    return this.why
  }
}

/** The peer is not running, or was stopped in the middle: whether what was asked has happened is not known. */
export class PeerDown extends Schema.TaggedError<PeerDown>()("PeerDown", { peer: Schema.String, life: Schema.Number }) {
  override get message() {
    return `${this.peer} is down (life ${this.life}). Restart it, then ask what it holds: what was under way may have happened.`
  }
}

/** The world came to a halt before its body had ended. */
export class WorldHalted extends Schema.TaggedError<WorldHalted>()("WorldHalted", {
  seed: Schema.String,
  seconds: Schema.Number,
  why: Schema.String,
  /** The SHA-256 of the trace until then, in hex. */
  trace: Schema.String
}) {
  override get message() {
    return `the world of seed ${this.seed} halted at ${this.seconds} s of its time: ${this.why}`
  }
}

/** Something in the world asked the host for time, randomness, a timer or the network, so a seed would not be one execution. */
export class HostTouched extends Schema.TaggedError<HostTouched>()("HostTouched", {
  what: Schema.String,
  stack: Schema.String,
  /** Whether a host that answers has an answer to it. */
  isAnswerable: Schema.Boolean
}) {
  override get message() {
    const answers = this.isAnswerable ? `, or let the world answer (host: "answer")` : ""
    const advice = `Take it from Clock, Random, Crypto or a service${answers}`
    return `${this.what} was called inside a simulated world. ${advice}. It was called here:\n${this.stack}`
  }
}
