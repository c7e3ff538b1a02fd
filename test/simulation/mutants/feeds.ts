/**
 * Bugs planted in how feeds are written, verified, stored and carried on after a rollback.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/echo"]

export const feeds: ReadonlyArray<Mutant> = [
  {
    name: "a block is as durable as the first change in it",
    kind: "acknowledge before durable",
    says: "Whether a flush is strict is asked of the first of those whose changes it takes together, and not of all.",
    seen: "Two write at one peer, one relaxed and one strict, into one block; the power goes before it is stored again: lost.",
    file: "src/layers/echo/FeedWriter.ts",
    edits: [
      {
        from: `taken.some((each) => each.durability === "strict")`,
        to: `taken[0]!.durability === "strict"`
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "a private key is stored relaxed",
    kind: "acknowledge before durable",
    says: "A key that was generated is stored relaxed, and used at once.",
    seen: "A machine loses power after it has made its device or a feed: it comes back as another device, which is no member, and stays behind.",
    file: "src/layers/platform/KeyringStorage.ts",
    edits: [
      {
        from: `[{ key: storageKey(made), value: encode(made) }], { durability: "strict" }`,
        to: `[{ key: storageKey(made), value: encode(made) }], { durability: "relaxed" }`
      }
    ],
    scenario: "replication",
    unitTests: ["test/platform"]
  },
  {
    name: "the queue is emptied when the flush ends",
    kind: "sync what was written after the sync began",
    says: "All who stand in the queue when a flush ends are told that they are durable, those also who came while it was under way.",
    seen: "Two write at one peer, the second during the first one's flush: it is told that it is durable, and no feed ever holds it: lost.",
    file: "src/layers/echo/FeedWriter.ts",
    edits: [
      { from: "return this.queue.splice(0, count)", to: "return this.queue.slice(0, count)" },
      { from: "this.settle(taken, exit.value)", to: "this.settle(this.queue.splice(0), exit.value)" },
      { from: "else this.fail(taken, Exit.fail(", to: "else this.fail([], Exit.fail(" },
      {
        from: "while (appended[at]!.counter < last) exit",
        to: "while (at < appended.length - 1 && appended[at]!.counter < last) exit"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "blocks need not lead to their head",
    kind: "skip one verification",
    says: "The head of a run is verified, and that its blocks lead to it is taken for granted.",
    seen: "A frame is corrupted within a block: it is stored, and this peer holds what nobody wrote: invented, other state, or an audit that fails.",
    file: "src/layers/echo/FeedIngest.ts",
    edits: [{ from: "  if (!equalBytes(growth.root, run.head.root)) return yield* unproven(run)\n", to: "" }],
    scenario: "replication",
    unitTests
  },
  {
    name: "a device whose storage was put back goes on in its feed",
    kind: "append to a feed after rollback",
    says: "Whether a feed was begun before the storage was put back is not asked when the feed to write in is looked for.",
    seen: "The disk of a peer is rolled back and it writes on: its feed forks, and what others have of it does not count any more: lost.",
    file: "src/layers/echo/FeedStore.ts",
    edits: [{ from: "feed.start >= rolledBackAt && ", to: "" }],
    scenario: "replication",
    unitTests
  },
  {
    name: "an own feed grows from a peer and stays open",
    kind: "append to a feed after rollback",
    says: "Blocks of its own feed that a device gets back from a peer do not close the feed to it.",
    seen: "A device is cloned, or rolled back with its count of starts: peers bring the rest, and the next write reuses counters: states differ.",
    file: "src/layers/echo/FeedIngest.ts",
    edits: [
      {
        from: "  const closed = feed.isClosed || feed.start > 0\n  yield* storage.write(growth",
        to: "  const closed = feed.isClosed\n  yield* storage.write(growth"
      }
    ],
    scenario: "replication",
    unitTests
  }
]
