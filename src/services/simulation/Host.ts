/**
 * What a world does to the host while it runs: whatever would let something else than the seed decide is refused, or answered.
 *
 * A refusal alone is not enough, since libraries catch what a timer throws: it is recorded. The default guards nothing; `HostNode`
 * guards Node.
 */
import * as Context from "effect/Context"

export interface Violation {
  readonly what: string
  readonly stack: string
  /** Whether a host that answers has an answer to it. */
  readonly isAnswerable: boolean
}

/** What the functions of a host are answered from: a machine of the world, and the life on it whose task is running. */
export interface Machine {
  /** Microseconds since 1970, as its clock has it. */
  readonly wallMicros: () => number
  /** Microseconds since some time in the past. */
  readonly monotonicMicros: () => number
  /** A number from 0 to before 1. */
  readonly fraction: () => number
  readonly bytes: (length: number) => Uint8Array
  /** Runs something later, if the life is not over then. Answers how to take it back. */
  readonly after: (millis: number, run: () => void) => () => void
  /** Runs something right after what runs now. */
  readonly soon: (run: () => void) => void
}

export interface Guard {
  /**
   * Runs something while the host is guarded. What was refused is told to `record`. Given the machine of the moment, clocks, randomness
   * and timers are answered from it, and only what no machine of a world can answer is refused. What is printed meanwhile is printed
   * afterwards, or not at all.
   */
  readonly during: <A>(
    body: () => A,
    record: (violation: Violation) => void,
    machine: (() => Machine) | null,
    prints: boolean
  ) => A
}

export const Host = Context.Reference<Guard>("troupe/simulation/Host", {
  defaultValue: () => ({ during: (body) => body() })
})
