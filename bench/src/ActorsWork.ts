/**
 * The work that every system of `bench/actors.ts` does: a counter that adds what it is sent, and answers the sum.
 */
import * as v8 from "node:v8"
import * as vm from "node:vm"

export interface Asked {
  /** `tell`: a burst to one. `ask`: one after the other. `asks`: 1,000 in flight. `ring`: hops through 1,000 actors. `idle`: told once each. `peers`: hops between two. */
  readonly work: "tell" | "ask" | "asks" | "ring" | "idle" | "peers"
  /** Messages; of `idle` actors. */
  readonly count: number
  /** Troupe alone: handlers that answer values, or Effects. */
  readonly handler: "plain" | "effect"
}

export interface Measured {
  readonly seconds: number
  /** What the counter ended with: proof that every message was handled. Of a ring the hops, of idle actors the sum of all. */
  readonly sum: number
  /** Heap that each idle actor takes. */
  readonly bytes: number
}

export const ringActors = 1_000
export const inFlight = 1_000

v8.setFlagsFromString("--expose_gc")
const gc = vm.runInNewContext("gc") as () => void

/** The heap in use, after garbage is collected. */
export const heap = (): number => {
  gc()
  gc()
  return process.memoryUsage().heapUsed
}

export const now = (): number => performance.now() / 1_000

/** Answers the question that this process was started with. */
export const answer = async (run: (asked: Asked) => Promise<Measured>): Promise<void> => {
  const measured = await run(JSON.parse(process.argv[2]!) as Asked)
  process.stdout.write(JSON.stringify(measured))
}
