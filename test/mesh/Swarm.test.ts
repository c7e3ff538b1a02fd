/**
 * Swarms over a network in memory, in virtual time: who meets whom, who is kept out, and what happens when things break.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { MinimumLogLevel } from "effect/References"
import * as Scope from "effect/Scope"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { decodeMeeting, encodeMeeting, topicOf } from "../../src/schema/mesh/Meeting.ts"
import { equalBytes } from "../../src/schema/platform/Codec.ts"
import type { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { type PeerChannel, Swarm } from "../../src/services/mesh/Swarm.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { elapse } from "./Elapse.ts"
import { swarmOver } from "./SwarmOver.ts"

const space = new Uint8Array(32).fill(3)
const crypto = CryptoNode.make()

const world = Effect.gen(function* () {
  const network = yield* MemoryNetworkLayer.make
  const services = swarmOver(network)
  const members: Array<Uint8Array> = []
  const isMember = (device: Uint8Array) => members.some((member) => equalBytes(member, device))
  /** A device, a member unless said. */
  const device = Effect.fnUntraced(function* (isAdmitted = true) {
    const context = yield* Layer.build(Layer.fresh(services))
    const key = yield* Context.get(context, Keyring).generate("device")
    if (isAdmitted) members.push(key)
    return { key, swarm: Context.get(context, Swarm) }
  })
  return { network, device, isMember }
})

type Device = { readonly key: Uint8Array; readonly swarm: Swarm["Service"] }
interface Seen {
  /** Channels that were opened so far. */
  readonly channels: Array<PeerChannel>
  open: number
}

/** Joins the space; `onPeer` reads until the channel ends, unless said. */
const join = Effect.fnUntraced(function* (
  { key, swarm }: Device,
  isMember: (device: Uint8Array) => boolean,
  onPeer: (peer: PeerChannel) => Effect.Effect<void, unknown, Scope.Scope> = listen,
  version = 0
) {
  const seen: Seen = { channels: [], open: 0 }
  yield* swarm.join({
    space,
    device: key,
    isMember,
    channel: "echo/replicate",
    version,
    onPeer: (peer) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          seen.channels.push(peer)
          seen.open++
        }),
        () => onPeer(peer),
        () => Effect.sync(() => seen.open--)
      )
  })
  return seen
})

const listen = (peer: PeerChannel) =>
  Effect.flatMap(peer.socket.reader, (reader) => Effect.forever(reader.pull)) as Effect.Effect<void, unknown, Scope.Scope>

const settle = elapse("1 second")

describe("Swarm", () => {
  it.effect("two members meet, know each other's device, and pass messages", () =>
    Effect.gen(function* () {
      const { device, isMember } = yield* world
      const [a, b] = [yield* device(), yield* device()]
      const heard = yield* Deferred.make<string>()
      const seen = yield* join(a, isMember, (peer) =>
        Effect.gen(function* () {
          const writer = yield* peer.socket.writer
          yield* writer.write(Uint8Array.of(42))
          yield* listen(peer)
        })
      )
      yield* join(b, isMember, (peer) =>
        Effect.gen(function* () {
          const reader = yield* peer.socket.reader
          const [message] = yield* reader.pull
          assert.isTrue(equalBytes(peer.device, a.key))
          yield* Deferred.succeed(heard, `${peer.deviceText}: ${message}`)
          yield* Effect.never
        })
      )
      assert.strictEqual(yield* Deferred.await(heard), `${Buffer.from(a.key).toString("base64url")}: 42`)
      assert.lengthOf(seen.channels, 1)
      assert.isAbove(seen.channels[0]!.bytesOnWire(), 300)
    })
  )

  it.effect("five members meet each other, each once", () =>
    Effect.gen(function* () {
      const { device, isMember } = yield* world
      const devices = yield* Effect.forEach([1, 2, 3, 4, 5], () => device())
      const all = yield* Effect.forEach(devices, (each) => join(each, isMember))
      yield* settle
      for (const [i, seen] of all.entries()) {
        assert.strictEqual(seen.open, 4)
        const met = seen.channels.map((peer) => peer.deviceText)
        const others = devices.filter((_, j) => j !== i).map(({ key }) => Buffer.from(key).toString("base64url"))
        assert.deepStrictEqual(met.sort(), others.sort())
      }
    })
  )

  it.effect("a device that is no member gets no channel, from either side, however long it tries", () =>
    Effect.gen(function* () {
      const { device, isMember } = yield* world
      const [a, stranger] = [yield* device(), yield* device(false)]
      const seen = yield* join(a, isMember)
      const intruder = yield* join(stranger, () => true)
      yield* elapse("10 minutes")
      assert.lengthOf(seen.channels, 0)
      assert.lengthOf(intruder.channels, 0)
    })
  )

  it.effect("another version of the channel is no channel", () =>
    Effect.gen(function* () {
      const { device, isMember } = yield* world
      const a = yield* join(yield* device(), isMember)
      const b = yield* join(yield* device(), isMember, listen, 1)
      yield* elapse("2 minutes")
      assert.deepStrictEqual([a.channels.length, b.channels.length], [0, 0])
    })
  )

  it.effect("after a cut they meet again, by themselves", () =>
    Effect.gen(function* () {
      const { device, isMember, network } = yield* world
      const a = yield* join(yield* device(), isMember)
      const b = yield* join(yield* device(), isMember)
      yield* settle
      for (let round = 2; round < 5; round++) {
        yield* network.cut("reset")
        yield* elapse("5 minutes")
        assert.deepStrictEqual([a.open, b.open], [0, 0])
        yield* network.heal
        yield* elapse("15 seconds")
        assert.deepStrictEqual([a.open, b.open, a.channels.length, b.channels.length], [1, 1, round, round])
      }
    })
  )

  it.effect("a silent cut is noticed within 75 s, and they meet again when it is over", () =>
    Effect.gen(function* () {
      const { device, isMember, network } = yield* world
      const a = yield* join(yield* device(), isMember)
      const b = yield* join(yield* device(), isMember)
      yield* settle
      yield* network.cut("silent")
      yield* elapse("58 seconds")
      assert.deepStrictEqual([a.open, b.open], [1, 1])
      yield* elapse("20 seconds")
      assert.deepStrictEqual([a.open, b.open], [0, 0])
      yield* network.heal
      yield* elapse("30 seconds")
      assert.deepStrictEqual([a.open, b.open], [1, 1])
    })
  )

  it.effect("a short silence costs nothing", () =>
    Effect.gen(function* () {
      const { device, isMember, network } = yield* world
      const a = yield* join(yield* device(), isMember)
      yield* join(yield* device(), isMember)
      yield* settle
      yield* network.cut("silent")
      yield* elapse("20 seconds")
      yield* network.heal
      yield* elapse("10 minutes")
      assert.deepStrictEqual([a.open, a.channels.length], [1, 1])
    })
  )

  it.effect("a crash in one channel closes that one alone, and it is opened again with growing pauses", () =>
    Effect.gen(function* () {
      const { device, isMember } = yield* world
      const [a, b, c] = [yield* device(), yield* device(), yield* device()]
      const seen = yield* join(a, isMember, (peer) =>
        equalBytes(peer.device, b.key) ? Effect.die(new Error("bad")) : listen(peer)
      )
      const unlucky = yield* join(b, isMember)
      const lucky = yield* join(c, isMember)
      yield* elapse("1 minute")
      const times = unlucky.channels.filter((peer) => equalBytes(peer.device, a.key)).length
      assert.isAtLeast(times, 4)
      assert.isAtMost(times, 20)
      assert.deepStrictEqual([lucky.channels.length, lucky.open], [2, 2])
      assert.strictEqual(seen.channels.filter((peer) => equalBytes(peer.device, c.key)).length, 1)
    }).pipe(Effect.provideService(MinimumLogLevel, "None"))
  )

  it.effect("leaving closes every channel and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { device, isMember, network } = yield* world
      const scope = yield* Scope.make()
      const a = yield* Scope.provide(join(yield* device(), isMember), scope)
      const b = yield* join(yield* device(), isMember)
      yield* settle
      assert.strictEqual(a.open, 1)
      yield* Scope.close(scope, Exit.void)
      yield* settle
      assert.deepStrictEqual([a.open, b.open], [0, 0])
      // b's place in the topic
      assert.strictEqual(yield* network.open, 1)
    })
  )

  it.effect("a device that runs twice is served at both places, and at a third one only when one of them has left", () =>
    Effect.gen(function* () {
      const { device, isMember } = yield* world
      const [a, twin] = [yield* device(), yield* device()]
      const seen = yield* join(a, isMember)
      const leaving = yield* Scope.make()
      const one = yield* Scope.provide(join(twin, isMember), leaving)
      const two = yield* join(twin, isMember)
      yield* settle
      assert.deepStrictEqual([seen.open, one.open, two.open], [2, 1, 1])
      const three = yield* join(twin, isMember)
      for (let i = 0; i < 60; i++) {
        yield* settle
        assert.isAtMost(seen.open, 2)
      }
      assert.deepStrictEqual([one.open, two.open, three.open], [1, 1, 0])
      // those that stay are not disturbed by the other's attempts
      assert.isAtMost(seen.channels.length, 3)
      yield* Scope.close(leaving, Exit.void)
      yield* elapse("20 seconds")
      assert.deepStrictEqual([seen.open, two.open, three.open], [2, 1, 1])
    })
  )

  it.effect("a device that comes back under another id is not held up by its dead connection", () =>
    Effect.gen(function* () {
      const { device, isMember, network } = yield* world
      const [a, b] = [yield* device(), yield* device()]
      const seen = yield* join(a, isMember)
      const first = yield* Scope.make()
      yield* Scope.provide(join(b, isMember), first)
      yield* settle
      // b is killed behind a line that tells nobody
      yield* network.cut("silent")
      yield* Scope.close(first, Exit.void)
      const again = yield* join(b, isMember)
      yield* network.heal
      yield* elapse("20 seconds")
      assert.deepStrictEqual([seen.open, again.open], [1, 1])
    })
  )

  it.effect("an idle hour costs a few hundred bytes a minute at most, and no reconnection", () =>
    Effect.gen(function* () {
      const { device, isMember } = yield* world
      const a = yield* join(yield* device(), isMember)
      yield* join(yield* device(), isMember)
      yield* settle
      const before = a.channels[0]!.bytesOnWire()
      yield* elapse("1 hour")
      assert.lengthOf(a.channels, 1)
      assert.isBelow(a.channels[0]!.bytesOnWire() - before, 60 * 100)
    })
  )
})

describe("Swarm, with bad peers at its topic", () => {
  /** Somebody at the topic who answers offers as `act` says. */
  const lurker = Effect.fnUntraced(function* (network: MemoryNetwork["Service"], self: string) {
    const place = yield* network.join(topicOf(space, crypto.hash), self)
    return {
      place,
      /** The meeting of the next offer. */
      offered: Effect.gen(function* () {
        while (true) {
          const event = yield* Queue.take(place.events)
          if (event._tag !== "Signal") continue
          const { meeting } = (decodeMeeting(event.payload) as { success: { meeting: Uint8Array } }).success
          return { peer: event.peer, meeting }
        }
      })
    }
  })

  it.effect("who accepts and never speaks is given up after 10 s, and tried again more and more slowly", () =>
    Effect.gen(function* () {
      const { device, isMember, network } = yield* world
      const a = yield* join(yield* device(), isMember)
      const { offered, place } = yield* lurker(network, "f".repeat(32))
      let meetings = 0
      yield* Effect.forkChild(
        Effect.gen(function* () {
          const { meeting, peer } = yield* offered
          meetings++
          yield* place.send(peer, encodeMeeting({ _tag: "Accept", meeting }))
          yield* Effect.forkScoped(Effect.andThen(network.meet(meeting), Effect.never))
        }).pipe(Effect.forever)
      )
      yield* elapse("5 minutes")
      assert.lengthOf(a.channels, 0)
      assert.isAtLeast(meetings, 10)
      assert.isAtMost(meetings, 30)
      const honest = yield* join(yield* device(), isMember)
      yield* settle
      assert.strictEqual(honest.open, 1)
    })
  )

  it.effect("nonsense and floods of offers leave room for the others", () =>
    Effect.gen(function* () {
      const { device, isMember, network } = yield* world
      const a = yield* join(yield* device(), isMember)
      const { place } = yield* lurker(network, "0".repeat(32))
      let self = ""
      while (self === "") self = (yield* Queue.take(place.events)).peer
      yield* place.send(self, new Uint8Array(100))
      for (let i = 0; i < 1_000; i++) {
        const meeting = new Uint8Array(16)
        new DataView(meeting.buffer).setUint32(0, i)
        yield* place.send(self, encodeMeeting({ _tag: "Offer", meeting }))
        if (i % 50 === 0) yield* Effect.yieldNow
      }
      yield* elapse("40 seconds")
      const honest = yield* join(yield* device(), isMember)
      yield* elapse("15 seconds")
      assert.deepStrictEqual([a.open, honest.open], [1, 1])
    })
  )
})
