/**
 * Bugs planted in actors: their mailboxes, timers, journals, supervision and calls.
 */
import type { Mutant } from "./Mutant.ts"

const unitTests = ["test/actor"]

export const actor: ReadonlyArray<Mutant> = [
  {
    name: "a turn is kept relaxed",
    kind: "acknowledge before durable",
    says: "What a turn has appended is written relaxed, and its sender is answered then.",
    seen: "A device loses power after an account has answered: what it answered is not in its journal: lost, or money that is not conserved.",
    file: "src/layers/actor/PersistenceStorage.ts",
    edits: [
      {
        from: `this.storage.write(batch, { durability: "strict" })`,
        to: `this.storage.write(batch, { durability: "relaxed" })`
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "a snapshot lacks the reply of its own turn",
    kind: "reply lost on restart",
    says: "The command of a turn is remembered after the snapshot was made that covers the turn.",
    seen: "The answer of such a turn is lost, and the account begins a new life before it is asked again: applied twice.",
    file: "src/layers/actor/PersistenceStorage.ts",
    edits: [
      {
        from: "    if (command !== null) this.commands.add(command)\n    const { snapshot } = this\n",
        to: "    const { snapshot } = this\n"
      },
      {
        from: "    this.isAhead = true\n    const written",
        to: "    if (command !== null) this.commands.add(command)\n    this.isAhead = true\n    const written"
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "a snapshot is written apart from its turn",
    kind: "one batch written as two",
    says: "A snapshot is written first and the turn that it covers then, and not both in one batch.",
    seen: "The process or machine crashes between the two: the journal has a hole where the turn was, and the snapshot stands on it: lost.",
    file: "src/layers/actor/PersistenceStorage.ts",
    edits: [
      {
        from: `const written = Effect.orDie(this.storage.write(batch, { durability: "strict" }))`,
        to: `const write = (change: Change) => this.storage.write([change], { durability: "strict" })
    const written = Effect.orDie(Effect.forEach(batch.reverse(), write))`
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "who waits outside a full mailbox is not told of its end",
    kind: "batch dropped when a queue is full",
    says: "When an actor ends, those who wait for room in its mailbox are dropped, and go on waiting for a place.",
    seen: "A burst of eight at a counter with room for four, which is stopped, killed or broken while senders wait: some messages never end.",
    file: "src/layers/actor/ActorInbox.ts",
    edits: [
      {
        from: `      this.bury(message, "stopped")\n      taken()\n`,
        to: `      this.bury(message, "stopped")\n`
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "who made room keeps the place",
    kind: "queue without bound",
    says: "The oldest message of a full mailbox is told that it made room for a newer one, and goes on waiting.",
    seen: "A burst of eight at a counter with room for four that drops the oldest: more than four wait, and what was dropped is handled.",
    file: "src/schema/actor/Mailbox.ts",
    edits: [{ from: "this.displaced = this.takeUser() ?? null", to: "this.displaced = this.at(this.head) ?? null" }],
    scenario: "actors",
    unitTests
  },
  {
    name: "a turn that brings a snapshot is kept relaxed",
    kind: "acknowledge before durable",
    says: "A turn that goes with a snapshot is written relaxed, since the snapshot is there for speed alone.",
    seen: "A device loses power after the fifth turn of an account, whose sender was answered: lost.",
    file: "src/layers/actor/PersistenceStorage.ts",
    edits: [
      {
        from: `this.storage.write(batch, { durability: "strict" })`,
        to: `this.storage.write(batch, { durability: batch.length > 1 ? "relaxed" : "strict" })`
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "a turn that nobody named is kept relaxed",
    kind: "acknowledge before durable",
    says: "A turn without a command is written relaxed, since nobody will repeat it.",
    seen: "A device loses power after a saga has gone on by itself: it had come to a stage, and does not know of it.",
    file: "src/layers/actor/PersistenceStorage.ts",
    edits: [
      {
        from: `this.storage.write(batch, { durability: "strict" })`,
        to: `this.storage.write(batch, { durability: command === null ? "relaxed" : "strict" })`
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "an actor that leaves memory keeps its scope",
    kind: "timer that survives its actor",
    says: "The scope of a life is closed when its actor ends or crashes, and not when it leaves memory for a while.",
    seen: "A counter is left alone and asked again: its life before was never told that it is over.",
    file: "src/layers/actor/ActorCell.ts",
    edits: [
      {
        from: "const closed = current === null ? Effect.void",
        to: `const closed = current === null || (why === "stopped" && this.state === "down") ? Effect.void`
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "every reference has a line of its own",
    kind: "use of what is stale",
    says: "The line to a device is made anew for each reference, and the one before is left open.",
    seen: "An account on another device is asked a few times: its device opens no more channels, and transfers do not end.",
    file: "src/layers/actor/ActorSystemConnected.ts",
    edits: [{ from: "    placed.remotes.set(at, remote)\n", to: "" }],
    scenario: "actors",
    unitTests
  },
  {
    name: "what a lost connection took with it was never sent",
    kind: "told before it is so",
    says: "Calls that wait for an answer when the connection is lost are told that nothing happened.",
    seen: "A link is reset between a deposit and its answer: it was never sent, as was told, and it was handled.",
    file: "src/layers/actor/ActorLine.ts",
    edits: [{ from: "error: broken({ reason, isUnsent: false })", to: `error: broken({ reason, isUnsent: reason === "lost" })` }],
    scenario: "actors",
    unitTests
  }
]
