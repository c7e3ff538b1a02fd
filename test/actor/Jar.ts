/** Jars that lie at Bob's and are asked by Alice, and ways to ask while virtual time goes on. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { stop } from "../../src/schema/actor/Supervision.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { elapse } from "../mesh/Elapse.ts"
import { devices } from "./Devices.ts"

class Empty extends Schema.TaggedError<Empty>()("Empty", { left: Schema.Int }) {}
// #region callers
export const Jar = Actor.make("Jar", [
  Rpc.make("Put", { payload: { amount: Schema.Int }, success: Schema.Int }).annotate(Actor.Callers, Actor.members),
  // only the device whose name is the address
  Rpc.make("Own", { success: Schema.Boolean }).annotate(Actor.Callers, ({ address, device }) => address === device),
  // only this device
  Rpc.make("Smash"),
  // #endregion callers
  Rpc.make("Take", { payload: { amount: Schema.Int }, success: Schema.Int, error: Empty }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Slow", { payload: { millis: Schema.Int }, success: Schema.String }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Text", { payload: { length: Schema.Int, text: Schema.String }, success: Schema.String }).annotate(
    Actor.Callers,
    Actor.members
  ),
  Rpc.make("Count", { payload: { to: Schema.Int }, success: Schema.Int, error: Empty, stream: true }).annotate(
    Actor.Callers,
    Actor.members
  ),
  Rpc.make("Crash").annotate(Actor.Callers, Actor.members),
  Rpc.make("Ticks", { success: Schema.Int, stream: true }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Large", { success: Schema.String, stream: true }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Breaks", { success: Schema.Int, stream: true }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Lies", { success: Schema.Int }).annotate(Actor.Callers, Actor.members)
])

/** Jars, and what they did. */
export const jars = (log: Array<string>) =>
  Jar.toLayer(
    Effect.gen(function* () {
      const { address } = yield* Jar.self
      let held = 0
      return Jar.handlers({
        Put: ({ amount }) => {
          log.push(`${address} +${amount}`)
          held += amount
          return held
        },
        Take: ({ amount }) => (held < amount ? Effect.fail(new Empty({ left: held })) : (held -= amount)),
        Slow: ({ millis }) =>
          Effect.sync(() => log.push("begins")).pipe(
            Effect.andThen(Effect.sleep(millis)),
            Effect.as("done"),
            Effect.tap(() => Effect.sync(() => log.push("ends")))
          ),
        Text: ({ length, text }) => `${text.length}${"x".repeat(length)}`,
        Count: ({ to }) =>
          Stream.range(1, 1_000_000).pipe(
            Stream.rechunk(1),
            Stream.tap((n) => Effect.sync(() => log.push(`makes ${n}`))),
            Stream.mapEffect((n) => (n > to ? Effect.fail(new Empty({ left: n })) : Effect.succeed(n)))
          ),
        Crash: () => Effect.die(new Error("the secret of this device")),
        Smash: () => {
          log.push("smashed")
        },
        Own: () => true,
        Ticks: () =>
          Stream.tick("1 second").pipe(
            Stream.scan(
              () => 0,
              (n) => n + 1
            )
          ),
        Large: () => Stream.fromIterable(Array.from({ length: 30 }, () => "x".repeat(100_000))),
        Breaks: () => Stream.die(new Error("the secret of this device")),
        Lies: () => 0.5
      })
    }),
    { supervision: stop }
  )

/** Alice calls, and the jars are at Bob's. */
export const house = Effect.gen(function* () {
  const device = yield* devices
  const [alice, bob] = [yield* device, yield* device]
  const log: Array<string> = []
  yield* bob.open(jars(log))
  for (const each of [alice, bob]) yield* each.open(Jar.placed(() => bob.text))
  yield* alice.join
  yield* bob.join
  return { device, alice, bob, log, jar: yield* alice.run(Jar.client("a")), here: yield* bob.run(Jar.client("a")) }
})

/** Runs what waits for time to pass. */
export const passing = <A, E, R>(effect: Effect.Effect<A, E, R>, time: string) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.result(effect), { startImmediately: true })
    yield* elapse(time as "1 second")
    const exit = fiber.pollUnsafe()
    if (exit === undefined) yield* Effect.die(new Error(`it still waits after ${time}`))
    return yield* Fiber.join(fiber)
  })

/** What a call fails with. */
export const failing = <A, E, R>(effect: Effect.Effect<A, E, R>, time = "1 second") =>
  Effect.map(passing(effect, time), (result) => (result._tag === "Failure" ? (result.failure as { _tag: string }) : null))

export const asked = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(passing(effect, "1 second"), (result) => Effect.fromResult(result))
