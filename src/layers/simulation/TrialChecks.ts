/**
 * What a trial offers to tests of spaces: a space of all peers, and that they come to agree.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Peer } from "../../services/peer/Peer.ts"
import type { Shared, Trial } from "../../services/simulation/Trial.ts"
import type { SimulatedPeer, World } from "../../services/simulation/World.ts"
import { standing } from "./WorldStanding.ts"

/** A space that the first peer makes, with all others as members. */
export const together =
  (world: World): Trial["together"] =>
  (name) =>
    Effect.gen(function* () {
      const [first, ...others] = world.peers
      const members = yield* Effect.forEach(others, (peer) => peer.run(Effect.map(Peer, ({ device }) => device)))
      const made = Effect.flatMap(Peer, ({ spaces }) => spaces.create({ name, members }))
      const { ticket } = yield* first!.run(made)
      const shared: Shared = {
        ticket,
        in: (peer, use) => peer.run(Effect.flatMap(Peer, ({ spaces }) => Effect.flatMap(spaces.open(ticket), use)))
      }
      yield* Effect.forEach(others, (peer) => shared.in(peer, () => Effect.void), { discard: true })
      return shared
    }).pipe(Effect.orDie)

/**
 * Equal frontiers within a time, then equal state, then audits that find nothing. `sound` answers those that are asked.
 *
 * A fork of two branches is noticed a moment after their peers have met, and until then frontiers are equal: so states have as much time to
 * become equal, too.
 */
export const converged =
  (sound: () => ReadonlyArray<SimulatedPeer>, violated: Trial["violated"]): Trial["converged"] =>
  (shared, { within }) =>
    Effect.gen(function* () {
      const peers = sound()
      const frontiers = Effect.forEach(peers, (peer) => Effect.result(shared.in(peer, (space) => space.frontier)), {
        concurrency: "unbounded"
      })
      const agreeing = Effect.gen(function* () {
        for (;;) {
          const found = yield* frontiers
          if (found.every(Result.isSuccess) && new Set(found.map(({ success }) => success)).size <= 1) return
          yield* Effect.sleep("200 millis")
        }
      })
      const agreed = yield* Effect.timeoutOption(agreeing, within)
      if (agreed._tag === "None") return yield* violated("equal frontiers", yield* standing(shared, peers))
      const states = yield* statesOf(shared, peers, violated)
      if (states.size <= 1) return
      const settling = Effect.gen(function* () {
        do {
          yield* Effect.sleep("500 millis")
          yield* agreeing
        } while ((yield* statesOf(shared, peers, violated)).size > 1)
      })
      if ((yield* Effect.timeoutOption(settling, within))._tag === "Some") return
      return yield* violated("equal state", `equal frontiers and different states: ${[...states.values()].join(", ")}`)
    })

/** The states that there are, once what is stored was audited, and a peer that has each. */
const statesOf = (shared: Shared, peers: ReadonlyArray<SimulatedPeer>, violated: Trial["violated"]) =>
  Effect.gen(function* () {
    const states = new Map<string, string>()
    for (const peer of peers) {
      const state = yield* Effect.result(shared.in(peer, (space) => Effect.andThen(space.audit, space.stateHash)))
      if (Result.isFailure(state)) return yield* violated("audit", state.failure.message, peer.name)
      states.set(state.success, peer.name)
    }
    return states
  })
