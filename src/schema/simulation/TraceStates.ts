/**
 * In which states peers were, as a trace tells it: in which events they left them, and in which states a crash came.
 *
 * The states are those that a trace knows the beginning and the end of: a peer is up or frozen, takes a step, is connected to another, or has a
 * disk that is full or slow. A crash ends all but the last two, which are the machine's.
 */
import { nodesOf, type TraceLine } from "./TraceLine.ts"

export interface Row {
  readonly state: string
  /** What has happened: the end of the state, such as `thaw`, or `crash` (of a process) or `powerLoss`. */
  readonly event: string
  /** How often the event has ended the state in order. */
  readonly left: number
  /** How often it was a crash that came in that state. */
  readonly crashed: number
}

interface Lasting {
  readonly state: string
  readonly peers: ReadonlyArray<string>
}

const outlastCrashes: ReadonlySet<string> = new Set(["disk full", "disk slow"])

export class TraceStates {
  /** By the state and whose it is. */
  private readonly lasting = new Map<string, Lasting>()
  private readonly rows: Array<Row> = []

  get table(): ReadonlyArray<Row> {
    return summed([this.rows])
  }

  take({ details, kind }: TraceLine): void {
    const [first = "", second = ""] = details
    if (kind === "boot") this.begin("up", first)
    else if (kind === "freeze") this.begin("frozen", first)
    else if (kind === "thaw") this.end("frozen", first, kind)
    else if (kind === "step") this.begin("step", first, [second])
    else if (kind === "did") this.end("step", first, second)
    else if (kind === "open") this.begin("connected", first, nodesOf(first) ?? [])
    else if (kind === "end" || kind === "reset") this.end("connected", first, kind)
    else if (kind === "full") this.turn("disk full", first, second === "true", "room")
    else if (kind === "slowdisk") this.turn("disk slow", first, Number(second) > 0, "fast")
    else if (kind === "crash") this.over(first, second === "machine" ? "powerLoss" : "crash", true)
    else if (kind === "close" || kind === "unbooted") this.over(first, kind, false)
  }

  private begin(state: string, of: string, peers: ReadonlyArray<string> = [of]): void {
    this.lasting.set(`${state} ${of}`, { state, peers })
  }

  private end(state: string, of: string, event: string): void {
    if (this.lasting.delete(`${state} ${of}`)) this.rows.push({ state, event, left: 1, crashed: 0 })
  }

  private turn(state: string, of: string, isOn: boolean, event: string): void {
    if (isOn) this.begin(state, of)
    else this.end(state, of, event)
  }

  /** A life is over, and all that it was in. */
  private over(peer: string, event: string, isCrash: boolean): void {
    for (const [key, { peers, state }] of [...this.lasting]) {
      if (!peers.includes(peer)) continue
      if (!outlastCrashes.has(state)) this.lasting.delete(key)
      else if (!isCrash) continue
      this.rows.push({ state, event, left: isCrash ? 0 : 1, crashed: isCrash ? 1 : 0 })
    }
  }
}

/** Tables added up, in the order of states and events. */
export const summed = (tables: Iterable<ReadonlyArray<Row>>): ReadonlyArray<Row> => {
  const sums = new Map<string, Row>()
  for (const rows of tables)
    for (const row of rows) {
      const key = `${row.state}, ${row.event}`
      const { crashed = 0, left = 0 } = sums.get(key) ?? {}
      sums.set(key, { ...row, left: left + row.left, crashed: crashed + row.crashed })
    }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}
