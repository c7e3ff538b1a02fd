/**
 * The report of a failed simulation as one HTML file: the failure in a sentence, the plan, a space-time diagram, and all events as text.
 *
 * It needs no script, no network and no other file, so it can be sent to anybody; the policy in its head holds it to that.
 */
import { layoutOf } from "./DiagramLayout.ts"
import type { Layout } from "./DiagramParts.ts"
import { style } from "./DiagramStyle.ts"
import { escaped, heads, sample, svg } from "./DiagramSvg.ts"
import { counted, type Report, secondsOf, verdictOf } from "./Report.ts"
import { timeline } from "./Timeline.ts"
import { eventsOf, peersOf, type Sort } from "./TraceEvent.ts"
import { type Focus, focus } from "./TraceFocus.ts"

export type { Report } from "./Report.ts"

/** How many rows of the plan are seen at once. */
const rowsMax = 8
const listLinesMax = 2_000

/** The whole page. At most `messagesMax` messages are drawn, 200 unless said, those that touch the failure. */
export const diagram = (report: Report, options: { readonly messagesMax?: number } = {}): string => {
  const events = eventsOf(report)
  const seen = focus(events, report.failure, options.messagesMax ?? 200)
  const layout = layoutOf(peersOf(report), events, seen)
  const { seed, title, trace } = report
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title><style>${style}</style></head><body>
<header>
<p class="over">Simulation, seed ${escaped(seed)}, trace ${escaped(trace.slice(0, 16))}</p>
<h1>${escaped(title)}</h1>
${verdict(report)}
<p class="replay"><span>Again:</span> <code>${escaped(report.replay)}</code></p>
${plan(report)}
<h2>What happened <small>${escaped(shownOf(seen))}</small></h2>
${legend(layout)}
</header>
<main><div class="sticky">${heads(layout)}</div>
${svg(layout, `Space-time diagram of ${title}`, described(report))}
</main>
<section class="after"><details><summary>All events as text</summary><pre>${escaped(timeline(report, { linesMax: listLinesMax, width: 140 }))}</pre></details></section>
</body></html>
`
}

const verdict = (report: Report): string => {
  const { failure } = report
  if (failure === null) return `<p class="verdict none">${escaped(verdictOf(report))}</p>`
  const where = `fails at ${secondsOf(failure.micros)}${failure.peer === null ? "" : ` on ${failure.peer}`}`
  return `<p class="verdict"><b>${escaped(failure.check)}</b> ${escaped(where)}: ${escaped(failure.says)}</p>`
}

const plan = ({ plan, shrunkFrom }: Report): string => {
  if (plan.length === 0) return ""
  const rows = plan.map(
    ({ at, kind, peer, text }) =>
      `<tr><td class="at">${secondsOf(at * 1_000)}</td><td>${escaped(peer ?? "all")}</td><td>${escaped(kind)}</td><td>${escaped(text)}</td></tr>`
  )
  const table = (of: ReadonlyArray<string>) =>
    `<table><thead><tr><th scope="col">at</th><th scope="col">peer</th><th scope="col">what</th><th scope="col"></th></tr></thead><tbody>${of.join("\n")}</tbody></table>`
  const rest = rows.slice(rowsMax)
  const more =
    rest.length === 0 ? "" : `<details><summary>${counted(rest.length, "event")} more</summary>${table(rest)}</details>`
  const shrunk = shrunkFrom === null ? "" : `, shrunk from ${shrunkFrom}`
  return `<h2>Plan <small>${counted(plan.length, "event")}${shrunk}</small></h2>${table(rows.slice(0, rowsMax))}${more}`
}

/** How much is drawn of how much there is. */
const shownOf = ({ leftOut, shown }: Focus): string => {
  const count = (of: Focus["shown"], sort: Sort) => of.filter((event) => event.sort === sort).length
  const names: ReadonlyArray<readonly [Sort, string]> = [
    ["event", "event"],
    ["packet", "message"],
    ["write", "write"],
    ["step", "step"],
    ["note", "note"],
    ["link", "connection event"]
  ]
  const parts = names.flatMap(([sort, name]) => {
    const hidden = count(leftOut, sort)
    return hidden === 0 ? [] : [`${count(shown, sort)} of ${counted(count(shown, sort) + hidden, name)}`]
  })
  if (parts.length === 0) return `all ${counted(count(shown, "packet"), "message")}`
  return `${parts.join(", ")}: what touches the failure; the rest is left out`
}

const legend = ({ arrows, bars, lanes, points }: Layout): string => {
  const marks = new Set(points.map(({ mark }) => mark))
  const kinds = new Set(bars.map(({ kind }) => kind))
  const known = [
    ["strict", "", "strict write"],
    ["relaxed", "", "relaxed write"],
    ["step", "", "step begins"],
    ["ack", "good", "acknowledged"],
    ["boot", "good", "boots"],
    ["crash", "bad", "crashes"],
    ["close", "", "closes"],
    ["state", "warn", "paused or hindered"],
    ["note", "", "note"]
  ] as const
  const items = known.flatMap(([mark, tone, text]) => (marks.has(mark) ? [`<li>${sample(mark, tone)}${text}</li>`] : []))
  const swatch = (inner: string) => `<svg width="26" height="18" aria-hidden="true">${inner}</svg>`
  const rect = (kind: string) =>
    swatch(`<g class="bar ${kind}"><rect class="fill" x="6" y="1" width="14" height="16" rx="2"/></g>`)
  if (kinds.has("down")) items.push(`<li>${rect("down")}down</li>`)
  if (kinds.has("frozen")) items.push(`<li>${rect("frozen")}frozen</li>`)
  if (kinds.has("full")) items.push(`<li>${rect("full")}disk full</li>`)
  if (kinds.has("slow")) items.push(`<li>${rect("slow")}disk slow</li>`)
  if (kinds.has("cut"))
    items.push(`<li>${swatch('<g class="wall"><path d="M11 1v16m4 0v-16"/></g>')}cut, one line if one-way</li>`)
  items.push(
    `<li>${swatch('<g class="message large"><path d="M1 9H25"/></g>')}data, thick by size</li>`,
    `<li>${swatch('<g class="message small"><path d="M1 9H25"/></g>')}signs of life</li>`
  )
  if (arrows.some(({ touchesFailure }) => !touchesFailure))
    items.push(`<li>${swatch('<g class="message middle far"><path d="M1 9H25"/></g>')}between others than the failing peer</li>`)
  const filter = (id: string, text: string) => `<label><input type="checkbox" id="${id}" checked>${text}</label>`
  const kube = lanes.some(({ name }) => name === "kube") ? filter("kube", "messages of the KUBE") : ""
  return `<ul class="legend">${items.join("")}</ul><fieldset class="filters" aria-label="Show">${filter("small", "signs of life")}${filter("writes", "writes")}${kube}</fieldset>`
}

/** The drawing for who does not see it. */
const described = (report: Report): string =>
  `Peers ${peersOf(report).join(", ")} as lanes, time downwards, messages as arrows. ${verdictOf(report)}. The same events follow as text.`
