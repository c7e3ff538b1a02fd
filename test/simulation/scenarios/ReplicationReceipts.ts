/**
 * Whether the feeds bear out receipts where no fork explains that they do not: what a change depends on, and that relaxed ones are there.
 *
 * A relaxed change may be lost with the power of its machine, and by a flush that finds the disk full; by nothing else, such as a close.
 */
import type { Entry, Ledger } from "./Ledger.ts"

type Found = Parameters<Ledger["compare"]>[0]
type Deps = Found["changes"][number]["deps"]

const textOf = (deps: Deps): string =>
  deps
    .map(({ counter, feed }) => `${feed.slice(0, 4)} ${counter}`)
    .sort()
    .join(", ")

export class Receipts {
  private readonly ledger: Ledger
  /** Relaxed changes whose machines have lost power since they were done. */
  private readonly losable = new Set<Entry>()

  constructor(ledger: Ledger) {
    this.ledger = ledger
  }

  /** The machine of a peer has lost power. */
  lostPower(peer: string): void {
    for (const entry of this.ledger.entries) if (entry.peer === peer && entry.done != null) this.losable.add(entry)
  }

  /** What is wrong, each with the name of the promise. `refuses`: the disk of a peer may have refused a write. */
  compare({ changes }: Found, refuses: (peer: string) => boolean): ReadonlyArray<string> {
    const held = new Map(changes.map((change) => [`${change.feed} ${change.first}`, change]))
    return this.ledger.entries.flatMap((entry) => {
      const { done, isPutBack, isStrict, peer } = entry
      if (done == null || isPutBack) return []
      const place = `${done.feed} ${done.first}`
      const change = held.get(place)
      // another may have taken the counter of a relaxed one that was lost
      const isLosable = !isStrict && (this.losable.has(entry) || refuses(peer))
      if (change?.time !== done.time) {
        return isStrict || isLosable ? [] : [`lost: ${place} of ${peer} was relaxed, and its machine has kept its power`]
      }
      if (isLosable || textOf(change.deps) === textOf(done.deps)) return []
      return [`receipt: ${place} of ${peer} had seen ${textOf(done.deps)}, and its feed says ${textOf(change.deps)}`]
    })
  }
}
