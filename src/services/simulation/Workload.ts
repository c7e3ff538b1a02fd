/**
 * What the people of a test do: steps, each a plain value, drawn from the seed and spread over the peers and the time of trouble.
 *
 * Steps stand in the plan beside the faults, as JSON, so that a failure can be cut down to the few that matter.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { onBeat } from "../../schema/simulation/Faults.ts"
import type { Step } from "../../schema/simulation/Plan.ts"
import { keyOf, type Seed, streamOf } from "../../schema/simulation/Seed.ts"

/** A step that JSON has not, such as NaN: no plan of it could be run again. */
export class StepNotJson extends Schema.TaggedError<StepNotJson>()("StepNotJson", { step: Schema.String, why: Schema.String }) {
  override get message() {
    return `The step ${this.step} is none any more once it was JSON, as in a plan (${this.why}). Describe numbers by Schema.Finite or Schema.Int, and large ones by a Schema that keeps them as text.`
  }
}

export interface Workload<S> {
  /** The steps of a plan, in the order of time; dies with `StepNotJson`. */
  readonly draw: (seed: Seed, peers: ReadonlyArray<string>, millis: number) => Effect.Effect<ReadonlyArray<Step>>
  /** A step as it was before it was JSON; dies on what is none, such as one of a plan that was edited. */
  readonly decode: (step: Schema.Json) => S
  /** Steps of one peer that have the same lane are taken one after the other, those of another beside them. */
  readonly lane: (step: S) => string
}

export interface Options<S, E extends Schema.Json> {
  readonly step: Schema.Codec<S, E>
  /** How many steps each seed takes; 40 unless said. */
  readonly count?: number
  /** Draws a step by hand: `draw(n)` is an integer from 0 to before n. By the schema's own `Arbitrary` unless given. */
  readonly by?: (draw: (below: number) => number) => S
  /** All steps of a peer are one lane unless said. */
  readonly lane?: (step: S) => string
}

/** Steps of a kind that a Schema describes. */
export const make = <S, E extends Schema.Json>({ by, count = 40, lane = () => "", step }: Options<S, E>): Workload<S> => {
  const encode = Schema.encodeSync(step)
  const decode = Schema.decodeUnknownSync(step)
  /** A step as a file has it. */
  const kept = (value: S): Schema.Json => {
    const encoded = encode(value)
    try {
      const json = JSON.parse(JSON.stringify(encoded)) as Schema.Json
      decode(json)
      return json
    } catch (error) {
      throw new StepNotJson({ step: textOf(encoded), why: String(error).replaceAll(/\s*\n\s*/g, " ") })
    }
  }
  const arbitrary = Arbitrary.schema(step)
  const valuesOf = (seed: Seed): Effect.Effect<ReadonlyArray<S>> => {
    if (by === undefined) return Effect.orDie(Arbitrary.sampleEffect(arbitrary, { count, seed: keyOf(seed, "steps") }))
    const draw = streamOf(seed, "steps")
    return Effect.sync(() => Array.from({ length: count }, () => by((below) => draw.below(below))))
  }
  return {
    lane,
    decode,
    draw: (seed, peers, millis) =>
      Effect.map(valuesOf(seed), (values) => {
        const draw = streamOf(seed, "step times")
        const steps = values.map(
          (value, n): Step => ({
            id: `step${n + 1}`,
            at: onBeat(seed, draw.below(millis)),
            kind: "step",
            peer: draw.pick(peers),
            step: kept(value)
          })
        )
        return steps.sort((a, b) => a.at - b.at)
      })
  }
}

/** A step with the numbers that JSON has not. */
const textOf = (step: Schema.Json): string => {
  const isNone = (value: unknown) => typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))
  const text = JSON.stringify(step, (_, value) => (isNone(value) ? String(value) : value))
  return text.replaceAll(/"(NaN|-?Infinity)"/g, "$1")
}
