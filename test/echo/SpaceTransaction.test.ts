/** Transactions that must not commit, and programs that the compiler did not check: nothing is written, and the reason is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import { ObjectInvalid, ObjectType, PropertyInvalid } from "../../src/schema/echo/ObjectType.ts"
import { ArgumentInvalid } from "../../src/schema/platform/ArgumentInvalid.ts"
import type { Space, Transaction } from "../../src/services/echo/SpaceService.ts"
import type { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"

const Task = ObjectType.make("Task", { title: Schema.String, n: Schema.optionalKey(Schema.Number) })
type Bad = never

const inSpace = (use: (home: Space) => Effect.Effect<void, unknown, MemoryNetwork>) => () =>
  Effect.flatMap(PeerMemory.open, (peer) => Effect.flatMap(peer.spaces.create({ name: "Home" }), use)).pipe(
    Effect.provide(MemoryNetworkLayer.layer)
  )

/** What an Effect died of: an Error that says what to do. */
const defect = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    assert.isTrue(Exit.isFailure(exit) && exit.cause.reasons.some(Cause.isDieReason), "it must die")
    const error = Cause.squash((exit as Exit.Failure<unknown, unknown>).cause)
    assert.instanceOf(error, Error)
    assert.notInstanceOf(error, TypeError)
    return error as Error
  })

describe("a refusal in a transaction", () => {
  it.live(
    "adds nothing and fails the whole change with the first refusal, even when the body caught it",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const milk = yield* home.create(Task, { title: "Milk" })
        const thrown: Array<unknown> = []
        const caught = (step: () => void) => {
          try {
            step()
          } catch (error) {
            thrown.push(error)
          }
        }
        const refusal = yield* Effect.flip(
          home.change((transaction) => {
            transaction.create(Task, { title: "first" })
            caught(() => transaction.create(Task, { title: "second", n: "no" as Bad }))
            caught(() => transaction.update(milk, { n: 7, title: 5 as Bad }))
            caught(() => transaction.delete({ ...milk, id: `${milk.id}9` }))
          })
        )
        assert.strictEqual(refusal._tag, "PropertyInvalid")
        assert.match(refusal.message, /^Task\.n cannot be written/)
        assert.deepStrictEqual(
          thrown.map((error) => (error instanceof Error ? error.message.split(" ")[0] : error)),
          ["Task.n", "Task.title", "there"]
        )
        assert.deepStrictEqual(
          (yield* home.query(Task).all).map(({ title, n }) => [title, n]),
          [["Milk", undefined]]
        )
      })
    )
  )

  it.live(
    "goes before what the body throws because of it",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const wrap = (transaction: Transaction) => {
          try {
            transaction.create(Task, { title: 1 as Bad })
          } catch (cause) {
            throw new Error("wrapped", { cause })
          }
        }
        assert.instanceOf(yield* Effect.flip(home.change(wrap)), PropertyInvalid)
        assert.strictEqual(
          (yield* defect(
            home.change(() => {
              throw new Error("a bug")
            })
          )).message,
          "a bug"
        )
      })
    )
  )
})

describe("a transaction that outlives its change", () => {
  it.live(
    "is refused when the function is async or answers an Effect, and nothing is committed",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const late: Array<unknown> = []
        const asynchronous = yield* defect(
          home.change(async (transaction) => {
            transaction.create(Task, { title: "before" })
            await Promise.resolve()
            try {
              transaction.create(Task, { title: "after" })
            } catch (error) {
              late.push(error)
              throw error
            }
          })
        )
        assert.match(asynchronous.message, /change takes a function that does all its work at once/)
        const effect = yield* defect(
          home.change((transaction) => Effect.sync(() => transaction.create(Task, { title: "effect" })))
        )
        assert.match(effect.message, /change takes a function that does all its work at once/)
        yield* Effect.yieldNow
        assert.match(String(late[0]), /the transaction is over/)
        assert.deepStrictEqual(yield* home.query(Task).all, [])
      })
    )
  )

  it.live(
    "says that it is over, and gives no object an id that another will have",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const { value: kept } = yield* home.change((transaction) => transaction)
        assert.throws(() => kept.create(Task, { title: "leak" }), /the transaction is over.*Start another with change/)
        const milk = yield* home.create(Task, { title: "Milk" })
        assert.throws(() => kept.update(milk, { title: "leak" }), /over/)
        assert.throws(() => kept.delete(milk), /over/)
      })
    )
  )
})

describe("update", () => {
  it.live(
    "answers the new values of a deleted object too",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const milk = yield* home.create(Task, { title: "Milk" })
        yield* home.delete(milk)
        assert.strictEqual((yield* home.update(milk, { title: "Soy milk" })).title, "Soy milk")
        assert.isUndefined(yield* home.get(Task, milk.id))
      })
    )
  )

  it.live(
    "answers typed that the object still does not fit, and keeps the change",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const Newer = ObjectType.make("Task", { title: Schema.Number, n: Schema.optionalKey(Schema.Number) })
        const milk = yield* home.create(Task, { title: "Milk" })
        const [invalid] = yield* home.query(Newer).invalid
        assert.instanceOf(yield* Effect.flip(home.update(invalid!, { n: 3 })), ObjectInvalid)
        assert.strictEqual((yield* home.get(Task, milk.id))?.n, 3)
      })
    )
  )

  it.live(
    "takes an object by its id alone where one type has its name, and says what to give where several have",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const milk = yield* home.create(Task, { title: "Milk" })
        assert.strictEqual((yield* home.update({ ...milk }, { title: "spread" })).title, "spread")
        assert.strictEqual((yield* home.update({ id: milk.id } as typeof milk, { title: "by id" })).title, "by id")
        yield* home.query(ObjectType.make("Task", { title: Schema.String })).all
        const untyped = yield* Effect.flip(home.update({ id: milk.id } as typeof milk, { title: "x" }))
        assert.strictEqual(untyped._tag, "ObjectUntyped")
        assert.match(untyped.message, /is in this space.*Give the object as create, get or a query answered it/)
      })
    )
  )
})

describe("an untyped program", () => {
  it.live(
    "is told at the call what it takes",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const milk = yield* home.create(Task, { title: "Milk" })
        const wrong: ReadonlyArray<readonly [Effect.Effect<unknown, unknown>, RegExp]> = [
          [home.create(Task, null as Bad), /create\(Task, …\) takes the object's properties, and was given null/],
          [home.create(undefined as Bad, {} as Bad), /create takes a type of objects first.*given undefined/],
          [home.update(undefined as Bad, {}), /update takes an object of the space.*given undefined/],
          [home.update(milk, null as Bad), /update takes the properties to be changed, and was given null/],
          [home.delete(5 as Bad), /delete takes an object of the space.*given 5/],
          [home.restore({} as Bad), /restore takes an object of the space.*with its id/],
          [home.get(Task, undefined as Bad), /get\(Task, …\) takes an object's id, and was given undefined/],
          [home.get(null as Bad, milk.id), /get takes a type of objects/],
          [Effect.suspend(() => home.query({} as Bad).all), /query takes a type of objects/],
          [
            home.create(Task, { title: "x" }, { durability: "lax" as Bad }),
            /durability takes "strict" or "relaxed", and was given "lax"/
          ]
        ]
        for (const [effect, says] of wrong) {
          const error = yield* defect(effect)
          assert.instanceOf(error, ArgumentInvalid)
          assert.match(error.message, says)
        }
        assert.lengthOf(yield* home.query(Task).all, 1)
      })
    )
  )

  it.live(
    "hears that a change has too many mutations, and not of bytes",
    inSpace(
      Effect.fnUntraced(function* (home: Space) {
        const milk = yield* home.create(Task, { title: "Milk" })
        const refusal = yield* Effect.flip(
          home.change((transaction) => {
            for (let i = 0; i < 11_000; i++) transaction.update(milk, { n: i })
          })
        )
        assert.match(refusal.message, /makes 11000 mutations.*may make 10000\. Split it/)
      })
    )
  )
})
