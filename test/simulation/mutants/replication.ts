/**
 * Bugs planted in what peers tell each other of a space, and in what is concluded from it.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/echo"]

export const replication: ReadonlyArray<Mutant> = [
  {
    name: "what is merged when a flush ends is told as durable",
    kind: "sync what was written after the sync began",
    says: "When a flush ends, the last counter that is merged by then is noted for the block, and not the last one that is in it.",
    seen: "Two write at one peer, the second during the first one's flush on a slow disk: the status tells more than the disk holds.",
    file: "src/layers/echo/OpenSpace.ts",
    edits: [
      {
        from: "this.peers.progress.wrote(head.length, counter)",
        to: "this.peers.progress.wrote(head.length, this.state.local)"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "a device counts at each look",
    kind: "acknowledgement counted twice",
    says: "The devices that have all are added up each time that something has changed, so one of them makes a quorum after a while.",
    seen: "A quorum of two is waited for and one has all: the next thing that happens makes it two: synced claims too much.",
    file: "src/layers/echo/SpaceFace.ts",
    edits: [
      { from: "let hasLost = false\n", to: "let hasLost = false\n      let devices = 0\n" },
      { from: "peers.progress.count(lengths) >= peer.quorum", to: "(devices += peers.progress.count(lengths)) >= peer.quorum" }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "what was sent counts as acknowledged",
    kind: "synced from what was sent",
    says: "Blocks count as acknowledged once the channel has taken them.",
    seen: "Blocks are under way to a peer, or its disk is slow, full or loses power before it has stored them: synced claims too much.",
    file: "src/layers/echo/Replicator.ts",
    edits: [{ from: "observer.sent(feedText(", to: "observer.acknowledged(feedText(" }],
    scenario: "replication",
    unitTests
  },
  {
    name: "who has no room has it all",
    kind: "forget to resend after a heal",
    says: "A run that the full disk refuses is answered as one of which nothing was new, and not asked for again.",
    seen: "A disk is full for some seconds while others write: what they wrote then is not there when all has healed.",
    file: "src/layers/echo/Replicator.ts",
    edits: [
      {
        from: `answered(0, error.reason) : Effect.fail(error))`,
        to: `answered(0, error.reason) : error._tag === "StorageFull" ? answered(0, null) : Effect.fail(error))`
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "nobody is woken while a state is made anew",
    kind: "lost wake-up",
    says: "What comes while the state is made anew wakes nobody, since all is read then anyway.",
    seen: "A block comes of a feed that was read already, and nothing comes after it: frontiers do not become equal.",
    file: "src/layers/echo/OpenSpace.ts",
    edits: [
      {
        from: "    this.settle(this.durable())\n    this.wake.openUnsafe()\n",
        to: "    this.settle(this.durable())\n    if (!this.needsRebuild || this.crash !== null) this.wake.openUnsafe()\n"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "more is read while what came is stored",
    kind: "one batch written as two",
    says: "What a message asks to be stored is begun, and the next message is read without waiting for it.",
    seen: "Runs and manifests come in quick succession: one is answered as another, or its refusal is heard by nobody.",
    file: "src/layers/echo/Replicator.ts",
    edits: [
      {
        from: "for (const action of actions) yield* store(session, feeds, action)",
        to: "for (const action of actions) yield* Effect.forkScoped(store(session, feeds, action))"
      }
    ],
    scenario: "replication",
    unitTests
  }
]
