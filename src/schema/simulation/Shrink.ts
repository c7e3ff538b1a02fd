/**
 * Makes a plan that fails small: whole kinds of faults out, then halves and parts of what is left (delta debugging: Zeller and
 * Hildebrandt, TSE 2002), then simpler events, and the world last, since a simpler schedule makes races rarer.
 *
 * A pure machine: it yields plans to be tried and is told whether each still fails, in the same check.
 */
import { type Event, isStep, type Plan } from "./Plan.ts"

export interface Shrunk {
  readonly plan: Plan
  /** Plans that were tried. */
  readonly tried: number
}

type Trying<A> = Generator<Plan, A, boolean>

/** At most so many plans are tried. */
export function* shrink(plan: Plan, budget: number): Trying<Shrunk> {
  const attempt = new Attempt(plan, budget)
  let size: string
  do {
    size = JSON.stringify(attempt.best)
    yield* kindsOut(attempt)
    yield* partsOut(attempt)
    yield* simplerEvents(attempt)
  } while (size !== JSON.stringify(attempt.best) && attempt.isWithin)
  yield* simplerWorld(attempt)
  return { plan: attempt.best, tried: attempt.tried }
}

class Attempt {
  best: Plan
  tried = 0
  private readonly budget: number
  private readonly known = new Set<string>()

  constructor(plan: Plan, budget: number) {
    this.best = plan
    this.budget = budget
  }

  get isWithin(): boolean {
    return this.tried < this.budget
  }

  /** Tries a plan, and keeps it if it still fails. */
  *keeps(plan: Plan): Trying<boolean> {
    const text = JSON.stringify(plan)
    if (!this.isWithin || this.known.has(text)) return false
    this.known.add(text)
    this.tried++
    const isFailing = yield plan
    if (isFailing) this.best = plan
    return isFailing
  }

  *keepsEvents(events: ReadonlyArray<Event>): Trying<boolean> {
    return yield* this.keeps({ ...this.best, events })
  }
}

/** All events of one kind at once; the steps of one peer are a kind. */
function* kindsOut(attempt: Attempt): Trying<void> {
  const kindOf = (event: Event): string => (isStep(event) ? `step ${event.peer}` : event.kind)
  for (const kind of new Set(attempt.best.events.map(kindOf))) {
    yield* attempt.keepsEvents(attempt.best.events.filter((event) => kindOf(event) !== kind))
  }
}

/** Complements, finer and finer. */
function* partsOut(attempt: Attempt): Trying<void> {
  let parts = 2
  while (attempt.best.events.length > 0 && attempt.isWithin) {
    const { events } = attempt.best
    const size = Math.max(1, Math.ceil(events.length / parts))
    let isCut = false
    // the last first: what comes after the failure's cause is the easiest to lose
    for (let end = events.length; end > 0 && !isCut; end -= size) {
      isCut = yield* attempt.keepsEvents([...events.slice(0, Math.max(0, end - size)), ...events.slice(end)])
    }
    if (isCut) parts = Math.max(2, parts - 1)
    else if (size === 1) return
    else parts = Math.min(events.length, parts * 2)
  }
}

function* simplerEvents(attempt: Attempt): Trying<void> {
  for (const { id } of attempt.best.events) {
    for (const simpler of simplifications) {
      const event = attempt.best.events.find((each) => each.id === id)!
      const tried = simpler(event)
      if (tried === null) continue
      yield* attempt.keepsEvents(attempt.best.events.map((each) => (each === event ? tried : each)))
    }
  }
}

/** Each answers a simpler event, or null when there is none. */
const simplifications: ReadonlyArray<(event: Event) => Event | null> = [
  (event) => (!isStep(event) && event.lasts > 1_000 ? { ...event, lasts: 1_000 } : null),
  (event) => (!isStep(event) && event.left !== undefined && event.left !== "lost" ? { ...event, left: "lost" } : null),
  (event) => (!isStep(event) && (event.amount ?? 0) > 1_000 ? { ...event, amount: 1_000 } : null),
  (event) => (event.at % 1_000 === 0 ? null : { ...event, at: Math.round(event.at / 1_000) * 1_000 })
]

function* simplerWorld(attempt: Attempt): Trying<void> {
  const { best } = attempt
  const last = Math.max(1_000, ...best.events.map(({ at }) => at))
  if (last < best.world.trouble) yield* attempt.keeps({ ...best, world: { ...best.world, trouble: last } })
  yield* attempt.keeps({ ...attempt.best, world: { ...attempt.best.world, preemption: 0 } })
  yield* attempt.keeps({ ...attempt.best, world: { ...attempt.best.world, network: "usual" } })
  const named = new Set(attempt.best.events.flatMap((event) => (isStep(event) ? [event.peer] : [event.peer, event.other ?? ""])))
  for (const peer of [...attempt.best.world.peers].reverse()) {
    const peers = attempt.best.world.peers.filter((each) => each !== peer)
    if (peers.length < 2 || named.has(peer)) continue
    yield* attempt.keeps({ ...attempt.best, world: { ...attempt.best.world, peers } })
  }
}
