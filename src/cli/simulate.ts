/**
 * `troupe simulate`: the simulated tests of a file over many seeds, in several processes, or one plan again.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Miscalled } from "./Misuse.ts"
import { alone, seeding } from "./SimulateFlags.ts"

const file = Argument.String("file").pipe(
  Argument.optional,
  Argument.withDescription("A test file with it.simulated; none beside --plan.")
)
const test = Flag.String("test").pipe(Flag.optional, Flag.withDescription("The name of the only test to be run."))

/** As it is called here, and where it is installed. */
const replay = `${import.meta.url.endsWith(".ts") ? "npm run troupe --" : "npx troupe"} simulate --plan`

export const simulate = Command.make(
  "simulate",
  { file, test, ...seeding },
  ({ file, jobs, json, plan, shrink, worldSeconds, ...given }) =>
    Effect.gen(function* () {
      const { peers, seed, seeds, test } = given
      if (Option.isSome(plan)) {
        yield* alone("--plan", { FILE: file, "--test": test, "--seeds": seeds, "--seed": seed, "--peers": peers })
        const { replay: again } = yield* Effect.promise(() => import("./SimulateReplay.ts"))
        return yield* again({ plan: plan.value, file: null, replay, json, worldSeconds })
      }
      if (Option.isNone(file)) return yield* new Miscalled({ says: "Name a test file, or a plan with --plan." })
      if (Option.isSome(seed)) yield* alone("--seed", { "--seeds": seeds })
      const { run } = yield* Effect.promise(() => import("./SimulateRun.ts"))
      const { twice } = yield* Effect.promise(() => import("./SimulateTwice.ts"))
      const asked = {
        seed: Option.getOrNull(seed),
        seeds: Option.getOrNull(seeds),
        peers: Option.getOrNull(peers),
        test: Option.getOrNull(test)
      }
      return yield* (given.twice ? twice : run)({ ...asked, file: file.value, jobs, json, replay, shrink, worldSeconds })
    })
).pipe(Command.withDescription("Runs the simulated tests of a file over many seeds, or one plan again."))
