/**
 * How much of a feed counts: the blocks up to a counter, which follows from the operations of its space. docs/security.md#membership
 *
 * A feed counts from the operation on that admits it, by the right of the device that writes it. Who takes that right away says how far
 * he has seen the feed, and that is kept: it is enough that one of them has seen it, but nobody of a lower rank undoes a point from which
 * another says that the device was not its owner's any more. Who leaves of his own accord takes nothing away. Of a feed whose admission
 * was cut off counts what somebody has vouched for who is as high as all who did that.
 */
import type { Membership, Revocation, Said } from "./Membership.ts"
import type { Deed, Role } from "./Operation.ts"

export interface Accepted {
  /** What the feed's writer may do; 0 when nothing that stands has admitted the feed, or vouches for some of it. */
  readonly role: Role | 0
  /** The last counter that counts, or Infinity. */
  readonly counter: number
}

/** What is known of a feed besides operations. */
export interface FeedBounds {
  /** The counter up to which a base that was adopted holds it: that is never taken back. */
  readonly floor: number
  /** The last counter before the place where it is proven to have forked, or Infinity. */
  readonly freeze: number
}

type Admission = Said & { readonly deed: Deed & { readonly type: "AdmitFeed" } }

const isAdmission = (said: Said): said is Admission => said.deed.type === "AdmitFeed"

export const acceptedPrefix = (membership: Membership, feed: string, { floor, freeze }: FeedBounds): Accepted => {
  const about = membership.about(feed)
  const all = about.filter(isAdmission)
  const admissions = all.filter(({ stands }) => stands)
  if (admissions.length === 0) return vouchedFor(about, all, feed, { floor, freeze })
  // admitted twice by its device, it counts by what both allow
  const role = Math.min(...admissions.map((each) => each.role)) as Role
  const revocations = admissions.map(({ revokedBy }) => revokedBy.filter(hasFront))
  const counter = Math.min(...revocations.map((each) => kept(each, feed)))
  return { role, counter: Math.max(floor, Math.min(freeze, Math.max(counter, endorsed(about, revocations.flat(), feed)))) }
}

/** What counts of a feed whose admissions were all cut off. */
const vouchedFor = (about: ReadonlyArray<Said>, cut: ReadonlyArray<Admission>, feed: string, { floor, freeze }: FeedBounds) => {
  const revocations = cut.flatMap(({ revokedBy }) => revokedBy).filter(hasFront)
  const counter = cut.length === 0 ? 0 : Math.min(freeze, endorsed(about, revocations, feed))
  const role = counter === 0 ? 0 : Math.min(...cut.map((each) => each.role))
  return { role: role as Role | 0, counter: Math.max(floor, counter) }
}

/** Who leaves says not how far he is. */
const hasFront = ({ deed }: Revocation): boolean => deed.type === "Cap" || deed.type === "RemoveDevice"

/** How far a revocation has seen a feed: of those that it does not name, nothing. */
const front = ({ deed }: Revocation, feed: string): number => {
  const frontier = "frontier" in deed ? deed.frontier : []
  return Math.max(0, ...frontier.filter((each) => each.feed === feed).map(({ counter }) => counter))
}

const isCompromise = ({ deed }: Revocation): boolean => "voidFrom" in deed && deed.voidFrom !== null

const kept = (revocations: ReadonlyArray<Revocation>, feed: string): number => {
  if (revocations.length === 0) return Number.POSITIVE_INFINITY
  const compromises = revocations.filter(isCompromise)
  const allowed = (by: Revocation): number => {
    const above = compromises.filter(({ rank }) => rank >= by.rank).map((each) => front(each, feed))
    return Math.min(front(by, feed), ...above)
  }
  return Math.max(...revocations.map(allowed))
}

/** What somebody at least as high as all who took the right away has vouched for. */
const endorsed = (about: ReadonlyArray<Said>, revocations: ReadonlyArray<Revocation>, feed: string): number => {
  const needed = Math.max(0, ...revocations.map(({ rank }) => rank))
  const points = about.flatMap(({ deed, rank }) => (deed.type === "Endorse" && rank >= needed ? deed.feeds : []))
  return Math.max(0, ...points.filter((each) => each.feed === feed).map(({ counter }) => counter))
}
