/**
 * What a trial offers to tests of spaces: a space of all peers, and that they come to agree.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Peer } from "../../services/peer/Peer.ts"
import type { Shared, Trial } from "../../services/simulation/Trial.ts"
import type { World } from "../../services/simulation/World.ts"

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

/** Equal frontiers within a time, then equal state, then audits that find nothing. */
export const converged =
  (world: World, violated: Trial["violated"]): Trial["converged"] =>
  (shared, { within }) =>
    Effect.gen(function* () {
      const frontiers = Effect.forEach([...world.peers], (peer) => Effect.result(shared.in(peer, (space) => space.frontier)), {
        concurrency: "unbounded"
      })
      const agreeing = Effect.gen(function* () {
        for (;;) {
          const found = yield* frontiers
          if (found.every(Result.isSuccess) && new Set(found.map(({ success }) => success)).size === 1) return
          yield* Effect.sleep("200 millis")
        }
      })
      const agreed = yield* Effect.timeoutOption(agreeing, within)
      if (agreed._tag === "None") return yield* violated("equal frontiers", "peers have not come to one state in time")
      const states = new Map<string, string>()
      for (const peer of [...world.peers]) {
        const state = yield* Effect.result(shared.in(peer, (space) => Effect.andThen(space.audit, space.stateHash)))
        if (Result.isFailure(state)) return yield* violated("audit", state.failure.message, peer.name)
        states.set(state.success, peer.name)
      }
      if (states.size > 1)
        yield* violated("equal state", `equal frontiers and different states: ${[...states.values()].join(", ")}`)
    })
