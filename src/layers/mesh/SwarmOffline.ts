/**
 * A swarm without a network: nobody ever comes.
 *
 * A Peer that was given no KUBE uses it, so that being offline is a layer and not a case in every module above.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NotConnected, Swarm } from "../../services/mesh/Swarm.ts"

export const layer: Layer.Layer<Swarm> = Layer.succeed(Swarm, {
  join: () => Effect.void,
  serve: () => Effect.void,
  open: (device) => Effect.fail(new NotConnected({ device }))
})
