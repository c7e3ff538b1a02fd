/**
 * What a device that is let in can do to the actors of another one by what it sends: end its own calls and its own channel, no more.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { callsMax } from "../../src/schema/platform/Limits.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { Persistence } from "../../src/services/actor/Persistence.ts"
import type { Channel } from "../../src/services/mesh/Connection.ts"
import { Swarm } from "../../src/services/mesh/Swarm.ts"
import { elapse } from "../mesh/Elapse.ts"
import { devices } from "./Devices.ts"

class Put extends Schema.TaggedClass<Put>()("Put", { amount: Schema.Int }) {}

const Purse = Actor.make("Purse", [
  Rpc.make("Put", { payload: { amount: Schema.Int.check(Schema.isGreaterThan(0)) }, success: Schema.Int }).annotate(
    Actor.Callers,
    Actor.members
  ),
  Rpc.make("Wait").annotate(Actor.Callers, Actor.members),
  Rpc.make("Show", { success: Schema.String }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Many", { success: Schema.Int, stream: true }).annotate(Actor.Callers, Actor.members)
])

const PurseLive = Purse.toLayer(
  Effect.gen(function* () {
    const journal = yield* Persistence.journal({ schema: Put }, { initial: 0, apply: (sum, { amount }) => sum + amount })
    let shown = 0
    return Purse.handlers({
      Put: ({ amount }) => journal.append(new Put({ amount })),
      Wait: () => Effect.never,
      Many: () => Stream.range(1, 40),
      Show: () => `${shown++}${"x".repeat(100_000)}`
    })
  })
)

const house = Effect.gen(function* () {
  const device = yield* devices
  const [alice, bob, mallory] = [yield* device, yield* device, yield* device]
  const place = yield* Scope.fork(yield* Effect.scope)
  yield* Scope.provide(bob.open(PurseLive), place)
  yield* alice.open(Purse.placed(() => bob.text))
  for (const each of [alice, bob, mallory]) yield* each.join
  yield* elapse("10 seconds")
  const purse = yield* alice.run(Purse.client("a"))
  const channel = yield* mallory.run(Swarm.use((swarm) => swarm.open(bob.text, "actor/Purse", 0)))
  return { alice, bob, mallory, purse, channel, place }
})

const bytes = (message: unknown) => new TextEncoder().encode(typeof message === "string" ? message : JSON.stringify(message))
const request = (id: unknown, payload: unknown = { amount: 1 }, headers: unknown = [["address", "a"]], tag = "Put") =>
  bytes({ _tag: "Request", id, tag, payload, headers })

/** What comes back until nothing does, and why the channel was closed, if it was. */
const answers = Effect.fnUntraced(function* (channel: Channel, messages: ReadonlyArray<Uint8Array>) {
  const heard: Array<string> = []
  const listening = Effect.forever(Effect.map(channel.take, (message) => heard.push(new TextDecoder().decode(message)))).pipe(
    Effect.catch(({ reason }) => Effect.sync(() => heard.push(`closed: ${reason}`)))
  )
  const fiber = yield* Effect.forkChild(listening, { startImmediately: true })
  for (const message of messages) yield* Effect.ignore(channel.send(message))
  yield* elapse("1 second")
  yield* Fiber.interrupt(fiber)
  return heard
})

const passing = <A, E, R>(effect: Effect.Effect<A, E, R>, time: Duration.Input = "1 second") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* elapse(time)
    return yield* Fiber.join(fiber)
  })

describe("a device that answers what it should not", () => {
  const answered: ReadonlyArray<readonly [what: string, answer: Uint8Array, tag: string]> = [
    ["bytes", Uint8Array.of(255), "ActorUnreachable"],
    ["a request", request(0), "ActorUnreachable"],
    ["a value of another type", bytes({ _tag: "Exit", requestId: 0, exit: { _tag: "Success", value: "1" } }), "ActorCrashed"],
    ["no exit", bytes({ _tag: "Exit", requestId: 0, exit: 5 }), "ActorCrashed"],
    ["a defect for all calls", bytes({ _tag: "Defect", defect: "no" }), "ActorUnreachable"],
    ["an exit without a cause", bytes({ _tag: "Exit", requestId: 0, exit: { _tag: "Failure", cause: [] } }), "ActorUnreachable"],
    [
      "a depth that no stack holds",
      bytes(`{"_tag":"Exit","requestId":0,"exit":${"[".repeat(50_000)}${"]".repeat(50_000)}}`),
      "ActorCrashed"
    ],
    ["an answer to another call", bytes({ _tag: "Exit", requestId: 7, exit: { _tag: "Success", value: 1 } }), "AskTimeout"],
    ["a stream", bytes({ _tag: "Chunk", requestId: 0, values: [1] }), "AskTimeout"]
  ]
  for (const [what, answer, tag] of answered)
    it.effect(`with ${what}: the call fails with ${tag}`, () =>
      Effect.gen(function* () {
        const device = yield* devices
        const [alice, mallory] = [yield* device, yield* device]
        const onChannel = (channel: Channel) => Effect.forever(Effect.andThen(channel.take, channel.send(answer)))
        yield* mallory.run(Swarm.use((swarm) => swarm.serve({ name: "actor/Purse", version: 0, onChannel })))
        yield* alice.open(Purse.placed(() => mallory.text))
        yield* alice.join
        yield* mallory.join
        const purse = yield* alice.run(Purse.client("a"))
        const call = Effect.flip(purse.Put({ amount: 1 }, { timeout: 500 }))
        assert.strictEqual((yield* passing(call))._tag, tag)
      })
    )
})

describe("a stream", () => {
  it.effect("comes in parts, the next one when the one before was taken", () =>
    Effect.gen(function* () {
      const { channel } = yield* house
      const ack = bytes({ _tag: "Ack", requestId: 0 })
      const sizes: Array<number> = []
      for (const message of [request(0, null, [["address", "a"]], "Many"), ack, ack, ack]) {
        const heard = yield* answers(channel, [message])
        assert.lengthOf(heard, 1)
        sizes.push((JSON.parse(heard[0]!) as { values?: Array<number> }).values?.length ?? 0)
      }
      assert.deepStrictEqual(sizes, [16, 16, 8, 0])
    })
  )

  it.effect("of more elements than were asked for ends with its channel", () =>
    Effect.gen(function* () {
      const device = yield* devices
      const [alice, mallory] = [yield* device, yield* device]
      const chunk = bytes({ _tag: "Chunk", requestId: 0, values: Array(16).fill(1) })
      let closed = ""
      const onChannel = (channel: Channel) =>
        channel.take.pipe(
          Effect.andThen(Effect.forEach(Array(10).fill(chunk), channel.send)),
          Effect.andThen(Effect.forever(channel.take)),
          Effect.catch(({ detail, reason }) => Effect.sync(() => (closed = `${reason} ${detail}`)))
        )
      yield* mallory.run(Swarm.use((swarm) => swarm.serve({ name: "actor/Purse", version: 0, onChannel })))
      yield* alice.open(Purse.placed(() => mallory.text))
      yield* alice.join
      yield* mallory.join
      const purse = yield* alice.run(Purse.client("a"))
      const error = yield* passing(Effect.flip(Stream.runForEach(purse.Many(), () => Effect.sleep("100 millis"))), "20 seconds")
      assert.strictEqual(error._tag, "ActorUnreachable")
      assert.include(closed, "protocol error")
    })
  )
})

describe("a device that sends what it should not", () => {
  const nonsense: ReadonlyArray<readonly [what: string, message: Uint8Array]> = [
    ["bytes", Uint8Array.of(255, 0, 1)],
    ["nothing", new Uint8Array(0)],
    ["a text", bytes("hello")],
    ["null", bytes(null)],
    ["many messages in one", bytes([{ _tag: "Eof" }, { _tag: "Eof" }])],
    ["the end of its input", bytes({ _tag: "Eof" })],
    ["an answer", bytes({ _tag: "Exit", requestId: 0, exit: { _tag: "Success", value: 1 } })],
    ["an id that is no number", request("__proto__")],
    ["a negative id", request(-1)],
    ["headers that are none", request(0, {}, { address: "a" })],
    [
      "too many headers",
      request(
        0,
        {},
        Array.from({ length: 9 }, (_, n) => [`h${n}`, ""])
      )
    ],
    ["a depth that no stack holds", bytes(`${"[".repeat(400_000)}`)]
  ]
  for (const [what, message] of nonsense)
    it.effect(`loses its channel for ${what}, and others are served`, () =>
      Effect.gen(function* () {
        const { channel, purse } = yield* house
        assert.deepStrictEqual(yield* answers(channel, [message]), ["closed: protocol error"])
        assert.strictEqual(yield* passing(purse.Put({ amount: 1 })), 1)
      })
    )

  const refused: ReadonlyArray<readonly [what: string, message: Uint8Array]> = [
    ["an Rpc that there is not", request(0, {}, [["address", "a"]], "constructor")],
    ["a payload of another shape", request(0, { amount: "1" })],
    ["a payload that the schema refuses", request(0, { amount: -5 })],
    ["no address", request(0, { amount: 1 }, [])],
    ["an address beyond any length", request(0, { amount: 1 }, [["address", "a".repeat(300)]])]
  ]
  for (const [what, message] of refused)
    it.effect(`is refused ${what}, and its next call is served`, () =>
      Effect.gen(function* () {
        const { channel, purse } = yield* house
        const heard = yield* answers(channel, [message, request(1)])
        assert.lengthOf(heard, 2)
        assert.include(heard[0], '"requestId":0')
        assert.include(heard[0], "Die")
        assert.include(heard[1], '"value":1')
        assert.strictEqual(yield* passing(purse.Put({ amount: 1 })), 2)
      })
    )

  it.effect("uses no id of a call that is under way", () =>
    Effect.gen(function* () {
      const { channel } = yield* house
      const wait = request(3, null, [["address", "w"]], "Wait")
      assert.strictEqual((yield* answers(channel, [wait, request(3)])).at(-1), "closed: protocol error")
    })
  )

  it.effect("cannot name a command by what cannot be stored", () =>
    Effect.gen(function* () {
      const { channel, purse } = yield* house
      for (const [id, command] of ["\ud800", "x".repeat(300), "ü".repeat(200)].entries()) {
        const named = request(id, { amount: 1 }, [
          ["address", "a"],
          ["command", command]
        ])
        assert.include((yield* answers(channel, [named]))[0], "Die")
      }
      assert.strictEqual(yield* passing(purse.Put({ amount: 1 })), 1)
    })
  )

  it.effect("cannot take the command ids of others, nor push them out", () =>
    Effect.gen(function* () {
      const { channel, purse } = yield* house
      const named = (id: number, command: string) =>
        request(id, { amount: 1 }, [
          ["address", "a"],
          ["command", command]
        ])
      assert.include((yield* answers(channel, [named(0, "rent")]))[0], '"value":1')
      assert.strictEqual(yield* passing(purse.Put({ amount: 100 }, { command: "rent" })), 101)
      for (let round = 0; round < 5; round++) {
        const many = Array.from({ length: 250 }, (_, i) => named(1 + round * 250 + i, `${round} ${i}`))
        assert.lengthOf(yield* answers(channel, many), 250)
      }
      assert.strictEqual(yield* passing(purse.Put({ amount: 100 }, { command: "rent" })), 101)
    })
  )

  it.effect("is refused calls while those under way hold too much, and served again after", () =>
    Effect.gen(function* () {
      const { channel, purse } = yield* house
      const wait = (id: number) =>
        request(
          id,
          null,
          [
            ["address", `${id}`],
            ["ignored", "x".repeat(1_000_000)]
          ],
          "Wait"
        )
      const waits = Array.from({ length: 9 }, (_, id) => wait(id))
      const refused = yield* answers(channel, waits)
      assert.lengthOf(refused, 1)
      assert.match(refused[0]!, /"requestId":8.*MailboxFull/)
      const interrupts = waits.slice(0, 8).map((_, requestId) => bytes({ _tag: "Interrupt", requestId }))
      assert.lengthOf(yield* answers(channel, interrupts), 8)
      assert.include((yield* answers(channel, [request(51)]))[0], '"value":1')
      assert.strictEqual(yield* passing(purse.Put({ amount: 1 })), 2)
    })
  )

  it.effect("has no more calls under way than are allowed, and no more channels", () =>
    Effect.gen(function* () {
      const { bob, channel, mallory, purse } = yield* house
      const waits = Array.from({ length: 2 * callsMax + 1 }, (_, id) => request(id, null, [["address", `${id}`]], "Wait"))
      assert.strictEqual((yield* answers(channel, waits)).at(-1), "closed: protocol error")
      const more = yield* mallory.run(
        Swarm.use((swarm) => Effect.all(Array.from({ length: 5 }, () => swarm.open(bob.text, "actor/Purse", 0))))
      )
      assert.deepStrictEqual(yield* answers(more[4]!, []), ["closed: too many channels"])
      assert.strictEqual(yield* passing(purse.Put({ amount: 1 })), 1)
    })
  )

  it.effect("may leave answers unread, and neither holds more than its share nor anything up", () =>
    Effect.gen(function* () {
      const { bob, channel, mallory, place, purse } = yield* house
      const shows = (from: number, count: number) =>
        Array.from({ length: count }, (_, i) => request(from + i, null, [["address", "s"]], "Show"))
      yield* Effect.forkScoped(Effect.forEach(shows(0, 2_000), (message) => Effect.ignore(channel.send(message))))
      yield* elapse("5 seconds")
      const shown = yield* passing(bob.run(Effect.flatMap(Purse.client("s"), (show) => show.Show())))
      assert.isBelow(Number.parseInt(shown, 10), 1_000)
      for (let round = 0; round < 6; round++) {
        const another = yield* mallory.run(Swarm.use((swarm) => swarm.open(bob.text, "actor/Purse", 0)))
        for (const message of shows(0, 20)) yield* another.send(message)
        yield* elapse("1 second")
        yield* another.close("done")
        yield* elapse("1 second")
      }
      assert.strictEqual(yield* passing(purse.Put({ amount: 1 })), 1)
      yield* passing(Scope.close(place, Exit.void))
      const error = yield* passing(Effect.flip(purse.Put({ amount: 1 })))
      assert.deepInclude(error, { _tag: "ActorUnreachable", reason: "absent" } as never)
    })
  )

  it.effect("sees a call that it repeats with its command id applied once, also on another connection", () =>
    Effect.gen(function* () {
      const { alice, bob, purse } = yield* house
      assert.strictEqual(yield* passing(purse.Put({ amount: 5 }, { command: "rent" })), 5)
      yield* bob.leave
      yield* bob.join
      yield* elapse("1 minute")
      assert.strictEqual(yield* passing(purse.Put({ amount: 5 }, { command: "rent" })), 5)
      assert.strictEqual(yield* passing(purse.Put({ amount: 1 })), 6)
      assert.isString(alice.text)
    })
  )
})
