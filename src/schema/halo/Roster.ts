/**
 * Who is in, in the order of identities: a list that nobody changes, made anew from the last one and what differs.
 */
import type { Grant } from "./Grants.ts"
import type { Member } from "./MembershipEntry.ts"
import type { Role } from "./Operation.ts"

export class Roster {
  private ordered: ReadonlyArray<Member> = []

  list(): ReadonlyArray<Member> {
    return this.ordered
  }

  find(identity: string): Member | undefined {
    const member = this.ordered[placeOf(this.ordered, identity)]
    return member?.identity === identity ? member : undefined
  }

  /** Tells what has become of some identities: `memberOf` answers undefined of one that is not in any more. */
  update(changed: ReadonlySet<string>, memberOf: (identity: string) => Member | undefined): void {
    if (changed.size === 0) return
    const entering: Array<Member> = []
    for (const identity of changed) {
      const member = memberOf(identity)
      if (member !== undefined) entering.push(member)
    }
    entering.sort((a, b) => (a.identity < b.identity ? -1 : 1))
    const all: Array<Member> = []
    let at = 0
    for (const each of this.ordered) {
      if (changed.has(each.identity)) continue
      while (at < entering.length && entering[at]!.identity < each.identity) all.push(entering[at++]!)
      all.push(each)
    }
    while (at < entering.length) all.push(entering[at++]!)
    this.ordered = all
  }
}

/** The place of the first who is not before an identity. */
const placeOf = (ordered: ReadonlyArray<Member>, identity: string): number => {
  let [from, to] = [0, ordered.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (ordered[middle]!.identity < identity) from = middle + 1
    else to = middle
  }
  return from
}

/** What an identity is by the grants that live, its memberships and devices among them; undefined when it is not in. */
export const memberOf = (
  identity: string,
  grants: ReadonlyArray<Grant>,
  isLive: (grant: Grant) => boolean
): Member | undefined => {
  let role: Role | 0 = 0
  for (const grant of grants) if (grant.member === null && grant.role > role && isLive(grant)) role = grant.role
  if (role === 0) return undefined
  const devices = new Set<string>()
  for (const grant of grants) if (grant.member !== null && isLive(grant) && isLive(grant.member)) devices.add(grant.key)
  return { identity, role, devices: [...devices].sort() }
}
