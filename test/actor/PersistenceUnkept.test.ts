/**
 * Durable actors and what cannot be kept: a turn that cannot be stored fails alone, with its error, and crashes nobody.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { isCommandId } from "../../src/schema/actor/JournalRecords.ts"
import { restart } from "../../src/schema/actor/Supervision.ts"
import type { Item } from "../../src/schema/platform/Codec.ts"
import { commandBytesMax, depthMax, turnEventsMax } from "../../src/schema/platform/Limits.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { NotKept } from "../../src/services/actor/ActorRef.ts"
import { Persistence } from "../../src/services/actor/Persistence.ts"
import { type accounts, process } from "./Account.ts"

/** Keeps whatever it is given, and answers it or how many it has. */
const Box = Actor.make("Box", [
  Rpc.make("Put", { payload: { item: Schema.Unknown }, success: Schema.Unknown }),
  Rpc.make("Reply", { payload: { item: Schema.Unknown }, success: Schema.Unknown }),
  Rpc.make("Many", { payload: { count: Schema.Number }, success: Schema.Unknown }),
  Rpc.make("Count", { success: Schema.Number })
])

const deep = (levels: number): Item => (levels === 0 ? 0 : [deep(levels - 1)])

/** A process with the box; `lives` counts how often it was built. */
const house = (lives: Array<true>, storage = StorageMemory.make(), state: Schema.Codec<unknown, unknown> = Schema.Unknown) => {
  const boxes = Box.toLayer(
    Effect.gen(function* () {
      const journal = yield* Persistence.journal(
        { schema: Schema.Unknown },
        { initial: [], state, apply: (all: unknown, item: unknown) => [...(all as ReadonlyArray<unknown>), item] },
        { snapshotEvery: 2 }
      )
      lives.push(true)
      return Box.handlers({
        Put: ({ item }: { readonly item: unknown }) =>
          Effect.as(journal.append(item), (journal.state as ReadonlyArray<unknown>).length),
        Reply: ({ item }: { readonly item: unknown }) => Effect.as(journal.append("replied"), item),
        Many: ({ count }: { readonly count: number }) => journal.append(...Array<unknown>(count).fill("one of many")),
        Count: () => (journal.state as ReadonlyArray<unknown>).length
      })
    }),
    { supervision: restart({ times: 0 }) }
  )
  return process(storage, boxes as ReturnType<typeof accounts>)
}

const notKept = <A, E, R>(asked: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(asked), (error) => {
    assert.instanceOf(error, NotKept)
    return error as NotKept
  })

describe("what a durable actor cannot keep", () => {
  it.effect("fails its own turn with NotKept, keeps nothing of it, and restarts nobody", () =>
    Effect.gen(function* () {
      const lives: Array<true> = []
      const storage = StorageMemory.make()
      yield* Effect.gen(function* () {
        const box = yield* Box.client("a")
        yield* box.Put({ item: "first" })
        const bad = [deep(depthMax + 1), deep(30), "\ud800", { "\udc00": 1 }, { constructor: 1 }, 1n, [undefined], () => 0]
        for (const item of bad) {
          const error = yield* notKept(box.Put({ item }))
          assert.include(error.message, "keeps nothing of this Put")
          yield* notKept(box.Reply({ item }, { command: "reply" }))
          assert.strictEqual(yield* box.Count(), 1)
        }
        assert.strictEqual(
          (yield* notKept(box.Many({ count: turnEventsMax + 1 }))).reason,
          `it appends more than ${turnEventsMax} events`
        )
        // the name of a command that was not applied is free
        assert.strictEqual(yield* box.Reply({ item: "fine" }, { command: "reply" }), "fine")
        const told = yield* box.tell("Put", { item: "\ud800" })
        assert.strictEqual(yield* Actor.settled(told), "failed")
        yield* box.Put({ item: deep(depthMax) })
        assert.strictEqual(yield* box.Count(), 3)
      }).pipe(Effect.provide(house(lives, storage)))
      assert.lengthOf(lives, 1)
      const count = Effect.flatMap(Box.client("a"), (box) => box.Count())
      assert.strictEqual(yield* Effect.provide(count, house(lives, storage)), 3)
    })
  )

  it.effect("is no command whose id is empty, ill-formed or too long: it is refused before its turn", () =>
    Effect.gen(function* () {
      const lives: Array<true> = []
      yield* Effect.gen(function* () {
        const box = yield* Box.client("a")
        for (const command of ["", "\ud800", "x".repeat(commandBytesMax + 1), "€".repeat(commandBytesMax / 2)]) {
          const error = yield* notKept(box.Put({ item: 1 }, { command }))
          assert.include(error.message, "a command id is not empty")
          assert.strictEqual(yield* box.Count(), 0)
        }
        yield* box.Put({ item: 1 }, { command: "x".repeat(commandBytesMax) })
        assert.strictEqual(yield* box.Count(), 1)
      }).pipe(Effect.provide(house(lives)))
      assert.lengthOf(lives, 1)
    })
  )

  it.effect("is no snapshot: the events are kept without it", () =>
    Effect.gen(function* () {
      const lives: Array<true> = []
      const storage = StorageMemory.make()
      // has no encoding when it is two events long or longer
      const state = Schema.Unknown.pipe(
        Schema.check(Schema.makeFilter((all) => (all as ReadonlyArray<unknown>).length < 2 || "too many"))
      )
      const puts = Effect.gen(function* () {
        const box = yield* Box.client("a")
        for (let i = 0; i < 3; i++) yield* box.Put({ item: i })
        return yield* box.Count()
      })
      assert.strictEqual(yield* Effect.provide(puts, house(lives, storage, state)), 3)
      assert.strictEqual(yield* Effect.provide(puts, house(lives, storage, state)), 6)
      assert.lengthOf(lives, 2)
    })
  )

  it("takes names of commands up to their bound", () => {
    assert.isTrue(isCommandId("€".repeat(85)))
    assert.isFalse(isCommandId("€".repeat(86)))
  })
})
