/**
 * What a device of an identity did since a time, in all spaces of the identity: for who has to say from when on it was not its owner's.
 */
import * as Effect from "effect/Effect"
import { bytesOfText } from "../../schema/echo/FeedTable.ts"
import { told } from "../../schema/halo/ProvenanceText.ts"
import type { OpenError, Space, SpaceService } from "../../services/echo/SpaceService.ts"
import type { Deed, DeviceHistory } from "../../services/halo/IdentityService.ts"
import type { HeldIdentity } from "../../services/halo/IdentityStore.ts"
import type { OperationStore, SpaceOperations } from "../../services/halo/OperationStore.ts"
import type { StorageError } from "../../services/platform/Storage.ts"

export interface Looked {
  readonly operations: OperationStore["Service"]
  readonly spaces: SpaceService["Service"]
  readonly kept: Effect.Effect<ReadonlyArray<{ readonly id: string; readonly ticket: string }>, StorageError>
  readonly held: HeldIdentity
  /** The identity's own space. */
  readonly own: Space
}

const nameOf = (kind: "identity" | "device", key: string): string => `${kind} ${key.slice(0, 8)}`

const deedsIn = (
  { list, membership }: SpaceOperations,
  space: string | null,
  device: string,
  since: number
): ReadonlyArray<Deed> =>
  list().flatMap(({ operation, time }) => {
    const entry = operation.by === device && time >= since ? membership.entry(operation.id) : undefined
    const [says] = entry === undefined ? [] : told(membership, [entry], nameOf)
    return says === undefined ? [] : [{ space, operation: operation.id, time, says }]
  })

export const historyOf = Effect.fnUntraced(function* (
  { held, kept, operations, own, spaces }: Looked,
  device: string,
  since: number
): Effect.fn.Return<DeviceHistory, OpenError> {
  const deeds: Array<Deed> = []
  const changes = new Map<string, number>()
  const graph = Effect.map(operations.open(held.id, held.genesis), (set) => deedsIn(set, null, device, since))
  deeds.push(...(yield* Effect.scoped(graph)))
  for (const { id, ticket } of yield* kept) {
    const bytes = bytesOfText(id)
    deeds.push(...(yield* Effect.scoped(Effect.map(operations.open(bytes, null), (set) => deedsIn(set, id, device, since)))))
    const space = yield* spaces.open(ticket)
    changes.set(id, yield* space.membership.changesBy(device, since))
  }
  changes.set(held.text, yield* own.membership.changesBy(device, since))
  return { deeds: deeds.sort((a, b) => a.time - b.time), changes }
})
