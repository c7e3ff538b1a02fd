/**
 * Which operation of a graph lies in the causal past of which: a set of bits for each, in pieces that neighbours share.
 *
 * Operations are numbered as they come, parents first, so a past holds smaller numbers alone. Most pasts hold almost all that came
 * before, and a piece that equals one of a parent is that parent's: 100,000 operations take some 40 MB where bits alone took 600.
 */

const pieceBits = 1_024
const pieceWords = pieceBits / 32

type Piece = Uint32Array | null

const bitOf = (n: number): number => 1 << (n & 31)
const wordOf = (n: number): number => (n % pieceBits) >>> 5

export class Ancestry {
  private readonly pasts: Array<ReadonlyArray<Piece>> = []

  get size(): number {
    return this.pasts.length
  }

  /** Takes the next operation, whose parents were taken before; answers its number. */
  add(parents: ReadonlyArray<number>): number {
    const number = this.pasts.length
    const past: Array<Piece> = []
    for (const parent of parents) unite(past, this.pasts[parent]!)
    for (let at = 0; at < past.length; at++) past[at] ??= null
    for (const parent of parents) put(past, parent)
    this.pasts.push(past)
    return number
  }

  /** Whether `a` lies in the causal past of `b`. */
  isBefore(a: number, b: number): boolean {
    return holds(this.pasts[b]!, a)
  }

  /** What lies in the past of any of some operations: of none, as it is given. */
  covered(): Covered {
    return new Covered(this.pasts)
  }
}

export class Covered {
  private readonly pasts: ReadonlyArray<ReadonlyArray<Piece>>
  private readonly all: Array<Piece> = []

  constructor(pasts: ReadonlyArray<ReadonlyArray<Piece>>) {
    this.pasts = pasts
  }

  /** Takes the past of one more. */
  add(op: number): void {
    unite(this.all, this.pasts[op]!)
  }

  has(op: number): boolean {
    return holds(this.all, op)
  }
}

const holds = (past: ReadonlyArray<Piece>, op: number): boolean => {
  const piece = past[Math.floor(op / pieceBits)] ?? null
  return piece !== null && (piece[wordOf(op)]! & bitOf(op)) !== 0
}

const unite = (past: Array<Piece>, pieces: ReadonlyArray<Piece>): void => {
  for (let at = 0; at < pieces.length; at++) past[at] = union(past[at] ?? null, pieces[at]!)
}

/** One of both, when it holds the other already. */
const union = (a: Piece, b: Piece): Piece => {
  if (a === b || b === null) return a
  if (a === null) return b
  let [isA, isB] = [true, true]
  for (let at = 0; at < pieceWords; at++) {
    const both = a[at]! | b[at]!
    if (both !== (a[at]! | 0)) isA = false
    if (both !== (b[at]! | 0)) isB = false
  }
  if (isA) return a
  return isB ? b : a.map((word, at) => word | b[at]!)
}

const put = (past: Array<Piece>, number: number): void => {
  const at = Math.floor(number / pieceBits)
  while (past.length <= at) past.push(null)
  const piece = past[at]!
  if (piece !== null && (piece[wordOf(number)]! & bitOf(number)) !== 0) return
  const own = piece === null ? new Uint32Array(pieceWords) : piece.slice()
  own[wordOf(number)]! |= bitOf(number)
  past[at] = own
}
