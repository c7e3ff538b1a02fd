/**
 * Operations that are to be judged, each once: the greatest rank first, and of one rank in the order in which they came. A binary heap.
 */
export class Upcoming {
  private readonly heap: Array<number> = []
  private readonly waiting = new Set<number>()
  private readonly rank: (op: number) => number

  constructor(rank: (op: number) => number) {
    this.rank = rank
  }

  add(op: number): void {
    if (this.waiting.has(op)) return
    this.waiting.add(op)
    const { heap } = this
    let at = heap.push(op) - 1
    while (at > 0) {
      const above = (at - 1) >>> 1
      if (!this.isFirst(heap[at]!, heap[above]!)) return
      this.swap(at, above)
      at = above
    }
  }

  /** Takes the next out; −1 when there is none. */
  next(): number {
    const { heap } = this
    const first = heap[0]
    if (first === undefined) return -1
    this.waiting.delete(first)
    const last = heap.pop()!
    if (heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      if (left >= heap.length) return first
      const right = left + 1
      const child = right < heap.length && this.isFirst(heap[right]!, heap[left]!) ? right : left
      if (!this.isFirst(heap[child]!, heap[at]!)) return first
      this.swap(at, child)
      at = child
    }
  }

  private isFirst(a: number, b: number): boolean {
    const order = this.rank(a) - this.rank(b)
    return order > 0 || (order === 0 && a < b)
  }

  private swap(a: number, b: number): void {
    const { heap } = this
    const held = heap[a]!
    heap[a] = heap[b]!
    heap[b] = held
  }
}
