/**
 * How far the demo has come, on standard error: bars that redraw themselves on a terminal, elsewhere at most one plain line a second.
 */
import { performance } from "node:perf_hooks"

const barWidth = 30
const lineMilliseconds = 1000
const drawMilliseconds = 100

export type Name = "alice" | "bob"

export class Progress {
  private readonly total: number
  private readonly out: NodeJS.WriteStream
  private readonly began = performance.now()
  private readonly held: { [name in Name]: number } = { alice: 0, bob: 0 }
  private phase = ""
  private lines = 0
  private last = Number.NEGATIVE_INFINITY

  constructor(total: number, out: NodeJS.WriteStream) {
    this.total = total
    this.out = out
  }

  private get seconds(): string {
    return ((performance.now() - this.began) / 1000).toFixed(1).padStart(6)
  }

  /** What happens from now on. */
  enter(phase: string): void {
    this.phase = phase
    this.show(true)
  }

  hold(name: Name, objects: number): void {
    this.held[name] = objects
    this.show(false)
  }

  private show(isNew: boolean): void {
    const now = performance.now()
    if (!isNew && now - this.last < (this.out.isTTY ? drawMilliseconds : lineMilliseconds)) return
    this.last = now
    if (!this.out.isTTY) {
      this.out.write(`${this.seconds} s  ${this.phase}: alice ${this.held.alice}, bob ${this.held.bob} of ${this.total}\n`)
      return
    }
    this.clear()
    const lines = [`${this.seconds} s  ${this.phase}`, this.bar("alice"), this.bar("bob")]
    this.out.write(`${lines.map((line) => line.slice(0, this.out.columns - 1)).join("\n")}\n`)
    this.lines = lines.length
  }

  private bar(name: Name): string {
    const full = Math.min(barWidth, Math.round((this.held[name] / this.total) * barWidth))
    return `${name.padStart(10)} ${"█".repeat(full)}${"░".repeat(barWidth - full)} ${this.held[name]}`
  }

  /** Takes the bars away, so that something else can be written. */
  clear(): void {
    if (this.lines > 0) this.out.write(`\u001b[${this.lines}A\u001b[0J`)
    this.lines = 0
  }
}
