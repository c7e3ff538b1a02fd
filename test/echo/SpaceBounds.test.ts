/** What an open space itself keeps within bounds: what is pending, the size of a change, and what it remembers of devices that left. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { OpenSpace } from "../../src/layers/echo/OpenSpace.ts"
import { SpaceHandle } from "../../src/layers/echo/SpaceHandle.ts"
import { stuckOf } from "../../src/layers/echo/SpaceStatus.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { changeSetBytesMax, changeSetMutationsMax, pendingBytesMax } from "../../src/schema/platform/Limits.ts"
import { makeDevice, open } from "./FeedDevices.ts"
import { reach } from "./ReachedPeer.ts"

const Note = ObjectType.make("Note", { a: Schema.String, b: Schema.String, c: Schema.String, d: Schema.String })
const text = "x".repeat(60_000)

describe("an open space", () => {
  it.live("lets changes wait, unmerged, when much is pending, and takes them all in the end", () =>
    Effect.gen(function* () {
      const alice = yield* reach()
      const home = yield* alice.peer.spaces.create({ name: "Home" })
      alice.weather.gate.closeUnsafe()
      const bytes = 3 * text.length
      const count = Math.ceil(pendingBytesMax / bytes) + 10
      const creating = yield* Effect.forEach(
        Array.from({ length: count }),
        () => Effect.forkChild(home.create(Note, { a: text, b: text, c: text, d: "" }), { startImmediately: true }),
        { concurrency: 1 }
      )
      const merged = (yield* home.query(Note).all).length
      assert.isAtLeast(merged * (bytes + 1_000), pendingBytesMax)
      assert.isAtMost((merged - 1) * bytes, pendingBytesMax)
      assert.isBelow(merged, count)
      yield* alice.weather.gate.open
      yield* Effect.forEach(creating, Fiber.join)
      assert.strictEqual((yield* home.query(Note).all).length, count)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("refuses a change that no block can hold before it is merged, and takes nothing back", () =>
    Effect.gen(function* () {
      const { peer } = yield* reach()
      const home = yield* peer.spaces.create({ name: "Home" })
      const { receipt: before, value: note } = yield* home.change((transaction) =>
        transaction.create(Note, { a: "", b: "", c: "", d: "" })
      )
      const large = yield* Effect.flip(home.create(Note, { a: text, b: text, c: text, d: text }))
      assert.strictEqual(large._tag, "ChangeSetTooLarge")
      assert.isAbove(4 * text.length, changeSetBytesMax)
      const many = yield* Effect.flip(
        home.change((transaction) => {
          for (let i = 0; i <= changeSetMutationsMax; i++) transaction.update(note, { a: `${i}` })
        })
      )
      assert.strictEqual(many._tag, "ChangeSetTooLarge")
      // not even a counter was taken
      const { receipt } = yield* home.change((transaction) => transaction.update(note, { a: "still here" }))
      assert.strictEqual(receipt!.first, before!.first + before!.count)
      assert.strictEqual((yield* home.query(Note).all).length, 1)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("takes back relaxed changes whose callers were told, when a strict one above them fails, and shows that it did", () =>
    Effect.gen(function* () {
      const { peer, weather } = yield* reach()
      const home = yield* peer.spaces.create({ name: "Home" })
      const note = { a: "", b: "", c: "", d: "" }
      const { receipt: kept } = yield* home.change((transaction) => transaction.create(Note, note))
      const durable = kept!.first + kept!.count - 1
      weather.failing = "strict"
      yield* home.create(Note, note, { durability: "relaxed" })
      const [told] = yield* home.status.pipe(Stream.take(1), Stream.runCollect)
      assert.strictEqual(told?.durable, durable)
      assert.strictEqual((yield* home.query(Note).all).length, 2)
      assert.strictEqual((yield* Effect.flip(home.create(Note, note)))._tag, "FlushFailed")
      yield* home.status.pipe(
        Stream.filter(({ local }) => local === durable),
        Stream.runHead,
        Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.die(new Error("nothing was taken back")) })
      )
      assert.strictEqual((yield* home.query(Note).all).length, 1)
      weather.failing = null
      yield* home.create(Note, note)
      assert.strictEqual((yield* home.query(Note).all).length, 2)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("forgets what was refused to a device when that one leaves, and nothing of others", () =>
    Effect.gen(function* () {
      const device = yield* makeDevice()
      const { feeds } = yield* open(device, [device])
      const space = new OpenSpace(new SpaceHandle("home"), feeds, new SpaceState(), yield* Clock.Clock)
      yield* space.peers.met("bob")
      yield* space.peers.met("carol")
      space.peers.observer("bob").refused("f", "frozen")
      space.peers.observer("bob").refused("g", "bad-proof")
      space.peers.observer("carol").refused("f", "frozen")
      assert.strictEqual(stuckOf(space).length, 3)
      yield* space.peers.parted("bob")
      assert.deepStrictEqual(stuckOf(space), ["feed f is not taken from carol: frozen"])
    })
  )
})
