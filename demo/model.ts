/**
 * The model's process: reads journals and the data set, and answers the state that must have come of them.
 */
import * as Effect from "effect/Effect"
import type { ModelCalls } from "./calls.ts"
import { readJournals } from "./journal.ts"
import { modelled } from "./modelled.ts"
import { run, serve } from "./parent.ts"

run(
  serve<ModelCalls, never>({
    fold: (journals, uncovered, limit) => Effect.sync(() => modelled(readJournals(journals), uncovered, limit))
  })
)
