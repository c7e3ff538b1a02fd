/** Crashes of what a space consists of: its writer falls with it, a connection alone; and where a Peer shows both. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import { Supervisor } from "../../src/services/actor/Supervisor.ts"
import type { FeedWriter } from "../../src/services/echo/FeedStore.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { elapse } from "../mesh/Elapse.ts"
import { tagOf } from "./FeedDevices.ts"
import { reach } from "./ReachedPeer.ts"
import { aside, eventsOf, Task, task, toldOf } from "./SpaceTold.ts"

describe("a Peer", () => {
  it.effect("shows its spaces as children of the supervisor that its program has", () =>
    Effect.gen(function* () {
      const events = yield* eventsOf(yield* Supervisor)
      const home = yield* (yield* Peer).spaces.create({ name: "Home" })
      yield* home.close
      yield* elapse("1 millis")
      assert.deepStrictEqual(events, [`Started spaces/${home.id}`, `Stopped spaces/${home.id}`])
    }).pipe(Effect.provide(PeerMemory.layer), Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a space whose writer dies", () => {
  it.effect("is restarted: who was told has what he was told, who waits is told that nobody knows", () =>
    Effect.gen(function* () {
      let isBroken = false
      const altered = (writer: FeedWriter): FeedWriter =>
        Object.create(writer, {
          offer: {
            value: ((changeSets, durability, done, command) => {
              const isBrokenOne = isBroken
              isBroken = false
              writer.offer(
                changeSets,
                durability,
                (exit) => {
                  done(exit)
                  if (isBrokenOne) throw new Error("a bug in telling")
                },
                command
              )
            }) satisfies FeedWriter["offer"]
          }
        })
      const alice = yield* reach({ feeds: (feeds) => ({ ...feeds, writer: Effect.map(feeds.writer, altered) }) })
      const home = yield* alice.peer.spaces.create({ name: "Home" })
      const other = yield* alice.peer.spaces.create({ name: "Other" })
      const told = yield* toldOf(home)
      alice.weather.gate.closeUnsafe()
      isBroken = true
      const first = yield* aside(home.create(Task, task("first")))
      yield* elapse("1 millis")
      const second = home.create(Task, task("second"), { command: "second" })
      const waiting = yield* aside(Effect.exit(second))
      const beside = yield* aside(other.create(Task, task("beside")))
      yield* alice.weather.gate.open
      yield* elapse("1 second")
      yield* Fiber.join(first)
      yield* Fiber.join(beside)
      assert.strictEqual(tagOf(yield* Fiber.join(waiting)), "SpaceRestarted")
      assert.deepStrictEqual(told, ["", "+first", "+second", "-second"])
      yield* second
      yield* second
      assert.deepStrictEqual(
        (yield* home.query(Task, { orderBy: "title" }).all).map(({ title }) => title),
        ["first", "second"]
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a connection that dies", () => {
  it.effect("is shown and made anew, and touches neither its space nor another connection", () =>
    Effect.gen(function* () {
      const breaking = { device: "", latch: Latch.makeUnsafe(false) }
      const sessions: Array<string> = []
      const alice = yield* reach({
        replicator: (real) => ({
          run: (feeds, peer, observer) =>
            Effect.suspend(() => {
              sessions.push(peer.deviceText)
              const dies = Effect.andThen(breaking.latch.await, Effect.die(new Error("the connection is broken")))
              return peer.deviceText === breaking.device ? dies : real.run(feeds, peer, observer)
            })
        })
      })
      const [bob, carol] = [yield* reach(), yield* reach()]
      breaking.device = bob.peer.device
      const home = yield* alice.peer.spaces.create({ name: "Home", members: [bob.peer.device, carol.peer.device] })
      const events = yield* eventsOf(alice.supervisor)
      const bobs = yield* bob.peer.spaces.open(home.ticket)
      const carols = yield* carol.peer.spaces.open(home.ticket)
      yield* elapse("2 seconds")
      assert.sameMembers(sessions, [bob.peer.device, carol.peer.device])
      const told = yield* toldOf(home)
      breaking.device = ""
      yield* breaking.latch.open
      yield* elapse("20 seconds")
      const child = `spaces/${home.id}/${bob.peer.device}`
      assert.deepStrictEqual(events.filter((event) => event.includes(bob.peer.device)).slice(0, 4), [
        `Started ${child}`,
        `Crashed ${child}`,
        `Stopped ${child}`,
        `Started ${child}`
      ])
      assert.isFalse(events.some((event) => event === `Crashed spaces/${home.id}`))
      assert.strictEqual(sessions.filter((device) => device === carol.peer.device).length, 1)
      yield* home.create(Task, task("milk"))
      yield* elapse("5 seconds")
      assert.deepStrictEqual(told, ["", "+milk"])
      for (const theirs of [bobs, carols]) assert.strictEqual(yield* theirs.stateHash, yield* home.stateHash)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
