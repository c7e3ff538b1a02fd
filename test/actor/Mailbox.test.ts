/**
 * Mailboxes: the bound and one above it under every policy, the control lane, and a model that random offers and takes are held to.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Mailbox, type Overflow } from "../../src/schema/actor/Mailbox.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { numbersFrom } from "../../src/testing/Seeded.ts"
import { Counter, counted, listening, settle } from "./Counter.ts"

/** The key of "k1-3" is "k1"; a text without a dash has none. */
const keyOf = (text: string) => (text.includes("-") ? text.split("-")[0] : undefined)
const box = (capacity: number, overflow: Overflow) => new Mailbox<string>({ capacity, overflow, keyOf })
const drained = (mailbox: Mailbox<string>) => {
  const all: Array<string> = []
  for (let each = mailbox.take(); each !== undefined; each = mailbox.take()) all.push(each)
  return all
}

describe("Mailbox", () => {
  for (const overflow of ["suspend", "reject"] as const)
    it(`takes as many as it may and refuses the next: ${overflow}`, () => {
      const mailbox = box(2, overflow)
      assert.deepStrictEqual(
        ["a", "b", "c"].map((text) => mailbox.offer(text)),
        ["accepted", "accepted", "full"]
      )
      assert.strictEqual(mailbox.take(), "a")
      assert.strictEqual(mailbox.offer("d"), "accepted")
      assert.deepStrictEqual(drained(mailbox), ["b", "d"])
      assert.isTrue(mailbox.isEmpty)
    })

  it("drops the oldest at one above its bound", () => {
    const mailbox = box(2, "dropOldest")
    for (const text of ["a", "b"]) assert.strictEqual(mailbox.offer(text), "accepted")
    assert.deepStrictEqual([mailbox.offer("c"), mailbox.displaced], ["dropped", "a"])
    assert.deepStrictEqual(drained(mailbox), ["b", "c"])
  })

  it("keeps the newest of a key in the place of the first, also when it is full", () => {
    const mailbox = box(3, "reject")
    for (const text of ["k-1", "a", "l-1"]) mailbox.offer(text)
    assert.deepStrictEqual([mailbox.offer("k-2"), mailbox.displaced], ["conflated", "k-1"])
    assert.deepStrictEqual([mailbox.offer("k-3"), mailbox.displaced], ["conflated", "k-2"])
    assert.strictEqual(mailbox.offer("m-1"), "full")
    assert.strictEqual(mailbox.take(), "k-3")
    assert.strictEqual(mailbox.offer("k-4"), "accepted")
    assert.deepStrictEqual(drained(mailbox), ["a", "l-1", "k-4"])
  })

  it("keeps nothing of what is given up, and looks at it no more", () => {
    let looked = 0
    const mailbox = new Mailbox<{ readonly n: number }>({
      capacity: 10_000,
      overflow: "reject",
      keyOf: () => {
        looked++
        return undefined
      }
    })
    const kept = { n: -1 }
    mailbox.offer(kept)
    const held = Array.from({ length: 3_000 }, (_, n) => ({ n }))
    for (const message of held) mailbox.offer(message)
    for (const message of held) assert.isTrue(mailbox.remove(message))
    for (let n = 0; n < 3_000; n++) {
      const message = { n }
      mailbox.offer(message)
      assert.isTrue(mailbox.remove(message))
    }
    assert.deepStrictEqual([mailbox.size, mailbox.waiting()], [1, [kept]])
    assert.isBelow(looked, 20_000)
    assert.isBelow(JSON.stringify(mailbox).length, 1_000)
    assert.strictEqual(mailbox.take(), kept)
    assert.isTrue(mailbox.isEmpty)
  })

  it("takes the control lane first, whatever waits", () => {
    const mailbox = box(2, "reject")
    for (const text of ["a", "b"]) mailbox.offer(text)
    mailbox.offerControl("x")
    mailbox.offerControl("y")
    assert.deepStrictEqual(mailbox.waiting(), ["x", "y", "a", "b"])
    assert.strictEqual(mailbox.take(), "x")
    mailbox.offerControl("z")
    assert.deepStrictEqual(drained(mailbox), ["y", "z", "a", "b"])
  })

  it("agrees with a list that does the same slowly, for 60 seeds of offers, takes and removals", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const below = numbersFrom(seed)
      const overflow = (["suspend", "reject", "dropOldest"] as const)[below(3)]!
      const capacity = 1 + (below(2_000) % (seed % 3 === 0 ? 1_500 : 4))
      const mailbox = box(capacity, overflow)
      const model: Array<string> = []
      for (let n = 0; n < 1_000; n++) {
        const what = below(10)
        if (what < 6) {
          const text = below(2) === 0 ? `k${below(3)}-${n}` : `${n}`
          const key = keyOf(text)
          const same = key === undefined ? -1 : model.findIndex((each) => keyOf(each) === key)
          let expected = "accepted"
          if (same !== -1) {
            model[same] = text
            expected = "conflated"
          } else if (model.length < capacity) model.push(text)
          else if (overflow === "dropOldest") {
            model.shift()
            model.push(text)
            expected = "dropped"
          } else expected = "full"
          assert.strictEqual(mailbox.offer(text), expected, `seed ${seed}`)
        } else if (what < 9) assert.strictEqual(mailbox.take(), model.shift(), `seed ${seed}`)
        else if (model.length > 0) {
          const [gone] = model.splice(below(model.length), 1)
          assert.isTrue(mailbox.remove(gone!), `seed ${seed}`)
        }
        assert.strictEqual(mailbox.size, model.length, `seed ${seed}`)
      }
      assert.deepStrictEqual(mailbox.waiting(), model, `seed ${seed}`)
      assert.deepStrictEqual(drained(mailbox), model, `seed ${seed}`)
    }
  })
})

describe("an actor whose mailbox is full", () => {
  const slow = Effect.gen(function* () {
    const counter = yield* Counter.client("a")
    yield* counter.tell("Slow", { millis: 10 })
    yield* settle
    return counter
  })

  counted("lets senders wait for room, in their order", { mailbox: { capacity: 1 } }, (log) =>
    Effect.gen(function* () {
      const counter = yield* slow
      assert.strictEqual((yield* counter.tell("Add", { by: 1 })).fate, "waiting")
      const second = yield* Effect.forkChild(counter.tell("Add", { by: 2 }), { startImmediately: true })
      const third = yield* Effect.forkChild(counter.Add({ by: 3 }), { startImmediately: true })
      const gone = yield* Effect.forkChild(counter.Add({ by: 4 }), { startImmediately: true })
      yield* settle
      assert.isUndefined(second.pollUnsafe())
      assert.strictEqual(counter.tellUnsafe("Add", { by: 9 }).fate, "rejected")
      yield* Fiber.interrupt(gone)
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Actor.settled(yield* Fiber.join(second)), "handled")
      assert.strictEqual(yield* Fiber.join(third), 6)
      assert.deepStrictEqual(log, ["a on", "a begins", "a ends", "a 1", "a 3", "a 6"])
    })
  )

  counted("rejects the next, which is seen", { mailbox: { capacity: 1, overflow: "reject" } }, () =>
    Effect.gen(function* () {
      const { letters } = yield* listening
      const counter = yield* slow
      assert.strictEqual((yield* counter.tell("Add", { by: 1 })).fate, "waiting")
      assert.strictEqual((yield* counter.tell("Add", { by: 2 })).fate, "rejected")
      assert.deepInclude(yield* Effect.flip(counter.Add({ by: 3 })), { _tag: "MailboxFull", capacity: 1 })
      yield* settle
      assert.deepStrictEqual(
        letters.map((letter) => letter.payload),
        [{ by: 2 }, { by: 3 }]
      )
    })
  )

  counted("drops the oldest, whose sender and asker see it", { mailbox: { capacity: 2, overflow: "dropOldest" } }, () =>
    Effect.gen(function* () {
      const counter = yield* slow
      const first = yield* counter.tell("Add", { by: 1 })
      const asked = yield* Effect.forkChild(Effect.flip(counter.Add({ by: 2 })), { startImmediately: true })
      const third = yield* counter.tell("Add", { by: 3 })
      assert.strictEqual(first.fate, "dropped")
      yield* counter.tell("Add", { by: 4 })
      assert.deepInclude(yield* Fiber.join(asked), { _tag: "MessageDropped", how: "dropped" })
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* Actor.settled(third), "handled")
      assert.strictEqual(yield* counter.Get(), 7)
    })
  )

  counted(
    "keeps the newest of a key alone",
    { mailbox: { capacity: 2, overflow: "reject", conflate: (tag) => (tag === "Add" ? "add" : undefined) } },
    () =>
      Effect.gen(function* () {
        const counter = yield* slow
        const told = [1, 2, 3].map((by) => counter.tellUnsafe("Add", { by }))
        yield* counter.tell("Get")
        assert.deepStrictEqual(
          told.map(({ fate }) => fate),
          ["conflated", "conflated", "waiting"]
        )
        assert.strictEqual((yield* counter.tell("Get")).fate, "rejected")
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* counter.Get(), 3)
      })
  )
})
