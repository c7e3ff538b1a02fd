/**
 * The test kit of actors, used as its users use it: a probe, single steps, mailboxes and dead letters, all in virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { Actor, PeerActors } from "troupe"
import { actorProbe, deadLetters } from "troupe/testing"
import { Counter, counted, settle } from "./Counter.ts"

// #region probe
const Mailer = Actor.make("Mailer", [Rpc.make("Send", { payload: { text: Schema.String } })])
const Reminder = Actor.make("Reminder", [Rpc.make("Remind", { payload: { text: Schema.String } })])

const ReminderLive = Reminder.toLayer(
  Effect.gen(function* () {
    const self = yield* Reminder.self
    const mailer = yield* Mailer.client("smtp")
    return Reminder.handlers({
      Remind: ({ text }) => self.timer(text, { after: "1 hour" }, () => mailer.Send({ text }))
    })
  })
)

it.effect("reminds after an hour, and once", () => {
  const mailer = actorProbe(Mailer, { Send: () => {} })
  const layer = Layer.mergeAll(ReminderLive, mailer.layer).pipe(Layer.provideMerge(PeerActors.layer))
  return Effect.provide(
    Effect.gen(function* () {
      const reminder = yield* Reminder.client("anna")
      yield* reminder.Remind({ text: "Milk" })
      yield* mailer.expectNone("59 minutes")
      const { payload } = yield* mailer.expectMessage("Send", "1 minute")
      assert.deepStrictEqual(payload, { text: "Milk" })
      yield* mailer.expectNone("1 day")
    }),
    layer
  )
})
// #endregion probe

describe("the test kit", () => {
  it.effect("says what came instead of what was expected", () => {
    const mailer = actorProbe(Mailer, { Send: Effect.void })
    return Effect.provide(
      Effect.gen(function* () {
        assert.include((yield* Effect.flip(mailer.expectMessage())).message, "found none")
        const client = yield* Mailer.client("smtp")
        yield* client.Send({ text: "Milk" })
        assert.include((yield* Effect.flip(mailer.expectMessage("Other"))).message, 'Send {"text":"Milk"} to smtp')
        assert.include((yield* Effect.flip(mailer.expectNone())).message, "no message")
        yield* mailer.expectMessage("Send")
        yield* mailer.expectNone()
        assert.lengthOf(mailer.received, 1)
      }),
      Layer.provideMerge(mailer.layer, PeerActors.layer)
    )
  })

  counted("steps through one actor, message by message", {}, (log) =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      counter.hold()
      for (const by of [1, 2, 3]) yield* counter.tell("Add", { by })
      yield* settle
      assert.deepStrictEqual(log, ["a on"])
      const first = yield* counter.step
      assert.deepStrictEqual([first?.payload, first?.fate], [{ by: 1 }, "handled"])
      yield* counter.step
      yield* settle
      assert.deepStrictEqual(
        counter.inspect().waiting.map(({ payload }) => payload),
        [{ by: 3 }]
      )
      assert.deepStrictEqual(log, ["a on", "a 1", "a 3"])
      counter.release()
      assert.strictEqual(yield* counter.Get(), 6)
      counter.hold()
      assert.isNull(yield* counter.step)
    })
  )

  counted("has the dead letters of before and after", {}, () =>
    Effect.gen(function* () {
      const counter = yield* Counter.client("a")
      yield* counter.kill
      yield* counter.tell("Get")
      const letters = yield* deadLetters
      yield* counter.tell("Get")
      yield* settle
      assert.lengthOf(letters, 2)
    })
  )
})
