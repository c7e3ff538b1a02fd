/**
 * Supervisors: what a crash does to a child, to the others, and to the supervisors above, and that nothing is left running.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as SupervisorLayer from "../../src/layers/actor/Supervisor.ts"
import { escalate, Intensity, restart, resume, stop } from "../../src/schema/actor/Supervision.ts"
import { type Lifecycle, Supervisor } from "../../src/services/actor/Supervisor.ts"
import { elapse } from "../mesh/Elapse.ts"

const settle = elapse(0)

/** A child that notes its lives, and crashes when it is told to. */
const child = (log: Array<string>, name: string) => {
  let crash = Deferred.makeUnsafe<void, Error>()
  const run = Effect.gen(function* () {
    crash = Deferred.makeUnsafe<void, Error>()
    log.push(`${name} on`)
    yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`${name} off`)))
    yield* Deferred.await(crash)
  })
  return {
    run,
    fail: Effect.andThen(
      Effect.suspend(() => Deferred.fail(crash, new Error(name))),
      settle
    ),
    done: Effect.andThen(
      Effect.suspend(() => Deferred.succeed(crash, undefined)),
      settle
    )
  }
}

const told = (events: ReadonlyArray<Lifecycle>) => events.map((event) => `${event._tag} ${event.supervisor}:${event.child}`)

/** All events from here on, as they come. */
const listening = Effect.gen(function* () {
  const events: Array<Lifecycle> = []
  const { events: stream } = yield* Supervisor
  yield* Effect.forkScoped(
    Stream.runForEach(stream, (event) => Effect.sync(() => events.push(event))),
    { startImmediately: true }
  )
  return events
})

const live = <A, E>(title: string, test: () => Effect.Effect<A, E, Supervisor | Scope.Scope>) =>
  it.effect(title, () => Effect.provide(Effect.scoped(test()), SupervisorLayer.layer))

describe("Supervisor", () => {
  live("says once when a child is gone and why: not for a restart, and after its finalizers however many end it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const gate = yield* Latch.make(false)
      const policy = restart({ times: 1 })
      const group = yield* (yield* Supervisor).open({ name: "top", policy })
      const [a, b, c] = [child(log, "a"), child(log, "b"), child(log, "c")]
      const slow = Effect.andThen(
        Effect.addFinalizer(() => gate.await),
        c.run
      )
      for (const [name, run] of [
        ["a", a.run],
        ["b", b.run],
        ["c", slow]
      ] as const)
        yield* group.run(name, run, (why) => log.push(`${name} gone: ${why}`))
      yield* settle
      yield* a.fail
      assert.deepStrictEqual(log.slice(3), ["a off", "a on"])
      yield* a.fail
      yield* b.done
      assert.deepStrictEqual(log.slice(5), ["a off", "a gone: crashed", "b off", "b gone: stopped"])
      const ending = yield* Effect.forkChild(Effect.all([group.stop("c"), group.stop("c")], { concurrency: 2 }))
      yield* settle
      assert.deepStrictEqual(log.slice(9), ["c off"])
      yield* gate.open
      yield* Fiber.join(ending)
      assert.deepStrictEqual(log.slice(9), ["c off", "c gone: stopped"])
    })
  )

  live("restarts the child that crashed from a fresh scope, and touches no other", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const events = yield* listening
      const [a, b] = [child(log, "a"), child(log, "b")]
      const group = yield* (yield* Supervisor).open({ name: "top" })
      yield* group.run("a", a.run)
      yield* group.run("b", b.run)
      yield* settle
      yield* a.fail
      yield* group.settled
      yield* settle
      assert.deepStrictEqual(log, ["a on", "b on", "a off", "a on"])
      assert.deepStrictEqual(group.children(), ["a", "b"])
      assert.deepStrictEqual(told(events), ["Started top:a", "Started top:b", "Crashed top:a", "Restarted top:a"])
      assert.include(Cause.pretty(events[2]!.cause!), "a")
    })
  )

  live("restarts all, in their order, where they fall together", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const [a, b, c] = [child(log, "a"), child(log, "b"), child(log, "c")]
      const group = yield* (yield* Supervisor).open({ name: "top", strategy: "all-for-one" })
      for (const [name, each] of Object.entries({ a, b, c })) yield* group.run(name, each.run)
      yield* settle
      yield* b.fail
      yield* settle
      assert.deepStrictEqual(log, ["a on", "b on", "c on", "b off", "c off", "a off", "a on", "b on", "c on"])
    })
  )

  live("waits longer before each restart, and stops the child at one restart more than the window allows", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const a = child(log, "a")
      const policy = restart({ times: 2, within: "1 minute", backoff: { first: "1 second", factor: 4 } })
      const group = yield* (yield* Supervisor).open({ name: "top", policy })
      yield* group.run("a", a.run)
      yield* settle
      yield* a.fail
      assert.lengthOf(log, 2)
      yield* TestClock.adjust("999 millis")
      yield* settle
      assert.lengthOf(log, 2)
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.lengthOf(log, 3)
      yield* a.fail
      yield* TestClock.adjust("3999 millis")
      yield* settle
      assert.lengthOf(log, 4)
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.lengthOf(log, 5)
      yield* a.fail
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual([log.length, group.children()], [6, []])
    })
  )

  live("forgets a child that comes to its end, and lets its name be used again", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const events = yield* listening
      const a = child(log, "a")
      const group = yield* (yield* Supervisor).open({ name: "top" })
      yield* group.run("a", a.run)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(group.run("a", a.run))))
      yield* settle
      yield* a.done
      assert.deepStrictEqual(group.children(), [])
      yield* group.run("a", a.run)
      yield* settle
      yield* group.stop("a")
      assert.deepStrictEqual(log, ["a on", "a off", "a on", "a off"])
      yield* settle
      assert.deepStrictEqual(
        told(events).map((text) => text.split(" ")[0]),
        ["Started", "Stopped", "Started", "Stopped"]
      )
    })
  )

  live("does nothing more than it is told: stop ends the child, resume begins it anew", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const [a, b] = [child(log, "a"), child(log, "b")]
      const supervisor = yield* Supervisor
      const stopping = yield* supervisor.open({ name: "stopping", policy: stop })
      const resuming = yield* supervisor.open({ name: "resuming", policy: resume })
      yield* stopping.run("a", a.run)
      yield* resuming.run("b", b.run)
      yield* settle
      for (let i = 0; i < 9; i++) yield* b.fail
      yield* a.fail
      assert.deepStrictEqual([stopping.children(), resuming.children()], [[], ["b"]])
    })
  )

  live("escalates to the supervisor above, which restarts everything below it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const events = yield* listening
      const [a, b] = [child(log, "a"), child(log, "b")]
      const supervisor = yield* Supervisor
      const above = yield* supervisor.open({ name: "top", policy: restart({ times: 1, exhausted: "escalate" }) })
      const group = yield* supervisor.open({ name: "inner", policy: escalate, above })
      yield* group.run("a", a.run)
      yield* group.run("b", b.run)
      yield* settle
      yield* a.fail
      yield* settle
      assert.deepStrictEqual(log, ["a on", "b on", "a off", "b off", "a on", "b on"])
      assert.include(told(events), "Escalated top/inner:a")
      assert.include(told(events), "Restarted top:top/inner")
    })
  )

  live("ends everything at the top when nobody is above, and says why", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const [a, b] = [child(log, "a"), child(log, "b")]
      const group = yield* (yield* Supervisor).open({ name: "top", policy: escalate })
      const ended = yield* Effect.forkChild(group.ended)
      yield* group.run("a", a.run)
      yield* group.run("b", b.run)
      yield* settle
      yield* a.fail
      assert.include(Cause.pretty(yield* Fiber.join(ended)), "a")
      assert.deepStrictEqual(log, ["a on", "b on", "a off", "b off"])
    })
  )

  live("leaves nothing behind when its scope closes: the last child ends first, a pending restart never comes", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const [a, b, c] = [child(log, "a"), child(log, "b"), child(log, "c")]
      const scope = yield* Scope.make()
      const policy = restart({ backoff: { first: "1 second" } })
      const group = yield* Scope.provide((yield* Supervisor).open({ name: "top", policy }), scope)
      for (const [name, each] of Object.entries({ a, b, c })) yield* group.run(name, each.run)
      yield* settle
      yield* b.fail
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual(log, ["a on", "b on", "c on", "b off", "c off", "a off"])
    })
  )
})

describe("Intensity", () => {
  it("counts restarts within the window alone, and no pause is longer than the longest", () => {
    const policy = restart({ times: 3, within: 1_000, backoff: { first: 100, factor: 10, most: 500 } })
    const intensity = new Intensity()
    assert.deepStrictEqual(
      [0, 1, 2, 3, 999].map((now) => intensity.next(policy, now)),
      [100, 500, 500, null, null]
    )
    assert.deepStrictEqual(
      [1_000, 1_000].map((now) => intensity.next(policy, now)),
      [500, null]
    )
    assert.strictEqual(intensity.next(policy, 9_000), 100)
  })
})
