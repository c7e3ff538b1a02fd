/**
 * The parts of a space-time diagram, as data: what DiagramLayout places, and DiagramSvg draws. All lengths are pixels.
 */
import type { Fold } from "./DiagramScale.ts"
import type { Mark, Tone, TraceEvent } from "./TraceEvent.ts"
import type { SpanKind } from "./TraceSpan.ts"

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Lane {
  readonly name: string
  readonly x: number
  readonly isPeer: boolean
  readonly isFailing: boolean
}

export interface Label extends Box {
  readonly lines: ReadonlyArray<string>
  readonly tone: Tone
  readonly role: "lane" | "side" | "fold" | "failure"
  /** The whole text, however little of it there is room for. */
  readonly title: string
}

export interface Arrow {
  readonly event: TraceEvent
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
  readonly touchesFailure: boolean
}

export interface Point {
  readonly mark: Mark
  readonly tone: Tone
  readonly x: number
  readonly y: number
  readonly title: string
}

/** A stretch of time on a lane, between two lanes, or beside them all. */
export interface Bar extends Box {
  readonly kind: SpanKind
  readonly isOpen: boolean
  readonly title: string
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Lanes run from here to there. */
  readonly top: number
  readonly bottom: number
  readonly lanes: ReadonlyArray<Lane>
  readonly arrows: ReadonlyArray<Arrow>
  readonly points: ReadonlyArray<Point>
  readonly bars: ReadonlyArray<Bar>
  /** From each bracket to its label, and from all lanes to what begins for all. */
  readonly leaders: ReadonlyArray<{ readonly x1: number; readonly x2: number; readonly y: number; readonly tone: Tone }>
  readonly folds: ReadonlyArray<Fold & { readonly text: string }>
  readonly ticks: ReadonlyArray<{ readonly y: number; readonly text: string }>
  readonly labels: ReadonlyArray<Label>
  readonly failure: { readonly y: number; readonly text: string } | null
  /** Where the labels of what concerns the world begin; `null` without any. */
  readonly sideX: number | null
}

export const fontSize = 12
export const lineHeight = 15
export const failureSize = 13
