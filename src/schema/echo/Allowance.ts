/**
 * How much of a feed counts in its space, change set by change set, and whether what was merged of it agrees with that.
 *
 * What its writer may do and up to which counter is said by the control state, and may change at any time. What lies beyond is withheld:
 * it is delivered and leaves placeholders (Objects.ts). What a reader writes is void, except in his own profile. docs/format.md#delivery
 */
import type { Accepted } from "../halo/AcceptedPrefix.ts"
import { roles } from "../halo/Operation.ts"
import type { ChangeSet } from "./ChangeSet.ts"
import { isOfOwnProfile } from "./Profile.ts"

/** How a change set is to be merged. */
export type Judgement = "counts" | "withheld" | "void"

/** What is said of a feed of which nobody has said anything. */
const everything: Accepted = { role: roles.owner, counter: Number.POSITIVE_INFINITY }

/** The last counter that counts: none of who may do nothing. */
const limitOf = ({ counter, role }: Accepted): number => (role === 0 ? 0 : counter)

export class Allowance {
  private accepted = everything
  /** The last counter of what was judged as not withheld. */
  private countedTo = 0
  /** The last counter of the first change set that was withheld, or null. */
  private withheldTo: number | null = null

  /** From now on this is what counts. False, and nothing is changed, when what was judged before would be judged otherwise by it. */
  allow(accepted: Accepted): boolean {
    const limit = limitOf(accepted)
    if (this.countedTo > limit || (this.withheldTo !== null && this.withheldTo <= limit)) return false
    const { role } = this.accepted
    if (this.countedTo > 0 && (role === roles.reader) !== (accepted.role === roles.reader)) return false
    this.accepted = accepted
    return true
  }

  /** Judges the next change set of the feed, whose numbers of feeds are those of its block. */
  judge(changeSet: ChangeSet): Judgement {
    const last = changeSet.first + changeSet.mutations.length - 1
    if (last > limitOf(this.accepted)) {
      this.withheldTo ??= last
      return "withheld"
    }
    this.countedTo = last
    return this.accepted.role === roles.reader && !isOfOwnProfile(changeSet) ? "void" : "counts"
  }

  /** Whether nothing counts of what comes after this counter. */
  isSpentAt(counter: number): boolean {
    return counter >= limitOf(this.accepted)
  }

  /** The feed is this device's own, which has merged a change set up to this counter. */
  wrote(counter: number): void {
    this.countedTo = counter
  }
}
