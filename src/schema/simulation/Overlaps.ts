/**
 * Who holds up what, when faults of one kind overlap: each lasts as long as it would alone.
 *
 * Of those that last, the one that began last decides; of two that began at once, the one with the greater id, so that the plan alone says
 * which, and not who came first.
 */
export interface Hold {
  readonly id: string
  readonly at: number
  readonly amount: number
}

export class Overlaps {
  private readonly holds = new Map<string, ReadonlyArray<Hold>>()

  begin(what: string, hold: Hold): void {
    this.holds.set(what, [...(this.holds.get(what) ?? []), hold].sort(byBeginning))
  }

  end(what: string, id: string): void {
    const left = (this.holds.get(what) ?? []).filter((hold) => hold.id !== id)
    if (left.length > 0) this.holds.set(what, left)
    else this.holds.delete(what)
  }

  /** How much holds now; null when nothing does. */
  amount(what: string): number | null {
    return this.holds.get(what)?.at(-1)?.amount ?? null
  }
}

const byBeginning = (a: Hold, b: Hold): number => a.at - b.at || (a.id < b.id ? -1 : 1)
