/**
 * Devices that have proved their keys and are not let in yet: not connected, few at a time, and no stranger before a member.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { equalBytes } from "../../src/schema/platform/Codec.ts"
import { EntranceRefused } from "../../src/services/halo/Entrance.ts"
import { type EnteringPeer, Swarm } from "../../src/services/mesh/Swarm.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { elapse } from "./Elapse.ts"
import { swarmOver } from "./SwarmOver.ts"

type Join = Parameters<Swarm["Service"]["join"]>[0]

const world = Effect.gen(function* () {
  const network = yield* MemoryNetworkLayer.make
  const device = Effect.gen(function* () {
    const context = yield* Layer.build(Layer.fresh(swarmOver(network)))
    const key = yield* Context.get(context, Keyring).generate("device")
    return { key, text: Buffer.from(key).toString("base64url"), swarm: Context.get(context, Swarm) }
  })
  return { network, device }
})

const join = Effect.fnUntraced(function* (
  { key, swarm }: { readonly key: Uint8Array; readonly swarm: Swarm["Service"] },
  enter: NonNullable<Join["enter"]>,
  isMember: Join["isMember"] = () => false
) {
  const met: Array<string> = []
  const onPeer: Join["onPeer"] = ({ deviceText }) => {
    met.push(deviceText)
    return Effect.never
  }
  const space = new Uint8Array(32).fill(3)
  yield* swarm.join({ space, device: key, isMember, enter, onPeer, channel: "echo/replicate", version: 1 })
  return met
})

/** Who is in the entrance, and goes no further. */
const waiting = () => {
  const here: Array<string> = []
  const ever = new Set<string>()
  const enter = ({ deviceText }: EnteringPeer) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        here.push(deviceText)
        ever.add(deviceText)
      }),
      () => Effect.never,
      () => Effect.sync(() => here.splice(here.indexOf(deviceText), 1))
    )
  return { here, ever, enter }
}

describe("Swarm with an entrance", () => {
  it.effect("who is in the entrance is not connected, and is out after 30 s", () =>
    Effect.gen(function* () {
      const { device } = yield* world
      const [a, b] = [yield* device, yield* device]
      const [atA, atB] = [waiting(), waiting()]
      const met = yield* join(a, atA.enter)
      yield* join(b, atB.enter)
      yield* elapse("2 seconds")
      assert.deepStrictEqual([atA.here, atB.here], [[b.text], [a.text]])
      yield* a.swarm.serve({ name: "beside", version: 0, onChannel: () => Effect.void })
      assert.isTrue(Result.isFailure(yield* Effect.result(b.swarm.open(a.text, "beside", 0))))
      yield* elapse("29 seconds")
      assert.deepStrictEqual([atA.here.length, atB.here.length, met.length], [0, 0, 0])
    })
  )

  it.effect("who was refused is tried again, ever more rarely", () =>
    Effect.gen(function* () {
      const { device } = yield* world
      const [a, b] = [yield* device, yield* device]
      let tries = 0
      const refusing = () =>
        Effect.suspend(() => {
          tries++
          return new EntranceRefused({ reason: "not yet" })
        })
      const met = yield* join(a, refusing)
      yield* join(b, waiting().enter)
      yield* elapse("10 minutes")
      assert.isAtLeast(tries, 4)
      assert.isAtMost(tries, 20)
      assert.deepStrictEqual(met, [])
    })
  )

  it.effect("at most 16 are in the entrance, strangers give each other their places, and no member gives its to them", () =>
    Effect.gen(function* () {
      const { device } = yield* world
      const host = yield* device
      const members = yield* Effect.forEach(Array.from({ length: 3 }), () => device)
      const { enter, ever, here } = waiting()
      yield* join(host, enter, (key) => members.some((member) => equalBytes(member.key, key)))
      for (const member of members) yield* join(member, waiting().enter)
      yield* elapse("1 second")
      const strangers = yield* Effect.forEach(Array.from({ length: 24 }), () => device)
      for (const stranger of strangers) {
        yield* join(stranger, waiting().enter)
        yield* elapse("200 millis")
        assert.isAtMost(here.length, 16)
      }
      for (const { text } of members) assert.isTrue(here.includes(text))
      assert.strictEqual(here.length, 16)
      for (const { text } of strangers) assert.isTrue(ever.has(text))
    })
  )

  it.effect("a crash of what lets in ends that meeting alone", () =>
    Effect.gen(function* () {
      const { device } = yield* world
      const [a, b, c] = [yield* device, yield* device, yield* device]
      const passed = yield* Deferred.make<string>()
      const crashing = ({ deviceText }: EnteringPeer) =>
        deviceText === b.text
          ? Effect.die(new Error("a crash"))
          : Effect.andThen(Deferred.succeed(passed, deviceText), Effect.never)
      yield* join(a, crashing)
      yield* join(b, waiting().enter)
      yield* elapse("1 second")
      yield* join(c, waiting().enter)
      yield* elapse("1 second")
      assert.strictEqual(yield* Deferred.await(passed), c.text)
    })
  )
})
