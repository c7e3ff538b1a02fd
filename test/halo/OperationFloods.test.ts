/** 10,000 operations of somebody who means ill, against the real store: work and memory stay within bounds, and others go on. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { encode } from "../../src/schema/platform/Codec.ts"
import { waitingOperationBytesMax } from "../../src/schema/platform/Limits.ts"
import { type Attacked, attacked, bob, everybody, removing } from "./Attacked.ts"
import { keyOf, type Made, made, named } from "./People.ts"

const count = 10_000
const junk = { type: "KeyWrap", content: encode([]) } as const
const timeout = 120_000
/** What an operation of junk takes in the storage with its key, at most. */
const storedBytesMax = 320

/** Operations by one key, each on what it was admitted by. */
const flood = (world: Attacked, device: string, proof: Made): ReadonlyArray<Made> =>
  Array.from({ length: count }, () => world.by(device, proof, junk))

/** Whether somebody else is heard as before. */
const goesOn = (world: Attacked) =>
  Effect.map(world.take(world.by("laptop", world.genesis, junk)), ({ added }) => assert.strictEqual(added.length, 1))

describe("Operations, flooded", () => {
  it.effect(
    "10,000 operations of a stranger cost no signature and no storage, nor do those that wait for what never comes fill the memory",
    () =>
      Effect.gen(function* () {
        const world = yield* attacked
        const before = yield* world.storedBytes
        const { added, refused } = yield* world.take(...flood(world, "evil", world.admitsCarol))
        assert.deepStrictEqual([added.length, refused.length, world.verified()], [0, count, 0])
        const content = { space: world.space, parents: [named("never")], proof: world.genesis.id, payload: junk }
        const waiting = Array.from({ length: count * 2 }, (_, time) => made({ ...content, time }, keyOf("evil")))
        const taken = yield* world.take(...waiting)
        assert.isAtMost(world.verified(), waiting.length)
        assert.isAtMost(taken.waiting * waiting[0]!.bytes.length, waitingOperationBytesMax)
        assert.isBelow(taken.waiting, waiting.length)
        assert.strictEqual(yield* world.storedBytes, before)
        assert.strictEqual(world.members, everybody)
        yield* goesOn(world)
      }),
    timeout
  )

  it.effect(
    "10,000 operations of a removed member change nothing, and cost a signature each, once",
    () =>
      Effect.gen(function* () {
        const world = yield* attacked
        yield* world.take(world.by("laptop", world.genesis, removing(bob), [world.admitsBob]))
        world.verified()
        yield* bounded(world, "phone", world.admitsBob)
        assert.strictEqual(world.members, "ann 4,carol 2")
      }),
    timeout
  )

  it.effect(
    "10,000 operations of a valid editor cost a signature and some bytes each, once, and everybody else goes on",
    () =>
      Effect.gen(function* () {
        const world = yield* attacked
        yield* bounded(world, "tablet", world.admitsCarol)
        assert.strictEqual(world.members, everybody)
      }),
    timeout
  )
})

/** What is within a right is kept, whoever has lost it since, so that all come to one set: once, and for one signature each. */
const bounded = Effect.fnUntraced(function* (world: Attacked, device: string, proof: Made) {
  const before = yield* world.storedBytes
  const all = flood(world, device, proof)
  const { added } = yield* world.take(...all)
  assert.deepStrictEqual([added.length, world.verified()], [count, count])
  const stored = yield* world.storedBytes
  assert.isAtMost(stored - before, count * storedBytesMax)
  // what is there is known by its id, and costs nothing anew
  yield* world.take(...all)
  assert.deepStrictEqual([world.verified(), yield* world.storedBytes], [0, stored])
  yield* goesOn(world)
})
