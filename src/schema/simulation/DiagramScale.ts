/**
 * Where a moment is drawn: time runs downwards, stretches where much happens take room, and idle ones are folded.
 *
 * Every thing that is drawn at a moment claims room in columns, and a moment comes as far down as all its claims are free. So two labels
 * never overlap, and none has to stand away from what it names.
 */

export interface Claim {
  readonly column: string
  /** Room above and below the moment's line, in pixels. */
  readonly above: number
  readonly below: number
}

export interface Placed {
  readonly at: number
  readonly claims: ReadonlyArray<Claim>
}

export interface Fold {
  readonly y: number
  readonly height: number
  readonly from: number
  readonly to: number
}

export interface Scale<A extends Placed> {
  readonly y: (at: number) => number
  /** Of several things that claim the same column at the same moment, the later stand lower. */
  readonly yOf: (thing: A) => number
  readonly folds: ReadonlyArray<Fold>
  readonly moments: ReadonlyArray<number>
  readonly bottom: number
}

/** A stretch in which nothing is drawn for longer is folded. */
const foldMicros = 600_000
const foldHeight = 22
const foldMargin = 12

/** Pixels between two moments: a step, and more with the root of the time. */
const stepOf = (micros: number): number => 2 + Math.min(40, Math.sqrt(micros / 1_000) * 1.9)

export const scaleOf = <A extends Placed>(things: ReadonlyArray<A>, moments: ReadonlyArray<number>, top: number): Scale<A> => {
  const byMoment = new Map<number, Array<A>>()
  for (const at of [...new Set([...moments, ...things.map(({ at }) => at)])].sort((a, b) => a - b)) byMoment.set(at, [])
  for (const thing of things) byMoment.get(thing.at)!.push(thing)
  const bottoms = new Map<string, number>()
  const ys = new Map<number, number>()
  const yOfThings = new Map<A, number>()
  const folds: Array<Fold> = []
  let [last, floor] = [0, top]
  for (const [at, here] of byMoment) {
    let y = ys.size === 0 && at <= foldMicros ? top : floor + stepOf(Math.min(at - last, foldMicros))
    if (at - last > foldMicros) {
      const begin = Math.max(floor, ...bottoms.values()) + foldMargin
      folds.push({ y: begin, height: foldHeight, from: last, to: at })
      y = begin + foldHeight + foldMargin
    }
    // the first in each column moves the moment, the others stand below the first
    const free = ({ above, column }: Claim): number => (bottoms.get(column) ?? Number.NEGATIVE_INFINITY) + above
    const seen = new Set<string>()
    for (const { claims } of here) {
      for (const claim of claims) if (!seen.has(claim.column)) y = Math.max(y, free(claim))
      for (const { column } of claims) seen.add(column)
    }
    ys.set(at, y)
    floor = y
    for (const thing of here) {
      const own = Math.max(y, ...thing.claims.map(free))
      for (const { below, column } of thing.claims) bottoms.set(column, own + below)
      yOfThings.set(thing, own)
      floor = Math.max(floor, own)
    }
    last = at
  }
  const moment = (at: number): number => {
    const y = ys.get(at)
    if (y === undefined) throw new Error(`moment ${at} is not on the scale: give it to scaleOf`)
    return y
  }
  return {
    y: moment,
    yOf: (thing) => yOfThings.get(thing)!,
    folds,
    moments: [...ys.keys()],
    bottom: Math.max(floor, ...bottoms.values())
  }
}
