/**
 * Lets the faults of a plan happen in a world, each at its time, and counts those that changed something.
 *
 * A fault undoes itself when its time is over; what it holds up is then as it was, whatever else is broken at that moment. Where several
 * hold up the same, it goes on when the last of them is over. Those that end a life count by that; of the others the world tells what they
 * touched (schema/simulation/Touched.ts), and one that touched nothing does not count.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Fault, faultText, type Kind } from "../../schema/simulation/Fault.ts"
import { Overlaps } from "../../schema/simulation/Overlaps.ts"
import type { SimulatedPeer, World } from "../../services/simulation/World.ts"
import { cutsOf, touchedBy } from "./FaultTouches.ts"

/** How long what is over at once is looked at: frames to corrupt have to be sent first, and a clock to be read. */
const shownWithin = "3 seconds"

export interface Options {
  readonly world: World
  readonly onCrash: (peer: string, fault: Fault) => void
  /** Whether the bit that rots may be in the value of this key: it may be in blocks of feeds, and a disk still knows who it is. */
  readonly rots: (key: Uint8Array) => boolean
}

export class WorldFaults {
  readonly counts: { [kind: string]: number } = {}
  private readonly world: World
  private readonly overlaps = new Overlaps()
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
      const touched = touchedBy(this.world, fault)
      const before = yield* touched
      // looked at before it is undone, since that lets everything through that it has held up
      const look = Effect.map(touched, (now) => this.count(kind, Math.min(1, now - before)))
      const lasts = kind === "corruptFrame" || kind === "clockJump" ? shownWithin : fault.lasts
      yield* this.perform(fault, Effect.ensuring(Effect.sleep(lasts), look))
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
    const { kind, left = "lost" } = fault
    const peer = this.world.peer(fault.peer)
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
        return this.frozen(fault, peer, pause)
      case "clockSkew":
        return this.during(fault, peer.name, (skew) => peer.setClock({ skew: skew ?? 0 }), pause)
      case "clockDrift":
        return this.during(fault, peer.name, (driftPpm) => peer.setClock({ driftPpm: driftPpm ?? 0 }), pause)
      case "clockJump":
        return Effect.andThen(peer.jumpClock(fault.amount ?? 0), pause)
      case "slowDisk":
      case "fullDisk":
      case "bitRot":
      case "rollback":
      case "clone":
        return this.atDisk(fault, peer, pause)
      default:
        return this.betweenPeers(fault, pause)
    }
  }

  private betweenPeers(fault: Fault, pause: Effect.Effect<void>): Effect.Effect<void> {
    const { amount = 1, kind, other = "", peer } = fault
    const { world } = this
    const { signaling } = world
    const link = `${peer}>${other}`
    switch (kind) {
      case "reset":
        return Effect.map(world.reset(peer), (connections) => this.count(kind, Math.min(1, connections)))
      case "slowLink":
        return this.during(fault, link, (by) => world.slow(peer, other, by ?? 0), pause)
      case "clog":
        return this.during(fault, link, (by) => (by === null ? world.unclog : world.clog)(peer, other), pause)
      case "corruptFrame":
        return Effect.andThen(world.corrupt(peer, other, amount), pause)
      case "signalingDown":
        return this.during(fault, "", (by) => (by === null ? signaling.up : signaling.down), pause)
      case "signalingForget":
        return Effect.andThen(signaling.forget, pause)
      case "signalingSlow":
        return this.during(fault, "", (by) => signaling.slow(by ?? 0), pause)
      case "signalingCareless":
        return this.during(fault, "", signaling.careless, pause)
      default:
        return this.parted(cutsOf(this.world, fault), pause)
    }
  }

  private atDisk(fault: Fault, peer: SimulatedPeer, pause: Effect.Effect<void>): Effect.Effect<void> {
    const { kind, other = "" } = fault
    switch (kind) {
      case "slowDisk":
        return this.during(fault, peer.name, (by) => peer.slowDisk(by ?? 0), pause)
      case "fullDisk":
        return this.during(fault, peer.name, (by) => peer.fillDisk(by !== null), pause)
      case "bitRot":
        return Effect.map(peer.rot(this.rots), (key) => this.count(kind, key === null ? 0 : 1))
      case "rollback":
        return Effect.gen({ self: this }, function* () {
          const backup = yield* peer.backup
          yield* pause
          if (yield* peer.restore(backup)) this.count(kind)
          this.onCrash(peer.name, fault)
          yield* Effect.sleep("200 millis")
          yield* peer.restart
        })
      default:
        return Effect.gen({ self: this }, function* () {
          if (this.world.peers.some(({ name }) => name === other)) return
          const copy = yield* this.world.clone(peer.name, other)
          this.count(kind)
          yield* copy.restart
        })
    }
  }

  /** Holds something up, and undoes it whatever happens. The world is told only of what differs from what others make of it. */
  private during(
    { amount = 0, at, id, kind }: Fault,
    whose: string,
    tell: (amount: number | null) => Effect.Effect<unknown>,
    pause: Effect.Effect<void>
  ): Effect.Effect<void> {
    const what = `${kind} ${whose}`
    const change = (make: () => void) =>
      Effect.suspend(() => {
        const before = this.overlaps.amount(what)
        make()
        const after = this.overlaps.amount(what)
        return after === before ? Effect.void : tell(after)
      })
    const begin = change(() => this.overlaps.begin(what, { id, at, amount }))
    const end = change(() => this.overlaps.end(what, id))
    return Effect.acquireUseRelease(
      begin,
      () => pause,
      () => end
    )
  }

  /** A life stands still. The next one, if it ends meanwhile, does not, unless another fault makes it. */
  private frozen(fault: Fault, peer: SimulatedPeer, pause: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.flatMap(peer.life, (life) => {
      const thaw = Effect.flatMap(peer.life, (now) => (now === life ? peer.thaw : Effect.void))
      // a laptop that sleeps stands still as any other
      return this.during({ ...fault, kind: "freeze" }, `${peer.name} ${life}`, (by) => (by === null ? thaw : peer.freeze), pause)
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

  private parted(cuts: ReadonlyArray<readonly [string, string]>, pause: Effect.Effect<void>): Effect.Effect<void> {
    const cut = Effect.forEach(cuts, ([from, to]) => this.world.cut(from, to), { discard: true })
    const mend = Effect.forEach(cuts, ([from, to]) => this.world.mend(from, to), { discard: true })
    return Effect.acquireUseRelease(
      cut,
      () => pause,
      () => mend
    )
  }
}
