/**
 * What lasts, in a trace: downtime and pauses of peers, disks that are full or slow, links that are cut, faults and steps.
 *
 * A span that nothing ends, such as a crash without a boot, is open: its end is `null`.
 */
import type { TraceEvent } from "./TraceEvent.ts"

export type SpanKind = "down" | "frozen" | "full" | "slow" | "step" | "fault" | "network" | "cut"

export interface TraceSpan {
  readonly kind: SpanKind
  /** The peer, the fault, or the link that it is about, such as `ann>bob`. */
  readonly of: string
  readonly from: number
  readonly to: number | null
  readonly says: string
}

/** All spans, in the order in which they begin. */
export const spansOf = (events: ReadonlyArray<TraceEvent>, nodes: ReadonlyArray<string>): ReadonlyArray<TraceSpan> => {
  const spans = new Spans(nodes)
  for (const event of events) spans.take(event)
  return spans.all()
}

class Spans {
  private readonly nodes: ReadonlyArray<string>
  private readonly open = new Map<string, TraceSpan>()
  private readonly over: Array<TraceSpan> = []
  /** When a planned fault has begun: what the network says at that moment is its doing. */
  private faultAt = -1

  constructor(nodes: ReadonlyArray<string>) {
    this.nodes = nodes
  }

  all(): ReadonlyArray<TraceSpan> {
    return [...this.over, ...this.open.values()].sort(
      (a, b) => a.from - b.from || (`${a.kind} ${a.of}` < `${b.kind} ${b.of}` ? -1 : 1)
    )
  }

  private begin(kind: SpanKind, of: string, from: number, says: string): void {
    if (!this.open.has(`${kind} ${of}`)) this.open.set(`${kind} ${of}`, { kind, of, from, to: null, says })
  }

  private end(kind: SpanKind, of: string, to: number): void {
    const span = this.open.get(`${kind} ${of}`)
    if (span === undefined) return
    this.open.delete(`${kind} ${of}`)
    this.over.push({ ...span, to })
  }

  private endAll(kinds: ReadonlyArray<SpanKind>, to: number, isOf: (span: TraceSpan) => boolean = () => true): void {
    for (const span of [...this.open.values()]) if (kinds.includes(span.kind) && isOf(span)) this.end(span.kind, span.of, to)
  }

  take(event: TraceEvent): void {
    if (event.peer === null || ["step", "did", "fault"].includes(event.kind)) this.takePlanned(event)
    else this.takeOf(event.peer, event)
  }

  private takeOf(peer: string, { at, details, kind, says }: TraceEvent): void {
    if (kind === "boot") this.end("down", peer, at)
    else if (kind === "freeze") this.begin("frozen", peer, at, "frozen")
    else if (kind === "thaw") this.end("frozen", peer, at)
    else if (kind === "crash" || kind === "close" || kind === "unbooted") {
      this.begin("down", peer, at, `${peer} ${says}`)
      this.end("frozen", peer, at)
      this.endAll(["step"], at, (span) => span.says.startsWith(`${peer} `))
    } else if (kind === "full") this.turn("full", peer, at, details[1] === "true", "disk full")
    else if (kind === "slowdisk") this.turn("slow", peer, at, Number(details[1]) > 0, says)
  }

  private turn(kind: SpanKind, of: string, at: number, isOn: boolean, says: string): void {
    this.end(kind, of, at)
    if (isOn) this.begin(kind, of, at, says)
  }

  private takePlanned(event: TraceEvent): void {
    const { at, details, kind, peer, short } = event
    const [first = "", second = ""] = details
    if (kind === "step") this.begin("step", first, at, `${peer} ${short}`)
    else if (kind === "did") this.end("step", first, at)
    else if (kind === "fault") {
      this.begin("fault", first, at, short)
      this.faultAt = at
    } else if (kind === "mended") this.end("fault", first, at)
    else if (kind === "heal") this.endAll(["cut", "network"], at, ({ of }) => !of.startsWith("signaling "))
    else if (kind === "signaling" && first === "up") this.end("network", "signaling down", at)
    else if (kind === "unclog") this.endAll(["network"], at, ({ of }) => of === `clog ${first} ${second}`)
    else if (["partition", "cut", "part", "clog", "slow", "signaling"].includes(kind)) this.takeNetwork(event)
  }

  private takeNetwork({ at, details, kind, says }: TraceEvent): void {
    const [one = "", other = "", third = ""] = details
    const groups =
      kind === "partition"
        ? details
            .join(" ")
            .split("|")
            .map((group) => group.split("+"))
        : []
    const pairs = groups.flatMap((group, i) =>
      groups.slice(i + 1).flatMap((others) => group.flatMap((a) => others.map((b) => [a, b] as const)))
    )
    if (kind === "cut" || kind === "part") pairs.push([one, other])
    for (const [a, b] of pairs) {
      this.begin("cut", `${a}>${b}`, at, says)
      if (kind !== "cut") this.begin("cut", `${b}>${a}`, at, says)
    }
    if (this.faultAt === at || this.isNowhere(kind, one, other)) return
    const of = kind === "signaling" ? `${kind} ${one}` : `${kind} ${kind === "partition" ? at : `${one} ${other}`}`
    const isMeasured = kind === "slow" || one === "slow" || one === "careless"
    const isOn = !isMeasured || Number(kind === "signaling" ? other : third) > 0
    if (isMeasured) this.end("network", of, at)
    if (isOn) this.begin("network", of, at, says)
  }

  /** What is over at once, and links of nodes that are not drawn. */
  private isNowhere(kind: string, one: string, other: string): boolean {
    if (kind === "signaling") return one === "forget"
    return kind !== "partition" && ![one, other].every((node) => this.nodes.includes(node))
  }
}
