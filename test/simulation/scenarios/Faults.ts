/**
 * The faults of a scenario: which are on is drawn from the seed, and so is what happens when; each counts only when it changed something.
 */
import * as Effect from "effect/Effect"
import type { Left } from "../../../src/schema/simulation/Disk.ts"
import type { SimulatedPeer, World } from "../../../src/services/simulation/World.ts"

const kinds = [
  "crash",
  "crashBeforeSync",
  "powerLoss",
  "partition",
  "oneWay",
  "reset",
  "freeze",
  "slowLink",
  "slowDisk",
  "fullDisk"
] as const
type Kind = (typeof kinds)[number]

const lefts: ReadonlyArray<Left> = ["kept", "lost", "cut", "torn"]

export class Faults {
  readonly counts: { [kind in Kind]: number } & { lostWrites: number }
  private readonly world: World
  private readonly on: ReadonlyArray<Kind>
  private readonly onCrash: (peer: string) => void
  private isOver = false

  /** `onCrash` is called when a process or machine has crashed. */
  constructor(world: World, onCrash: (peer: string) => void = () => {}) {
    this.world = world
    this.onCrash = onCrash
    this.counts = Object.assign(Object.fromEntries(kinds.map((kind) => [kind, 0])), { lostWrites: 0 }) as Faults["counts"]
    // some faults hide what others would find, so many seeds have most of them off
    const isOn = (kind: Kind): boolean => world.draw("faults", kind === "crashBeforeSync" ? 3 : 2) > 0
    const most = world.draw("faults", 4)
    this.on = kinds.filter((kind) => isOn(kind) && (most > 0 || world.draw("faults", 3) === 0))
  }

  private draw(below: number): number {
    return this.world.draw("faults", below)
  }

  private pick(): SimulatedPeer {
    return this.world.peers[this.draw(this.world.peers.length)]!
  }

  /** Trouble for so many seconds. */
  run(seconds: number) {
    return Effect.gen({ self: this }, function* () {
      if (this.on.length === 0) return
      const until = (yield* this.world.seconds) + seconds - 2
      while (!this.isOver) {
        yield* Effect.sleep(200 + this.draw(2_500))
        if ((yield* this.world.seconds) >= until) return
        yield* Effect.forkChild(this.happen(this.on[this.draw(this.on.length)]!))
      }
    })
  }

  private happen(kind: Kind): Effect.Effect<void> {
    const pause = Effect.sleep(300 + this.draw(6_000))
    const peer = this.pick()
    const left = lefts[this.draw(lefts.length)]!
    switch (kind) {
      case "crash":
        return this.crashed(kind, peer, peer.crash(), pause)
      case "powerLoss":
        return this.crashed(kind, peer, peer.crash({ how: "machine", disk: left }), pause)
      case "crashBeforeSync":
        return this.crashed(
          kind,
          peer,
          Effect.map(Effect.timeoutOption(peer.crashAtSync(left), "5 seconds"), (lost) =>
            lost._tag === "Some" ? lost.value : null
          ),
          pause
        )
      case "partition":
      case "oneWay":
        return this.parted(kind, pause)
      case "reset":
        return Effect.map(this.world.reset(peer.name), (count) => this.count(kind, count > 0))
      case "freeze":
        return Effect.gen({ self: this }, function* () {
          this.count(kind, yield* peer.isUp)
          yield* peer.freeze
          yield* pause
          yield* peer.thaw
        })
      case "slowLink": {
        const other = this.pick()
        return Effect.andThen(
          this.world.slow(peer.name, other.name, 300 + this.draw(2_000)),
          Effect.sync(() => this.count(kind, other !== peer))
        )
      }
      case "slowDisk":
        return Effect.gen({ self: this }, function* () {
          this.count(kind, yield* peer.isUp)
          yield* peer.slowDisk(50 + this.draw(800))
          yield* pause
          yield* peer.slowDisk(0)
        })
      default:
        return Effect.gen({ self: this }, function* () {
          this.count(kind, yield* peer.isUp)
          yield* peer.fillDisk(true)
          yield* pause
          yield* peer.fillDisk(false)
        })
    }
  }

  private count(kind: Kind, hasChanged: boolean): void {
    if (hasChanged) this.counts[kind]++
  }

  private crashed(
    kind: Kind,
    peer: SimulatedPeer,
    crash: Effect.Effect<number | null>,
    pause: Effect.Effect<void>
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      if (!(yield* peer.isUp)) return
      const lost = yield* crash
      if (lost === null) return
      this.count(kind, true)
      this.onCrash(peer.name)
      if (lost > 0) this.counts.lostWrites += lost
      yield* pause
      yield* peer.restart
    })
  }

  private parted(kind: Kind, pause: Effect.Effect<void>): Effect.Effect<void> {
    const { peers } = this.world
    const side = peers.filter(() => this.draw(2) === 0).map(({ name }) => name)
    const rest = peers.map(({ name }) => name).filter((name) => !side.includes(name))
    const [from, to] = [this.pick().name, this.pick().name]
    const begin =
      kind === "partition"
        ? this.world.partition([side, this.draw(2) === 0 ? [...rest, "kube"] : rest])
        : this.world.cut(from, to)
    return Effect.gen({ self: this }, function* () {
      const before = yield* this.world.hindered
      yield* begin
      yield* pause
      this.count(kind, (yield* this.world.hindered) > before)
      yield* this.world.heal
    })
  }

  /** All is whole again, and everybody is up. */
  readonly end: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    this.isOver = true
    // whoever waits for the sync of a crash gives up; whoever is down is started
    yield* Effect.sleep("7 seconds")
    yield* this.world.heal
    for (const peer of this.world.peers) {
      yield* peer.thaw
      yield* peer.fillDisk(false)
      yield* peer.slowDisk(0)
      yield* peer.restart
    }
  })
}
