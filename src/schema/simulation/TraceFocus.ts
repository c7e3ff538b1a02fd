/**
 * What of a long trace is worth drawing: what touches its failure.
 *
 * What was planned, and what befalls a peer, is, as long as it is not hundreds. Of packets, connections, writes, notes and steps, those
 * are that came last before the failure. The failing peer's own count as later than they were, and so do those around something
 * planned, while packets that only keep a connection alive count as earlier.
 */
import type { Report } from "./Report.ts"
import { isSmall, type Sort, type TraceEvent } from "./TraceEvent.ts"

export interface Focus {
  readonly shown: ReadonlyArray<TraceEvent>
  readonly leftOut: ReadonlyArray<TraceEvent>
}

/** So many events are shown at least, if there are as many. */
const eventsLeast = 100
/** Who is within so many microseconds of something planned is around it. */
const aroundMicros = 250_000
/** Small packets that are further from everything else are idle. */
const idleMicros = 500_000

export const focus = (events: ReadonlyArray<TraceEvent>, failure: Report["failure"], messagesMax: number): Focus => {
  const most: { readonly [sort in Sort]: number } = {
    event: eventsLeast + 2 * messagesMax,
    packet: messagesMax,
    write: Math.ceil(messagesMax / 2),
    step: Math.ceil(messagesMax / 2),
    link: Math.ceil(messagesMax / 5),
    note: Math.ceil(messagesMax / 5)
  }
  const isAround = near(events.filter(isPlanned), aroundMicros)
  const isBusy = near(
    events.filter((event) => event.sort !== "packet" || !isSmall(event)),
    idleMicros
  )
  const chosen = new Set<TraceEvent>()
  for (const sort of Object.keys(most) as ReadonlyArray<Sort>) {
    const of = events.filter((event) => event.sort === sort && (sort !== "packet" || isBusy(event.at)))
    if (of.length <= most[sort]) {
      for (const event of of) chosen.add(event)
      continue
    }
    const distance = (event: TraceEvent, i: number): number =>
      ((of.length - i) * (touches(event, failure?.peer ?? null) ? 1 : 3) * (isSmall(event) ? 4 : 1)) /
      (isAround(event.at) ? 3 : 1)
    const ranked = of.map((event, i) => ({ event, i, distance: distance(event, i) }))
    ranked.sort((a, b) => a.distance - b.distance || b.i - a.i)
    for (const { event } of ranked.slice(0, most[sort])) chosen.add(event)
  }
  return {
    shown: events.filter((event) => chosen.has(event)),
    leftOut: events.filter((event) => !chosen.has(event))
  }
}

const isPlanned = ({ kind, sort, at }: TraceEvent): boolean => sort === "event" && at > 0 && kind !== "boot" && kind !== "close"

const touches = ({ hop, peer: on }: TraceEvent, peer: string | null): boolean =>
  peer === null || on === peer || hop?.from === peer || hop?.to === peer

/** Whether a moment is near one of these events, which are in order of time. */
const near =
  (events: ReadonlyArray<TraceEvent>, within: number) =>
  (at: number): boolean => {
    let [low, high] = [0, events.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (events[middle]!.at < at - within) low = middle + 1
      else high = middle
    }
    return low < events.length && events[low]!.at <= at + within
  }
