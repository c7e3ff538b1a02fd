/** Operations whose frame is of another version: kept and passed on like those of an unknown type, and never nonsense. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { signedBy } from "../../src/schema/halo/ControlMessage.ts"
import { decodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import { type Attacked, attacked, bob, removing, text } from "./Attacked.ts"
import { hash, keyOf, type Made, madeByNewer } from "./People.ts"

/** What a member's device says in words of version 2, on what admitted it. */
const newerBy = (world: Attacked, device: string, proof: Made, suite = 1): Made => {
  const content = { space: world.space, parents: [proof.id], proof: proof.id, time: 7 }
  return madeByNewer({ ...content, payload: { type: "SetPolicy", isLocked: true } }, keyOf(device), suite)
}

describe("an operation of another version", () => {
  it.effect("is kept without effect, makes the space read-only, and has children", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const newer = newerBy(world, "tablet", world.admitsCarol)
      const { added, refused } = yield* world.take(newer)
      assert.deepStrictEqual([added.length, refused], [1, []])
      assert.deepStrictEqual(world.operations.find(text(newer.id))?.bytes, newer.bytes)
      assert.strictEqual(world.operations.unsupported(), "operation version 2")
      assert.isFalse(world.operations.membership.isLockedNow())
      const child = world.by("laptop", world.genesis, { type: "SetPolicy", isLocked: true }, [newer])
      assert.strictEqual((yield* world.take(child)).added.length, 1)
      assert.isTrue(world.operations.membership.isLockedNow())
    })
  )

  it.effect("stops nothing once its signer is out by an operation that had not seen it", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      yield* world.take(newerBy(world, "phone", world.admitsBob))
      assert.strictEqual(world.operations.unsupported(), "operation version 2")
      yield* world.take(world.by("laptop", world.genesis, removing(bob), [world.admitsBob]))
      assert.isNull(world.operations.unsupported())
    })
  )

  it.effect("stops nothing and is not kept when a stranger signed it, or its signature does not hold, or nobody can tell", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const stored = yield* world.storedBytes
      const forged = { bytes: Uint8Array.from(newerBy(world, "tablet", world.admitsCarol).bytes) }
      forged.bytes[forged.bytes.length - 1]! ^= 1
      const stranger = newerBy(world, "evil", world.admitsCarol)
      const otherSuite = newerBy(world, "tablet", world.admitsCarol, 2)
      assert.strictEqual((yield* world.take(stranger, forged, otherSuite)).refused.length, 3)
      assert.isNull(world.operations.unsupported())
      assert.strictEqual(yield* world.storedBytes, stored)
    })
  )

  it.effect("says who signed it as any other does, and has the same bounds; one of another suite says nothing", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const newer = newerBy(world, "tablet", world.admitsCarol)
      assert.deepStrictEqual(signedBy(newer.bytes, hash), { id: newer.id, by: text(keyOf("tablet").publicKey) })
      assert.isNull(signedBy(newerBy(world, "tablet", world.admitsCarol, 2).bytes, hash))
      const another = decodeOperation(newer.bytes, new Uint8Array(32).fill(1), hash)
      assert.include(Result.isFailure(another) ? another.failure.message : "", "an operation of another space")
      const short = Uint8Array.from(newer.bytes)
      // one parent less than it says
      short[short.indexOf(0x81)]! -= 1
      assert.isTrue(Result.isFailure(decodeOperation(short, world.space, hash)))
    })
  )
})
