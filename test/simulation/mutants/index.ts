/**
 * The planted bugs: small faulty variants of real layers and machines. Each has to be found by the scenarios as they are.
 */
import { actor } from "./actor.ts"
import { feeds } from "./feeds.ts"
import type { Mutant } from "./Mutant.ts"
import { membership } from "./membership.ts"
import { mesh } from "./mesh.ts"
import { objects } from "./objects.ts"
import { replication } from "./replication.ts"

export const mutants: ReadonlyArray<Mutant> = [...feeds, ...objects, ...replication, ...mesh, ...actor, ...membership]
