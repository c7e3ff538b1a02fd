/**
 * What stands around services of a peer that lies: each layer is given the real service, and gives one that lies by it.
 */
import type * as Layer from "effect/Layer"
import type { Replicator } from "../echo/Replicator.ts"
import type { Entrance } from "../halo/Entrance.ts"
import type { OperationStore } from "../halo/OperationStore.ts"
import type { Crypto } from "../platform/Crypto.ts"
import type { Keyring } from "../platform/Keyring.ts"

export interface Lying {
  readonly operations: Layer.Layer<OperationStore, never, OperationStore | Crypto | Keyring>
  readonly entrance: Layer.Layer<Entrance, never, Entrance | Crypto | Keyring>
  readonly replicator: Layer.Layer<Replicator, never, Replicator | Crypto | Keyring>
}
