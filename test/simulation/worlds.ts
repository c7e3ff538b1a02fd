/**
 * The suites' side of a world: each test runs in one of its own, on the network that the world's body has.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as World from "../../src/layers/simulation/World.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"

/** The network of the world that the test runs in. */
const around = Context.Reference<MemoryNetwork["Service"] | null>("test/Around", { defaultValue: () => null })

export const networkOfWorld: Layer.Layer<MemoryNetwork> = Layer.effect(
  MemoryNetwork,
  Effect.flatMap(around, (network) =>
    network === null ? Effect.die(new Error("this test runs in no world")) : Effect.succeed(network)
  )
)

let worlds = 0

/** Runs a test in a world, the next seed each time. */
export const worldOf = (test: Effect.Effect<void, unknown>): Effect.Effect<void, unknown> =>
  Effect.suspend(() =>
    World.run({ peers: [], seed: `conformance ${++worlds}` }, (world) => Effect.provideService(test, around, world.network))
  )
