/**
 * The model's process: folds what the journals tell, naively, and answers the state that must have come of it.
 *
 * It reads journals and the data set, and what the audit found in feeds without a receipt. It never opens a store.
 */
import * as Effect from "effect/Effect"
import type { ModelCalls } from "./calls.ts"
import { readCities } from "./cities.ts"
import { tell } from "./expand.ts"
import { readJournals } from "./journal.ts"
import { type Change, Naive } from "./naive.ts"
import { run, serve } from "./parent.ts"

const fold = (journals: ReadonlyArray<string>, uncovered: ReadonlyArray<Change>, limit: number) =>
  Effect.sync(() => {
    const { changes, inFlight, problems } = tell(readJournals(journals), uncovered, readCities(limit))
    return { ...new Naive(changes).outcome(), changes: changes.length, inFlight, problems }
  })

run(serve<ModelCalls, never>({ fold }))
