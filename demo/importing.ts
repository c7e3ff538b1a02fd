/**
 * Alice's import: fifty cities in a change set, more change sets on their way at once than one block holds, and two gates.
 *
 * The import holds at a quarter of it until Bob was killed, and before its end until Bob is cut off, so that the kill and the cut fall into
 * the middle of it however fast the machine is.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Space, WriteError } from "../src/services/echo/SpaceService.ts"
import type { Gate } from "./calls.ts"
import { City, type CityProperties, cutRows } from "./cities.ts"
import type { Journal } from "./journal.ts"

/** A change set of cities, some 9 KB. */
const rowsPerChange = 50
/** Change sets whose durability is waited for at a time; the writer gathers them into blocks, and always has the next block at hand. */
const changesInFlight = 32

export interface Import {
  readonly space: Space
  readonly journal: Journal
  readonly limit: number
  readonly gates: { readonly [gate in Gate]: Deferred.Deferred<void> }
  readonly cities: (row: number) => CityProperties
}

/** Where the gates stand: row numbers. */
export const gateRows = (limit: number): { readonly [gate in Gate]: number } => ({
  kill: Math.floor(limit * 0.25),
  // what both write during the cut has to be there before it
  cut: Math.max(Math.floor(limit * 0.85), Math.min(limit, cutRows))
})

/** Ranges of rows, none across a gate. */
const rangesOf = (limit: number, stops: ReadonlyArray<number>): ReadonlyArray<readonly [from: number, to: number]> => {
  const ranges: Array<readonly [number, number]> = []
  for (let from = 0; from < limit; ) {
    const to = Math.min(from + rowsPerChange, limit, ...stops.filter((stop) => stop > from))
    ranges.push([from, to])
    from = to
  }
  return ranges
}

const importRows = (options: Import, from: number, to: number): Effect.Effect<void, WriteError> =>
  Effect.gen(function* () {
    const { cities, gates, journal, limit, space } = options
    const rows = gateRows(limit)
    if (from >= rows.kill) yield* Deferred.await(gates.kill)
    if (from >= rows.cut) yield* Deferred.await(gates.cut)
    const intent = journal.intend([{ do: "import", from, to }])
    const { receipt } = yield* space.change((transaction) => {
      for (let row = from; row < to; row++) transaction.create(City, cities(row))
    })
    journal.receive(intent, receipt)
  })

/** Imports all rows, and answers how many when they are durable. */
export const importCities = (options: Import): Effect.Effect<number, WriteError> => {
  const { cut, kill } = gateRows(options.limit)
  const ranges = rangesOf(options.limit, [kill, cut])
  return Effect.as(
    Effect.forEach(ranges, ([from, to]) => importRows(options, from, to), { concurrency: changesInFlight, discard: true }),
    options.limit
  )
}
