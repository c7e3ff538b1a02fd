/**
 * What Alice and Bob do, wherever they are: one device with one space, asked by calls, its edits told in a journal.
 *
 * It knows a Peer and nothing of what is beneath: a process of its own, or a life in a simulated world.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Space } from "../src/services/echo/SpaceService.ts"
import { Peer } from "../src/services/peer/Peer.ts"
import type { Gate, Handlers, Message, PeerCalls } from "./calls.ts"
import { City, readCities, Visit } from "./cities.ts"
import { Editor } from "./editing.ts"
import { importCities } from "./importing.ts"
import type { Journal } from "./journal.ts"
import { Sight } from "./sight.ts"

export interface Surroundings {
  /** Name and life, as the journal and the edits tell them. */
  readonly who: string
  readonly journal: Journal
  /** Tells what happens without having been asked. */
  readonly tell: (message: Message) => void
  /** Wraps what runs beside the calls: its failure is the end of all. */
  readonly vital: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Answers what answers the calls, within a scope. */
export const peerProgram = Effect.fnUntraced(function* ({ journal, tell, vital, who }: Surroundings) {
  const peer = yield* Peer
  const scope = yield* Effect.scope
  const gates: { readonly [gate in Gate]: Deferred.Deferred<void> } = {
    kill: yield* Deferred.make<void>(),
    cut: yield* Deferred.make<void>()
  }
  let at: { readonly space: Space; readonly sight: Sight; readonly editor: Editor } | null = null

  const here = Effect.suspend(() => (at === null ? Effect.die(new Error("no space is open yet")) : Effect.succeed(at)))

  const watched = Effect.fnUntraced(function* (space: Space) {
    const sight = new Sight(space)
    at = { space, sight, editor: new Editor(space, sight, journal, who) }
    const cities = yield* space.query(City).all
    const visits = yield* space.query(Visit).all
    yield* Effect.forkIn(vital(sight.follow(tell)), scope)
    return { cities: cities.length, visits: visits.length }
  })

  const create = Effect.gen(function* () {
    yield* peer.identities.create({ name: who })
    journal.intend([{ do: "space", name: "Cities" }])
    journal.intend([{ do: "profile", name: who }])
    const space = yield* peer.spaces.create({ name: "Cities" })
    yield* watched(space)
    return space.ticket
  })

  const accept = (offer: string) => Effect.andThen(peer.identities.create({ name: who }), peer.accept(offer))

  const enter = Effect.fnUntraced(function* (welcome: string) {
    journal.intend([{ do: "profile", name: who }])
    const space = yield* peer.enter(welcome)
    yield* watched(space)
    return space.ticket
  })

  const members = Effect.map(here, ({ space }) => space.membership)

  const state = Effect.gen(function* () {
    const { space } = yield* here
    const cities = (yield* space.query(City).all).length
    const visits = (yield* space.query(Visit).all).length
    const [frontier, stateHash, conflicts] = yield* Effect.all([space.frontier, space.stateHash, space.conflictCount])
    const people = (yield* space.membership.people).map(({ name, role }) => `${name} ${role}`).sort()
    return { cities, visits, frontier, stateHash, conflicts, people }
  })

  const handlers: Handlers<PeerCalls, never> = {
    device: () => Effect.succeed(peer.device),
    create: () => create,
    offer: () => Effect.flatMap(members, ({ offer }) => offer("editor")),
    accept,
    admit: (acceptance) => Effect.flatMap(members, ({ admit }) => admit(acceptance)),
    enter,
    open: (ticket) => Effect.flatMap(peer.spaces.open(ticket), watched),
    import: (limit) =>
      Effect.flatMap(here, ({ space }) => importCities({ space, journal, limit, gates, cities: readCities(limit) })),
    pass: (gate) => Effect.asVoid(Deferred.succeed(gates[gate], undefined)),
    edit: () => Effect.flatMap(here, ({ editor }) => Effect.asVoid(Effect.forkIn(vital(editor.run), scope))),
    cutEdit: (rows) => Effect.flatMap(here, ({ editor }) => editor.remark(rows)),
    foreignRemarks: (rows) => Effect.flatMap(here, ({ editor }) => editor.foreignRemarks(rows)),
    rest: () => Effect.flatMap(here, ({ editor }) => editor.rest),
    synced: (device) => Effect.flatMap(here, ({ space }) => space.synced(device)),
    frontier: () => Effect.flatMap(here, ({ space }) => space.frontier),
    state: () => state
  }
  return handlers
})
