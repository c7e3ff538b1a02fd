/**
 * Which operations a new one comes after: all that stand and that nothing which stands comes after, as far as there is room.
 *
 * What takes a right away keeps what was done by it and lies in its past. So where there is no room for all, it comes after that first.
 */
import * as Base64Url from "effect/encoding/Base64Url"
import { operationParentsMax } from "../platform/Limits.ts"
import type { Membership } from "./Membership.ts"
import type { Operation } from "./Operation.ts"
import type { Payload } from "./Payload.ts"

type Held = ReadonlyArray<{ readonly operation: Operation }>

/** Ids, with that of the operation from which the signer's right comes; `held` is all that is here, parents first. */
export const parentsOf = (membership: Membership, held: Held, payload: Payload, proof: string | null): ReadonlyArray<string> => {
  const heads = membership.validHeads()
  if (heads.length <= operationParentsMax) return heads
  const isTaken = payload.type === "Cap" || payload.type === "RemoveDevice"
  const devices = isTaken ? membership.devicesOf(Base64Url.encode(payload.identity)) : []
  const after = afterThoseOf(held, new Set(devices))
  const first = [...(proof === null ? [] : [proof]), ...heads.filter((head) => after.has(head))]
  return [...new Set([...first, ...heads])].slice(0, operationParentsMax)
}

/** What some devices have signed, and what comes after it. */
const afterThoseOf = (held: Held, devices: ReadonlySet<string>): ReadonlySet<string> => {
  const after = new Set<string>()
  for (const { operation } of held)
    if (devices.has(operation.by) || operation.parents.some((parent) => after.has(parent))) after.add(operation.id)
  return after
}
