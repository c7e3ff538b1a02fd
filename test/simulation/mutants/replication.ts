/**
 * Bugs planted in what peers tell each other of a space, what is concluded from it, and how they meet again.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/echo"]

export const replication: ReadonlyArray<Mutant> = [
  {
    name: "what the writer has taken is told as durable",
    kind: "acknowledge before durable",
    says: "As durable the status tells the last counter that the writer has taken, and not the last one that it has stored.",
    seen: "The status is looked at while a flush is under way on a slow disk: it says more than the durable disk holds.",
    file: "src/layers/echo/OpenSpace.ts",
    edits: [{ from: "this.peers.progress.counterAt(this.writer.feed.length)", to: "this.writer.counter" }],
    scenario: "replication",
    unitTests
  },
  {
    name: "what was under way is taken to have come",
    kind: "forget to resend after a heal",
    says: "A connection goes on with what the last one to the device knew, although some of what that had sent never came.",
    seen: "A connection is reset while blocks are under way, or they grow while there is none: nobody sends them again, frontiers differ.",
    file: "src/layers/echo/Replicator.ts",
    edits: [
      {
        from: "  readonly sessions: Set<Session>\n",
        to: "  readonly sessions: Set<Session>\n  readonly known: Map<string, ReplicationState>\n"
      },
      {
        from: "const group = { sources: new Sources(), sessions: new Set<Session>() }",
        to: "const group = { sources: new Sources(), sessions: new Set<Session>(), known: new Map<string, ReplicationState>() }"
      },
      {
        from: "const state = new ReplicationState({",
        to: "const known = group.known.get(peer.deviceText)\n        const state = known ?? new ReplicationState({"
      },
      {
        from: "const session: Session = new Session(state, clock, observer)",
        to: "group.known.set(peer.deviceText, state)\n        const session: Session = new Session(state, clock, observer)"
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
      { from: "const { progress } = life.peers\n", to: "const { progress } = life.peers\n        let devices = 0\n" },
      { from: "progress.count(lengths) >= peer.quorum", to: "(devices += progress.count(lengths)) >= peer.quorum" }
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
    name: "what a device said before it came back counts",
    kind: "old word taken for a new one",
    says: "What a device had acknowledged on an earlier connection counts on the next one, too.",
    seen: "The disk of a device is rolled back, and it connects again: synced claims what the device had once: too much.",
    file: "src/schema/echo/Progress.ts",
    edits: [
      {
        from: "device.before = device.acknowledged\n    device.acknowledged = new Map()\n",
        to: "device.before = device.acknowledged\n"
      }
    ],
    scenario: "replication",
    unitTests
  }
]
