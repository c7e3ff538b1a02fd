/**
 * Lets the faults of a plan happen in a world, each at its time, and counts those that changed something.
 *
 * A fault undoes itself when its time is over; what it holds up is then as it was, whatever else is broken at that moment.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Fault, faultText, type Kind } from "../../schema/simulation/Fault.ts"
import type { SimulatedPeer, World } from "../../services/simulation/World.ts"

/** The blocks of feeds, as docs/format.md#storage-keys has them: what a disk may rot in without losing who it is. */
export interface Options {
  readonly world: World
  readonly onCrash: (peer: string, fault: Fault) => void
  /** Whether the bit that rots may be in the value of this key. */
  readonly rots: (key: Uint8Array) => boolean
}

export class WorldFaults {
  readonly counts: { [kind: string]: number } = {}
  private readonly world: World
  private readonly onCrash: (peer: string, fault: Fault) => void
  private readonly rots: (key: Uint8Array) => boolean

  constructor({ onCrash, rots, world }: Options) {
    this.world = world
    this.onCrash = onCrash
    this.rots = rots
  }

  private count(kind: Kind | "lostWrites", times = 1): void {
    if (times > 0) this.counts[kind] = (this.counts[kind] ?? 0) + times
  }

  /** One fault, from now until it is over. */
  readonly happen = (fault: Fault): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      const { id, kind, peer } = fault
      // a plan that was cut may name who is not there any more
      if (!this.names(fault).every((name) => this.world.peers.some((each) => each.name === name))) return
      yield* this.world.note("fault", id, kind, peer, faultText(fault))
      yield* this.perform(fault, Effect.sleep(fault.lasts))
      yield* this.world.note("mended", id)
    })

  private names({ kind, other, peer }: Fault): ReadonlyArray<string> {
    return other === undefined || kind === "clone" ? [peer] : [peer, other]
  }

  /** All is whole again, and everybody is up. */
  readonly end: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const { signaling } = this.world
    yield* this.world.heal
    yield* signaling.up
    yield* signaling.slow(0)
    yield* signaling.careless(null)
    for (const peer of this.world.peers) {
      yield* peer.thaw
      yield* peer.fillDisk(false)
      yield* peer.slowDisk(0)
      yield* peer.restart
    }
  })

  private perform(fault: Fault, pause: Effect.Effect<void>): Effect.Effect<void> {
    const { amount = 0, kind, left = "lost", other = "" } = fault
    const peer = this.world.peer(fault.peer)
    const { world } = this
    switch (kind) {
      case "crash":
        return this.crashed(fault, peer, Effect.asSome(peer.crash()), pause)
      case "powerLoss":
        return this.crashed(fault, peer, Effect.asSome(peer.crash({ how: "machine", disk: left })), pause)
      case "crashBeforeSync":
        return this.crashed(fault, peer, Effect.timeoutOption(peer.crashAtSync(left), "5 seconds"), pause)
      case "restartStorm":
        return this.storm(fault, peer)
      case "freeze":
      case "sleep":
        return this.during(kind, peer, peer.freeze, pause, peer.thaw)
      case "partition":
      case "partialPartition":
      case "oneWay":
        return this.parted(fault, pause)
      case "reset":
        return Effect.map(world.reset(peer.name), (connections) => this.count(kind, Math.min(1, connections)))
      case "slowLink":
        return this.during(kind, peer, world.slow(peer.name, other, amount), pause, world.slow(peer.name, other, 0))
      case "clog":
        return this.during(kind, peer, world.clog(peer.name, other), pause, world.unclog(peer.name, other))
      case "corruptFrame":
        return this.corrupted(fault)
      case "signalingDown":
        return this.during(kind, peer, world.signaling.down, pause, world.signaling.up)
      case "signalingForget":
        return Effect.map(world.signaling.forget, () => this.count(kind))
      case "signalingSlow":
        return this.during(kind, peer, world.signaling.slow(amount), pause, world.signaling.slow(0))
      case "signalingCareless":
        return this.during(kind, peer, world.signaling.careless(amount), pause, world.signaling.careless(null))
      default:
        return this.atDisk(fault, peer, pause)
    }
  }

  private atDisk(fault: Fault, peer: SimulatedPeer, pause: Effect.Effect<void>): Effect.Effect<void> {
    const { amount = 0, kind, other = "" } = fault
    switch (kind) {
      case "slowDisk":
        return this.during(kind, peer, peer.slowDisk(amount), pause, peer.slowDisk(0))
      case "fullDisk":
        return this.during(kind, peer, peer.fillDisk(true), pause, peer.fillDisk(false))
      case "bitRot":
        return Effect.map(peer.rot(this.rots), (key) => this.count(kind, key === null ? 0 : 1))
      case "rollback":
        return Effect.gen({ self: this }, function* () {
          const backup = yield* peer.backup
          yield* pause
          yield* peer.restore(backup)
          this.count(kind)
          this.onCrash(peer.name, fault)
          yield* Effect.sleep("200 millis")
          yield* peer.restart
        })
      case "clone":
        return Effect.gen({ self: this }, function* () {
          if (this.world.peers.some(({ name }) => name === other)) return
          const copy = yield* this.world.clone(peer.name, other)
          this.count(kind)
          yield* copy.restart
        })
      case "clockSkew":
        return this.during(kind, peer, peer.setClock({ skew: amount }), pause, peer.setClock({ skew: 0 }))
      case "clockDrift":
        return this.during(kind, peer, peer.setClock({ driftPpm: amount }), pause, peer.setClock({ driftPpm: 0 }))
      default:
        return Effect.map(peer.jumpClock(amount), () => this.count("clockJump"))
    }
  }

  /** Counts when the peer is up, and undoes it whatever happens. */
  private during(
    kind: Kind,
    peer: SimulatedPeer,
    begin: Effect.Effect<unknown>,
    pause: Effect.Effect<void>,
    end: Effect.Effect<unknown>
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (yield* peer.isUp) this.count(kind)
      yield* begin
      yield* Effect.ensuring(pause, end)
    })
  }

  private crashed(
    fault: Fault,
    peer: SimulatedPeer,
    crash: Effect.Effect<Option.Option<number>>,
    pause: Effect.Effect<void>
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (!(yield* peer.isUp)) return
      const lost = yield* crash
      if (Option.isNone(lost)) return
      this.count(fault.kind)
      this.count("lostWrites", lost.value)
      this.onCrash(peer.name, fault)
      yield* pause
      yield* peer.restart
    })
  }

  /** Killed and started again and again, so soon that little of the start is done. */
  private storm(fault: Fault, peer: SimulatedPeer): Effect.Effect<void> {
    const { amount: times = 0, lasts } = fault
    return Effect.gen({ self: this }, function* () {
      if (yield* peer.isUp) this.count("restartStorm")
      for (let n = 0; n < times; n++) {
        yield* peer.crash()
        this.onCrash(peer.name, fault)
        yield* Effect.sleep(5)
        yield* peer.restart
        yield* Effect.sleep(Math.floor(lasts / times))
      }
    })
  }

  /** Counts when something could not get through. */
  private parted({ kind, other = "", peer, side = [] }: Fault, pause: Effect.Effect<void>): Effect.Effect<void> {
    const { world } = this
    const rest = world.peers.map(({ name }) => name).filter((name) => !side.includes(name))
    // half of the partitions have the KUBE on one side alone
    const far = side.length % 2 === 0 ? [...rest, "kube"] : rest
    const cuts: ReadonlyArray<readonly [string, string]> =
      kind === "partition"
        ? side.flatMap((one) => far.flatMap((two) => [[one, two] as const, [two, one] as const]))
        : kind === "oneWay"
          ? [[peer, other]]
          : [
              [peer, other],
              [other, peer]
            ]
    return Effect.gen({ self: this }, function* () {
      const before: number = yield* world.hindered
      yield* Effect.forEach(cuts, ([from, to]) => world.cut(from, to), { discard: true })
      const mend = Effect.forEach(cuts, ([from, to]) => world.mend(from, to), { discard: true })
      yield* Effect.ensuring(pause, mend)
      if ((yield* world.hindered) > before) this.count(kind)
    })
  }

  private corrupted({ amount = 1, other = "", peer }: Fault): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const before = yield* this.world.corrupted
      yield* this.world.corrupt(peer, other, amount)
      yield* Effect.sleep("3 seconds")
      this.count("corruptFrame", Math.min(1, (yield* this.world.corrupted) - before))
    })
  }
}
