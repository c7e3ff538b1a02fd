/**
 * The state that must have come of what the journals tell, by the naive model. It never opens a store.
 */
import type { Modelled } from "./calls.ts"
import { cutRows, readCities } from "./cities.ts"
import { tell } from "./expand.ts"
import type { Entry } from "./journal.ts"
import { type Change, Naive } from "./naive.ts"

/** Folds what the journals tell, and what the audit found in feeds without a receipt. */
export const modelled = (entries: ReadonlyArray<Entry>, uncovered: ReadonlyArray<Change>, limit: number): Modelled => {
  const { changes, inFlight, problems } = tell(entries, uncovered, readCities(limit))
  const naive = new Naive(changes)
  const remarks = ofCut(changes).filter((city) => naive.headsAt(city, "remark") > 1).length
  return { ...naive.outcome(), remarks, changes: changes.length, inFlight, problems }
}

/** The cities whose `remark` both write during the cut. */
const ofCut = (changes: ReadonlyArray<Change>): ReadonlyArray<string> =>
  changes.flatMap(({ mutations }) =>
    mutations.flatMap((each) =>
      each.op === "put" && each.path[0] === "row" && Number(each.value) < cutRows ? [each.object] : []
    )
  )
