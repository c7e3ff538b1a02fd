/**
 * Bugs planted in how feeds are written, verified, stored and carried on after a rollback.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/echo"]

export const feeds: ReadonlyArray<Mutant> = [
  {
    name: "a flush is strict when all ask for it",
    kind: "acknowledge before durable",
    says: "Whether a flush is strict is asked of all of those whose changes it takes together, and one that is relaxed decides for all.",
    seen: "Two write at one peer, one relaxed and one strict, into one flush; the power goes before it is stored again: lost.",
    file: "src/layers/echo/FeedWriter.ts",
    edits: [
      {
        from: `taken.some((each) => each.durability === "strict")`,
        to: `taken.every((each) => each.durability === "strict")`
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
    name: "what is being flushed is not pending",
    kind: "queue without bound",
    says: "Bytes are no longer counted as pending once a flush has taken them, and not when it is over.",
    seen: "A hundred and fifty pictures are written at once over a slow disk: a flush more than may wait is in memory.",
    file: "src/layers/echo/FeedWriter.ts",
    edits: [
      {
        from: "    return this.queue.splice(0, count)\n",
        to: "    this.pending -= bytes\n    return this.queue.splice(0, count)\n"
      },
      { from: "      this.pending -= bytes\n      return { done, exit }", to: "      return { done, exit }" }
    ],
    scenario: "bulk",
    unitTests
  },
  {
    name: "blocks are not held against their head",
    kind: "skip one verification",
    says: "Whether the root of what is stored and what came is the one that is signed is not asked before it is stored.",
    seen: "A frame is corrupted within a block: it is stored, and what is stored cannot be verified any more.",
    file: "src/layers/echo/FeedIngest.ts",
    edits: [{ from: "  if (!equalBytes(growth.root, run.head.root)) return yield* unproven(run)\n", to: "" }],
    scenario: "replication",
    unitTests
  },
  {
    name: "what could not be stored is stored with the next",
    kind: "retraction forgotten after a failed flush",
    says: "Blocks whose flush failed stay open, and go with the next one, although whoever wrote them was told that it failed.",
    seen: "A full disk fails a flush: what was taken back stands in a feed: invented, and states differ.",
    file: "src/layers/echo/FeedWriter.ts",
    edits: [
      {
        from: "return Effect.onError(stored, () => Effect.sync(() => growth.drop()))",
        to: "return Effect.onError(stored, () => Effect.sync(() => void (this.feed.open = growth)))"
      },
      {
        from: "exit: Exit.Exit<Appended, AppendError>): void {\n    this.drop()\n",
        to: "exit: Exit.Exit<Appended, AppendError>): void {\n    if (this.feed.isClosed) this.drop()\n"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "a close gives up what is relaxed",
    kind: "given up at a close",
    says: "A writer that is closed does not wait until what was written relaxed is strict, and drops it.",
    seen: "Somebody writes relaxed and closes the space at once: the change is gone, and nothing has crashed.",
    file: "src/layers/echo/FeedWriter.ts",
    edits: [
      {
        from: "      if (this.feed.open !== null) return this.publishOpen\n",
        to: "      if (this.feed.open !== null && this.isClosing) this.drop()\n      if (this.feed.open !== null) return this.publishOpen\n"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "the time that has passed is told by the wall clock",
    kind: "trust the wall clock",
    says: "Pauses, silence and deadlines are measured by the time of day.",
    seen: "A clock is set back an hour while somebody waits to try again: he waits for an hour, and frontiers do not become equal.",
    file: "src/services/platform/Elapsed.ts",
    edits: [{ from: "Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)", to: "clock.currentTimeMillisUnsafe()" }],
    scenario: "replication",
    unitTests: ["test/platform"]
  },
  {
    name: "an audit takes the own feeds for granted",
    kind: "skip one verification",
    says: "An audit reads the feeds of others anew, and not those that this device has written itself.",
    seen: "A block of the own feed rots: the audit finds nothing.",
    file: "src/layers/echo/FeedAudit.ts",
    edits: [
      {
        from: "for (const feed of [...space.list]) {",
        to: "for (const feed of space.list.filter(({ start }) => start === 0)) {"
      }
    ],
    scenario: "replication",
    unitTests
  }
]
