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
    name: "all who wait are let in at once",
    kind: "batch dropped when a queue is full",
    says: "When a mailbox has room, all who wait outside are taken from their line, and those who find it full again are forgotten.",
    seen: "A burst of eight at a counter with room for four, whose senders wait: some messages never end.",
    file: "src/layers/actor/ActorInbox.ts",
    edits: [{ from: "this.outside.length > 0 && this.hasRoom)", to: "this.outside.length > 0)" }],
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
    name: "a timer belongs to nobody",
    kind: "timer that survives its actor",
    says: "The fiber of a timer is started beside the scope of its actor's life, and not in it.",
    seen: "A desk is restarted, or its device is closed, while its timer of every five seconds runs: it is left running.",
    file: "src/layers/actor/ActorSelf.ts",
    edits: [
      {
        from: "return Fiber.runIn(Effect.runForkWith(this.cell.host.context)(effect), this.cell.scope)",
        to: "return Effect.runForkWith(this.cell.host.context)(effect)"
      }
    ],
    scenario: "actors",
    unitTests
  },
  {
    name: "a restart that was overtaken is carried out",
    kind: "carry out what was overtaken",
    says: "A restart that still waits for its pause is carried out although the actor has begun and crashed anew meanwhile.",
    seen: "A counter crashes, is restarted with all others, and crashes again: it is back before the pause of its last crash is over.",
    file: "src/layers/actor/Supervisor.ts",
    edits: [{ from: "      if (this.latest.get(child) !== latest) return\n", to: "" }],
    scenario: "actors",
    unitTests
  },
  {
    name: "a line that has ended is used again",
    kind: "forget to resend after a heal",
    says: "The channel for calls to a device is opened once, and nobody asks whether it has ended since.",
    seen: "The connection between two devices is reset: no call from one to the other leaves any more, and transfers do not end.",
    file: "src/layers/actor/ActorLine.ts",
    edits: [{ from: "this.opened !== null && !this.opened.isClosed()", to: "this.opened !== null" }],
    scenario: "actors",
    unitTests
  }
]
