/**
 * Durable actors: nothing acknowledged is lost, nothing refused is kept, no command is applied twice, whichever write fails.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { Commands, decodeSnapshot, decodeTurn, isNameable, JournalKeys } from "../../src/schema/actor/JournalRecords.ts"
import { commandOf, partsOf } from "../../src/schema/actor/Message.ts"
import { resume } from "../../src/schema/actor/Supervision.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { actorCallersMax, actorCommandsMax, actorNameBytesMax, turnEventsMax } from "../../src/schema/platform/Limits.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { ActorSystem } from "../../src/services/actor/ActorSystem.ts"
import { type Events, type Fold, Persistence } from "../../src/services/actor/Persistence.ts"
import type { Storage } from "../../src/services/platform/Storage.ts"
import { Account, accounts, Breaking, process } from "./Account.ts"

const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ _tag }) => _tag)

/** All keys and values of an actor as hexadecimal. */
const stored = (storage: Storage["Service"]) =>
  Effect.map(storage.range({ from: Uint8Array.of(5), to: Uint8Array.of(6), limit: 10_000 }), (entries) =>
    entries.map(({ key, value }) => [Buffer.from(key).toString("hex"), Buffer.from(value).toString("hex")] as const)
  )

const anna = Account.client("anna")

describe("Persistence", () => {
  it.effect("has its state again in the next process, from snapshots and from turns alone", () =>
    Effect.gen(function* () {
      for (const every of [1, 2, 3, 100]) {
        const { inner } = new Breaking()
        for (let life = 0; life < 4; life++) {
          const balance = Effect.gen(function* () {
            const account = yield* anna
            assert.strictEqual(yield* account.Balance(), life * 5)
            for (let i = 1; i <= 5; i++) assert.strictEqual(yield* account.Deposit({ amount: 1 }), life * 5 + i)
          })
          yield* Effect.provide(balance, process(inner, accounts(every)))
        }
        const snapshot = yield* inner.get(new JournalKeys("Account", "anna").snapshot)
        if (every === 100) assert.isNull(snapshot)
        else assert.isAtLeast(Result.getOrThrow(decodeSnapshot(snapshot!)).length, 20 - every)
      }
    })
  )

  it.effect("keeps nothing of a turn that failed or broke, and goes on from what was before", () =>
    Effect.gen(function* () {
      for (const policy of [undefined, resume]) {
        const { inner } = new Breaking()
        yield* Effect.provide(
          Effect.gen(function* () {
            const account = yield* anna
            yield* account.Deposit({ amount: 1 })
            const before = yield* stored(inner)
            assert.deepInclude(yield* Effect.flip(account.Twice({ amount: 5, and: "fail" })), { _tag: "Closed", balance: 11 })
            assert.strictEqual(yield* account.Balance(), 1)
            assert.strictEqual(yield* tagOf(account.Twice({ amount: 5, and: "break" })), "ActorCrashed")
            assert.strictEqual(yield* account.Balance(), 1)
            assert.deepStrictEqual(yield* stored(inner), before)
            assert.isUndefined(yield* account.Twice({ amount: 5, and: "" }))
            assert.strictEqual(yield* account.Balance(), 11)
          }),
          process(inner, accounts(3, policy))
        )
      }
    })
  )

  it.effect("answers a command that comes again with its first reply, in this life and in later ones", () =>
    Effect.gen(function* () {
      const { inner } = new Breaking()
      const twice = Effect.gen(function* () {
        const account = yield* anna
        const first = yield* account.Deposit({ amount: 7 }, { command: "c1" })
        yield* account.Deposit({ amount: 1 })
        assert.deepStrictEqual([first, yield* account.Deposit({ amount: 7 }, { command: "c1" })], [7, 7])
        yield* account.Twice({ amount: 1, and: "" }, { command: "c1" })
        assert.isUndefined(yield* account.Twice({ amount: 1, and: "" }, { command: "c1" }))
        return yield* account.Balance()
      })
      assert.strictEqual(yield* Effect.provide(twice, process(inner)), 10)
      assert.strictEqual(yield* Effect.provide(twice, process(inner)), 11)
    })
  )

  for (const how of ["refused", "kept"] as const)
    it.effect(`applies every command once, whichever write fails: ${how}`, () =>
      Effect.gen(function* () {
        for (let at = 1; at <= 12; at++) {
          const breaking = new Breaking()
          breaking.at = at
          breaking.how = how
          const acknowledged: Array<number> = []
          yield* Effect.provide(
            Effect.gen(function* () {
              const account = yield* anna
              for (let i = 1; i <= 10; i++) {
                const deposit = account.Deposit({ amount: i }, { command: `c${i}` })
                const first = yield* Effect.result(deposit)
                if (Result.isFailure(first)) assert.strictEqual(first.failure._tag, "ActorCrashed")
                acknowledged.push(Result.isSuccess(first) ? first.success : yield* deposit)
              }
            }),
            process(breaking.storage)
          )
          const sums = Array.from({ length: 10 }, (_, i) => ((i + 1) * (i + 2)) / 2)
          assert.deepStrictEqual(acknowledged, sums, `write ${at}`)
          const balance = Effect.flatMap(anna, (account) => account.Balance())
          assert.strictEqual(yield* Effect.provide(balance, process(breaking.inner)), 55, `write ${at}`)
        }
      })
    )

  it.effect("tells nobody of a turn before it is durable", () =>
    Effect.gen(function* () {
      const breaking = new Breaking()
      breaking.at = 2
      yield* Effect.provide(
        Effect.gen(function* () {
          const account = yield* anna
          yield* account.Deposit({ amount: 1 })
          const told = yield* account.tell("Deposit", { amount: 1 })
          assert.strictEqual(yield* Actor.settled(told), "crashed")
          assert.strictEqual(yield* account.Balance(), 1)
        }),
        process(breaking.storage)
      )
    })
  )

  it.effect("is not resumed over a write that failed", () =>
    Effect.gen(function* () {
      const breaking = new Breaking()
      breaking.at = 1
      yield* Effect.provide(
        Effect.gen(function* () {
          const account = yield* anna
          for (let i = 0; i < 3; i++) assert.strictEqual(yield* tagOf(account.Deposit({ amount: 1 })), "ActorCrashed")
        }),
        process(breaking.storage, accounts(3, resume))
      )
      assert.deepStrictEqual(yield* stored(breaking.inner), [])
    })
  )

  it.effect("is restarted when it cannot be read, and then is what it was", () =>
    Effect.gen(function* () {
      const breaking = new Breaking()
      yield* Effect.provide(
        Effect.flatMap(anna, (account) => account.Deposit({ amount: 3 })),
        process(breaking.storage)
      )
      breaking.how = "unread"
      breaking.reads = 0
      breaking.at = 1
      const balance = Effect.flatMap(anna, (account) => account.Balance())
      assert.strictEqual(yield* Effect.provide(balance, process(breaking.storage)), 3)
    })
  )

  it.effect("writes the bytes that docs/format.md tells", () =>
    Effect.gen(function* () {
      const { inner } = new Breaking()
      const deposits = Effect.gen(function* () {
        const account = yield* anna
        yield* account.Deposit({ amount: 2 }, { command: "c" })
        yield* account.Deposit({ amount: 3 })
      })
      yield* Effect.provide(deposits, process(inner, accounts(2)))
      const hex = (...items: Parameters<typeof encode>) => Buffer.from(encode(...items)).toString("hex")
      const key = `05${hex(["Account", "anna"])}`
      const event = (amount: number) => [1, { _tag: "Deposited", amount }]
      assert.deepStrictEqual(yield* stored(inner), [
        [`${key}00`, hex([0, 2, 1, 1, { balance: 5, deposits: 2 }, [["", "c", "Deposit", 2]]])],
        [`${key}010000000000000000`, hex([0, [event(2)], ["", "c", "Deposit", 2]])],
        [`${key}010000000000000001`, hex([0, [event(3)], null])]
      ])
    })
  )

  it("keeps the replies of so many commands and no more, the oldest forgotten first", () => {
    const commands = new Commands()
    commands.add({ caller: "x", id: "0", tag: "a", reply: "of x" })
    for (let i = 0; i <= actorCommandsMax; i++) commands.add({ caller: "", id: `${i}`, tag: "a", reply: i })
    assert.lengthOf(commands.all(), actorCommandsMax + 1)
    const reply = (caller: string, tag: string, id: string) => commands.find({ caller, tag, id })?.reply
    assert.isUndefined(reply("", "a", "0"))
    assert.isUndefined(reply("", "b", "1"))
    assert.strictEqual(reply("", "a", "1"), 1)
    // many commands of one caller push out none of another
    assert.strictEqual(reply("x", "a", "0"), "of x")
  })

  it("keeps the commands of so many callers, and forgets the one first whose last command lies furthest back", () => {
    const commands = new Commands()
    const add = (caller: string, id: string) => commands.add({ caller, id, tag: "a", reply: null })
    for (let i = 0; i < actorCallersMax; i++) add(`${i}`, "first")
    add("0", "second")
    const again = new Commands()
    for (const command of commands.all()) again.add(command)
    assert.deepStrictEqual(again.all(), commands.all())
    for (const each of [commands, again]) {
      each.add({ caller: "another", id: "first", tag: "a", reply: null })
      assert.lengthOf(each.all(), actorCallersMax + 1)
      assert.isNull(each.find({ caller: "1", id: "first", tag: "a" }))
      assert.isNotNull(each.find({ caller: "0", id: "first", tag: "a" }))
      assert.isNotNull(each.find({ caller: "2", id: "first", tag: "a" }))
    }
  })

  it("reads no part of an id as a caller", () => {
    for (const caller of ["", "x"])
      for (const id of ["a\0b", "\0", "a"]) assert.deepStrictEqual(partsOf(commandOf(id, caller)), { caller, id })
  })

  it.effect("knows the commands of each calling device apart, in this life and in later ones", () =>
    Effect.gen(function* () {
      // as calls from afar come in
      const asks = Effect.gen(function* () {
        const { ref } = yield* ActorSystem
        const deposit = (amount: number, command: string, caller?: string) =>
          ref("Account", "anna").ask("Deposit", { amount }, caller === undefined ? { command } : { command, caller })
        const replies = [yield* deposit(1, "c"), yield* deposit(10, "c", "x"), yield* deposit(100, "c", "y")]
        // no id is read as another's
        replies.push(yield* deposit(1_000, "x\0c"), yield* deposit(10_000, "\0c"), yield* deposit(100_000, "\0c", "x"))
        return replies
      })
      const first = [1, 11, 111, 1_111, 11_111, 111_111]
      for (const every of [3, 100]) {
        const { inner } = new Breaking()
        assert.deepStrictEqual(yield* Effect.provide(asks, process(inner, accounts(every))), first)
        assert.deepStrictEqual(yield* Effect.provide(asks, process(inner, accounts(every))), first)
      }
    })
  )

  it("refuses records that are not what they should be", () => {
    const event = [1, 0]
    const bad = [
      [0, [], null],
      [1, [event], null],
      [0, [event]],
      [0, [event], ["", "c", "t"]],
      [0, Array(turnEventsMax + 1).fill(event), null]
    ]
    for (const item of bad) assert.isTrue(Result.isFailure(decodeTurn(encode(item))), JSON.stringify(item).slice(0, 40))
    assert.isTrue(Result.isSuccess(decodeTurn(encode([0, Array(turnEventsMax).fill(event), null]))))
    assert.isTrue(Result.isFailure(decodeSnapshot(encode([1, 0, 1, 1, null, []]))))
  })

  it("takes names up to their bound, and no address is inside another's range", () => {
    assert.isTrue(isNameable("a".repeat(actorNameBytesMax), "ä".repeat(actorNameBytesMax / 2)))
    assert.isFalse(isNameable("a".repeat(actorNameBytesMax + 1), "a"))
    assert.isFalse(isNameable("a", `ä${"a".repeat(actorNameBytesMax - 1)}`))
    const texts = [
      ["a", "b"],
      ["a", "bc"],
      ["ab", ""],
      ["a", ""]
    ].map(([name = "", address = ""]) => `${new JournalKeys(name, address).snapshot.slice(0, -1)},`)
    for (const one of texts) for (const other of texts) assert.strictEqual(one === other, other.startsWith(one))
  })
})

/** An actor of an application in one of its versions. */
const Note = Actor.make("Note", [
  Rpc.make("Write", { payload: { text: Schema.String } }),
  Rpc.make("Read", { success: Schema.String })
])
const notes = <Event>(events: Events<Event>, fold: Fold<string, Event>, of: (text: string) => Event) =>
  Note.toLayer(
    Effect.gen(function* () {
      const journal = yield* Persistence.journal(events, fold, { snapshotEvery: 2 })
      return Note.handlers({ Write: ({ text }) => Effect.asVoid(journal.append(of(text))), Read: () => journal.state })
    })
  )
const first = notes(
  { schema: Schema.String },
  { initial: "", state: Schema.String, apply: (state, text) => state + text },
  (text) => text
)
const second = (upcast: Events<unknown>["upcast"], fold: number) =>
  notes(
    { schema: Schema.Struct({ text: Schema.String }), version: 2, ...(upcast === undefined ? {} : { upcast }) },
    { initial: "", state: Schema.String, version: fold, apply: (state, { text }) => `${state}|${text}` },
    (text) => ({ text })
  )
const writing = (...texts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const note = yield* Note.client("a")
    for (const text of texts) yield* note.Write({ text })
    return yield* note.Read()
  })
const run = <A, E>(
  storage: Storage["Service"],
  layer: typeof first,
  effect: Effect.Effect<A, E, Layer.Success<ReturnType<typeof process>>>
) => Effect.provide(effect, process(storage, layer as ReturnType<typeof accounts>))

describe("events and folds of another version", () => {
  const upcast = { 1: (text: unknown) => ({ text }) }

  it.effect("are read by upcasters, and a snapshot of another fold is made anew", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      assert.strictEqual(yield* run(storage, first, writing("a", "b", "c")), "abc")
      assert.strictEqual(yield* run(storage, second(upcast, 1), writing()), "ab|c")
      assert.strictEqual(yield* run(storage, second(upcast, 2), writing("d")), "|a|b|c|d")
      assert.strictEqual(yield* run(storage, second(upcast, 2), writing("e")), "|a|b|c|d|e")
    })
  )

  it.effect("are refused with what is missing, and nothing is changed", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      yield* run(storage, first, writing("a"))
      assert.strictEqual(yield* tagOf(run(storage, second(undefined, 1), writing("b"))), "ActorStopped")
      yield* run(storage, second(upcast, 1), writing("b"))
      const before = yield* stored(storage)
      assert.strictEqual(yield* tagOf(run(storage, first, writing("c"))), "ActorStopped")
      assert.deepStrictEqual(yield* stored(storage), before)
    })
  )
})
