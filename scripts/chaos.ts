/**
 * `npm run chaos -- --minutes 10`: scenarios under faults for a time, from a seed that the clock gives, until something fails.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { runCommand } from "../src/cli/program.ts"
import { jobs, json, minutes, worldSecondsUsual } from "../src/cli/SimulateFlags.ts"
import { run, say } from "../src/cli/SimulateRun.ts"

const scenario = Flag.String("scenario").pipe(Flag.optional, Flag.withDescription("The only one; all in turn unless said."))

const chaos = Command.make("npm run chaos --", { minutes, scenario, jobs, json }, ({ jobs, json, minutes, scenario }) =>
  Effect.suspend(() => {
    const first = Math.floor(Date.now() / 1_000)
    say(json, `seeds from ${first} on, for ${minutes} minutes`)
    const file = "test/simulation/scenarios/simulated.ts"
    const asked = {
      file,
      test: Option.getOrNull(scenario),
      seeds: null,
      seed: null,
      peers: null,
      shrink: 200,
      worldSeconds: worldSecondsUsual
    }
    return run({ ...asked, jobs, json, replay: "npm run simulate -- --plan" }, { minutes, first })
  })
).pipe(Command.withDescription("Runs scenarios under faults for a time, or until something fails."))

runCommand(chaos, process.argv.slice(2))
