/**
 * What people do while an import runs: edit cities that the other edits too, and write, correct, delete and restore visits.
 *
 * Each call is announced in the journal before it is made and receipted after it, by the process that makes it. Which edit comes next
 * is drawn from a generator seeded with the process's name; when it comes is up to the machine.
 */
import * as Effect from "effect/Effect"
import type { ObjectOf } from "../src/schema/echo/ObjectType.ts"
import type { Space, SpaceClosed, Transaction, WriteError } from "../src/services/echo/SpaceService.ts"
import { type City, Visit } from "./cities.ts"
import type { Journal, Step } from "./journal.ts"
import type { Sight } from "./sight.ts"

const pauseMilliseconds = 15
const editsInFlight = 8

/** Lehmer's generator: enough to vary edits, and the same on every machine. */
const drawing = (name: string): ((below: number) => number) => {
  let state = 1
  for (const character of name) state = (state * 131 + character.charCodeAt(0)) % 2_147_483_647
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

type CityPatch = { readonly note?: string } | { readonly rating?: number } | { readonly remark?: string }

/** One call: what the journal says of it, and what it does. */
interface Edit {
  readonly steps: ReadonlyArray<Step>
  readonly body: (transaction: Transaction) => void
}

export class Editor {
  private readonly space: Space
  private readonly sight: Sight
  private readonly journal: Journal
  private readonly who: string
  private readonly draw: (below: number) => number
  private isResting = false
  private calls = 0
  private running = 0

  constructor(space: Space, sight: Sight, journal: Journal, who: string) {
    this.space = space
    this.sight = sight
    this.journal = journal
    this.who = who
    this.draw = drawing(who)
  }

  private make({ body, steps }: Edit): Effect.Effect<void, WriteError> {
    return Effect.suspend(() => {
      const intent = this.journal.intend(steps)
      this.calls++
      return Effect.map(this.space.change(body), ({ receipt }) => this.journal.receive(intent, receipt))
    })
  }

  /** Edits until `rest`; an edit that has begun is brought to its end. */
  readonly run: Effect.Effect<void, WriteError> = Effect.gen({ self: this }, function* () {
    this.running++
    while (!this.isResting) {
      const edit = this.next()
      if (edit !== null) yield* this.make(edit)
      yield* Effect.sleep(pauseMilliseconds)
    }
    this.running--
  })

  readonly rest: Effect.Effect<number> = Effect.gen({ self: this }, function* () {
    this.isResting = true
    while (this.running > 0) yield* Effect.sleep(pauseMilliseconds)
    return this.calls
  })

  private pick<A>(from: ReadonlyMap<unknown, A>): A | undefined {
    return [...from.values()][this.draw(Math.max(1, from.size))]
  }

  private next(): Edit | null {
    const city = this.pick(this.sight.shared)
    if (city === undefined) return null
    const kind = this.draw(10)
    const visit = this.pick(this.sight.visits)
    const count = this.calls
    if (kind < 4) return this.update(city, { note: `${this.who} was here ${count} times` })
    if (kind < 6) return this.update(city, { rating: count })
    if (kind < 8 || visit === undefined) {
      const properties = { city: city.id, by: this.who, spot: { lat: city.lat, lng: city.lng } }
      return {
        steps: [
          { do: "create", type: "Visit", properties },
          { do: "update", object: city.id, patch: { note: `${this.who} came ${count}` } }
        ],
        body: (transaction) => {
          transaction.create(Visit, properties)
          transaction.update(city, { note: `${this.who} came ${count}` })
        }
      }
    }
    if (kind === 8) {
      const spot = { lat: this.draw(180_000_000) / 1e6, lng: this.draw(360_000_000) / 1e6 }
      return {
        steps: [{ do: "update", object: visit.id, patch: { spot } }],
        body: (transaction) => transaction.update(visit, { spot })
      }
    }
    const gone = this.pick(this.sight.gone)
    return gone === undefined || this.draw(2) === 0
      ? { steps: [{ do: "delete", object: visit.id }], body: (transaction) => transaction.delete(visit) }
      : { steps: [{ do: "restore", object: gone.id }], body: (transaction) => transaction.restore(gone) }
  }

  private update(city: ObjectOf<typeof City>, patch: CityPatch): Edit {
    return { steps: [{ do: "update", object: city.id, patch }], body: (transaction) => transaction.update(city, patch) }
  }

  private first(rows: number): ReadonlyArray<ObjectOf<typeof City>> {
    return [...this.sight.shared.values()].filter(({ row }) => row < rows)
  }

  /** Of how many of the first `rows` cities a `remark` stands here that another process wrote, shown or not. */
  foreignRemarks(rows: number): Effect.Effect<number, SpaceClosed> {
    return Effect.map(
      Effect.forEach(this.first(rows), (city) => this.space.conflicts(city, "remark")),
      (heads) => heads.filter((values) => values.some(({ value }) => !String(value).startsWith(`${this.who} says`))).length
    )
  }

  /** Writes the `remark` of the first `rows` cities, each in a change of its own; answers how many. */
  remark(rows: number): Effect.Effect<number, WriteError> {
    const edits = this.first(rows)
    return Effect.as(
      Effect.forEach(edits, (city) => this.make(this.update(city, { remark: `${this.who} says ${city.row}` })), {
        concurrency: editsInFlight,
        discard: true
      }),
      edits.length
    )
  }
}
