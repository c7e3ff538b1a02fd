/**
 * A plan: all that happens in one world, the steps of its people and the faults alike, in one list. A plan is one execution.
 *
 * Each event carries every number that it needs, and nothing is drawn from a shared sequence when it happens, so that events can be cut
 * and the rest stays as it was. As JSON it is a file that a report names, that a command replays, and that can be kept as a test.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Fault, faultText } from "./Fault.ts"

/** Something that the people of a test do; what, is theirs. */
export const Step = Schema.Struct({
  id: Schema.String,
  /** Milliseconds of virtual time since the trouble began. */
  at: Schema.Int,
  kind: Schema.Literal("step"),
  peer: Schema.String,
  step: Schema.Json
})
export type Step = typeof Step.Type

export const Event = Schema.Union([Step, Fault])
export type Event = typeof Event.Type

/** The world in which it happens, apart from its events. */
const Surroundings = Schema.Struct({
  peers: Schema.Array(Schema.String),
  /** The mean number of operations after which a fiber gives way; 0 for never. */
  preemption: Schema.Int,
  /** The name of a network's profile. */
  network: Schema.Literals(["usual", "lan", "wifi", "mobile", "far", "satellite"]),
  /** Milliseconds of trouble. */
  trouble: Schema.Int
})
export type Surroundings = typeof Surroundings.Type

export const Plan = Schema.Struct({
  format: Schema.Literal(1),
  /** The test file, as the command was given it, or null for what was run otherwise. */
  file: Schema.NullOr(Schema.String),
  /** The test in it. */
  name: Schema.String,
  seed: Schema.Int,
  world: Surroundings,
  events: Schema.Array(Event)
})
export type Plan = typeof Plan.Type

const fromJson = Schema.decodeUnknownResult(Schema.fromJsonString(Plan))

/** Reads a plan file; the failure says what is wrong with it. */
export const decodePlan = (text: string): Result.Result<Plan, string> => Result.mapError(fromJson(text), (error) => error.message)

/** A plan as the text of a file: one event a line, so that two of them can be compared. */
export const encodePlan = (plan: Plan): string => {
  const { events, ...rest } = plan
  const head = JSON.stringify(rest).slice(0, -1)
  return `${head},"events":[\n${events.map((event) => JSON.stringify(event)).join(",\n")}\n]}\n`
}

export const isStep = (event: Event): event is Step => event.kind === "step"

/** An event as people read it. */
export const eventText = (event: Event): string => (isStep(event) ? `${event.peer}: ${stepText(event.step)}` : faultText(event))

export const stepText = (step: Schema.Json): string => {
  if (typeof step === "string") return step
  if (step === null || typeof step !== "object" || Array.isArray(step)) return JSON.stringify(step)
  return Object.entries(step)
    .map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ")
}
