/**
 * The channels beside the first one of a connection: who serves them and for how long, how many there may be, and how they end.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { MinimumLogLevel } from "effect/References"
import * as Scope from "effect/Scope"
import * as ConnectionLayer from "../../src/layers/mesh/Connection.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { SwarmBeside } from "../../src/layers/mesh/SwarmBeside.ts"
import { channelFirstBytes, channelsMax } from "../../src/schema/platform/Limits.ts"
import { type Channel, Connections } from "../../src/services/mesh/Connection.ts"
import { type Served, Swarm } from "../../src/services/mesh/Swarm.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { elapse } from "./Elapse.ts"
import { swarmOver } from "./SwarmOver.ts"

const space = new Uint8Array(32).fill(1)
const settle = elapse("1 second")

/** Answers each message with itself. */
const echo: Served["onChannel"] = (channel) => Effect.forever(Effect.flatMap(channel.take, channel.send))

/** The connection of one device, and what another one serves at the other end of it. */
const connected = Effect.gen(function* () {
  const network = yield* MemoryNetworkLayer.make
  const id = new Uint8Array(16)
  const [one, other] = yield* Effect.all([network.meet(id), network.meet(id)], { concurrency: 2 })
  const { over } = yield* Connections
  const connection = yield* over(one!, { isInitiator: true })
  const beside = new SwarmBeside()
  const there = yield* over(other!, { isInitiator: false })
  yield* Effect.forkScoped(beside.accepting({ connection: there, deviceText: "who opens" }, space))
  const open = (name: string, version = 0, of = space) => connection.open(name, version, of)
  return { open, serve: beside.serve }
}).pipe(Effect.provide(ConnectionLayer.layer))

/** What becomes of a channel: `open`, or why it was closed. */
const fateOf = Effect.fnUntraced(function* (channel: Channel) {
  const taking = yield* Effect.forkChild(Effect.flip(channel.take))
  yield* settle
  if (taking.pollUnsafe() !== undefined) return (yield* Fiber.join(taking)).reason
  yield* Fiber.interrupt(taking)
  return "open"
})

describe("channels beside the first one", () => {
  it.effect("are served with the name of the device that opened them, and carry more than an introduction both ways", () =>
    Effect.gen(function* () {
      const { open, serve } = yield* connected
      const devices: Array<string> = []
      yield* serve({
        name: "x",
        version: 0,
        onChannel: (channel, peer) => {
          devices.push(peer.deviceText)
          return echo(channel, peer)
        }
      })
      const channel = yield* open("x")
      yield* channel.widen
      const message = new Uint8Array(4 * channelFirstBytes).fill(7)
      yield* channel.send(message)
      const answer = yield* Effect.forkChild(channel.take)
      yield* settle
      assert.deepStrictEqual(answer.pollUnsafe(), Exit.succeed(message))
      assert.deepStrictEqual(devices, ["who opens"])
    })
  )

  it.effect("of one name and version are four at a time, and one that ended makes room for another", () =>
    Effect.gen(function* () {
      const { open, serve } = yield* connected
      for (const version of [0, 1]) yield* serve({ name: "x", version, onChannel: echo })
      yield* serve({ name: "y", version: 0, onChannel: echo })
      for (let round = 0; round < 3; round++) {
        const four = yield* Effect.forEach([1, 2, 3, 4], () => open("x"))
        for (const each of four) assert.strictEqual(yield* fateOf(each), "open")
        assert.strictEqual(yield* fateOf(yield* open("x")), "too many channels")
        for (const other of [yield* open("x", 1), yield* open("y")]) {
          assert.strictEqual(yield* fateOf(other), "open")
          yield* other.close("done")
        }
        yield* four[1]!.close("done")
        yield* settle
        const next = yield* open("x")
        assert.strictEqual(yield* fateOf(next), "open")
        assert.strictEqual(yield* fateOf(yield* open("x")), "too many channels")
        for (const each of [...four, next]) yield* each.close("done")
        yield* settle
      }
    })
  )

  it.effect("are for the space of the connection alone", () =>
    Effect.gen(function* () {
      const { open, serve } = yield* connected
      yield* serve({ name: "x", version: 0, onChannel: echo })
      assert.strictEqual(yield* fateOf(yield* open("x", 0, new Uint8Array(32).fill(2))), "no such channel")
      assert.strictEqual(yield* fateOf(yield* open("x")), "open")
    })
  )

  it.effect("are found by name and version, each of which has one server", () =>
    Effect.gen(function* () {
      const { open, serve } = yield* connected
      const says =
        (text: string): Served["onChannel"] =>
        (channel) =>
          Effect.andThen(channel.send(new TextEncoder().encode(text)), Effect.never)
      yield* serve({ name: "x", version: 0, onChannel: says("zero") })
      for (const [name, version] of [
        ["x", 1],
        ["y", 0]
      ] as const)
        assert.strictEqual(yield* fateOf(yield* open(name, version)), "no such channel")
      yield* serve({ name: "x", version: 1, onChannel: says("one") })
      for (const [version, text] of ["zero", "one"].entries()) {
        const taken = yield* (yield* open("x", version)).take
        assert.strictEqual(new TextDecoder().decode(taken), text)
      }
      const second = yield* Effect.exit(serve({ name: "x", version: 0, onChannel: echo }))
      assert.isTrue(Exit.hasDies(second))
    })
  )

  it.effect("end with the scope of their server, and others may serve their name then", () =>
    Effect.gen(function* () {
      const { open, serve } = yield* connected
      const scope = yield* Scope.make()
      yield* Scope.provide(serve({ name: "x", version: 0, onChannel: () => Effect.never }), scope)
      const channel = yield* open("x")
      assert.strictEqual(yield* fateOf(channel), "open")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* fateOf(channel), "done")
      assert.strictEqual(yield* fateOf(yield* open("x")), "no such channel")
      yield* serve({ name: "x", version: 0, onChannel: echo })
      assert.strictEqual(yield* fateOf(yield* open("x")), "open")
    })
  )

  it.effect("are closed when the scope of their server closes in whichever moment of their beginning", () =>
    Effect.gen(function* () {
      const { open, serve } = yield* connected
      const fates = new Set<string>()
      for (let steps = 0; steps < 30; steps++) {
        const scope = yield* Scope.make()
        yield* Scope.provide(serve({ name: "x", version: 0, onChannel: () => Effect.never }), scope)
        const channel = yield* open("x")
        for (let i = 0; i < steps; i++) yield* Effect.yieldNow
        yield* Scope.close(scope, Exit.void)
        fates.add(yield* fateOf(channel))
      }
      assert.deepStrictEqual([...fates].sort(), ["done", "no such channel"])
    })
  )

  it.effect("are closed when their handler is done, fails or crashes, and no other one with them", () =>
    Effect.gen(function* () {
      const { open, serve } = yield* connected
      yield* serve({ name: "echo", version: 0, onChannel: echo })
      yield* serve({ name: "done", version: 0, onChannel: () => Effect.void })
      yield* serve({ name: "failed", version: 0, onChannel: () => Effect.fail("no") })
      yield* serve({ name: "crashed", version: 0, onChannel: () => Effect.die(new Error("bad")) })
      yield* serve({
        name: "thrown",
        version: 0,
        onChannel: () => {
          throw new Error("bad")
        }
      })
      const other = yield* open("echo")
      const fates: Array<string> = []
      // more often than there may be channels of one name
      for (let i = 0; i < 6; i++)
        for (const name of ["done", "failed", "crashed", "thrown"]) fates.push(yield* fateOf(yield* open(name)))
      assert.deepStrictEqual(fates, Array(6).fill(["done", "failed", "failed", "failed"]).flat())
      assert.strictEqual(yield* fateOf(other), "open")
    }).pipe(Effect.provideService(MinimumLogLevel, "None"))
  )
})

/** Two devices, each in as many spaces, whose connections stand. */
const met = Effect.fnUntraced(function* (spaces: number) {
  const network = yield* MemoryNetworkLayer.make
  const services = swarmOver(network)
  const device = Effect.gen(function* () {
    const context = yield* Layer.build(Layer.fresh(services))
    const swarm = Context.get(context, Swarm)
    const key = yield* Context.get(context, Keyring).generate("device")
    for (let i = 0; i < spaces; i++)
      yield* swarm.join({
        space: new Uint8Array(32).fill(i),
        device: key,
        isMember: () => true,
        channel: "echo/replicate",
        version: 0,
        onPeer: ({ socket }) => Effect.flatMap(socket.reader, ({ pull }) => Effect.forever(pull))
      })
    return { swarm, text: Buffer.from(key).toString("base64url") }
  })
  const [here, there] = [yield* device, yield* device]
  yield* elapse("5 seconds")
  return { here, there, network }
})

describe("Swarm.open", () => {
  it.effect("answers a channel that takes more than an introduction from the other end", () =>
    Effect.gen(function* () {
      const { here, there } = yield* met(1)
      const message = new Uint8Array(4 * channelFirstBytes).fill(7)
      yield* there.swarm.serve({ name: "x", version: 0, onChannel: ({ send }) => Effect.andThen(send(message), Effect.never) })
      const channel = yield* here.swarm.open(there.text, "x", 0)
      const taking = yield* Effect.forkChild(channel.take)
      yield* settle
      assert.deepStrictEqual(taking.pollUnsafe(), Exit.succeed(message))
    })
  )

  it.effect("takes another connection to the device when the first one has no room, and fails when none has", () =>
    Effect.gen(function* () {
      const { here, there } = yield* met(2)
      // the first channel of each is the swarm's own
      const room = 2 * (channelsMax - 1)
      for (let i = 0; i <= room; i++) yield* there.swarm.serve({ name: `${i}`, version: 0, onChannel: () => Effect.never })
      const spaces = new Map<number, number>()
      for (let i = 0; i < room; i++) {
        const { space } = yield* here.swarm.open(there.text, `${i}`, 0)
        spaces.set(space[0]!, (spaces.get(space[0]!) ?? 0) + 1)
      }
      assert.deepStrictEqual([...spaces.values()], [channelsMax - 1, channelsMax - 1])
      assert.strictEqual((yield* Effect.flip(here.swarm.open(there.text, `${room}`, 0)))._tag, "NotConnected")
    })
  )

  it.effect("fails for a device that is not connected, or no longer", () =>
    Effect.gen(function* () {
      const { here, there, network } = yield* met(1)
      const stranger = Buffer.from(new Uint8Array(32)).toString("base64url")
      assert.strictEqual((yield* Effect.flip(here.swarm.open(stranger, "x", 0))).device, stranger)
      yield* here.swarm.open(there.text, "x", 0)
      yield* network.cut("reset")
      yield* elapse("5 seconds")
      assert.strictEqual((yield* Effect.flip(here.swarm.open(there.text, "x", 0)))._tag, "NotConnected")
    })
  )
})
