/**
 * What a space shows to the people of a scenario and says of itself, held against what it showed before and against the disks.
 */
import * as Effect from "effect/Effect"
import * as EffectStream from "effect/Stream"
import type { Fault } from "../../../src/schema/simulation/Fault.ts"
import { isStep } from "../../../src/schema/simulation/Plan.ts"
import type { Space } from "../../../src/services/echo/SpaceService.ts"
import type { Trial } from "../../../src/services/simulation/Trial.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"
import { counterOn } from "./feeds.ts"
import type { Ledger } from "./Ledger.ts"
import { type Doing, Note } from "./ReplicationSteps.ts"

export class Sight {
  /** The id of the space, once there is one. */
  space = new Uint8Array()
  /** When the time of trouble began, and when each life of a peer did, in seconds of virtual time. */
  began = 0
  private readonly starts: Array<{ readonly peer: string; readonly seconds: number }> = []
  private readonly rollbacks: Array<Fault> = []
  private readonly trial: Trial<Doing>
  private readonly ledger: Ledger
  /** The devices by the names of their peers. */
  private readonly devices: ReadonlyMap<string, string>
  /** What each life of a peer was shown last. */
  private readonly shown = new Map<string, ReadonlySet<string>>()

  constructor(trial: Trial<Doing>, ledger: Ledger, devices: ReadonlyMap<string, string>) {
    this.trial = trial
    this.ledger = ledger
    this.devices = devices
  }

  /** Whether a plan has such a fault of any peer, or of one: it may have happened. */
  mayMeet(kind: "bitRot" | "corruptFrame" | "fullDisk" | "sleep", peer?: string): boolean {
    const whose = peer?.replace("~", "")
    return this.trial.plan.events.some(
      (event) => !isStep(event) && event.kind === kind && (whose === undefined || event.peer === whose)
    )
  }

  /** A rollback has happened; one that would have ended after the trouble does not. */
  putBack(fault: Fault): void {
    this.rollbacks.push(fault)
  }

  /** Whether the disk of any peer, or of one, was put back. */
  wasPutBack(peer?: string): boolean {
    return this.rollbacks.some((fault) => peer === undefined || fault.peer === peer)
  }

  /** Whether any device, or that of a peer, is two. */
  isTwo(peer?: string): boolean {
    const copies = this.trial.peers.filter(({ name }) => name.endsWith("~"))
    return copies.some(({ name }) => peer === undefined || name === `${peer.replace("~", "")}~`)
  }

  /** A life has begun, and its start is counted. */
  started(peer: string) {
    return Effect.map(this.trial.seconds, (seconds) => void this.starts.push({ peer, seconds }))
  }

  /**
   * Whether a device may have written one counter twice: it was two, or its disk was put back to what it was in the same life, so that the
   * starts counted beside it tell nothing.
   */
  mayFork(): boolean {
    if (this.isTwo()) return true
    return this.rollbacks.some(({ at, lasts, peer: whose }) => {
      const from = this.began + at / 1_000
      return !this.starts.some(({ peer, seconds }) => peer === whose && seconds > from && seconds < from + lasts / 1_000)
    })
  }

  isDeleted(id: string): boolean {
    return this.ledger.entries.some(({ steps }) => steps.some((step) => step.do === "delete" && step.object === id))
  }

  /** Whether a note is here, as far as one can tell: of one that somebody deletes, nobody can, nor of one that a fork has made void. */
  isThere(space: Space, id: string) {
    const isGone = this.isDeleted(id) || this.isTwo()
    return Effect.map(space.get(Note, id), (note) => note !== undefined || isGone)
  }

  /** Whether a note is surely another's: one's own may be lost with the power when it was relaxed, and its id then names another note. */
  isForeign(id: string, peer: string): boolean {
    const own = this.ledger.entries.filter((entry) => entry.peer === peer && entry.done != null)
    return own.length > 0 && own.every(({ done }) => !id.startsWith(done!.feed))
  }

  /**
   * The notes. Monotonic reads: what was shown in this life of the peer before is shown again, unless it was deleted or made void by a fork.
   * One's own may be taken back by a flush that fails.
   */
  read(space: Space, peer: string, life: number) {
    return Effect.suspend(() => {
      const key = `${peer} ${life}`
      // who reads at the same time may be shown more and come first
      const before = this.shown.get(key)
      return Effect.map(space.query(Note).all, (notes) => {
        const now = new Set(notes.map(({ id }) => id))
        this.shown.set(key, now)
        if (before !== undefined) this.readsOn(peer, before, now)
        return notes
      })
    })
  }

  private readsOn(peer: string, before: ReadonlySet<string>, now: ReadonlySet<string>): void {
    if (this.isTwo() || this.wasPutBack() || this.mayMeet("bitRot", peer)) return
    for (const id of before) {
      if (now.has(id) || this.isDeleted(id) || (this.mayMeet("fullDisk") && !this.isForeign(id, peer))) continue
      this.trial.say("monotonic reads", `${id} was shown, and is not any more`, peer)
    }
  }

  /** An application, which draws all notes whenever one has changed, and what the space says of itself; until its space is closed. */
  screen(space: Space, peer: SimulatedPeer, life: number) {
    let claimed = ""
    const notes = EffectStream.runForEach(space.query(Note).changes, () => this.read(space, peer.name, life))
    const status = EffectStream.runForEach(space.status, ({ acknowledgedBy, durable }) =>
      Effect.gen({ self: this }, function* () {
        const claims = this.trial.peers.map((each) => [each, acknowledgedBy.get(this.devices.get(each.name) ?? "") ?? 0] as const)
        const all = [[peer, durable] as const, ...claims]
        const text = all.map(([, counter]) => counter).join()
        if (text === claimed) return
        claimed = text
        yield* this.borneOut(peer, all)
      })
    )
    return Effect.all([notes, status], { concurrency: "unbounded", discard: true })
  }

  /** What a space says of its own writes is held against the disks: what is durable here, and what others have. */
  private borneOut(peer: SimulatedPeer, claims: ReadonlyArray<readonly [SimulatedPeer, number]>) {
    return Effect.gen({ self: this }, function* () {
      const feed = this.ledger.feedOf(peer.name)
      if (feed === undefined || this.isTwo() || this.wasPutBack()) return
      this.trial.met("claims")
      for (const [each, counter] of claims) {
        if (this.mayMeet("bitRot", each.name)) continue
        const last = yield* counterOn(yield* each.durable, this.space, feed)
        // it may have come to that since it was said
        if (counter <= last || this.isTwo() || this.wasPutBack()) continue
        const says = `up to ${counter} is said to be durable at ${each.name}, which has ${last}`
        this.trial.say("status claims too much", says, peer.name)
      }
    })
  }
}
