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
    name: "who says nothing never leaves",
    kind: "use of what is stale",
    says: "The end of a connection is counted only when the device had said on it what it has.",
    seen: "A connection is lost before its first word: the device is told as connected after it has left, too.",
    file: "src/schema/echo/Progress.ts",
    edits: [
      {
        from: "    device.connections--\n    if (device.acknowledged.size === 0)",
        to: "    if (device.acknowledged.size > 0) device.connections--\n    if (device.acknowledged.size === 0)"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "a failed write is told before the rebuild",
    kind: "told before it is so",
    says: "Who has written is told that it failed at once, and not when what he has written is taken back.",
    seen: "The disk is full and a flush fails: the note is shown to him who was told that it is not there.",
    file: "src/layers/echo/OpenSpace.ts",
    edits: [
      {
        from: ": Effect.andThen(this.ready.await, Effect.failCause(exit.cause))",
        to: ": Effect.failCause(exit.cause)"
      }
    ],
    scenario: "replication",
    unitTests
  }
]
