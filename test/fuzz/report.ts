/** What the fuzzer tells at its end: outcomes by mutator, and which offsets of the corpus were hit how often. */
import type { Item } from "./corpus.ts"

/** Counts by row and column. */
export class Table {
  private readonly rows = new Map<string, Map<string, number>>()

  add(row: string, column: string): void {
    const cells = this.rows.get(row) ?? new Map<string, number>()
    cells.set(column, (cells.get(column) ?? 0) + 1)
    this.rows.set(row, cells)
  }

  /** How many in a column, of the rows that begin so. */
  count(column: string, rows = ""): number {
    return [...this.rows].reduce((sum, [row, cells]) => sum + (row.startsWith(rows) ? (cells.get(column) ?? 0) : 0), 0)
  }

  columns(): ReadonlyArray<string> {
    return [...new Set([...this.rows.values()].flatMap((cells) => [...cells.keys()]))].sort()
  }

  text(): string {
    const columns = this.columns()
    const width = Math.max(...[...this.rows.keys()].map((row) => row.length))
    const line = (name: string, cells: ReadonlyArray<string>) =>
      [name.padEnd(width), ...cells.map((cell, i) => cell.padStart(columns[i]!.length))].join("  ")
    const rows = [...this.rows].map(([row, cells]) =>
      line(
        row,
        columns.map((column) => String(cells.get(column) ?? "."))
      )
    )
    return [
      line("", columns),
      ...rows,
      line(
        "all",
        columns.map((column) => String(this.count(column)))
      )
    ].join("\n")
  }
}

/** How often each offset of each item of the corpus was hit. */
export class Coverage {
  private readonly hits = new Map<string, Uint32Array>()

  constructor(corpus: ReadonlyArray<Item>) {
    for (const { bytes, name } of corpus) this.hits.set(name, new Uint32Array(bytes.length))
  }

  hit(name: string, from: number, to: number): void {
    const hits = this.hits.get(name)!
    for (let at = from; at < Math.min(to, hits.length); at++) hits[at]!++
  }

  get missed(): number {
    return [...this.hits.values()].reduce((sum, hits) => sum + hits.filter((count) => count === 0).length, 0)
  }

  text(): string {
    const lines = [...this.hits].map(([name, hits]) => {
      const missed = hits.filter((count) => count === 0).length
      return `  ${name}: ${hits.length - missed} of ${hits.length} offsets, each ${Math.min(...hits)} to ${Math.max(...hits)} times`
    })
    return lines.join("\n")
  }
}
