/**
 * A Peer of the services that an assembly has put together.
 *
 * An assembly that seals nothing gives no `Sealing`.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SpaceService } from "../../services/echo/SpaceService.ts"
import { IdentityService } from "../../services/halo/IdentityService.ts"
import { Device } from "../../services/peer/Device.ts"
import { Peer } from "../../services/peer/Peer.ts"
import { Sealing } from "../../services/platform/Sealing.ts"

export const layer: Layer.Layer<Peer, never, Device | IdentityService | SpaceService> = Layer.effect(
  Peer,
  Effect.gen(function* () {
    const device = yield* Device
    const spaces = yield* SpaceService
    const identities = yield* IdentityService
    const { accept, enter } = identities
    const sealing = Option.getOrNull(yield* Effect.serviceOption(Sealing))
    return Peer.of({ device: device.text, spaces, identities, accept, enter, sealed: sealing?.by ?? "none" })
  })
)
