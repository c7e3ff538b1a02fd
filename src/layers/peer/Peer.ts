/**
 * A Peer of the services that an assembly has put together.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SpaceService } from "../../services/echo/SpaceService.ts"
import { Device } from "../../services/peer/Device.ts"
import { Peer } from "../../services/peer/Peer.ts"

export const layer: Layer.Layer<Peer, never, Device | SpaceService> = Layer.effect(
  Peer,
  Effect.gen(function* () {
    const device = yield* Device
    const spaces = yield* SpaceService
    return Peer.of({ device: device.text, spaces })
  })
)
