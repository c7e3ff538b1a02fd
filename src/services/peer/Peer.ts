/**
 * One person's device, as an application holds it: its key, and its spaces.
 *
 * The client API. An assembly decides where it lives: `PeerNode` here, in memory for tests, later in a browser or behind a port.
 */
import * as Context from "effect/Context"
import type { ActorSystem } from "../actor/ActorSystem.ts"
import type { Persistence } from "../actor/Persistence.ts"
import type { Supervisor } from "../actor/Supervisor.ts"
import type { SpaceService } from "../echo/SpaceService.ts"
import type { IdentityService } from "../halo/IdentityService.ts"
import type { SealedBy } from "../platform/Sealing.ts"

export class Peer extends Context.Service<
  Peer,
  {
    /** This device's public key as text: what another device lists in `members`. */
    readonly device: string
    readonly spaces: SpaceService["Service"]
    /** The identities of this device's person; `accept` and `enter` bring it into spaces of others, and other identities' devices here. */
    readonly identities: IdentityService["Service"]
    readonly accept: IdentityService["Service"]["accept"]
    readonly enter: IdentityService["Service"]["enter"]
    /**
     * What its data is sealed by: `passphrase`, against whoever has the folder and not that; `file`, against whoever has of the folder
     * everything but its file `key`; `none`, since it keeps nothing (docs/security.md#at-rest).
     */
    readonly sealed: SealedBy
  }
>()("troupe/peer/Peer") {}

/** What every assembly gives to the programs and actors of a device. */
export type PeerServices = Peer | ActorSystem | Supervisor | Persistence
