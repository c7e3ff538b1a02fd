/**
 * What a world does to the host while it runs: whatever would let something else than the seed decide is refused and recorded.
 *
 * A refusal alone is not enough, since libraries catch what a timer throws. The default guards nothing; `HostNode` guards Node.
 */
import * as Context from "effect/Context"

export interface Violation {
  readonly what: string
  readonly stack: string
}

export interface Guard {
  /** Runs something while the host is guarded. What was refused is told to `record`. */
  readonly during: <A>(body: () => A, record: (violation: Violation) => void) => A
}

export const Host = Context.Reference<Guard>("troupe/simulation/Host", {
  defaultValue: () => ({ during: (body) => body() })
})
