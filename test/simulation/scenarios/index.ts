/**
 * The scenarios by name: simulated tests of the product, run by `npm run simulate`, by `npm test` and against planted bugs.
 */
import type { Simulation } from "../../../src/services/simulation/Simulation.ts"
import { actors } from "./Actors.ts"
import { bulk } from "./Bulk.ts"
import { membership } from "./Membership.ts"
import { replication } from "./Replication.ts"

export const scenarios: { readonly [name: string]: Simulation } = { replication, actors: actors(), bulk, membership }
