/**
 * Bugs planted in when change sets are delivered, and how they are merged and shown.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/echo"]

export const objects: ReadonlyArray<Mutant> = [
  {
    name: "one dependency is enough",
    kind: "apply before dependencies",
    says: "A change set is delivered as soon as the first of its dependencies is there.",
    seen: "Links are slow, and a change set that had seen two feeds comes before the second one: causal order, or other state.",
    file: "src/schema/echo/Delivery.ts",
    edits: [
      {
        from: "if (known >= 0 && this.has(known, dep.counter)) continue",
        to: "if (known >= 0 && this.has(known, dep.counter)) return true"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "dependencies are brought up to date when a block is made",
    kind: "dependencies taken at the flush",
    says: "What a change set depends on is told by how far these feeds have come when its block is encoded.",
    seen: "Another's blocks are delivered between a change and its flush: the receipt names other dependencies than the feed, and state differs.",
    file: "src/layers/echo/OpenSpace.ts",
    edits: [
      {
        from: "      writer.offer([changeSet], durability, done, command)\n",
        to: `      const { delivery } = state
      const now = (feed) => ({ length: delivery.length(feed), counter: delivery.counter(feed) })
      const offered = {
        ...changeSet,
        get deps() {
          return changeSet.deps?.map((dep) => ({ ...dep, ...now(dep.feed) })) ?? null
        }
      }
      writer.offer([offered], durability, done, command)
`
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "the next counter counts as the last",
    kind: "off by one in a frontier",
    says: "Whether a dependency is applied is asked with the counter that comes next, and not with the last one that was applied.",
    seen: "A change of one mutation is replaced by another's, and a third gets the later first: it keeps both values, and the model one.",
    file: "src/schema/echo/Delivery.ts",
    edits: [{ from: "return cursor.counter >= counter || ", to: "return cursor.counter + 1 >= counter || " }],
    scenario: "replication",
    unitTests
  },
  {
    name: "of two with one time the feed that came first is shown",
    kind: "tie broken by arrival",
    says: "Of two values with the same time that is shown whose feed has the greater number here, and not the greater id.",
    seen: "Two peers write to one property in the same millisecond: all hold both values, and lists show another one here than there.",
    file: "src/schema/echo/Shown.ts",
    edits: [
      {
        from: "if (a.feed !== b.feed) return compareBytes(feeds.id(a.feed), feeds.id(b.feed))",
        to: "if (a.feed !== b.feed) return feeds.size > 0 ? a.feed - b.feed : compareBytes(feeds.id(a.feed), feeds.id(b.feed))"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "who reads slowly is told against what came last",
    kind: "use of what is stale",
    says: "Of an object that changes twice before its query is read it is noted what the later change began with, and not what was told.",
    seen: "A note comes and is changed before it is told: it is told as changed, and was never told as there.",
    file: "src/schema/echo/LiveQuery.ts",
    edits: [
      {
        from: "if (!this.pending.has(entry)) this.pending.set(entry, before)",
        to: "if (!this.pending.has(entry) || before !== null) this.pending.set(entry, before)"
      }
    ],
    scenario: "replication",
    unitTests
  },
  {
    name: "only the first that waits is woken",
    kind: "lost wake-up",
    says: "Of the feeds that wait for another one only the first goes on when it comes.",
    seen: "One author's link is slow, several wait for his last block, and nothing happens after it: frontiers do not become equal.",
    file: "src/layers/echo/SpaceDelivery.ts",
    edits: [{ from: "for (const other of waiting) this.sort(other)", to: "if (waiting.length > 0) this.sort(waiting[0]!)" }],
    scenario: "replication",
    unitTests
  },
  {
    name: "equal values are told as one",
    kind: "told less than there is",
    says: "Of values at one place that are equal the greatest alone is told, although each was written by somebody who had not seen the other.",
    seen: "Two people write the same number at the same time: one value is told where two stand.",
    file: "src/schema/echo/Shown.ts",
    edits: [
      {
        from: "  return sorted.sort((a, b) => compareHeads(feeds, b.head, a.head))\n",
        to: `  const different = sorted.filter((each, i) => sorted.findIndex(({ value }) => value === each.value) === i)
  return different.sort((a, b) => compareHeads(feeds, b.head, a.head))
`
      }
    ],
    scenario: "replication",
    unitTests
  }
]
