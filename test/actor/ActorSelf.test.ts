/**
 * What an actor knows of itself: timers, watches, turns and other behaviours, and that all of them end with its life.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Actor from "../../src/services/actor/Actor.ts"
import type { ActorSystem } from "../../src/services/actor/ActorSystem.ts"
import { settle, system } from "./Counter.ts"

const Watcher = Actor.make("Watcher", [
  Rpc.make("Watch", { payload: { address: Schema.String } }),
  Rpc.make("Every", { payload: { millis: Schema.Number } }),
  Rpc.make("Once", { payload: { millis: Schema.Number } }),
  Rpc.make("Cancel"),
  Rpc.make("Busy", { payload: { millis: Schema.Number } }),
  Rpc.make("Note", { payload: { text: Schema.String } }),
  Rpc.make("Shout"),
  Rpc.make("Twice"),
  Rpc.make("Leave"),
  Rpc.make("Break")
])

const watching = (log: Array<string>) =>
  Watcher.toLayer(
    Effect.gen(function* () {
      const self = yield* Watcher.self
      const note = (text: string) => void log.push(`${self.address} ${text}`)
      const calm = Watcher.handlers({
        Watch: ({ address }) =>
          Effect.map(Watcher.client(address), (other) => self.watch(other, (why) => note(`saw ${address} end: ${why}`))),
        Every: ({ millis }) => self.timer("tick", { every: millis }, () => note("tick")),
        Once: ({ millis }) => self.timer("tick", { after: millis }, () => Effect.sync(() => note("once"))),
        Cancel: () => self.cancel("tick"),
        Busy: ({ millis }) => Effect.sleep(millis),
        Note: ({ text }) => note(text),
        Shout: (): void => self.become({ ...calm, Note: ({ text }) => note(text.toUpperCase()) }),
        Twice: () => {
          self.turn(() => note("after"))
          note("during")
        },
        Leave: () => self.stop(),
        Break: () => {
          throw new Error("broken")
        }
      })
      return calm
    })
  )

const watched = <A, E>(title: string, test: (log: Array<string>) => Effect.Effect<A, E, ActorSystem | Scope.Scope>) =>
  it.effect(title, () => {
    const log: Array<string> = []
    return Effect.provide(Effect.scoped(test(log)), Layer.provideMerge(watching(log), system))
  })

const pass = (millis: number) => Effect.andThen(Effect.andThen(settle, TestClock.adjust(millis)), settle)

describe("ActorSelf", () => {
  watched("ticks as turns, never two at once, and a key has one timer", (log) =>
    Effect.gen(function* () {
      const a = yield* Watcher.client("a")
      yield* a.Every({ millis: 100 })
      for (let i = 0; i < 3; i++) yield* pass(100)
      assert.deepStrictEqual(log, ["a tick", "a tick", "a tick"])
      yield* a.tell("Busy", { millis: 250 })
      for (let i = 0; i < 10; i++) yield* pass(25)
      assert.deepStrictEqual(log.length, 4)
      yield* a.Once({ millis: 10 })
      yield* pass(10)
      yield* pass(1_000)
      assert.deepStrictEqual(log.slice(4), ["a once"])
      yield* a.Once({ millis: 10 })
      yield* a.Cancel()
      yield* pass(1_000)
      assert.lengthOf(log, 5)
    })
  )

  watched("has its timers' turns before a flood of user messages", (log) =>
    Effect.gen(function* () {
      const a = yield* Watcher.client("a")
      yield* a.Once({ millis: 10 })
      yield* a.tell("Busy", { millis: 20 })
      for (let i = 0; i < 900; i++) yield* a.tell("Note", { text: `${i}` })
      for (let i = 0; i < 4; i++) yield* pass(5)
      assert.deepStrictEqual([log[0], log.length], ["a once", 901])
    })
  )

  watched("loses its timers with its life", (log) =>
    Effect.gen(function* () {
      const [a, b] = [yield* Watcher.client("a"), yield* Watcher.client("b")]
      yield* a.Every({ millis: 100 })
      yield* b.Every({ millis: 100 })
      yield* a.tell("Break")
      yield* b.stop
      for (let i = 0; i < 5; i++) yield* pass(100)
      assert.deepStrictEqual([log, a.inspect().state, b.inspect().state], [[], "idle", "ended"])
    })
  )

  watched("sees another end, also one that has ended already, and not its restart", (log) =>
    Effect.gen(function* () {
      const [a, b] = [yield* Watcher.client("a"), yield* Watcher.client("b")]
      yield* a.Watch({ address: "b" })
      yield* b.tell("Break")
      yield* settle
      assert.deepStrictEqual([log, b.inspect().state], [[], "idle"])
      yield* b.Leave()
      yield* settle
      yield* a.Watch({ address: "b" })
      yield* settle
      assert.deepStrictEqual(log, ["a saw b end: stopped", "a saw b end: stopped"])
    })
  )

  watched("becomes another from the next message on, and itself again when it is restarted", (log) =>
    Effect.gen(function* () {
      const a = yield* Watcher.client("a")
      yield* a.Note({ text: "one" })
      yield* a.Shout()
      yield* a.Note({ text: "two" })
      yield* a.tell("Break")
      yield* a.Note({ text: "three" })
      assert.deepStrictEqual(log, ["a one", "a TWO", "a three"])
    })
  )

  watched("has a turn of its own when the one under way is done, before messages that wait", (log) =>
    Effect.gen(function* () {
      const a = yield* Watcher.client("a")
      yield* a.tell("Twice")
      yield* a.Note({ text: "next" })
      assert.deepStrictEqual(log, ["a during", "a after", "a next"])
    })
  )

  it("refuses an Rpc that hides what every client has", () => {
    assert.throws(() => Actor.make("Bad", [Rpc.make("stop")]), /another name/)
    assert.throws(() => Actor.make("Bad", [Rpc.make("Ok"), Rpc.make("Ok")]), /another name/)
  })
})
