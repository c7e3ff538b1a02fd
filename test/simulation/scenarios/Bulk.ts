/**
 * People who write much at once over slow disks and slow links: what is merged and waits for the disk keeps within its bound, as the space
 * itself tells it, and the rest is not taken in before there is room.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as EffectStream from "effect/Stream"
import { ObjectType } from "../../../src/schema/echo/ObjectType.ts"
import { pendingBytesMax } from "../../../src/schema/platform/Limits.ts"
import { lasting, only } from "../../../src/schema/simulation/Faults.ts"
import type { Space, SpaceStatus } from "../../../src/services/echo/SpaceService.ts"
import * as Simulation from "../../../src/services/simulation/Simulation.ts"
import type { Shared, Trial } from "../../../src/services/simulation/Trial.ts"
import * as Workload from "../../../src/services/simulation/Workload.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"

const Picture = ObjectType.make("Picture", { bytes: Schema.Uint8Array })

const pictureBytes = 60_000
/** A create and a put. */
const pictureCounters = 2
/** What a picture takes in a block, at most. */
const pictureRoom = pictureBytes + 200

const Doing = Schema.Struct({ do: Schema.Literals(["pictures", "one", "synced"]), n: Schema.Int })
type Doing = typeof Doing.Type

const workload = Workload.make<Doing, Schema.Json>({
  step: Doing,
  count: 3,
  by: (draw) => ({ do: (["pictures", "pictures", "one", "synced"] as const)[draw(4)]!, n: 150 + draw(30) })
})

/** Pictures of as many bytes as may wait, and one that was taken in when there was room. */
const pendingMax = Math.ceil(pendingBytesMax / pictureRoom) + 1

class Bulk {
  private readonly trial: Trial<Doing>

  constructor(trial: Trial<Doing>) {
    this.trial = trial
  }

  readonly run = Effect.gen({ self: this }, function* () {
    const { trial } = this
    const shared = yield* trial.together("Pictures")
    const scope = yield* Effect.scope
    for (const peer of trial.peers) yield* Effect.forkIn(this.watch(peer, shared), scope)
    yield* trial.play((step, peer) => shared.in(peer, (space) => this.perform(step, space)))
    yield* trial.converged(shared, { within: "2 minutes" })
  }).pipe(Effect.scoped)

  private perform({ do: doing, n }: Doing, space: Space): Effect.Effect<unknown, unknown> {
    if (doing === "synced") return Effect.timeoutOption(space.synced({ quorum: 1 }), "20 seconds")
    const count = doing === "one" ? 1 : n
    const bytes = new Uint8Array(pictureBytes)
    const write = space.create(Picture, { bytes })
    this.trial.met("pictures", count)
    return Effect.all(
      Array.from({ length: count }, () => write),
      { concurrency: "unbounded", discard: true }
    )
  }

  /** Reads what a space says of itself in each of its lives. */
  private watch(peer: SimulatedPeer, shared: Shared) {
    const looking = shared.in(peer, (space) =>
      EffectStream.runForEach(space.status, (status) => Effect.sync(() => this.judge(peer.name, status)))
    )
    return Effect.forever(Effect.andThen(Effect.ignore(looking), Effect.sleep("300 millis")))
  }

  private judge(peer: string, { durable, local }: SpaceStatus): void {
    const pending = Math.floor((local - durable) / pictureCounters)
    if (pending >= pendingMax - 2) this.trial.met("all that may wait")
    if (pending > pendingMax) this.trial.say("pending within bounds", `${pending} pictures wait for the disk`, peer)
  }
}

const faults = lasting(only("slowDisk", "clog", "slowLink", "partition", "crash", "powerLoss"), 15)

export const bulk = Simulation.makeWith<Doing>("bulk", { peers: 2, faults, workload, seeds: 5 }, () => ({
  body: (trial) => new Bulk(trial).run
}))
