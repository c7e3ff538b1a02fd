/**
 * Devices with actors on one network in memory, members of one space, for tests in virtual time.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as ActorCalling from "../../src/layers/actor/ActorCalling.ts"
import * as ActorSystemConnected from "../../src/layers/actor/ActorSystemConnected.ts"
import * as ActorSystemLocal from "../../src/layers/actor/ActorSystemLocal.ts"
import * as PersistenceStorage from "../../src/layers/actor/PersistenceStorage.ts"
import * as SupervisorLayer from "../../src/layers/actor/Supervisor.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as DeviceLayer from "../../src/layers/peer/Device.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import type { ActorSystem } from "../../src/services/actor/ActorSystem.ts"
import type { Persistence } from "../../src/services/actor/Persistence.ts"
import { Swarm } from "../../src/services/mesh/Swarm.ts"
import { Device } from "../../src/services/peer/Device.ts"
import { elapse } from "../mesh/Elapse.ts"
import { swarmOver } from "../mesh/SwarmOver.ts"

const space = new Uint8Array(32).fill(7)

const services = Effect.map(MemoryNetworkLayer.make, (network) => {
  const swarm = Layer.provideMerge(DeviceLayer.layer, swarmOver(network))
  const actors = ActorSystemConnected.layer(Effect.succeed(ActorCalling)).pipe(
    Layer.provide(ActorSystemLocal.layer),
    Layer.provide(SupervisorLayer.layer)
  )
  return Layer.merge(actors, PersistenceStorage.layer).pipe(Layer.provideMerge(swarm), Layer.provide(StorageMemory.layer))
})
type Services = ActorSystem | Persistence | Swarm

export interface TestDevice {
  readonly text: string
  /** Meets the others, and leaves them. */
  readonly join: Effect.Effect<void, never, Scope.Scope>
  readonly leave: Effect.Effect<void>
  readonly run: <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>) => Effect.Effect<A, E, Scope.Scope>
  readonly open: (layer: Layer.Layer<never, never, Services>) => Effect.Effect<void, never, Scope.Scope>
}

/** Makes devices. */
export const devices = Effect.map(services, (layer) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(Layer.fresh(layer))
    const device = Context.get(context, Device)
    const swarm = Context.get(context, Swarm)
    let place = yield* Scope.make()
    const join = Effect.gen(function* () {
      place = yield* Scope.fork(yield* Effect.scope)
      const joined = swarm.join({
        space,
        device: device.publicKey,
        isMember: () => true,
        channel: "echo/replicate",
        version: 0,
        onPeer: ({ socket }) => Effect.flatMap(socket.reader, ({ pull }) => Effect.forever(pull))
      })
      yield* Scope.provide(joined, place)
      yield* elapse("1 second")
    })
    const made: TestDevice = {
      text: device.text,
      join,
      leave: Effect.suspend(() => Effect.andThen(Scope.close(place, Exit.void), elapse("1 second"))),
      run: (effect) => Effect.provide(effect, context),
      open: (layer) => Effect.asVoid(Effect.provide(Layer.build(Layer.fresh(layer)), context))
    }
    return made
  })
)
