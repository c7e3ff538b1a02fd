/**
 * Makes a plan that fails small: peers and whole kinds of events out, then halves and parts of what is left (delta debugging: Zeller and
 * Hildebrandt, TSE 2002), then simpler events, and the world last, since a simpler schedule makes races rarer.
 *
 * What is left then may need all its events for its luck alone: with one event less, nothing meets any more at the moment at which it has
 * to. So the same is tried with one event less and other seeds, under which other things meet.
 *
 * A pure machine: it yields plans to be tried and is told whether each still fails, in the same check.
 */
import { type Event, isStep, type Plan } from "./Plan.ts"

/** Plans of so few events are small enough to be read. */
const fewEvents = 5
/** Other seeds that are tried in vain before a plan is taken to be the least. */
const seedsInVain = 6

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
    yield* peersOut(attempt)
    yield* kindsOut(attempt)
    yield* partsOut(attempt)
    yield* simplerEvents(attempt)
  } while (size !== JSON.stringify(attempt.best) && attempt.isWithin)
  yield* otherSeeds(attempt)
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

/** One peer less, with all that names it; its steps are another's, or nobody's. The last first, since the first often is the founder. */
function* peersOut(attempt: Attempt): Trying<void> {
  for (const peer of [...attempt.best.world.peers].reverse()) {
    const { events, world } = attempt.best
    const peers = world.peers.filter((each) => each !== peer)
    if (peers.length < 2) return
    const others = events.filter((event) => event.peer !== peer && (isStep(event) || event.other !== peer)).map(without(peer))
    const isOut = yield* attempt.keeps({ ...attempt.best, world: { ...world, peers }, events: others })
    if (isOut || others.length === events.length) continue
    const [heir] = peers
    const moved = events.map((event) => (isStep(event) && event.peer === peer ? { ...event, peer: heir! } : event))
    const left = moved.filter((event) => event.peer !== peer && (isStep(event) || event.other !== peer)).map(without(peer))
    yield* attempt.keeps({ ...attempt.best, world: { ...world, peers }, events: left })
  }
}

/** A partition names a peer in its side, too. */
const without =
  (peer: string) =>
  (event: Event): Event =>
    isStep(event) || event.side === undefined ? event : { ...event, side: event.side.filter((each) => each !== peer) }

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

/** Less, under other seeds. Each that fails is a new beginning. */
function* otherSeeds(attempt: Attempt): Trying<void> {
  let inVain = 0
  for (let seed = 1; inVain < seedsInVain && attempt.best.events.length > fewEvents && attempt.isWithin; seed++) {
    const before = attempt.best.events.length
    for (let size = Math.ceil(before / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let end = attempt.best.events.length; end > 0 && attempt.best.events.length > fewEvents; end -= size) {
        const { events } = attempt.best
        yield* attempt.keeps({
          ...attempt.best,
          seed,
          events: [...events.slice(0, Math.max(0, end - size)), ...events.slice(end)]
        })
      }
    }
    if (attempt.best.events.length < before) yield* partsOut(attempt)
    inVain = attempt.best.events.length < before ? 0 : inVain + 1
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
  yield* peersOut(attempt)
}
