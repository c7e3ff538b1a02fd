/**
 * Whatever breaks in a world, and however much of it: one seed is one trace. And a world in which nothing happens costs nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../src/layers/simulation/World.ts"
import type { World as Simulated } from "../../src/services/simulation/World.ts"
import { gathered, inSpace, titles, write } from "./tasks.ts"

const options = { peers: ["ann", "bob", "cy"], seed: 1, limit: "20 minutes" } as const

/** The kinds of lines that a fault leaves in the trace. */
const kinds = [
  ...["partition", "cut", "part", "clog", "unclog", "slow", "corrupt", "heal", "reset", "signaling"],
  ...["backup", "restore", "rot", "clock", "clone", "crash", "boot", "full", "slowdisk", "freeze", "thaw"]
]

/** Every fault that there is, one after another while everybody writes. */
const everything = (world: Simulated) =>
  Effect.gen(function* () {
    const ticket = yield* gathered(world, "ann", "bob", "cy")
    const [ann, bob, cy] = [world.peer("ann"), world.peer("bob"), world.peer("cy")]
    yield* Effect.forkChild(Effect.ignore(Effect.forever(Effect.andThen(Effect.sleep(700), write(ann, ticket, "by ann")))))
    yield* Effect.forkChild(Effect.ignore(Effect.forever(Effect.andThen(Effect.sleep(900), write(cy, ticket, "by cy")))))
    const { signaling } = world
    const backup = yield* bob.backup
    const faults = [
      ...[ann.setClock({ skew: "-2 hours", driftPpm: 30_000 }), bob.setClock({ driftPpm: -30_000 }), ann.jumpClock("1 hour")],
      ...[world.part("ann", "bob"), world.clog("bob", "cy"), world.corrupt("ann", "cy", 3), world.slow("ann", "cy", "1 second")],
      ...[signaling.careless(2), signaling.slow("500 millis"), signaling.down, bob.crash(), bob.restart],
      ...[signaling.up, signaling.forget, world.unclog("bob", "cy"), world.heal, world.partition([["ann"], ["bob", "cy"]])],
      ...[bob.rot(() => false), bob.fillDisk(true), bob.slowDisk(300), bob.fillDisk(false), bob.slowDisk(0), world.heal],
      ...[bob.restore(backup), bob.restart, world.cut("cy", "ann"), world.reset("cy"), bob.restore(backup, "machine")],
      ...[bob.restart, cy.freeze, Effect.asVoid(world.clone("bob", "twin")), cy.thaw, world.peer("ann").rot(() => false)],
      ...[signaling.careless(null), signaling.slow(0), ann.setClock({ skew: 0, driftPpm: 0 }), world.heal]
    ]
    for (const fault of faults) {
      yield* fault
      yield* Effect.sleep(1_000 + world.draw("pauses", 4_000))
    }
    yield* world.peer("twin").restart
    yield* cy.rot((key) => key[0] === 3)
    yield* cy.crash({ how: "machine", disk: "torn" })
    yield* Effect.sleep("1 minute")
    return yield* inSpace(ann, ticket, titles)
  })

describe("World: its trace", () => {
  it.live("[W28] is one for a seed with every fault in it, and another for another", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const first = yield* World.run({ ...options, onEvent: (line) => lines.push(line) }, everything)
      assert.deepStrictEqual(yield* World.run(options, everything), first)
      assert.notStrictEqual((yield* World.run({ ...options, seed: 2 }, everything)).trace, first.trace)
      const found = new Set(lines.map((line) => line.split(" ")[1]))
      assert.deepStrictEqual(
        kinds.filter((kind) => !found.has(kind)),
        []
      )
    })
  )

  it.live(
    "[W27] costs nothing while nothing happens: an hour is over after a few steps, and peers in a space only ask each other",
    () =>
      Effect.gen(function* () {
        const hour = (peers: ReadonlyArray<string>, isTogether: boolean) =>
          World.run({ peers, seed: 1, limit: "2 hours" }, (world) =>
            Effect.andThen(isTogether ? gathered(world, ...peers) : Effect.void, Effect.sleep("1 hour"))
          )
        const apart = yield* hour(["a", "b", "c", "d", "e", "f", "g", "h"], false)
        assert.isBelow(apart.steps, 1_000)
        const two = yield* hour(["a", "b"], true)
        // keeping a connection takes a ping of either end now and then
        assert.isBelow(two.frames, 1_000)
        assert.isBelow(two.steps, 10_000)
      })
  )
})
