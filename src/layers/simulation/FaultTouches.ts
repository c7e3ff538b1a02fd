/**
 * What a fault of a plan is measured by: how often the very link or peer that it is about, or the KUBE, was touched.
 */
import * as Effect from "effect/Effect"
import type { Fault } from "../../schema/simulation/Fault.ts"
import type { World } from "../../services/simulation/World.ts"

/** How often that which a fault breaks has made a difference so far; 0 for what counts by what it does itself. */
export const touchedBy = (world: World, fault: Fault): Effect.Effect<number> => {
  const { kind, other = "" } = fault
  const { signaling } = world
  const link = world.touched(fault.peer, other)
  const peer = world.peer(fault.peer).touched
  switch (kind) {
    case "freeze":
    case "sleep":
      return Effect.map(peer, ({ held }) => held)
    case "partition":
    case "partialPartition":
    case "oneWay": {
      const cuts = Effect.forEach(cutsOf(world, fault), ([from, to]) => world.touched(from, to))
      return Effect.map(cuts, (links) => links.reduce((sum, { cut }) => sum + cut, 0))
    }
    case "slowLink":
      return Effect.map(link, ({ slowed }) => slowed)
    case "clog":
      return Effect.map(link, ({ clogged }) => clogged)
    case "corruptFrame":
      return Effect.map(link, ({ corrupted }) => corrupted)
    case "signalingDown":
    case "signalingForget":
      return Effect.map(signaling.touched, ({ ended }) => ended)
    case "signalingSlow":
      return Effect.map(signaling.touched, ({ slowed }) => slowed)
    case "signalingCareless":
      return Effect.map(signaling.touched, ({ careless }) => careless)
    case "slowDisk":
      return Effect.map(peer, ({ slowed }) => slowed)
    case "fullDisk":
      return Effect.map(peer, ({ refused }) => refused)
    case "clockSkew":
      return Effect.map(peer, ({ skewed }) => skewed)
    case "clockDrift":
      return Effect.map(peer, ({ drifted }) => drifted)
    case "clockJump":
      // one by nothing is none, whatever jumped before it
      return fault.amount ? Effect.map(peer, ({ jumped }) => jumped) : Effect.succeed(0)
    default:
      return Effect.succeed(0)
  }
}

/** The links that a partition cuts. */
export const cutsOf = (world: World, { kind, other = "", peer, side = [] }: Fault): ReadonlyArray<readonly [string, string]> => {
  const there: readonly [string, string] = [peer, other]
  if (kind === "oneWay") return [there]
  if (kind === "partialPartition") return [there, [other, peer]]
  const rest = world.peers.map(({ name }) => name).filter((name) => !side.includes(name))
  // half of the partitions have the KUBE on one side alone
  const far = side.length % 2 === 0 ? [...rest, "kube"] : rest
  return side.flatMap((one) => far.flatMap((two) => [[one, two] as const, [two, one] as const]))
}
