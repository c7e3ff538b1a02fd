/**
 * A layout as SVG. What something is shows in its shape, and again in its colour; both are explained in the legend.
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
import { isSmall, type Mark } from "./TraceEvent.ts"

/** A text inside HTML. What no screen can show is replaced. */
export const escaped = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)

const n = (pixels: number): string => String(Math.round(pixels * 10) / 10)
const titled = (title: string): string => `<title>${escaped(title)}</title>`

/** The names above the lanes, which stay in sight. */
export const heads = ({ lanes, sideX, width }: Layout): string => {
  const names = lanes.map(({ isFailing, isPeer, name, x }) => {
    const classes = `name${isPeer ? "" : " node"}${isFailing ? " failing" : ""}`
    const shown = name.length > 18 ? `${name.slice(0, 17)}…` : name
    return `<text class="${classes}" x="${n(x)}" y="22">${escaped(shown)}</text>${isFailing ? `<path class="bad under" d="M${n(x - 16)} 30h32"/>` : ""}`
  })
  if (sideX !== null) names.push(`<text class="aside" x="${n(sideX + 5)}" y="22">faults and links</text>`)
  return `<svg class="heads" width="${n(width)}" height="36" aria-hidden="true"><text class="time" x="70" y="22">seconds</text>${names.join("")}</svg>`
}

export const svg = (layout: Layout, title: string, description: string): string => {
  const { arrows, bars, height, labels, lanes, points, width } = layout
  const behind = bars.filter(({ kind }) => kind === "cut")
  const parts = [
    `<svg class="drawing" width="${n(width)}" height="${n(height)}" viewBox="0 0 ${n(width)} ${n(height)}" role="img" aria-labelledby="drawing-title drawing-text">`,
    `<title id="drawing-title">${escaped(title)}</title><desc id="drawing-text">${escaped(description)}</desc>`,
    definitions,
    ...folds(layout),
    ...behind.map(bar),
    ...lanes.map((lane) => laneOf(layout, lane)),
    ...[...arrows].sort((a, b) => weight(a) - weight(b)).map(arrow),
    ...bars.filter(({ kind }) => kind !== "cut").map(bar),
    ...layout.ticks.map(
      ({ text, y }) => `<text class="time" x="70" y="${n(y + 3.5)}">${text}</text><path class="tick" d="M74 ${n(y)}h6"/>`
    ),
    ...layout.leaders.map(({ tone, x1, x2, y }) => `<path class="leader ${tone}" d="M${n(x1)} ${n(y)}H${n(x2)}"/>`),
    ...failure(layout),
    ...points.map(point),
    ...labels.map(label),
    "</svg>"
  ]
  return parts.join("\n")
}

const definitions = `<defs>
<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 .8L8 4L0 7.2z"/></marker>
<marker id="head-far" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path class="head far" d="M0 .8L8 4L0 7.2z"/></marker>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0v6"/></pattern>
<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><circle class="dot" cx="2.5" cy="2.5" r="1.2"/></pattern>
</defs>`

const folds = ({ folds, lanes }: Layout): ReadonlyArray<string> =>
  folds.map(({ height, text, y }) => {
    const [left, right] = [(lanes[0]?.x ?? 0) - 12, (lanes.at(-1)?.x ?? 0) + 12]
    return `<g class="fold"><rect x="${n(left)}" y="${n(y)}" width="${n(right - left)}" height="${n(height)}" rx="4"/><text class="time" x="76" y="${n(y + height / 2 + 3.5)}">${escaped(text)}</text></g>`
  })

/** A lane is broken where time is folded. */
const laneOf = ({ bottom, folds, top }: Layout, { isFailing, isPeer, x }: Lane): string => {
  let path = `M${n(x)} ${n(top)}`
  let dots = ""
  for (const { height, y } of folds) {
    path += `V${n(y)}M${n(x)} ${n(y + height)}`
    dots += `M${n(x)} ${n(y + 4)}V${n(y + height - 2)}`
  }
  return `<path class="life${isPeer ? "" : " node"}${isFailing ? " failing" : ""}" d="${path}V${n(bottom)}"/><path class="life gone" d="${dots}"/>`
}

const weight = ({ event, touchesFailure }: Arrow): number => (touchesFailure ? 2 : 0) + (isSmall(event) ? 0 : 1)

/** Messages are thick by what they carry; connections are dotted, with a sign in their middle. */
const arrow = ({ event, touchesFailure, x1, x2, y1, y2 }: Arrow): string => {
  const { bytes, from, to } = event.hop!
  const length = Math.hypot(x2 - x1, y2 - y1)
  if (length === 0) return ""
  if (event.sort === "link") {
    const [x, y] = [x1 + (x2 > x1 ? 64 : -64), y1]
    const sign =
      event.kind === "reset"
        ? `M${n(x - 3)} ${n(y - 3)}l6 6m0 -6l-6 6`
        : event.kind === "end"
          ? `M${n(x)} ${n(y - 4)}v8`
          : `M${n(x - 3)} ${n(y)}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0`
    return `<g class="link ${event.kind}${isKube(from, to)}"><path class="wire" d="M${n(x1)} ${n(y)}H${n(x2)}"/><path class="sign" d="${sign}"/>${titled(event.says)}</g>`
  }
  const [dx, dy] = [((x2 - x1) / length) * 3, ((y2 - y1) / length) * 3]
  const size = isSmall(event) ? "small" : bytes < 512 ? "middle" : "large"
  return `<g class="message ${size}${touchesFailure ? "" : " far"}${isKube(from, to)}"><path d="M${n(x1 + dx)} ${n(y1 + dy)}L${n(x2 - dx)} ${n(y2 - dy)}"/>${titled(event.short)}</g>`
}

const isKube = (...nodes: ReadonlyArray<string>): string => (nodes.includes("kube") ? " of-kube" : "")

const bar = ({ height, isOpen, kind, title, width, x, y }: Bar): string => {
  if (kind === "fault" || kind === "network") {
    const end = isOpen ? `V${n(y + height)}` : `V${n(y + height)}h${n(width)}`
    return `<g class="bracket${isOpen ? " open" : ""}"><path d="M${n(x + width)} ${n(y)}H${n(x)}${end}"/>${titled(title)}</g>`
  }
  if (kind === "cut") {
    const lines = width === 0 ? "" : `m${n(width)} 0v${n(-height)}`
    return `<g class="wall"><path d="M${n(x)} ${n(y)}v${n(height)}${lines}"/>${titled(title)}</g>`
  }
  const rect = `x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="2"`
  return `<g class="bar ${kind}"><rect class="ground" ${rect}/><rect class="fill" ${rect}/>${titled(title)}</g>`
}

const shapes: { readonly [mark in Mark]: string } = {
  boot: "M0 -5.5L5.5 4H-5.5z",
  crash: "M-5.5 -5.5L5.5 5.5M5.5 -5.5L-5.5 5.5",
  close: "M-4.5 -4.5h9v9h-9z",
  strict: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
  relaxed: "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0",
  ack: "M-6.5 0a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0 -13 0M-3 0L-.7 2.6L3.4 -2.4",
  step: "M-3.5 -4.5L5 0L-3.5 4.5z",
  note: "M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0",
  state: "M0 -5L5 0L0 5L-5 0z",
  violated: "M-3.5 -8.5h7l5 5v7l-5 5h-7l-5 -5v-7z",
  none: ""
}

const point = ({ mark, title, tone, x, y }: Point): string =>
  `<g class="mark ${mark} ${tone}" transform="translate(${n(x)} ${n(y)})"><path d="${shapes[mark]}"/>${titled(title)}</g>`

/** A mark as the legend shows it. */
export const sample = (mark: Mark, tone: string): string =>
  `<svg width="18" height="18" viewBox="-9 -9 18 18" aria-hidden="true"><g class="mark ${mark} ${tone}"><path d="${shapes[mark]}"/></g></svg>`

const label = ({ height, lines, role, title, tone, width, x, y }: Label): string => {
  const isFailure = role === "failure"
  const [size, step, left] = isFailure ? [failureSize, 18, 12] : [fontSize, lineHeight, 5]
  const first = y + (isFailure ? 7 : 1) + step / 2 + size * 0.36
  const texts = lines.map(
    (line, i) => `<text x="${n(x + left)}" y="${n(first + i * step)}" font-size="${size}">${escaped(line)}</text>`
  )
  return `<g class="label ${role} ${tone}"><rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="3"/>${texts.join("")}${titled(title)}</g>`
}

/** The failure: a line across all lanes, and an octagon on the lane that it is about. */
const failure = ({ failure, lanes }: Layout): ReadonlyArray<string> => {
  if (failure === null) return []
  const { text, y } = failure
  const [left, right] = [(lanes[0]?.x ?? 0) - 12, (lanes.at(-1)?.x ?? 0) + 40]
  const on = lanes.find(({ isFailing }) => isFailing)
  const octagon =
    on === undefined
      ? ""
      : `<g class="mark violated" transform="translate(${n(on.x)} ${n(y)})"><path d="${shapes.violated}"/><text y="4">!</text></g>`
  return [
    `<g class="failure"><path class="line" d="M${n(left)} ${n(y)}H${n(right)}"/><text class="time bad" x="70" y="${n(y + 4)}">${escaped(text.replace(" s", ""))}</text>${octagon}</g>`
  ]
}
