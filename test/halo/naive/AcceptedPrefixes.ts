/**
 * How much of each feed counts, word for word as docs/security.md has it, over the naive evaluation of the operations.
 */
import type { Operation } from "../../../src/schema/halo/Operation.ts"
import type { Evaluation } from "./Evaluation.ts"

export interface NaiveAccepted {
  /** 0 when nothing that stands has admitted the feed, or vouches for some of it. */
  readonly role: number
  /** The last counter that counts, or Infinity. */
  readonly counter: number
}

/** What a revocation says to have seen of a feed: nothing of one that it does not list. */
const frontOf = ({ deed }: Operation, feed: string): number => {
  const frontier = "frontier" in deed ? deed.frontier : []
  return frontier.reduce((most, each) => (each.feed === feed ? Math.max(most, each.counter) : most), 0)
}

const isAbove = (a: readonly number[], b: readonly number[]): boolean => {
  const at = a.findIndex((each, i) => each !== b[i])
  // a greater role, or a smaller depth
  return at < 0 || (at === 0 ? a[0]! > b[0]! : a[at]! < b[at]!)
}

export class AcceptedPrefixes {
  private readonly model: Evaluation

  constructor(model: Evaluation) {
    this.model = model
  }

  private rank(id: string): readonly number[] {
    return this.model.authors.get(id)!.rank
  }

  /** The revocations that count and took away a right by which an operation was made, of those that say what they have seen. */
  private revokersOf(id: string): ReadonlyArray<Operation> {
    const { byId, effective, uses } = this.model
    const killers = [...effective].filter((each) => uses.get(id)!.some((grant) => this.model.kills(each, grant)))
    return killers.map((each) => byId.get(each)!).filter(({ deed }) => deed.type === "Cap" || deed.type === "RemoveDevice")
  }

  /** The same of what does not stand, and of whatever gave its signer his right and does not stand either. */
  private cuttersOf(id: string): ReadonlyArray<Operation> {
    const fallen = this.model.uses.get(id)!.filter(({ op }) => !this.model.valid.has(op))
    return [...this.revokersOf(id), ...fallen.flatMap(({ op }) => this.cuttersOf(op))]
  }

  private kept(revokers: ReadonlyArray<Operation>, feed: string): number {
    if (revokers.length === 0) return Number.POSITIVE_INFINITY
    const allowed = revokers.map((each) => {
      const compromises = revokers.filter(
        (other) => "voidFrom" in other.deed && other.deed.voidFrom !== null && isAbove(this.rank(other.id), this.rank(each.id))
      )
      return Math.min(frontOf(each, feed), ...compromises.map((other) => frontOf(other, feed)))
    })
    return Math.max(...allowed)
  }

  accepted(feed: string): NaiveAccepted {
    const { authors, order, valid } = this.model
    const all = order.filter(({ deed, id }) => deed.type === "AdmitFeed" && deed.feed === feed && authors.has(id))
    const admissions = all.filter(({ id }) => valid.has(id))
    if (admissions.length === 0) {
      const cutters = all.flatMap(({ id }) => this.cuttersOf(id))
      const counter = all.length === 0 ? 0 : this.endorsed(feed, cutters)
      return { role: counter === 0 ? 0 : Math.min(...all.map(({ id }) => authors.get(id)!.role)), counter }
    }
    const role = Math.min(...admissions.map(({ id }) => authors.get(id)!.role))
    const revokers = admissions.map(({ id }) => this.revokersOf(id))
    const kept = Math.min(...revokers.map((each) => this.kept(each, feed)))
    return { role, counter: Math.max(kept, this.endorsed(feed, revokers.flat())) }
  }

  /** What those who are at least as high as all of these have vouched for. */
  private endorsed(feed: string, revokers: ReadonlyArray<Operation>): number {
    const { order, valid } = this.model
    const endorsements = order.filter(
      ({ deed, id }) =>
        deed.type === "Endorse" && valid.has(id) && revokers.every((revoker) => isAbove(this.rank(id), this.rank(revoker.id)))
    )
    const points = endorsements.flatMap(({ deed }) => (deed.type === "Endorse" ? deed.feeds : []))
    return points.reduce((most, each) => (each.feed === feed ? Math.max(most, each.counter) : most), 0)
  }
}
