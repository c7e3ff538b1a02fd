/**
 * Where everything in a space-time diagram stands, as data: peers are lanes, time runs downwards, messages are arrows.
 *
 * Labels stand to the right of their lane, in the gap before the next, and what concerns the world stands beside the lanes, each fault
 * with a bracket as long as it lasts. What each is drawn with is decided in DiagramSvg.
 */

import {
  type Arrow,
  type Bar,
  failureSize,
  fontSize,
  type Label,
  type Lane,
  type Layout,
  lineHeight,
  type Point
} from "./DiagramParts.ts"
import { type Claim, type Fold, type Placed, type Scale, scaleOf } from "./DiagramScale.ts"
import { widthOf, wrap } from "./DiagramText.ts"
import { counted, durationOf, secondsOf } from "./Report.ts"
import type { Hop, TraceEvent } from "./TraceEvent.ts"
import type { Focus } from "./TraceFocus.ts"
import { spansOf, type TraceSpan } from "./TraceSpan.ts"

const timeWidth = 84
const sideWidth = 236
const trackWidth = 10
const tracksMax = 8
const padding = 5

/** Something to draw at a moment: an event, with the lines of its label. */
interface Thing extends Placed {
  readonly event: TraceEvent
  readonly lines: ReadonlyArray<string>
  /** A packet is two things: that it is sent, and that it arrives. */
  readonly isSent?: true
}

export const layoutOf = (peers: ReadonlyArray<string>, all: ReadonlyArray<TraceEvent>, { leftOut, shown }: Focus): Layout =>
  new Draft(peers, all, shown, leftOut).layout()

class Draft {
  private readonly shown: ReadonlyArray<TraceEvent>
  private readonly leftOut: ReadonlyArray<TraceEvent>
  private readonly lanes: ReadonlyArray<Lane>
  private readonly x = new Map<string, number>()
  private readonly gap: number
  private readonly sideX: number
  private readonly spans: ReadonlyArray<TraceSpan>
  private readonly failure: TraceEvent | undefined
  private readonly tracks: ReadonlyMap<TraceSpan, number>
  private readonly scale: Scale<Thing>
  private readonly things: ReadonlyArray<Thing>

  constructor(
    peers: ReadonlyArray<string>,
    all: ReadonlyArray<TraceEvent>,
    shown: ReadonlyArray<TraceEvent>,
    leftOut: ReadonlyArray<TraceEvent>
  ) {
    this.shown = shown
    this.leftOut = leftOut
    this.failure = shown.find(({ kind }) => kind === "violated")
    const others = [...new Set(shown.flatMap(({ hop }) => (hop === null ? [] : [hop.from, hop.to])))].filter(
      (node) => !peers.includes(node)
    )
    this.gap = peers.length <= 3 ? 236 : peers.length === 4 ? 212 : peers.length === 5 ? 192 : 160
    const nodes = [...peers, ...others.sort()]
    this.lanes = nodes.map((name, i) => ({
      name,
      x: timeWidth + 24 + i * this.gap,
      isPeer: i < peers.length,
      isFailing: this.failure?.peer === name
    }))
    for (const { name, x } of this.lanes) this.x.set(name, x)
    this.sideX = timeWidth + 24 + (nodes.length - (others.length > 0 ? 0.75 : 0)) * this.gap
    const ids = new Set(shown.map(({ details, kind }) => (kind === "step" ? details[0] : undefined)))
    const seen = new Set(shown.map(({ at }) => at))
    this.spans = spansOf(all, nodes).filter(({ from, kind, of, to }) =>
      kind === "step" ? ids.has(of) && seen.has(from) : to === null || seen.has(from) || seen.has(to)
    )
    this.tracks = tracksOf(this.spans)
    this.things = this.shown.flatMap((event) => this.thingOf(event))
    const moments = [
      ...this.shown.flatMap(({ at, hop }) => (hop === null ? [at] : [hop.sent, at])),
      ...this.spans.flatMap(({ from, to }) => [from, to ?? from])
    ]
    this.scale = scaleOf(this.things, moments, 24)
  }

  layout(): Layout {
    const { bottom: under, folds } = this.scale
    const failure = this.failureOf()
    const bottom = failure?.y ?? under + 16
    const banner = failure === null ? [] : [failure.label]
    const labels = [
      ...this.things.flatMap((thing) => this.labelOf(thing)),
      ...folds.flatMap((fold) => this.foldLabel(fold)),
      ...banner
    ]
    return {
      width: this.sideX + sideWidth + this.trackCount * trackWidth + 12,
      height: Math.max(bottom + 16, ...labels.map(({ height, y }) => y + height + 16)),
      top: 8,
      bottom,
      lanes: this.lanes,
      arrows: this.arrowsOf(),
      points: this.things.flatMap((thing) => this.pointOf(thing)),
      bars: [...this.spans.flatMap((span) => this.barOf(span, bottom)), ...this.wallsOf(bottom)],
      leaders: this.things.flatMap((thing) => this.leaderOf(thing)),
      folds: folds.map((fold) => ({ ...fold, text: `… ${durationOf(fold.to - fold.from)} …` })),
      ticks: this.ticksOf(),
      labels,
      failure: failure === null ? null : { y: failure.y, text: failure.text },
      sideX: labels.some(({ role }) => role === "side") ? this.textX : null
    }
  }

  private get trackCount(): number {
    return Math.max(0, ...[...this.tracks.values()].map((track) => track + 1))
  }

  private get firstX(): number {
    return this.lanes[0]?.x ?? timeWidth + 24
  }

  private get textX(): number {
    return this.sideX + this.trackCount * trackWidth + 8
  }

  // What claims room ------------------------------------------------------------------------------------------------------------------

  private thingOf(event: TraceEvent): ReadonlyArray<Thing> {
    const { at, hop, kind, mark, peer, sort } = event
    if (kind === "violated") return []
    if (hop !== null)
      return sort === "packet" ? this.packetOf(event, hop) : [{ event, at, lines: [], claims: this.underWire(hop) }]
    const text = this.textFor(event)
    const width = peer === null ? sideWidth - 16 : this.gap - 46
    const lines = text === "" ? [] : wrap(text, width, peer === null ? 3 : 2, (line) => widthOf(line, fontSize))
    if (lines.length === 0 && (peer === null || mark === "none" || mark === "step")) return []
    const claims: Array<Claim> = []
    if (kind === "calm") claims.push(...this.lanes.map(({ name }) => ({ column: `text of ${name}`, above: 6, below: 6 })))
    const radius = sort === "write" ? 5 : 7
    if (lines.length > 0)
      claims.push({ column: `text of ${peer ?? "the world"}`, above: 9, below: lines.length * lineHeight - 4 })
    if (peer !== null && mark !== "none") claims.push({ column: `marks of ${peer}`, above: radius, below: radius })
    return [{ event, at, lines, claims }]
  }

  /** An arrow keeps some distance from other arrowheads, and where it meets a lane from the right, from the labels there. */
  private packetOf(event: TraceEvent, { from, sent, to }: Hop): ReadonlyArray<Thing> {
    const isRightwards = this.x.get(from)! < this.x.get(to)!
    const beside = (node: string): Claim => ({ column: `text of ${node}`, above: 3, below: 1 })
    const heads = { column: `heads of ${to}`, above: 2, below: 2 }
    return [
      { event, at: sent, lines: [], claims: isRightwards ? [beside(from)] : [], isSent: true },
      { event, at: event.at, lines: [], claims: isRightwards ? [heads] : [heads, beside(to)] }
    ]
  }

  /** A connection is a level line, and no label should stand on it. */
  private underWire({ from, to }: Hop): ReadonlyArray<Claim> {
    const [left, right] = [from, to].map((node) => this.lanes.findIndex(({ name }) => name === node)).sort((a, b) => a - b)
    return this.lanes.slice(left, right).map(({ name }) => ({ column: `text of ${name}`, above: 4, below: 5 }))
  }

  /** What stands beside the mark. Marks that say it themselves have none. */
  private textFor({ at, details, kind, peer, short, sort, tone }: TraceEvent): string {
    // what is over is where its bracket ends
    if (sort === "write" || (peer === null && tone === "good" && kind !== "calm" && sort === "event")) return ""
    if (kind === "boot" && at === 0 && details[1] === "1") return ""
    const isOfFault = peer === null && this.spans.some(({ from, kind: of }) => of === "fault" && from === at)
    return isOfFault && kind !== "fault" && kind !== "calm" && sort === "event" ? "" : short
  }

  // Where it stands -------------------------------------------------------------------------------------------------------------------

  private labelOf(thing: Thing): ReadonlyArray<Label> {
    const { event, lines } = thing
    if (lines.length === 0) return []
    const left = event.peer === null ? this.textX : this.x.get(event.peer)! + 13
    const width = Math.max(...lines.map((line) => widthOf(line, fontSize))) + 2 * padding
    const y = this.scale.yOf(thing) - 8
    return [
      {
        x: left,
        y,
        width,
        height: lines.length * lineHeight + 2,
        lines,
        tone: event.tone,
        role: event.peer === null ? "side" : "lane",
        title: titleOf(event)
      }
    ]
  }

  private pointOf(thing: Thing): ReadonlyArray<Point> {
    const { mark, peer, tone } = thing.event
    return peer === null || mark === "none"
      ? []
      : [{ mark, tone, x: this.x.get(peer)!, y: this.scale.yOf(thing), title: titleOf(thing.event) }]
  }

  /** Of a packet, its two ends come one after the other. */
  private arrowsOf(): ReadonlyArray<Arrow> {
    const begun = new Map<TraceEvent, number>()
    const failing = this.failure?.peer ?? null
    return this.things.flatMap((thing): ReadonlyArray<Arrow> => {
      const { event, isSent } = thing
      if (event.hop === null) return []
      const y = this.scale.yOf(thing)
      if (isSent) begun.set(event, y)
      if (isSent) return []
      const { from, to } = event.hop
      const [x1, x2] = [this.x.get(from)!, this.x.get(to)!]
      const y1 = begun.get(event) ?? y
      return [{ event, x1, y1, x2, y2: Math.max(y, y1), touchesFailure: failing === null || from === failing || to === failing }]
    })
  }

  private barOf(span: TraceSpan, bottom: number): ReadonlyArray<Bar> {
    const { kind, of, from, to } = span
    const [y, end] = [this.scale.y(from), to === null ? bottom : this.scale.y(to)]
    const common = {
      kind,
      y,
      height: Math.max(3, end - y),
      isOpen: to === null,
      title: `${span.says}, ${to === null ? "to the end" : `for ${durationOf(to - from)}`}`
    }
    const track = this.tracks.get(span)
    if (track !== undefined) return [{ ...common, x: this.sideX + track * trackWidth, width: 5 }]
    const peer = kind === "step" ? span.says.split(" ")[0]! : of
    const x = this.x.get(peer)
    if (kind === "cut" || x === undefined) return []
    const [left, width] = kind === "step" ? [-3.5, 7] : kind === "full" ? [-14, 5] : kind === "slow" ? [-20, 5] : [-8, 16]
    return [{ ...common, x: x + left, width }]
  }

  /** Between two neighbouring lanes: a double line where nothing gets through, a single one where that is so in one direction. */
  private wallsOf(bottom: number): ReadonlyArray<Bar> {
    const cuts = this.spans.filter(({ kind }) => kind === "cut")
    return this.lanes.slice(1).flatMap((lane, i) => {
      const left = this.lanes[i]!
      const links = [`${left.name}>${lane.name}`, `${lane.name}>${left.name}`]
      const byTime = new Map<string, ReadonlyArray<TraceSpan>>()
      for (const cut of cuts.filter(({ of }) => links.includes(of))) {
        const time = `${cut.from} ${cut.to}`
        byTime.set(time, [...(byTime.get(time) ?? []), cut])
      }
      return [...byTime.values()].map((both): Bar => {
        const { from, says, to } = both[0]!
        const y = this.scale.y(from)
        const height = Math.max(3, (to === null ? bottom : this.scale.y(to)) - y)
        const width = both.length > 1 ? 4 : 0
        return { kind: "cut", x: (left.x + lane.x - width) / 2, width, y, height, isOpen: to === null, title: says }
      })
    })
  }

  private leaderOf(thing: Thing): Layout["leaders"] {
    const { at, kind, short } = thing.event
    if (thing.event.peer !== null || thing.lines.length === 0) return []
    if (kind === "calm") return [{ x1: this.firstX, x2: this.textX - 2, y: this.scale.yOf(thing), tone: "good" }]
    const span = [...this.tracks.keys()].find(({ from, says }) => from === at && (says === short || says === thing.event.says))
    if (span === undefined) return []
    return [
      { x1: this.sideX + this.tracks.get(span)! * trackWidth + 5, x2: this.textX - 2, y: this.scale.yOf(thing), tone: "warn" }
    ]
  }

  private foldLabel({ from, height, to, y }: Fold): ReadonlyArray<Label> {
    const hidden = this.leftOut.filter(({ at, sort }) => sort === "packet" && at > from && at < to).length
    if (hidden === 0) return []
    const whole = `${counted(hidden, "message")} left out`
    const text = widthOf(whole, fontSize) <= this.gap - 46 ? whole : `${hidden} left out`
    const width = widthOf(text, fontSize) + 2 * padding
    return [
      {
        x: this.firstX + 13,
        y: y + (height - lineHeight - 2) / 2,
        width,
        height: lineHeight + 2,
        lines: [text],
        tone: "plain",
        role: "fold",
        title: whole
      }
    ]
  }

  private failureOf() {
    if (this.failure === undefined) return null
    const y = this.scale.bottom + 18
    const x = this.firstX - 12
    const width = this.sideX + sideWidth - x - 24
    const lines = wrap(this.failure.short, width - 24, 4, (line) => widthOf(line, failureSize))
    const label: Label = {
      x,
      y: y + 14,
      width,
      height: lines.length * 18 + 14,
      lines,
      tone: "bad",
      role: "failure",
      title: titleOf(this.failure)
    }
    return { y, label, text: secondsOf(this.failure.at) }
  }

  /** Times at the left, no closer than they can be read. */
  private ticksOf() {
    const ticks: Array<{ readonly y: number; readonly text: string }> = []
    const taken = this.scale.folds.map(({ height, y }) => y + height / 2)
    for (const at of this.scale.moments) {
      const y = this.scale.y(at)
      const isFree = y - (ticks.at(-1)?.y ?? Number.NEGATIVE_INFINITY) >= 28 && taken.every((other) => Math.abs(other - y) >= 18)
      if (isFree && (this.failure === undefined || at < this.failure.at)) ticks.push({ y, text: (at / 1_000_000).toFixed(3) })
    }
    return ticks
  }
}

const titleOf = ({ at, peer, says }: TraceEvent): string => `${secondsOf(at)}  ${peer === null ? "" : `${peer} `}${says}`

/** Brackets that last at the same time stand beside each other. */
const tracksOf = (spans: ReadonlyArray<TraceSpan>): ReadonlyMap<TraceSpan, number> => {
  const free: Array<number> = []
  const tracks = new Map<TraceSpan, number>()
  for (const span of spans) {
    if (span.kind !== "fault" && span.kind !== "network") continue
    const found = free.findIndex((until) => until < span.from)
    const track = found >= 0 ? found : Math.min(free.length, tracksMax - 1)
    free[track] = span.to ?? Number.POSITIVE_INFINITY
    tracks.set(span, track)
  }
  return tracks
}
