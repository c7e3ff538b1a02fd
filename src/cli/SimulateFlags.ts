/**
 * The flags of the commands that run simulated tests, and what they may not be together.
 */
import { availableParallelism } from "node:os"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { peersMax } from "../schema/simulation/PeerNames.ts"
import { Miscalled } from "./Misuse.ts"

/** A whole number within bounds. */
const whole = (name: string, least: number, most: number, says: string): Flag.Flag<number> =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= least && value <= most,
      (value) => `Expected a number from ${least} to ${most}, not ${value}`
    ),
    Flag.withDescription(says)
  )

export const json = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Prints the result as one line of JSON, and all else to standard error.")
)
export const jobs = whole("jobs", 1, 64, "How many processes run worlds; as many as there are cores unless said.").pipe(
  Flag.withDefault(availableParallelism())
)
export const minutes = Flag.Finite("minutes").pipe(
  Flag.filter(
    (value) => value > 0 && value <= 100_000,
    (value) => `Expected minutes, more than 0 and at most 100000, not ${value}`
  ),
  Flag.withDescription("How long it goes on, if nothing fails.")
)

/** Seconds of real time that a world may take, unless said. */
export const worldSecondsUsual = 300

export const seeding = {
  seeds: Flag.optional(whole("seeds", 1, 10_000_000, "How many seeds, from 1 on; as many as the test says unless said.")),
  seed: Flag.optional(whole("seed", 0, Number.MAX_SAFE_INTEGER, "This seed alone.")),
  peers: Flag.optional(whole("peers", 1, peersMax, "How many peers instead of those that the test says.")),
  plan: Flag.optional(
    Flag.String("plan").pipe(Flag.withDescription("The path of a plan to be run again; it names its file and test itself."))
  ),
  shrink: whole("shrink", 0, 100_000, "How many plans are tried to make one that fails smaller.").pipe(Flag.withDefault(200)),
  twice: Flag.Boolean("twice").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Runs each seed twice in one process and once in a fresh one, and compares them.")
  ),
  worldSeconds: whole(
    "world-seconds",
    1,
    86_400,
    "How many seconds of real time a world may take before its process is ended, and it fails."
  ).pipe(Flag.withDefault(worldSecondsUsual)),
  jobs,
  json
}

/** What was given of what may be left out. */
interface Given {
  readonly [flag: string]: Option.Option<string | number>
}

/** Fails when a flag was given beside one that says all that it says. */
export const alone = (flag: string, others: Given): Effect.Effect<void, Miscalled> => {
  const [other] = Object.entries(others).find(([, value]) => Option.isSome(value)) ?? []
  return other === undefined
    ? Effect.void
    : Effect.fail(new Miscalled({ says: `${flag} and ${other} say two things: leave one of them out.` }))
}
