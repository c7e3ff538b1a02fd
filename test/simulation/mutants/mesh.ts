/**
 * Bugs planted in how peers meet and meet again.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/mesh"]

export const mesh: ReadonlyArray<Mutant> = [
  {
    name: "an old connection takes the new one with it",
    kind: "clean up what is another's",
    says: "A connection that ends removes the entry of its device, also when a newer connection to the device stands there.",
    seen: "A peer loses power and is back before its old connections were given up: nobody calls its accounts any more: transfers do not end.",
    file: "src/layers/mesh/Swarm.ts",
    edits: [
      {
        from: "if (this.live.get(met.deviceText) === met) this.live.delete(met.deviceText)",
        to: "this.live.delete(met.deviceText)"
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "whose connection has ended is not tried again",
    kind: "forget to resend after a heal",
    says: "A peer to whom there was a connection stays marked as met when the connection ends.",
    seen: "All connections of a peer are reset: nobody connects to it until signaling tells of it anew, and frontiers do not become equal.",
    file: "src/schema/mesh/Courtship.ts",
    edits: [
      {
        from: `if (suitor?.state !== "met") return\n    suitor.state = "waits"\n`,
        to: `if (suitor?.state !== "met") return\n`
      }
    ],
    scenario: "replication",
    unitTests
  }
]
