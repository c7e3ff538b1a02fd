/**
 * A failed simulation as text for a terminal: a line for each event, a column for each peer, time in seconds.
 *
 * Packets and writes between two other events are summed, idle stretches are folded, and of a long trace those lines stay that are close
 * to the failure, with what was planned before the rest.
 */
import { wrap } from "./DiagramText.ts"
import { bytesOf, counted, durationOf, type Report, verdictOf } from "./Report.ts"
import { eventsOf, isSmall, type Mark, peersOf, type TraceEvent } from "./TraceEvent.ts"
import { spansOf, type TraceSpan } from "./TraceSpan.ts"

/** A line to be: one event, or a run of packets or writes. */
interface Entry {
  readonly at: number
  until: number
  readonly peer: string | null
  hop: { readonly from: string; readonly to: string } | null
  readonly mark: Mark
  text: string
  count: number
  bytes: number
  readonly isSum: boolean
  /** How much further away it counts than it is. */
  readonly distance: number
}

const foldMicros = 1_000_000
const timeWidth = 9
const leastLines = 10
const leastWidth = 40

/** At most `linesMax` lines (60 unless said) of at most `width` columns (100 unless said), and no colours. */
export const timeline = (report: Report, options: { readonly linesMax?: number; readonly width?: number } = {}): string => {
  const linesMax = Math.max(leastLines, options.linesMax ?? 60)
  const width = Math.max(leastWidth, options.width ?? 100)
  const events = eventsOf(report)
  const entries = summed(events)
  const columns = new Columns(report, events, width)
  const says = report.failure === null ? "" : `: ${report.failure.says}`
  const head = [
    cut(`${report.title}, seed ${report.seed}`, width),
    ...wrap(`${verdictOf(report)}${says}`, width, 3, lengthOf),
    "",
    cut(columns.heads, width)
  ]
  const rows = (count: number) => rowsOf(entries, chosen(entries, count), columns).map((row) => cut(row.trimEnd(), width))
  let count = Math.min(entries.length, linesMax - head.length)
  let body = rows(count)
  for (let over = head.length + body.length - linesMax; over > 0 && count > 1; over = head.length + body.length - linesMax) {
    count = Math.max(1, count - Math.max(1, over >> 1))
    body = rows(count)
  }
  return [...head, ...body].join("\n")
}

const lengthOf = (text: string): number => [...text].length

const cut = (text: string, width: number): string => {
  // a control character would move the cursor, or worse
  const letters = [...text.replace(/\p{Cc}/gu, "\ufffd")]
  return letters.length <= width ? letters.join("") : `${letters.slice(0, width - 1).join("")}…`
}

/** What only keeps connections alive is one line, whoever sent it. */
const small = "small"

/** Events in order; of the packets and writes between two others, one entry for each pair of nodes or kind of write. */
const summed = (events: ReadonlyArray<TraceEvent>): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  let run = new Map<string, Entry>()
  let last = 0
  for (const event of events) {
    const { at, details, hop, mark, peer, sort } = event
    const isSum = sort === "packet" || sort === "write"
    if (!(isSum || sort === "link") || at - last > foldMicros) run = new Map()
    last = at
    const key = sort === "packet" ? (isSmall(event) ? small : `${hop!.from}→${hop!.to}`) : `${peer} ${mark}`
    // what the check says stands above already
    const says = event.kind === "violated" ? `violates ${details[0]}` : event.says
    let entry = isSum ? run.get(key) : undefined
    if (entry === undefined) {
      entry = {
        at,
        until: at,
        peer,
        hop,
        mark,
        text: `${peer === null ? "" : `${peer} `}${says}`,
        count: 0,
        bytes: 0,
        isSum,
        distance: key === small && isSum ? 6 : isSum || sort === "link" || (event.kind === "did" && event.tone === "good") ? 3 : 1
      }
      entries.push(entry)
      if (isSum) run.set(key, entry)
    }
    if (!isSum) continue
    entry.count++
    entry.until = at
    entry.bytes += hop === null ? Number(details[2]) : hop.bytes
    if (entry.count === 1) continue
    if (key === small && (entry.hop?.from !== hop?.from || entry.hop?.to !== hop?.to)) entry.hop = null
    const between = entry.hop === null ? "" : ` ${hop!.from}→${hop!.to}`
    if (sort === "packet")
      entry.text = `${entry.count} ${key === small ? "small " : ""}packets${between}, ${bytesOf(entry.bytes)}`
    else entry.text = `${peer} writes ${entry.count} times, ${bytesOf(entry.bytes)}, ${mark}`
  }
  return entries
}

/** The entries that are closest to the end, each at its own distance. */
const chosen = (entries: ReadonlyArray<Entry>, count: number): ReadonlySet<Entry> => {
  const ranked = entries.map((entry, i) => ({ entry, i, distance: (entries.length - i) * entry.distance }))
  ranked.sort((a, b) => a.distance - b.distance || b.i - a.i)
  return new Set(ranked.slice(0, count).map(({ entry }) => entry))
}

const rowsOf = (entries: ReadonlyArray<Entry>, shown: ReadonlySet<Entry>, columns: Columns): ReadonlyArray<string> => {
  const rows: Array<string> = []
  let [leftOut, last, said] = [0, 0, ""]
  for (const entry of entries) {
    if (!shown.has(entry)) {
      leftOut++
    } else {
      const idle = entry.at - last
      const folded = idle > foldMicros ? `… ${durationOf(idle)} …` : ""
      const hidden = leftOut > 0 ? `${counted(leftOut, "line")} left out` : ""
      if (folded !== "" || hidden !== "")
        rows.push(columns.row("", last + idle / 2, null, [folded, hidden].filter((part) => part !== "").join(", ")))
      const time = (entry.at / 1_000_000).toFixed(3)
      rows.push(columns.row(time === said ? "" : time, entry.at, entry, entry.text))
      leftOut = 0
      said = time
    }
    last = entry.until
  }
  return rows
}

const signs: { readonly [mark in Mark]: string } = {
  boot: "▲",
  crash: "✕",
  close: "□",
  strict: "●",
  relaxed: "○",
  ack: "✓",
  step: "▸",
  note: "·",
  state: "◆",
  violated: "✗",
  none: "│"
}

/** The columns of the nodes: what each shows at a moment, and the arrows between them. */
class Columns {
  private readonly nodes: ReadonlyArray<string>
  private readonly size: number
  private readonly states: ReadonlyArray<TraceSpan>

  constructor(report: Report, events: ReadonlyArray<TraceEvent>, width: number) {
    const peers = peersOf(report)
    const others = new Set(
      events.flatMap(({ hop }) => (hop === null ? [] : [hop.from, hop.to])).filter((node) => !peers.includes(node))
    )
    const nodes = [...peers, ...[...others].sort()]
    const longest = Math.min(9, Math.max(4, ...nodes.map(lengthOf)) + 1)
    const room = Math.floor((width - timeWidth) / 2 / nodes.length)
    this.size = Math.min(longest, room)
    this.nodes = this.size < 2 ? [] : nodes
    this.states = spansOf(events, nodes).filter(({ kind }) => kind === "down" || kind === "frozen")
  }

  get heads(): string {
    const names = this.nodes.map((name) => {
      const letters = [...name].slice(0, this.size - 1)
      return " "
        .repeat(Math.ceil((this.size - letters.length) / 2))
        .concat(letters.join(""))
        .padEnd(this.size)
    })
    return `${"seconds".padStart(timeWidth)}  ${names.join("")}`.trimEnd()
  }

  row(time: string, at: number, entry: Entry | null, text: string): string {
    const cells = Array.from({ length: this.nodes.length * this.size }, () => " ")
    this.nodes.forEach((node, i) => {
      cells[this.middle(i)] = entry === null ? "⋮" : this.stateOf(node, at)
    })
    if (entry !== null && entry.hop !== null) this.draw(cells, entry.hop.from, entry.hop.to, entry.isSum)
    else if (entry !== null) {
      const i = entry.peer === null ? -1 : this.nodes.indexOf(entry.peer)
      if (i >= 0) cells[this.middle(i)] = signs[entry.mark]
    }
    return `${time.padStart(timeWidth)}  ${cells.join("")}  ${text}`
  }

  private middle(i: number): number {
    return i * this.size + (this.size >> 1)
  }

  private stateOf(node: string, at: number): string {
    const state = this.states.find(({ from, of, to }) => of === node && from <= at && (to === null || at < to))
    return state === undefined ? "│" : state.kind === "down" ? " " : "┊"
  }

  private draw(cells: Array<string>, from: string, to: string, isPacket: boolean): void {
    const [start, end] = [this.nodes.indexOf(from), this.nodes.indexOf(to)].map((i) => this.middle(i))
    if (start === undefined || end === undefined || start < 0 || end < 0) return
    for (let i = Math.min(start, end) + 1; i < Math.max(start, end); i++) cells[i] = isPacket ? "─" : "·"
    if (!isPacket) return
    cells[start] = start < end ? "├" : "┤"
    cells[end] = start < end ? "▶" : "◀"
  }
}
