/**
 * What a peer runs actors with: supervisors, the actors of this process and of other devices, and durable ones over its Storage.
 */
import * as Layer from "effect/Layer"
import type { ActorSystem } from "../../services/actor/ActorSystem.ts"
import type { Persistence } from "../../services/actor/Persistence.ts"
import type { Supervisor } from "../../services/actor/Supervisor.ts"
import type { Swarm } from "../../services/mesh/Swarm.ts"
import type { Device } from "../../services/peer/Device.ts"
import type { Storage } from "../../services/platform/Storage.ts"
import * as ActorSystemConnected from "../actor/ActorSystemConnected.ts"
import * as ActorSystemLocal from "../actor/ActorSystemLocal.ts"
import * as PersistenceStorage from "../actor/PersistenceStorage.ts"
import * as SupervisorLayer from "../actor/Supervisor.ts"

/** Actors that keep nothing. */
export const layer: Layer.Layer<ActorSystem | Supervisor> = Layer.provideMerge(ActorSystemLocal.layer, SupervisorLayer.layer)

/** Actors of which some are durable. */
export const layerDurable: Layer.Layer<ActorSystem | Supervisor | Persistence, never, Storage> = Layer.merge(
  layer,
  PersistenceStorage.layer
)

/** The same, called from other devices and calling those on them; `calling` loads what that takes. */
export const layerConnected = (
  calling: Parameters<typeof ActorSystemConnected.layer>[0]
): Layer.Layer<ActorSystem | Supervisor | Persistence, never, Storage | Swarm | Device> =>
  Layer.merge(
    Layer.provideMerge(Layer.provide(ActorSystemConnected.layer(calling), ActorSystemLocal.layer), SupervisorLayer.layer),
    PersistenceStorage.layer
  )
