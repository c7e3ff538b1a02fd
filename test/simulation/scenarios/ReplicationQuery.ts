/**
 * Follows the notes of each peer as an application does that keeps what a live query tells: its list must be what a query answers.
 *
 * None may be told before the one that its writer had seen, either. Both are judged in the end: whether that one was ever written is not
 * known before, since a failed write is taken back, and what was told last may still be on its way.
 */
import * as Effect from "effect/Effect"
import * as EffectStream from "effect/Stream"
import type { ObjectOf } from "../../../src/schema/echo/ObjectType.ts"
import type { Delta } from "../../../src/schema/echo/Query.ts"
import type { Space } from "../../../src/services/echo/SpaceService.ts"
import type { Shared, Trial } from "../../../src/services/simulation/Trial.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"
import type { Sight } from "./ReplicationSight.ts"
import { type Doing, Note } from "./ReplicationSteps.ts"

type Shown = ObjectOf<typeof Note>

/** How long the last words of a query may be on their way. */
const lastWords = "2 seconds"

export class Followed {
  private readonly trial: Trial<Doing>
  private readonly sight: Sight
  /** What each peer was told since it asked last, by id. */
  private readonly lists = new Map<string, Map<string, Shown>>()
  /** Ids of notes that somebody was told of, by whom. */
  private readonly seen = new Map<string, Array<string>>()
  /** Notes that were told without the one before. */
  private readonly disordered: Array<{ readonly after: string; readonly says: string }> = []

  constructor(trial: Trial<Doing>, sight: Sight) {
    this.trial = trial
    this.sight = sight
  }

  /** A peer begins another life, in which its own relaxed writes may be lost, and all that came since a backup. */
  crashed(peer: string): void {
    this.seen.delete(peer)
  }

  /** The last note of somebody else that a peer was told of. */
  last(peer: string): string | undefined {
    return this.seen.get(peer)?.findLast((id) => this.sight.isForeign(id, peer))
  }

  /** Follows the query of a peer, in one life of one opening after the other. */
  follow(peer: SimulatedPeer, shared: Shared): Effect.Effect<never> {
    const told = shared.in(peer, (space) => {
      const list = new Map<string, Shown>()
      this.lists.set(peer.name, list)
      return EffectStream.runForEach(space.query(Note).changes, (delta) => this.told(space, peer.name, list, delta))
    })
    return Effect.forever(Effect.andThen(Effect.ignore(told), Effect.sleep("300 millis")))
  }

  private told(space: Space, peer: string, list: Map<string, Shown>, { added, removed, updated }: Delta<Shown>) {
    for (const { id } of removed) if (!list.delete(id)) this.wrong(peer, `${id} is told as removed, and was never told`)
    for (const note of updated) {
      if (!list.has(note.id)) this.wrong(peer, `${note.id} is told as updated, and was never told`)
      list.set(note.id, note)
    }
    for (const note of added) {
      if (list.has(note.id)) this.wrong(peer, `${note.id} is told as added twice`)
      list.set(note.id, note)
    }
    return Effect.forEach(added, (note) => this.ordered(space, peer, note), { discard: true })
  }

  private ordered(space: Space, peer: string, { after, id }: Shown) {
    return Effect.gen({ self: this }, function* () {
      const seen = this.seen.get(peer) ?? []
      seen.push(id)
      this.seen.set(peer, seen)
      if (after === undefined || (yield* this.sight.isThere(space, after))) return
      // what rots is not what its writer had seen
      if (this.sight.met("bitRot", peer)) return
      this.disordered.push({ after, says: `${peer} shows ${id}, and not ${after}, which its writer had seen` })
    })
  }

  private wrong(peer: string, says: string): void {
    this.trial.say("live query", says, peer)
  }

  /** Whether a list that is kept from what is told is what a query answers. */
  compare(peer: SimulatedPeer, shared: Shared) {
    return Effect.gen({ self: this }, function* () {
      // nobody follows at a copy
      if (!this.lists.has(peer.name)) return
      const all = yield* shared.in(peer, (space) => space.query(Note).all)
      const kept = () => textOf([...this.lists.get(peer.name)!.values()])
      if (kept() === textOf(all)) return
      yield* Effect.sleep(lastWords)
      if (kept() !== textOf(all)) this.wrong(peer.name, `what was told amounts to ${kept()}, and there is ${textOf(all)}`)
    })
  }

  /** Notes that were told without the one before, of those that were written in the end. */
  judge(created: ReadonlySet<string>): void {
    for (const { after, says } of this.disordered) if (created.has(after)) this.trial.say("causal order", says)
  }
}

const textOf = (notes: ReadonlyArray<Shown>): string => JSON.stringify([...notes].sort((a, b) => (a.id < b.id ? -1 : 1)))
