/**
 * How far a run of seeds is, on standard error: one line written over on a terminal, elsewhere a line every few seconds.
 */
import { counted } from "../schema/simulation/Report.ts"

const terminalMillis = 100
const otherwiseMillis = 5_000

export class SimulateProgress {
  private readonly total: number | null
  private readonly isTerminal = process.stderr.isTTY === true
  private readonly began = performance.now()
  private last = Number.NEGATIVE_INFINITY

  /** `total` is null when the end is a time. */
  constructor(total: number | null) {
    this.total = total
  }

  told(done: number, failing: number): void {
    const now = performance.now()
    if (now - this.last < (this.isTerminal ? terminalMillis : otherwiseMillis)) return
    this.last = now
    const perSecond = (done * 1_000) / Math.max(1, now - this.began)
    const seeds = this.total === null ? counted(done, "seed") : `${done} of ${counted(this.total, "seed")}`
    const failed = failing === 0 ? "" : `, ${failing} failed`
    this.write(`${seeds}, ${perSecond.toFixed(1)} a second${failed}`)
  }

  /** Makes room for another line. */
  clear(): void {
    if (this.isTerminal) process.stderr.write("\r\u001b[K")
  }

  private write(line: string): void {
    process.stderr.write(this.isTerminal ? `\r\u001b[K${line}` : `${line}\n`)
  }
}
