/**
 * What a scenario is: something that happens in a world, and what it has to say afterwards. Each seed has one of its own.
 */
import type * as Effect from "effect/Effect"
import type { Options } from "../../../src/layers/simulation/World.ts"
import type { World } from "../../../src/services/simulation/World.ts"

export interface Told {
  readonly operations: number
  /** How often which fault changed something. */
  readonly faults: { readonly [name: string]: number }
  /** How often what was met that the scenario is about. */
  readonly met?: { readonly [name: string]: number }
  /** The promises that were broken, by name. */
  readonly violations: ReadonlyArray<string>
}

export interface Scenario {
  /** What each life of a peer begins with. */
  readonly layer?: Exclude<Options["layer"], undefined>
  readonly run: (world: World) => Effect.Effect<Told>
}
