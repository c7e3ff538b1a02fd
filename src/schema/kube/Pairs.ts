/**
 * Who waits for whom under the id of a meeting: a pure machine that pairs exactly two ends and refuses a third.
 *
 * The id is random and known to the two ends alone. Used by the KUBE's relay and by networks in memory. docs/format.md#relay
 */

/** `Waits`: the first end. `Paired`: the second, with the first. `Refused`: a third, or too many wait already. */
export type Pairing<End> =
  | { readonly _tag: "Waits" }
  | { readonly _tag: "Paired"; readonly other: End }
  | { readonly _tag: "Refused"; readonly reason: "taken" | "too many wait" }

export class Pairs<End> {
  private readonly waiting = new Map<string, End>()
  private readonly paired = new Map<string, number>()
  private readonly waitingMax: number

  constructor(waitingMax: number) {
    this.waitingMax = waitingMax
  }

  meet(id: string, end: End): Pairing<End> {
    if (this.paired.has(id)) return { _tag: "Refused", reason: "taken" }
    const other = this.waiting.get(id)
    if (other === undefined) {
      if (this.waiting.size >= this.waitingMax) return { _tag: "Refused", reason: "too many wait" }
      this.waiting.set(id, end)
      return { _tag: "Waits" }
    }
    this.waiting.delete(id)
    this.paired.set(id, 2)
    return { _tag: "Paired", other }
  }

  /** The end is gone; when it was the second of a pair to go, the id is free again. */
  leave(id: string, end: End): void {
    if (this.waiting.get(id) === end) this.waiting.delete(id)
    const left = this.paired.get(id)
    if (left === undefined) return
    if (left > 1) this.paired.set(id, left - 1)
    else this.paired.delete(id)
  }

  counts(): { readonly waiting: number; readonly paired: number } {
    return { waiting: this.waiting.size, paired: this.paired.size }
  }
}
