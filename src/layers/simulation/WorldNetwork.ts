/**
 * The network of a simulated world, as each life of a peer sees it: places at topics, and connections that meet under an id.
 *
 * Signaling and Transport run on it as they run on a network in memory: it is the same service, made anew for each life. Between a
 * peer and the KUBE, and between two peers, everything travels on wires, whose links the world cuts, slows and heals.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import { Pairs } from "../../schema/kube/Pairs.ts"
import { hashBytes, type Seed } from "../../schema/simulation/Seed.ts"
import type { Freight, Ground } from "../../schema/simulation/Wire.ts"
import type { MemoryNetwork } from "../../services/mesh/MemoryNetwork.ts"
import { ConnectFailed } from "../../services/mesh/Transport.ts"
import * as Bell from "../../services/platform/Bell.ts"
import type { WorldLife } from "./WorldLife.ts"
import { kube, WorldSignaling } from "./WorldSignaling.ts"
import { type Traffic, WorldSocket } from "./WorldSocket.ts"
import { WorldWires } from "./WorldWires.ts"

/** How long somebody waits whose packets get no answer. */
const unansweredMicros = 5_000_000

const frames: Freight<Uint8Array> = {
  digest: hashBytes,
  flipped: (frame, bit) => {
    const changed = frame.slice()
    changed[bit >> 3]! ^= 1 << (bit & 7)
    return changed
  }
}

export class WorldNetwork {
  readonly wires: WorldWires
  readonly signaling: WorldSignaling
  /** What went between peers. */
  readonly traffic: Traffic = { frames: 0, bytes: 0 }
  private readonly pairs = new Pairs<Arrival>(1_024)

  constructor(seed: Seed, ground: Ground) {
    this.wires = new WorldWires(seed, ground)
    this.signaling = new WorldSignaling(this.wires)
  }

  /** The network as a life of a peer has it. */
  of(life: WorldLife): MemoryNetwork["Service"] {
    return {
      join: (topic, peer) => this.signaling.join(life, Hex.encode(topic), peer),
      meet: (id) => this.meet(life, Hex.encode(id)),
      cut: (how) =>
        Effect.sync(() => {
          this.isolate(life, true)
          if (how === "reset") this.wires.reset(life.name, null)
        }),
      heal: Effect.sync(() => this.isolate(life, false)),
      open: Effect.sync(() => this.openOf(life))
    }
  }

  /** Places and connections that a life still has. */
  openOf(life: WorldLife): number {
    return this.wires.openOf(life) + this.signaling.placesOf(life)
  }

  /** A life is over. */
  died(life: WorldLife, isPowerLoss: boolean): void {
    this.wires.died(life, isPowerLoss)
    this.signaling.died(life)
  }

  private isolate(life: WorldLife, isCut: boolean): void {
    const { links } = this.wires.ground
    for (const node of new Set([kube, ...this.wires.nodes()])) {
      if (node === life.name) continue
      for (const [from, to] of [
        [life.name, node],
        [node, life.name]
      ] as const) {
        if (isCut) links.cut(from, to)
        else links.mend(from, to)
      }
    }
    if (!isCut) this.wires.healed()
  }

  private readonly meet = Effect.fnUntraced({ self: this }, function* (life: WorldLife, id: string) {
    const arrival: Arrival = {
      life,
      end: yield* Deferred.make<WorldSocket, ConnectFailed>(),
      made: new WorldSocket(life, yield* Bell.make, yield* Bell.make)
    }
    const pairing = yield* Effect.acquireRelease(
      Effect.sync(() => this.pairs.meet(id, arrival)),
      (pairing) =>
        Effect.sync(() => {
          if (pairing._tag !== "Refused") this.pairs.leave(id, arrival)
          arrival.made.close()
        })
    )
    if (pairing._tag === "Refused") return yield* failed(pairing.reason)
    if (pairing._tag === "Paired") {
      const { other } = pairing
      this.wires.whenClear(other.life.name, life.name, () => this.bring(other, arrival))
    }
    const end = yield* Deferred.await(arrival.end).pipe(
      Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => failed("the other end did not come within 30 s") })
    )
    return end.socket
  })

  /** Connects two who have found each other, if the links between them let anything through. */
  private bring(one: Arrival, other: Arrival): void {
    const [from, to] = one.life.name < other.life.name ? [one, other] : [other, one]
    const { host, loop, note } = this.wires.ground
    const named = this.wires.next(from.life.name, to.life.name)
    const answer = (exit: (arrival: Arrival) => Effect.Effect<WorldSocket, ConnectFailed>) => {
      for (const arrival of [from, to]) Deferred.doneUnsafe(arrival.end, exit(arrival))
    }
    if (!this.wires.isReachable(from.life.name, to.life.name)) {
      loop.after(unansweredMicros, host, () => answer(() => failed("no answer")))
      return
    }
    loop.after(this.wires.roundTrip(from.life.name, to.life.name, named.key), host, () => {
      if (!from.life.isAlive || !to.life.isAlive) return answer(() => failed("nobody there"))
      const wire = this.wires.lay(named, [from.made.site, to.made.site], frames)
      from.made.attach(wire, this.traffic)
      to.made.attach(wire, this.traffic)
      note("open", named.id)
      answer(({ made }) => Effect.succeed(made))
    })
  }
}

const failed = (reason: string) => new ConnectFailed({ transport: "simulated", reason })

/** Who waits under an id, and the end that is made for him. */
interface Arrival {
  readonly life: WorldLife
  readonly end: Deferred.Deferred<WorldSocket, ConnectFailed>
  readonly made: WorldSocket
}
