/**
 * What calls between devices take, loaded by the first placement, or the first actor that others may call: much code that few need.
 *
 * For assemblies outside of simulated worlds, where nothing waits for a promise.
 */
import * as Effect from "effect/Effect"

export const load = Effect.promise(() => import("../actor/ActorCalling.ts"))
