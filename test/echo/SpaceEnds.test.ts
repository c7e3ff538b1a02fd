/** How open spaces end when they are asked to, that another can be opened at any moment of it, and what a crash of a writer tells. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { encodeBlock } from "../../src/schema/echo/Feed.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { membersMax } from "../../src/schema/platform/Limits.ts"
import { spaceRange } from "../../src/schema/platform/StorageKeys.ts"
import { elapse } from "../mesh/Elapse.ts"
import { alone, changeSet, Forger, makeDevice } from "./FeedDevices.ts"
import { bytesOf, reach } from "./ReachedPeer.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

/** Bounds a wait that ends when all is well. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutOrElse(effect, { duration: "10 seconds", orElse: () => Effect.die(new Error("it never ended")) })

describe("a space that ends", () => {
  it.live("while it closes, whoever opens it waits for the end and gets another that works", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make(true)
      const { peer } = yield* reach({
        swarm: (swarm) => ({
          ...swarm,
          // a network that takes its time to be left
          join: (options) =>
            Effect.andThen(
              swarm.join(options),
              Effect.addFinalizer(() => gate.await)
            )
        })
      })
      const home = yield* peer.spaces.create({ name: "Home" })
      assert.strictEqual(yield* peer.spaces.open(home.ticket), home)
      gate.closeUnsafe()
      const closing = yield* Effect.forkChild(home.close, { startImmediately: true })
      const opening = yield* Effect.forkChild(peer.spaces.open(home.ticket), { startImmediately: true })
      yield* Effect.sleep("50 millis")
      assert.deepStrictEqual([closing.pollUnsafe(), opening.pollUnsafe()], [undefined, undefined])
      yield* gate.open
      yield* soon(Fiber.join(closing))
      const again = yield* soon(Fiber.join(opening))
      assert.notStrictEqual(again, home)
      assert.strictEqual((yield* again.create(Task, { title: "Milk" })).title, "Milk")
      yield* Effect.sleep("20 millis")
      assert.strictEqual(yield* peer.spaces.open(home.ticket), again)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("that has crashed while it was still being opened, is opened by its next life", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make(true)
      let isBroken = false
      const bob = yield* makeDevice()
      const alice = yield* reach({
        swarm: (swarm) => ({ ...swarm, join: (options) => Effect.andThen(gate.await, swarm.join(options)) }),
        feeds: (feeds) => ({
          ...feeds,
          read: (...input) => (isBroken ? Effect.die(new Error("the disk is gone")) : feeds.read(...input))
        })
      })
      const home = yield* alice.peer.spaces.create({ name: "Home", members: [Base64Url.encode(bob.key)] })
      yield* home.close
      gate.closeUnsafe()
      const opening = yield* Effect.forkChild(alice.peer.spaces.open(home.ticket), { startImmediately: true })
      yield* Effect.sleep("20 millis")
      isBroken = true
      const forger = yield* Forger.make(bob, 1, Uint8Array.from(bytesOf(home.id)))
      const feeds = alice.feeds(home.id)
      yield* feeds.admit(forger.manifest)
      yield* feeds.ingest(yield* forger.run([encodeBlock(new Uint8Array(3))], 0))
      yield* Effect.sleep("20 millis")
      isBroken = false
      yield* gate.open
      const again = yield* soon(Fiber.join(opening))
      assert.strictEqual(yield* again.name, "Home")
      assert.strictEqual(yield* alice.peer.spaces.open(home.ticket), again)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a space that is opened again", () => {
  for (const how of ["was taken back", "waited when it closed"] as const) {
    it.effect(`names nothing new by the id of what ${how}`, () =>
      Effect.gen(function* () {
        const { peer, weather } = yield* reach()
        const home = yield* peer.spaces.create({ name: "Home" })
        const lost: Array<string> = []
        yield* Effect.forkScoped(
          Effect.ignore(
            Stream.runForEach(home.query(Task).changes, ({ added }) => Effect.sync(() => lost.push(...added.map(({ id }) => id))))
          ),
          { startImmediately: true }
        )
        yield* elapse("1 millis")
        weather.failing = "both"
        if (how === "waited when it closed") weather.gate.closeUnsafe()
        const write = yield* Effect.forkChild(Effect.flip(home.create(Task, { title: "lost" })), { startImmediately: true })
        yield* elapse("10 millis")
        const closing = yield* Effect.forkChild(home.close, { startImmediately: true })
        yield* elapse("10 millis")
        yield* weather.gate.open
        yield* Fiber.join(closing)
        yield* Fiber.join(write)
        weather.failing = null
        assert.strictEqual(lost.length, 1)
        const again = yield* peer.spaces.open(home.ticket)
        assert.deepStrictEqual(yield* again.query(Task).all, [])
        assert.notInclude(lost, (yield* again.create(Task, { title: "next" })).id)
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
    )
  }
})

describe("a writer that crashes", () => {
  it.effect("has told everybody of its flush, those who come later, and who watches the feed", () =>
    Effect.gen(function* () {
      const { feeds, writer } = yield* alone
      const told: Array<string> = []
      const tell = (name: string) => (exit: Exit.Exit<unknown, unknown>) => void told.push(`${name} ${exit._tag}`)
      let crashes = 0
      yield* feeds.watch(() => {
        if (writer.crash() !== null) crashes++
      })
      writer.offer([changeSet(1)], "strict", (exit) => {
        tell("first")(exit)
        throw new Error("a bug in telling")
      })
      writer.offer([changeSet(2)], "strict", tell("second"))
      for (let i = 0; i < 50; i++) yield* Effect.yieldNow
      writer.offer([changeSet(3)], "strict", tell("third"))
      assert.deepStrictEqual(told, ["first Success", "second Success", "third Failure"])
      assert.match(String(writer.crash()?.defect), /a bug in telling/)
      assert.strictEqual(crashes, 1)
    })
  )
})

describe("the spaces of a device", () => {
  it.live("are listed all, however many there are", () =>
    Effect.gen(function* () {
      const { peer, weather } = yield* reach()
      const count = 2_001
      const key = (n: number) => {
        const bytes = new Uint8Array(33)
        bytes[0] = spaceRange
        new DataView(bytes.buffer).setUint32(1, n)
        return bytes
      }
      const value = new TextEncoder().encode("ticket")
      const tickets = Array.from({ length: count }, (_, n) => ({ key: key(n), value }))
      yield* weather.storage.write(tickets, { durability: "strict" })
      const listed = yield* peer.spaces.list
      assert.deepStrictEqual([listed.length, new Set(listed.map(({ id }) => id)).size], [count, count])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.live("have as many members as a ticket can name, and a list that is longer is refused with both numbers", () =>
    Effect.gen(function* () {
      const { peer } = yield* reach()
      const { crypto } = yield* makeDevice()
      const members = yield* Effect.forEach(Array.from({ length: membersMax }), () =>
        Effect.map(crypto.generate, ({ publicKey }) => Base64Url.encode(publicKey))
      )
      const error = yield* Effect.flip(peer.spaces.create({ name: "Crowd", members }))
      assert.strictEqual(error._tag, "MembersTooMany")
      assert.include(error.message, `${membersMax + 1} devices`)
      assert.deepStrictEqual(yield* peer.spaces.list, [])
      const crowd = yield* peer.spaces.create({ name: "Crowd", members: [...members.slice(1), peer.device, members[5]!] })
      assert.strictEqual(crowd.members.length, membersMax)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
