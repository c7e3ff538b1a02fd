/**
 * From which operations on what some devices did is void, once their owner says since when they were another's.
 */
import { bytesOfText } from "../../schema/echo/FeedTable.ts"
import { beginningsMax } from "../../schema/platform/Limits.ts"
import type { SpaceOperations } from "../../services/halo/OperationStore.ts"

/**
 * Each operation that one of the devices signed from a time on, and that none of these lies before: a thief may sign what has not seen
 * one another, and may lie about the time: what has seen an operation of that time, whosever it is, came after it. If there is none, the latest of all where
 * another signed it: nothing of theirs comes after it, and the revocation still says that they were stolen. If there are more than so many
 * revocations can name, what let the devices in: then all that they ever did is void.
 */
export const beginningsOf = (
  operations: SpaceOperations,
  devices: ReadonlySet<string>,
  { now, since }: { readonly since: number; readonly now: number }
): ReadonlyArray<Uint8Array> => {
  const list = operations.list()
  const isLate = new Set<string>()
  const isAfter = new Set<string>()
  const found: Array<Uint8Array> = []
  for (const { id, operation, time } of list) {
    const { by, parents } = operation
    const isTold = time >= since && (time <= now || devices.has(by))
    if (isTold || parents.some((parent) => isLate.has(parent))) isLate.add(operation.id)
    const isTheirs = devices.has(by) && isLate.has(operation.id)
    const isCovered = parents.some((parent) => isAfter.has(parent))
    if (isTheirs && !isCovered) found.push(id)
    if (isTheirs || isCovered) isAfter.add(operation.id)
  }
  if (found.length > beginningsMax) return admissionsOf(operations, devices)
  const latest = list.at(-1)
  return found.length > 0 || latest === undefined || devices.has(latest.operation.by) ? found : [latest.id]
}

const admissionsOf = ({ membership }: SpaceOperations, devices: ReadonlySet<string>): ReadonlyArray<Uint8Array> => {
  const grants = new Set([...devices].flatMap((device) => membership.device(device).grants))
  return [...grants].slice(0, beginningsMax).map(bytesOfText)
}
