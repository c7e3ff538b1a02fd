/**
 * A peer of a simulated world through all its lives: booted from its layers on the platter that the life before has left.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { type Backup, type Left, Platter } from "../../schema/simulation/Disk.ts"
import type { Lie } from "../../schema/simulation/Lie.ts"
import type { Loop } from "../../schema/simulation/Loop.ts"
import { MachineClock } from "../../schema/simulation/MachineClock.ts"
import { type Seed, streamOf } from "../../schema/simulation/Seed.ts"
import type { Lying } from "../../services/simulation/Lying.ts"
import type { Program } from "../../services/simulation/Simulation.ts"
import { type Crash, type LifeServices, PeerDown, type SimulatedPeer } from "../../services/simulation/World.ts"
import * as PeerSimulated from "../peer/PeerSimulated.ts"
import * as WorldCrypto from "./WorldCrypto.ts"
import * as WorldDisk from "./WorldDisk.ts"
import * as WorldLies from "./WorldLies.ts"
import type { WorldLife } from "./WorldLife.ts"
import type { WorldNetwork } from "./WorldNetwork.ts"

export interface Surroundings {
  readonly loop: Loop
  readonly seed: Seed
  readonly network: WorldNetwork
  readonly verified: WorldCrypto.Verified
  readonly life: (name: string, number: number, clock: MachineClock) => WorldLife
  /** What wall clocks show when the world begins: microseconds since 1970. */
  readonly epochMicros: number
  readonly note: (kind: string, ...details: ReadonlyArray<string | number>) => void
}

/** A life that was begun, and how to learn of its fate. */
interface Lived {
  readonly life: WorldLife
  readonly scope: Scope.Closeable
  readonly services: Deferred.Deferred<Context.Context<LifeServices>>
  /** Ends what is run in it from outside. */
  readonly over: Deferred.Deferred<never, PeerDown>
  readonly crashed: Deferred.Deferred<never, PeerDown>
}

const powerLoss = (disk: Left): Crash => ({ how: "machine", disk })

export class WorldPeer implements SimulatedPeer {
  readonly name: string
  private readonly around: Surroundings
  /** What it runs from the beginning of each of its lives. */
  private readonly program: () => Program
  private readonly platter = new Platter()
  private readonly clock: MachineClock
  private lives = 0
  /** How many values rotted at the time at which one did last. */
  private rots = { at: 0, count: 0 }
  private now: Lived | null = null
  /** What was held of lives that are over. */
  private heldBefore = 0
  /** Told when the sync of the next strict write begins. */
  private atSync: (() => void) | null = null

  /** What it lies by, or null of an honest one. */
  private readonly lie: Lie | null

  constructor(name: string, program: () => Program, around: Surroundings, lie: Lie | null = null) {
    this.name = name
    this.lie = lie
    this.program = program
    this.around = around
    this.clock = new MachineClock(around.epochMicros)
  }

  /** Another machine with what is durable on this one's disk, and its program. */
  clone(as: string): WorldPeer {
    const clone = new WorldPeer(as, this.program, this.around, this.lie)
    const copied = this.platter.backup()
    clone.platter.restore(copied)
    clone.platter.starts = copied.starts
    return clone
  }

  get isRunning(): boolean {
    return this.now !== null
  }

  readonly disk = WorldDisk.inspected(this.platter)
  readonly durable = WorldDisk.durable(this.platter)
  readonly life = Effect.sync(() => this.lives)
  readonly isUp = Effect.sync(() => this.isRunning)
  readonly touched = Effect.sync(() => {
    const held = this.heldBefore + (this.now === null ? 0 : this.around.loop.heldOf(this.now.life))
    return { held, ...this.platter.touched, ...this.clock.touched }
  })

  boot(): void {
    const { loop, network, note, seed } = this.around
    if (this.now !== null) return
    const life = this.around.life(this.name, ++this.lives, this.clock)
    const scope = Scope.makeUnsafe()
    const services = Deferred.makeUnsafe<Context.Context<LifeServices>>()
    const over = Deferred.makeUnsafe<never, PeerDown>()
    const crashed = Deferred.makeUnsafe<never, PeerDown>()
    this.now = { life, scope, services, over, crashed }
    note("boot", this.name, this.lives)
    this.platter.open()
    const disk: WorldDisk.Options = { loop, seed, life, platter: this.platter, note, onSync: () => this.synced() }
    const keys = streamOf(seed, "crypto", this.name, this.lives)
    const peer = PeerSimulated.layer({
      storage: WorldDisk.storage(disk),
      starts: WorldDisk.bootCounter(disk),
      network: network.of(life),
      crypto: WorldCrypto.make((length) => keys.bytes(length), this.around.verified),
      lying: this.lying()
    })
    const layer = Layer.provideMerge(this.program(), peer)
    // a memo map of its own, else this life would be given what an earlier one has built
    const building = Layer.buildWithMemoMap(layer, Layer.makeMemoMapUnsafe(), scope)
    Effect.runForkWith(life.references)(building).addObserver((exit) => {
      if (Exit.isSuccess(exit)) return Deferred.doneUnsafe(services, Effect.succeed(Context.merge(life.references, exit.value)))
      // a process that could not start has ended
      note("unbooted", this.name, Cause.pretty(exit.cause).split("\n")[0] ?? "")
      if (this.now?.life === life) this.end({ how: "process" })
    })
  }

  /** How it lies in its present life. */
  private lying(): Lying | null {
    const { lie, name } = this
    const { note, seed } = this.around
    if (lie === null) return null
    const draws = streamOf(seed, "lie", name, this.lives)
    return WorldLies.lying(lie, { draw: (below) => draws.below(below), told: () => note("lie", name, lie) })
  }

  private synced(): void {
    const told = this.atSync
    this.atSync = null
    told?.()
  }

  private readonly down = () => new PeerDown({ peer: this.name, life: this.lives })

  readonly run = <A, E>(effect: Effect.Effect<A, E, LifeServices>): Effect.Effect<A, E | PeerDown> =>
    Effect.suspend(() => {
      const lived = this.now
      if (lived === null) return Effect.fail(this.down())
      const inside = Effect.flatMap(Deferred.await(lived.services), (services) => forked(services, effect))
      return Effect.raceFirst(inside, Deferred.await(lived.over))
    })

  readonly crash = (crash: Crash = { how: "process" }): Effect.Effect<number> => Effect.sync(() => this.end(crash))

  /** Ends the life that is, now. */
  private end(crash: Crash): number {
    const lived = this.now
    if (lived === null) return 0
    const { loop, network, note, seed } = this.around
    this.now = null
    this.atSync = null
    lived.life.isAlive = false
    this.heldBefore += loop.heldOf(lived.life)
    loop.drop(lived.life)
    const isPowerLoss = crash.how === "machine"
    const lost = isPowerLoss ? this.platter.crash(crash.disk, streamOf(seed, "crash", this.name, this.lives)) : 0
    note("crash", this.name, crash.how, isPowerLoss ? crash.disk : "", lost)
    network.died(lived.life, isPowerLoss)
    for (const told of [lived.over, lived.crashed]) Deferred.doneUnsafe(told, Effect.fail(this.down()))
    return lost
  }

  readonly crashAtSync = (disk: Left): Effect.Effect<number> =>
    Effect.callback((resume) => {
      const told = () => resume(Effect.succeed(this.end(powerLoss(disk))))
      this.atSync = told
      return Effect.sync(() => {
        if (this.atSync === told) this.atSync = null
      })
    })

  readonly restart = Effect.sync(() => this.boot())

  readonly close: Effect.Effect<number, PeerDown> = Effect.suspend(() => {
    const lived = this.now
    if (lived === null) return Effect.fail(this.down())
    const { crashed, life, over, scope } = lived
    // as a program ends before the layers that it was given
    Deferred.doneUnsafe(over, Effect.fail(this.down()))
    return Effect.raceFirst(forked(life.references, Scope.close(scope, Exit.void)), Deferred.await(crashed)).pipe(
      // what ends on the wire is on its way
      Effect.andThen(Effect.sleep("5 seconds")),
      Effect.map(() => {
        const { loop, network, note } = this.around
        const parts = [life.fibers, loop.timersOf(life), network.openOf(life)] as const
        const left = parts.reduce((sum, each) => sum + each, 0)
        if (left > 0) note("left", this.name, ...parts)
        note("close", this.name, left)
        this.now = null
        life.isAlive = false
        this.heldBefore += loop.heldOf(life)
        loop.drop(life)
        network.died(life, false)
        return left
      })
    )
  })

  readonly freeze = Effect.sync(() => {
    if (this.now === null) return
    this.around.note("freeze", this.name)
    this.now.life.isFrozen = true
  })

  readonly thaw = Effect.sync(() => {
    if (this.now === null || !this.now.life.isFrozen) return
    this.around.note("thaw", this.name)
    this.around.loop.thaw(this.now.life)
  })

  readonly fillDisk = (isFull: boolean): Effect.Effect<void> =>
    Effect.sync(() => {
      this.around.note("full", this.name, String(isFull))
      this.platter.isFull = isFull
    })

  readonly slowDisk = (by: Duration.Input): Effect.Effect<void> =>
    Effect.sync(() => {
      this.around.note("slowdisk", this.name, Duration.toMillis(by))
      this.platter.slowMicros = Duration.toMillis(by) * 1_000
    })

  readonly backup = Effect.sync(() => {
    const backup = this.platter.backup()
    this.around.note("backup", this.name, backup.entries.length, backup.starts)
    return backup
  })

  readonly restore = (backup: Backup, how: "storage" | "machine" = "storage"): Effect.Effect<boolean> =>
    Effect.sync(() => {
      this.end({ how: "process" })
      this.around.note("restore", this.name, how, backup.entries.length, backup.starts)
      if (how === "machine") this.platter.starts = backup.starts
      return this.platter.restore(backup)
    })

  readonly rot = (among: (key: Uint8Array) => boolean = () => true): Effect.Effect<string | null> =>
    Effect.sync(() => {
      const { loop, note, seed } = this.around
      this.rots = { at: loop.now, count: this.rots.at === loop.now ? this.rots.count + 1 : 0 }
      // drawn by its time and not by what rotted before, so that one less leaves the others as they are
      const key = this.platter.rot(among, streamOf(seed, "rot", this.name, this.rots.at, this.rots.count))
      const rotten = key === null ? null : Hex.encode(key)
      note("rot", this.name, rotten ?? "nothing")
      return rotten
    })

  readonly setClock: SimulatedPeer["setClock"] = ({ driftPpm, skew }) =>
    Effect.sync(() => {
      const { loop, note } = this.around
      const millis = skew === undefined ? null : Duration.toMillis(skew)
      note("clock", this.name, "set", millis ?? "-", driftPpm ?? "-")
      if (driftPpm !== undefined) this.clock.drift(loop.now, driftPpm)
      if (millis !== null) this.clock.skew(loop.now, Math.round(millis * 1_000))
    })

  readonly jumpClock = (by: Duration.Input): Effect.Effect<void> =>
    Effect.sync(() => {
      const millis = Duration.toMillis(by)
      this.around.note("clock", this.name, "jump", millis)
      this.clock.jump(Math.round(millis * 1_000))
    })
}

/** Runs an Effect with another life's services, and waits for it in this one. */
const forked = <A, E, R>(services: Context.Context<R>, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
  Effect.callback((resume) => {
    const fiber = Effect.runForkWith(services)(effect)
    fiber.addObserver((exit) => resume(exit))
    return Effect.sync(() => fiber.interruptUnsafe())
  })
