/**
 * A space that crashes is restarted from what is durable: who waited is told, who listens goes on, and no other space is touched.
 *
 * The crashes come in through the services that a space stands on: reads, tells and connections that die on command.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { type ObjectOf, ObjectType } from "../../src/schema/echo/ObjectType.ts"
import type { Delta } from "../../src/schema/echo/Query.ts"
import { spaceTypeName } from "../../src/schema/echo/Space.ts"
import type { SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import type { Replicator } from "../../src/services/echo/Replicator.ts"
import type { SpaceStatus } from "../../src/services/echo/SpaceService.ts"
import { elapse } from "../mesh/Elapse.ts"
import { tagOf } from "./FeedDevices.ts"
import { bytesOf, reach } from "./ReachedPeer.ts"
import { aside, eventsOf, line, Task, task, toldOf } from "./SpaceTold.ts"

const isOf = (feeds: SpaceFeeds, space: string) => Buffer.compare(feeds.space, bytesOf(space)) === 0

/** Two devices with two spaces, `home` and `other`. Reads of home's blocks at the first wait, and then die, while `isBroken`. */
const pair = Effect.gen(function* () {
  const state = { home: "", isBroken: false, reads: Latch.makeUnsafe(true), sessions: { home: 0, other: 0 } }
  const feeds = (real: SpaceFeeds): SpaceFeeds => ({
    ...real,
    read: (...input) =>
      Effect.suspend(() => {
        if (!state.isBroken || !isOf(real, state.home)) return real.read(...input)
        return Effect.andThen(state.reads.await, Effect.die(new Error("the loop is broken")))
      })
  })
  const replicator = (real: Replicator["Service"]): Replicator["Service"] => ({
    run: (...input) =>
      Effect.suspend(() => {
        state.sessions[isOf(input[0], state.home) ? "home" : "other"]++
        return real.run(...input)
      })
  })
  const [alice, bob] = [yield* reach({ feeds, replicator }), yield* reach()]
  const members = [bob.peer.device]
  const home = yield* alice.peer.spaces.create({ name: "Home", members })
  state.home = home.id
  const other = yield* alice.peer.spaces.create({ name: "Other", members })
  const bobs = { home: yield* bob.peer.spaces.open(home.ticket), other: yield* bob.peer.spaces.open(other.ticket) }
  yield* elapse("2 seconds")
  yield* home.create(Task, task("first"))
  yield* elapse("1 second")
  return { alice, bob, home, other, bobs, state }
})

/** Crashes home's loop while `during` waits for the storage. What was pending is answered as it ended. */
const crashWhile = <A, E, R>({ alice, bobs, state }: Effect.Success<typeof pair>, during: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    state.isBroken = true
    state.reads.closeUnsafe()
    yield* bobs.home.create(Task, task("from bob"))
    yield* elapse("1 second")
    alice.weather.gate.closeUnsafe()
    const pending = yield* aside(Effect.exit(during))
    yield* elapse("10 millis")
    assert.isUndefined(pending.pollUnsafe(), "it waits")
    yield* state.reads.open
    yield* elapse("10 millis")
    state.isBroken = false
    return yield* Fiber.join(pending)
  })

describe("a space whose loop dies", () => {
  it.effect("is restarted, and another space of the peer notices nothing", () =>
    Effect.gen(function* () {
      const both = yield* pair
      const { alice, bobs, home, other, state } = both
      const events = yield* eventsOf(alice.supervisor)
      const told = yield* toldOf(other)
      const before = { ...state.sessions }
      let isWritten = false
      const beside = Effect.map(other.create(Task, task("beside")), () => {
        isWritten = true
      })
      const failed = yield* crashWhile(both, Effect.andThen(Effect.forkScoped(beside), home.create(Task, task("lost?"))))
      assert.strictEqual(tagOf(failed), "SpaceRestarted")
      assert.isFalse(isWritten, "what waits in the other space still waits")
      yield* alice.weather.gate.open
      yield* elapse("5 seconds")
      assert.isTrue(isWritten)
      assert.deepStrictEqual(told, ["", "+beside"])
      assert.strictEqual(state.sessions.other, before.other)
      assert.isAbove(state.sessions.home, before.home)
      assert.deepStrictEqual(
        events.filter((event) => event.includes(" spaces/") && event.endsWith(home.id)),
        [`Crashed spaces/${home.id}`, `Restarted spaces/${home.id}`]
      )
      assert.isFalse(events.some((event) => event.includes(other.id)))
      // the face that was held before, and replication in both directions
      yield* home.create(Task, task("after"))
      yield* bobs.home.create(Task, task("after, too"))
      yield* elapse("5 seconds")
      assert.deepStrictEqual(
        (yield* home.query(Task, { orderBy: "title" }).all).map(({ title }) => title),
        ["after", "after, too", "first", "from bob", "lost?"]
      )
      assert.strictEqual(yield* home.stateHash, yield* bobs.home.stateHash)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("tells whoever waits for `synced`, lets reads wait, and shows in its status what happens", () =>
    Effect.gen(function* () {
      const both = yield* pair
      const { alice, bob, home } = both
      const seen: Array<SpaceStatus> = []
      yield* Effect.forkScoped(
        Stream.runForEach(home.status, (status) => Effect.sync(() => seen.push(status))),
        { startImmediately: true }
      )
      const failed = yield* crashWhile(
        both,
        Effect.andThen(aside(home.create(Task, task("lost?"))), home.synced(bob.peer.device))
      )
      assert.strictEqual(tagOf(failed), "SpaceRestarted")
      yield* elapse("1 millis")
      const down = seen.at(-1)
      assert.deepStrictEqual([down?.restarting, down?.connected], ["the loop is broken", []])
      const read = yield* aside(home.query(Task).all)
      const written = yield* aside(home.create(Task, task("waits")))
      const heard = yield* aside(Stream.runHead(home.status))
      assert.deepStrictEqual([read.pollUnsafe(), written.pollUnsafe(), heard.pollUnsafe()], [undefined, undefined, undefined])
      yield* alice.weather.gate.open
      yield* elapse("5 seconds")
      assert.includeMembers(
        (yield* Fiber.join(read)).map(({ title }) => title),
        ["first", "from bob", "lost?"]
      )
      yield* Fiber.join(written)
      yield* Fiber.join(heard)
      const up = seen.at(-1)
      assert.deepStrictEqual([up?.restarting, up?.connected, up?.durable], [null, [bob.peer.device], up?.local])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("tells live queries one delta, of what differs from what they were told last", () =>
    Effect.gen(function* () {
      const both = yield* pair
      const { alice, home } = both
      const told = yield* toldOf(home)
      yield* elapse("1 millis")
      assert.deepStrictEqual(told, ["+first"])
      yield* crashWhile(both, home.create(Task, task("lost")))
      assert.deepStrictEqual(told, ["+first", "+lost"])
      // the flush at the end of the life that crashed fails as well
      alice.weather.failing = "both"
      yield* alice.weather.gate.open
      yield* elapse("50 millis")
      alice.weather.failing = null
      yield* elapse("5 seconds")
      assert.deepStrictEqual(told, ["+first", "+lost", "+from bob -lost"])
      yield* home.create(Task, task("after"))
      yield* elapse("1 millis")
      assert.deepStrictEqual(told.slice(3), ["+after"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("never tells a slow listener what was lost before he heard of it", () =>
    Effect.gen(function* () {
      const both = yield* pair
      const { alice, home } = both
      const [told, gate] = [[] as Array<string>, Latch.makeUnsafe(false)]
      const hear = (delta: Delta<ObjectOf<typeof Task>>) =>
        Effect.andThen(
          Effect.sync(() => told.push(line(delta))),
          gate.await
        )
      yield* Effect.forkScoped(Stream.runForEach(home.query(Task).changes, hear), { startImmediately: true })
      yield* elapse("1 millis")
      yield* crashWhile(both, home.create(Task, task("lost")))
      yield* gate.open
      yield* elapse("1 millis")
      assert.deepStrictEqual(told, ["+first"])
      alice.weather.failing = "both"
      yield* alice.weather.gate.open
      yield* elapse("50 millis")
      alice.weather.failing = null
      yield* elapse("5 seconds")
      assert.deepStrictEqual(told, ["+first", "+from bob"])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("names nothing new by what it had named before it crashed", () =>
    Effect.gen(function* () {
      const both = yield* pair
      const { alice, home } = both
      let lost = ""
      yield* Effect.forkScoped(
        Stream.runForEach(home.query(Task, { where: { title: "lost" } }).changes, ({ added }) =>
          Effect.sync(() => {
            lost = added[0]?.id ?? lost
          })
        ),
        { startImmediately: true }
      )
      yield* crashWhile(both, home.create(Task, task("lost")))
      alice.weather.failing = "both"
      yield* alice.weather.gate.open
      yield* elapse("50 millis")
      alice.weather.failing = null
      yield* elapse("1 second")
      assert.notStrictEqual(lost, "")
      const next = yield* home.create(Task, task("next"))
      assert.notStrictEqual(next.id, lost)
      assert.isUndefined(yield* home.get(Task, lost))
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  for (const isDurable of [true, false]) {
    it.effect(`makes a change that is repeated with its command once, when it was ${isDurable ? "" : "not "}durable`, () =>
      Effect.gen(function* () {
        const both = yield* pair
        const { alice, home } = both
        const milk = home.create(Task, task("milk"), { command: "buy milk" })
        assert.strictEqual(tagOf(yield* crashWhile(both, milk)), "SpaceRestarted")
        if (!isDurable) alice.weather.failing = "both"
        yield* alice.weather.gate.open
        yield* elapse("50 millis")
        alice.weather.failing = null
        yield* elapse("1 second")
        const found = home.query(Task, { where: { title: "milk" } }).all
        assert.strictEqual((yield* found).length, isDurable ? 1 : 0)
        const { id } = yield* milk
        assert.strictEqual((yield* milk).id, id)
        assert.deepStrictEqual(
          (yield* found).map((task) => task.id),
          [id]
        )
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
    )
  }

  it.effect("again and again, is closed with the reason, and can be opened anew", () =>
    Effect.gen(function* () {
      const { alice, bobs, home, other, state } = yield* pair
      const events = yield* eventsOf(alice.supervisor)
      state.isBroken = true
      yield* bobs.home.create(Task, task("from bob"))
      yield* elapse("2 seconds")
      assert.isUndefined((yield* aside(home.closed)).pollUnsafe())
      yield* elapse("3 seconds")
      assert.include((yield* Effect.flip(home.closed)).reason, "the loop is broken")
      assert.strictEqual((yield* Effect.flip(home.create(Task, task("x"))))._tag, "SpaceClosed")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(home.query(Task).changes)))._tag, "SpaceClosed")
      const tags = events.filter((event) => event.endsWith(` spaces/${home.id}`)).map((event) => event.split(" ")[0])
      const crashes = Array.from({ length: 5 }, () => ["Crashed", "Restarted"]).flat()
      assert.deepStrictEqual(tags, [...crashes, "Crashed", "Stopped"])
      yield* other.create(Task, task("beside"))
      state.isBroken = false
      const again = yield* alice.peer.spaces.open(home.ticket)
      assert.notStrictEqual(again, home)
      assert.includeMembers(
        (yield* again.query(Task).all).map(({ title }) => title),
        ["first", "from bob"]
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("can be closed while it waits for its next life", () =>
    Effect.gen(function* () {
      const { alice, bobs, home, state } = yield* pair
      state.isBroken = true
      yield* bobs.home.create(Task, task("from bob"))
      yield* elapse("600 millis")
      const read = yield* aside(Effect.flip(home.name))
      assert.isUndefined(read.pollUnsafe())
      yield* home.close
      yield* home.closed
      assert.strictEqual((yield* Fiber.join(read))._tag, "SpaceClosed")
      state.isBroken = false
      yield* elapse("5 seconds")
      assert.strictEqual(yield* (yield* alice.peer.spaces.open(home.ticket)).name, "Home")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("a space that crashes while its name is written", () => {
  for (const isDurable of [true, false]) {
    it.effect(`has its name nevertheless, once, when it was ${isDurable ? "" : "not "}durable`, () =>
      Effect.gen(function* () {
        let [isJoined, isBroken, notice] = [false, false, () => {}]
        const { peer, weather } = yield* reach({
          feeds: (real) => ({
            ...real,
            list: () => {
              if (isBroken) throw new Error("the loop is broken")
              return real.list()
            },
            watch: (listener) => {
              notice = () => listener(real.list()[0]!)
              return real.watch(listener)
            }
          }),
          swarm: (swarm) => ({
            ...swarm,
            join: (options) =>
              Effect.map(swarm.join(options), () => {
                if (!isJoined) weather.gate.closeUnsafe()
                isJoined = true
              })
          })
        })
        const creating = yield* aside(peer.spaces.create({ name: "Home" }))
        yield* elapse("10 millis")
        assert.deepStrictEqual([isJoined, creating.pollUnsafe()], [true, undefined])
        isBroken = true
        notice()
        yield* elapse("10 millis")
        isBroken = false
        if (!isDurable) weather.failing = "both"
        yield* weather.gate.open
        yield* elapse("50 millis")
        weather.failing = null
        yield* elapse("1 second")
        const home = yield* Fiber.join(creating)
        assert.strictEqual(yield* home.name, "Home")
        assert.deepStrictEqual(
          (yield* home.query(ObjectType.make(spaceTypeName, { name: Schema.String })).all).map(({ name }) => name),
          ["Home"]
        )
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
    )
  }
})

describe("a space that never gets into its swarm", () => {
  for (const how of ["hangs", "crashes"] as const) {
    it.effect(`because that ${how}, keeps nobody from opening and creating others`, () =>
      Effect.gen(function* () {
        let broken = ""
        const joining = how === "hangs" ? Effect.never : Effect.die(new Error("no way in"))
        const { peer } = yield* reach({
          swarm: (swarm) => ({
            ...swarm,
            join: (options) => (Buffer.compare(options.space, bytesOf(broken)) === 0 ? joining : swarm.join(options))
          })
        })
        const [home, other] = [yield* peer.spaces.create({ name: "Home" }), yield* peer.spaces.create({ name: "Other" })]
        yield* Effect.all([home.close, other.close])
        broken = home.id
        const opening = yield* aside(Effect.exit(peer.spaces.open(home.ticket)))
        const again = yield* aside(Effect.exit(peer.spaces.open(home.ticket)))
        const beside = yield* aside(Effect.all([peer.spaces.open(other.ticket), peer.spaces.create({ name: "New" })]))
        yield* elapse("50 millis")
        assert.strictEqual(beside.pollUnsafe()?._tag, "Success")
        assert.isUndefined(opening.pollUnsafe())
        yield* elapse("4 seconds")
        if (how === "hangs") {
          assert.isUndefined(opening.pollUnsafe())
          broken = ""
          yield* Fiber.interrupt(opening)
          yield* Fiber.join(again)
        } else {
          // it is told why, and the next one tries for himself
          const error = yield* Effect.flip(yield* Fiber.join(opening))
          assert.deepStrictEqual(error._tag === "SpaceClosed" ? [error.space, error.reason] : error, [home.id, "no way in"])
          broken = ""
          yield* elapse("4 seconds")
        }
        const opened = yield* yield* Fiber.join(again)
        assert.strictEqual(yield* opened.name, "Home")
        assert.strictEqual(yield* peer.spaces.open(home.ticket), opened)
      }).pipe(Effect.provide(MemoryNetworkLayer.layer))
    )
  }
})
