/**
 * The model's process: folds what the journals tell, naively, and answers the state that must have come of it.
 *
 * It reads journals and the data set, and what the audit found in feeds without a receipt. It never opens a store.
 */
import * as Effect from "effect/Effect"
import type { ModelCalls } from "./calls.ts"
import { cutRows, readCities } from "./cities.ts"
import { tell } from "./expand.ts"
import { readJournals } from "./journal.ts"
import { type Change, Naive } from "./naive.ts"
import { run, serve } from "./parent.ts"

const fold = (journals: ReadonlyArray<string>, uncovered: ReadonlyArray<Change>, limit: number) =>
  Effect.sync(() => {
    const { changes, inFlight, problems } = tell(readJournals(journals), uncovered, readCities(limit))
    const naive = new Naive(changes)
    const remarks = ofCut(changes).filter((city) => naive.headsAt(city, "remark") > 1).length
    return { ...naive.outcome(), remarks, changes: changes.length, inFlight, problems }
  })

/** The cities whose `remark` both write during the cut. */
const ofCut = (changes: ReadonlyArray<Change>): ReadonlyArray<string> =>
  changes.flatMap(({ mutations }) =>
    mutations.flatMap((each) =>
      each.op === "put" && each.path[0] === "row" && Number(each.value) < cutRows ? [each.object] : []
    )
  )

run(serve<ModelCalls, never>({ fold }))
