/**
 * Bugs planted in how feeds are written, verified, stored and carried on after a rollback.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/echo"]

export const feeds: ReadonlyArray<Mutant> = [
  {
    name: "blocks of others are stored relaxed",
    kind: "acknowledge before durable",
    says: "Blocks that came from a peer are stored relaxed, since the peer has them, and told as stored.",
    seen: "Somebody asks whether another has all, which says yes while its durable disk has less, or loses power: synced claims too much.",
    file: "src/layers/echo/FeedIngest.ts",
    edits: [
      {
        from: `yield* storage.write(growth.batch(space.options.space, 0, closed), { durability: "strict" })`,
        to: `yield* storage.write(growth.batch(space.options.space, 0, closed), { durability: "relaxed" })`
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "a strict write stands on relaxed ones",
    kind: "acknowledge before durable",
    says: "A strict flush stores its own blocks only, as if it made durable the relaxed ones that were written before it.",
    seen: "Two write at one peer, one relaxed and right after it one strict; the power goes, and the block in between is missing: lost.",
    file: "src/layers/echo/FeedWriter.ts",
    edits: [
      {
        from: `this.write(growth, isStrict ? 0 : before, isStrict ? "strict" : "relaxed")`,
        to: `this.write(growth, before, isStrict ? "strict" : "relaxed")`
      }
    ],
    scenario: "replication",
    unitTests
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
    name: "runs of one feed are stored side by side",
    kind: "check and act apart",
    says: "A run is verified against what is stored and then stored, without a lock that keeps other runs of the feed away meanwhile.",
    seen: "Two peers bring one feed at once to a slow disk, and the shorter run ends last: the feed shrinks, and synced claimed too much.",
    file: "src/layers/echo/FeedIngest.ts",
    edits: [
      {
        from: "return feed.lock.withPermit(Effect.uninterruptible(verified(space, feed, run)))",
        to: "return Effect.uninterruptible(verified(space, feed, run))"
      }
    ],
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
