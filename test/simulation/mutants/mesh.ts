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
    file: "src/layers/mesh/SwarmRoom.ts",
    edits: [
      {
        from: "    this.live.delete(met)\n",
        to: "    for (const each of this.of(met.deviceText)) this.live.delete(each)\n"
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "who could not be reached is not tried again",
    kind: "forget to resend after a heal",
    says: "Only a refusal is told to who decides when the next try is; that a transport could not connect is not.",
    seen: "Two peers are parted while signaling still reaches both, and connect in vain: they never meet again, and transfers do not end.",
    file: "src/layers/mesh/Swarm.ts",
    edits: [
      {
        from: "else if (!Cause.hasInterruptsOnly(exit.cause)) courtship",
        to: "else if (isRefused(exit.cause)) courtship"
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "pauses are drawn by the host",
    kind: "decided by no seed",
    says: "How long a pause between two tries is, is drawn by the host's own randomness.",
    seen: "A try fails: the host is asked for a number, which no seed decides.",
    file: "src/layers/mesh/Swarm.ts",
    edits: [{ from: "Effect.map(Random.next, (chance) => {", to: "Effect.map(Effect.sync(Math.random), (chance) => {" }],
    scenario: "replication",
    unitTests
  }
]
