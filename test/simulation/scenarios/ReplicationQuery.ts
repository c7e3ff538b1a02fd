/**
 * Follows the notes of each peer as an application does that keeps what a live query tells: its list must be what a query answers.
 *
 * Some of the notes are followed beside all of them, those of one count by their titles. Whoever asks for them anew meanwhile is told a
 * result that is kept in order, and what a query answers is held against all notes, filtered and sorted by hand.
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

const asked = { all: {}, some: { where: { count: 1 }, orderBy: "title" } } as const
type Asked = keyof typeof asked

/** What `some` has to answer where these are all. Of one title is one change, whose ids a feed counts. */
const someOf = (all: ReadonlyArray<Shown>): ReadonlyArray<Shown> =>
  all.filter(({ count }) => count === 1).sort((a, b) => (a.title < b.title ? -1 : a.title > b.title ? 1 : 0))

export class Followed {
  private readonly trial: Trial<Doing>
  private readonly sight: Sight
  /** What each peer was told by each query since it asked last, by id. */
  private readonly lists = { all: new Map<string, Map<string, Shown>>(), some: new Map<string, Map<string, Shown>>() }
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

  /** Follows the queries of a peer, in one life of one opening after the other. */
  follow(peer: SimulatedPeer, shared: Shared): Effect.Effect<unknown> {
    return Effect.all([this.followOne("all", peer, shared), this.followOne("some", peer, shared)], { concurrency: 2 })
  }

  private followOne(which: Asked, peer: SimulatedPeer, shared: Shared): Effect.Effect<never> {
    const told = shared.in(peer, (space) => {
      const list = new Map<string, Shown>()
      this.lists[which].set(peer.name, list)
      return EffectStream.runForEach(space.query(Note, asked[which]).changes, (delta) => {
        this.fold(peer.name, list, delta)
        // asked when something has gone, and not each time, which would cost a tenth of a seed
        if (which === "some") return delta.removed.length > 0 ? this.askedAnew(space, peer.name) : Effect.void
        return Effect.forEach(delta.added, (note) => this.ordered(space, peer.name, note), { discard: true })
      })
    })
    return Effect.forever(Effect.andThen(Effect.ignore(told), Effect.sleep("300 millis")))
  }

  private fold(peer: string, list: Map<string, Shown>, { added, removed, updated }: Delta<Shown>): void {
    for (const { id } of removed) if (!list.delete(id)) this.wrong(peer, `${id} is told as removed, and was never told`)
    for (const note of updated) {
      if (!list.has(note.id)) this.wrong(peer, `${note.id} is told as updated, and was never told`)
      list.set(note.id, note)
    }
    for (const note of added) {
      if (list.has(note.id)) this.wrong(peer, `${note.id} is told as added twice`)
      list.set(note.id, note)
    }
  }

  /** Who joins those that ask the same is told first what they have been told, in order. */
  private askedAnew(space: Space, peer: string) {
    return Effect.map(EffectStream.runHead(space.query(Note, asked.some).changes), (first) => {
      const added = first._tag === "Some" ? first.value.added : []
      if (inOrder(added) === inOrder(someOf(added))) return
      this.wrong(peer, `asked for some by title, it is told first ${inOrder(added)}`)
    })
  }

  private ordered(space: Space, peer: string, { after, id }: Shown) {
    return Effect.gen({ self: this }, function* () {
      const seen = this.seen.get(peer) ?? []
      seen.push(id)
      this.seen.set(peer, seen)
      if (after === undefined || (yield* this.sight.isThere(space, after))) return
      // what rots is not what its writer had seen
      if (this.sight.mayMeet("bitRot", peer)) return
      this.disordered.push({ after, says: `${peer} shows ${id}, and not ${after}, which its writer had seen` })
    })
  }

  private wrong(peer: string, says: string): void {
    this.trial.say("live query", says, peer)
  }

  /** Whether the lists that are kept from what is told are what the queries answer, and what they should. */
  compare(peer: SimulatedPeer, shared: Shared) {
    return Effect.gen({ self: this }, function* () {
      const all = yield* shared.in(peer, (space) => space.query(Note).all)
      const some = yield* shared.in(peer, (space) => space.query(Note, asked.some).all)
      if (inOrder(some) !== inOrder(someOf(all)))
        this.trial.say("query", `some are ${inOrder(some)}, and of all they are ${inOrder(someOf(all))}`, peer.name)
      // nobody follows at a copy
      if (!this.lists.all.has(peer.name)) return
      const differing = () => this.differing("all", peer.name, all) ?? this.differing("some", peer.name, some)
      if (differing() === null) return
      yield* Effect.sleep(lastWords)
      const says = differing()
      if (says !== null) this.wrong(peer.name, says)
    })
  }

  private differing(which: Asked, peer: string, notes: ReadonlyArray<Shown>): string | null {
    const kept = textOf([...(this.lists[which].get(peer)?.values() ?? [])])
    return kept === textOf(notes) ? null : `what was told of ${which} amounts to ${kept}, and there is ${textOf(notes)}`
  }

  /** Notes that were told without the one before, of those that were written in the end. */
  judge(created: ReadonlySet<string>): void {
    for (const { after, says } of this.disordered) if (created.has(after)) this.trial.say("causal order", says)
  }
}

const inOrder = (notes: ReadonlyArray<Shown>): string => notes.map(({ id, title }) => `${id} "${title}"`).join(", ")

const textOf = (notes: ReadonlyArray<Shown>): string => JSON.stringify([...notes].sort((a, b) => (a.id < b.id ? -1 : 1)))
