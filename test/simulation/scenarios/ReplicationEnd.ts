/**
 * What a space has to say of itself when all is over, beside its notes: who is connected, that nothing waits, which values are in
 * conflict; and that an audit finds a record that has rotted.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as EffectStream from "effect/Stream"
import type { Naive } from "../../../demo/naive.ts"
import type { Space, SpaceStatus } from "../../../src/services/echo/SpaceService.ts"
import type { Shared, Trial } from "../../../src/services/simulation/Trial.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"
import { rottenOn } from "./feeds.ts"
import type { Sight } from "./ReplicationSight.ts"
import { type Doing, Note } from "./ReplicationSteps.ts"

/** Virtual seconds in which who comes and goes is told: one who refused, as after a spoiled frame, is tried again after 72 at most. */
const toldSeconds = 90

export class End {
  private readonly trial: Trial<Doing>
  private readonly sight: Sight
  private readonly shared: Shared
  /** The devices by the names of their peers. */
  private readonly devices: ReadonlyMap<string, string>
  private readonly sound: ReadonlyArray<SimulatedPeer>

  constructor(options: {
    readonly trial: Trial<Doing>
    readonly sight: Sight
    readonly shared: Shared
    readonly devices: ReadonlyMap<string, string>
    readonly sound: ReadonlyArray<SimulatedPeer>
  }) {
    this.trial = options.trial
    this.sight = options.sight
    this.shared = options.shared
    this.devices = options.devices
    this.sound = options.sound
  }

  private deviceOf(peer: string): string {
    return this.devices.get(peer.replace("~", ""))!
  }

  /** Everybody is connected to everybody, and nothing waits; then one leaves, and nobody is connected to him. */
  readonly statuses = Effect.gen({ self: this }, function* () {
    const isWhole = this.sound.length === this.trial.peers.length
    const all = new Set(this.trial.peers.map(({ name }) => this.deviceOf(name)))
    for (const peer of this.sound) {
      // of one whose disk has rotted it is not known whether he is there
      const wrong = (status: SpaceStatus) => (isWhole ? (this.misses(peer, all, status) ?? this.waits(status)) : null)
      yield* this.within(peer, wrong)
    }
    const leaves = this.sound.findLast(({ name }) => !this.sight.isTwo(name))
    if (leaves === undefined || !isWhole) return
    const left = yield* Effect.option(leaves.close)
    if (left._tag === "Some" && left.value > 0) this.trial.say("nothing left", `${left.value} after it was closed`, leaves.name)
    all.delete(this.deviceOf(leaves.name))
    for (const peer of this.sound) if (peer !== leaves) yield* this.within(peer, (status) => this.misses(peer, all, status))
  })

  private misses(peer: SimulatedPeer, all: ReadonlySet<string>, { connected }: SpaceStatus): string | null {
    const others = [...all].filter((device) => device !== this.deviceOf(peer.name)).sort()
    if (others.join() === [...connected].sort().join()) return null
    const names = (devices: ReadonlyArray<string>) =>
      devices.map((device) => [...this.devices].find(([, each]) => each === device)?.[0] ?? device).join(", ")
    return `connected to ${names(connected)}, where ${names(others)} are up`
  }

  private waits({ stuck }: SpaceStatus): string | null {
    // what waits for what a fork has frozen does so for ever
    if (stuck.length === 0 || this.sight.mayFork()) return null
    return `stuck: ${stuck.join(", ")}`
  }

  /** What is wrong with a status comes right within a while. */
  private within(peer: SimulatedPeer, wrong: (status: SpaceStatus) => string | null) {
    let last: string | null = "it says nothing"
    const look = (space: Space) =>
      EffectStream.runHead(EffectStream.filter(space.status, (status) => (last = wrong(status)) === null))
    return Effect.map(Effect.timeoutOption(this.shared.in(peer, look), `${toldSeconds} seconds`), (found) => {
      if (found._tag === "None") this.trial.say("status", `${last}, ${toldSeconds} s after all was well`, peer.name)
    })
  }

  /** Every value that nobody has replaced is told, and how many places have more than one. */
  conflicts(peer: SimulatedPeer, model: Naive, count: number) {
    return this.shared.in(peer, (space) =>
      Effect.gen({ self: this }, function* () {
        const told = yield* space.conflictCount
        if (told !== count) this.trial.say("conflicts", `${told} are told, and ${count} are in the model`, peer.name)
        for (const note of yield* space.query(Note).all)
          for (const key of ["title", "count"] as const) {
            const values = (yield* space.conflicts(note, key)).length
            const heads = model.headsAt(note.id, key)
            if (values === heads) continue
            this.trial.say("conflicts", `${values} values of ${key} of ${note.id} are told, and ${heads} stand`, peer.name)
          }
      })
    )
  }

  /** An audit says what has rotted and is still there. */
  readonly rotten = Effect.gen({ self: this }, function* () {
    for (const peer of this.trial.peers) {
      if (this.sound.includes(peer)) continue
      const rotten = yield* rottenOn(peer.disk, this.sight.space)
      if (rotten === undefined) continue
      this.trial.met("rotten")
      const audit = Effect.timeoutOption(
        this.shared.in(peer, (space) => space.audit),
        "30 seconds"
      )
      const found = yield* Effect.result(audit)
      if (Result.isFailure(found) || found.success._tag === "None") continue
      this.trial.say("audit", `finds nothing, and ${rotten} has rotted`, peer.name)
    }
  })
}
