/**
 * Who let somebody in, and by what right: the operations that a membership or a device comes from, up to the one that founded the space.
 *
 * What was cut off or taken away is shown as well as what stands, with what did so. Nothing here decides: it reads what Membership has
 * judged. In words: ProvenanceText.ts.
 */
import type { Membership } from "./Membership.ts"
import type { Entry } from "./MembershipEntry.ts"

/** Where a membership or a device comes from: the operation that granted it, then all that this one rests on, latest first. */
export type Origin = ReadonlyArray<Entry>

/**
 * Of every membership and device that an identity has or had, in the order in which they came; with the key of one of its devices, of
 * that one alone. Empty when nobody ever let it in.
 */
export const provenance = (membership: Membership, identity: string, device: string | null = null): ReadonlyArray<Origin> => {
  const origins = membership.admissionsOf(identity).map((id) => originOf(membership, id))
  if (device === null) return origins
  return origins.filter(([first]) => first?.grants.some(({ key, kind }) => kind === "device" && key === device))
}

/** Of any operation; empty when it is not here. */
export const originOf = (membership: Membership, id: string): Origin => {
  const origin: Array<Entry> = []
  const reached = new Set([id])
  // a set shows what is added while it is gone through
  for (const each of reached) {
    const entry = membership.entry(each)
    if (entry === undefined) continue
    origin.push(entry)
    for (const right of entry.rights) reached.add(right)
  }
  return origin.sort((a, b) => b.place - a.place)
}
