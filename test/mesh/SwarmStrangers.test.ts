/**
 * A swarm at whose topic are more strangers than it can try: the honest peer is met in time, and what they cost is bounded.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import { decodeMeeting, encodeMeeting, type MeetingSignal } from "../../src/schema/mesh/Meeting.ts"
import { Signaling, type SignalingEvent } from "../../src/services/mesh/Signaling.ts"
import { Swarm } from "../../src/services/mesh/Swarm.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { elapse } from "./Elapse.ts"

/** A swarm under the given id whose signaling is the test: what it is told, and what it says. */
const staged = Effect.fnUntraced(function* (self: string) {
  const events = yield* Queue.bounded<SignalingEvent>(16)
  const said: Array<{ readonly to: string; readonly signal: MeetingSignal }> = []
  const send = (to: string, payload: Uint8Array) =>
    Effect.sync(() => void said.push({ to, signal: Result.getOrThrow(decodeMeeting(payload)) }))
  const signaling = Layer.succeed(Signaling, { join: () => Effect.succeed({ self, events, send }) })
  const services = SwarmLayer.layer.pipe(
    Layer.provide(Layer.mergeAll(signaling, TransportMemory.layer, Connection.layer)),
    Layer.provideMerge(KeyringMemory.layer),
    Layer.provide(Layer.merge(CryptoNode.layer, MemoryNetworkLayer.layer))
  )
  const context = yield* Layer.build(services)
  const key = yield* Context.get(context, Keyring).generate("device")
  yield* Context.get(context, Swarm).join({
    space: new Uint8Array(32),
    device: key,
    isMember: () => true,
    channel: "echo/replicate",
    version: 0,
    onPeer: () => Effect.never
  })
  const tell = (_tag: "Joined" | "Left", peer: string) => Queue.offer(events, { _tag, peer })
  const offer = (peer: string, n: number) => {
    const meeting = new Uint8Array(16)
    new DataView(meeting.buffer).setUint32(0, n)
    return Queue.offer(events, { _tag: "Signal", peer, payload: encodeMeeting({ _tag: "Offer", meeting }) })
  }
  return { said, tell, offer }
})
const peerOf = (first: string, n: number) => first + n.toString(16).padStart(30, "0")

describe("Swarm, with strangers without number at its topic", () => {
  it.effect("an honest peer is offered to within seconds, beside 100 that never answer and 5,000 that come and go", () =>
    Effect.gen(function* () {
      const { said, tell } = yield* staged("0".repeat(32))
      for (let n = 0; n < 100; n++) yield* tell("Joined", peerOf("ff", n))
      for (let n = 0; n < 5_000; n++) {
        yield* tell("Joined", peerOf("fe", n))
        yield* tell("Left", peerOf("fe", n))
      }
      yield* tell("Joined", peerOf("fd", 0))
      yield* elapse("4 seconds")
      assert.isTrue(said.some(({ to }) => to === peerOf("fd", 0)))
      assert.isAtMost(said.length, 64 + 4 * 32 + 1, "and its line is not flooded")
      yield* elapse("1 minute")
      assert.isAtLeast(said.filter(({ to }) => to === peerOf("fd", 0)).length, 4, "it is tried again like the others")
    })
  )

  it.effect("who left is not offered to any more", () =>
    Effect.gen(function* () {
      const { said, tell } = yield* staged("0".repeat(32))
      for (let n = 0; n < 300; n++) yield* tell("Joined", peerOf("ff", n))
      yield* elapse("100 millis")
      for (let n = 0; n < 300; n++) yield* tell("Left", peerOf("ff", n))
      yield* elapse("1 second")
      const before = said.length
      assert.isAtMost(before, 100)
      yield* elapse("1 minute")
      assert.strictEqual(said.length, before)
    })
  )

  it.effect(
    "an honest offer is accepted while strangers fill what can be answered, and who insists is not declined without end",
    () =>
      Effect.gen(function* () {
        const { offer, said, tell } = yield* staged("f".repeat(32))
        for (let n = 0; n < 100; n++) yield* tell("Joined", peerOf("00", n))
        yield* tell("Joined", peerOf("01", 0))
        for (let round = 0; round < 50; round++) {
          for (let n = 0; n < 100; n++) yield* offer(peerOf("00", n), round * 100 + n)
          yield* elapse("100 millis")
        }
        yield* offer(peerOf("01", 0), 9_999)
        yield* elapse("100 millis")
        const answers = said.filter(({ to }) => to === peerOf("01", 0)).map(({ signal }) => signal._tag)
        assert.deepStrictEqual(answers, ["Accept"])
        assert.isAtMost(said.filter(({ signal }) => signal._tag === "Decline").length, 100)
        assert.isAtMost(said.length, 5 * 64 + 200)
      })
  )
})
