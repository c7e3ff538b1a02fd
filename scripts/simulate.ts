/**
 * `npm run simulate -- --scenario actors --seeds 200 --peers 3`: seeds of a scenario under faults, on the engine of `troupe simulate`.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { runCommand } from "../src/cli/program.ts"
import { alone, seeding } from "../src/cli/SimulateFlags.ts"
import { replay } from "../src/cli/SimulateReplay.ts"
import { run } from "../src/cli/SimulateRun.ts"
import { twice } from "../src/cli/SimulateTwice.ts"

const flags = {
  scenario: Flag.String("scenario").pipe(
    Flag.optional,
    Flag.withDescription("One of replication, actors, membership, bulk; replication unless said.")
  ),
  ...seeding
}
const file = "test/simulation/scenarios/simulated.ts"
const again = "npm run simulate -- --plan"

const simulate = Command.make("npm run simulate --", flags, ({ jobs, json, plan, shrink, worldSeconds, ...given }) =>
  Effect.gen(function* () {
    const { peers, scenario, seed, seeds } = given
    if (Option.isSome(plan)) {
      yield* alone("--plan", { "--scenario": scenario, "--seeds": seeds, "--seed": seed, "--peers": peers })
      return yield* replay({ plan: plan.value, file, replay: again, json, worldSeconds })
    }
    if (Option.isSome(seed)) yield* alone("--seed", { "--seeds": seeds })
    const asked = {
      seed: Option.getOrNull(seed),
      seeds: Option.getOrNull(seeds),
      peers: Option.getOrNull(peers),
      test: Option.getOrElse(scenario, () => "replication")
    }
    return yield* (given.twice ? twice : run)({ ...asked, file, jobs, json, replay: again, shrink, worldSeconds })
  })
).pipe(Command.withDescription("Runs seeds of a scenario of the product under faults, or one plan again."))

runCommand(simulate, process.argv.slice(2))
