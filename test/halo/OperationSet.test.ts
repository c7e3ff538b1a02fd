/**
 * The set of operations that two devices compare: the same from any order, and every difference is found by ranges.
 */
import { assert, describe, it } from "@effect/vitest"
import { rangeHash } from "../../src/schema/echo/RangeSync.ts"
import { idsHash, OperationSet } from "../../src/schema/halo/OperationSet.ts"
import { compareBytes, encode } from "../../src/schema/platform/Codec.ts"
import { firstKey, type KeyRange, lastKey } from "../../src/schema/platform/RangeSet.ts"
import { hash, keyOf, randomOf } from "../echo/ReplicationNetwork.ts"

const setOf = (ids: ReadonlyArray<Uint8Array>): OperationSet => {
  const set = new OperationSet(hash)
  for (const id of ids) set.add(id)
  return set
}

/** Lets two sets compare, each giving what the other is seen to lack; answers how many ranges were said. */
const joined = (a: OperationSet, b: OperationSet): number => {
  const queue: Array<readonly [here: OperationSet, there: OperationSet, range: KeyRange<Uint8Array>]> = []
  const say = (here: OperationSet, there: OperationSet, from?: Uint8Array, to?: Uint8Array) => {
    for (const range of here.split(from, to)) queue.push([there, here, range])
  }
  let said = 0
  for (say(a, b); queue.length > 0; said++) {
    const [here, there, range] = queue.shift()!
    if (!(range.content instanceof Uint8Array)) {
      for (const id of here.between(range.from, range.to)) there.add(id)
      for (const id of range.content) here.add(id)
    } else if (!here.isSameRange(range)) say(here, there, range.from, range.to)
  }
  return said
}

describe("OperationSet", () => {
  it("its hash is that of its sorted ids under the label echo/range, and of none that of no feeds", () => {
    const ids = ["a", "b", "c"].map(keyOf)
    const bytes = encode(ids.toSorted(compareBytes))
    const labelled = Uint8Array.of(...new TextEncoder().encode("echo/range/v0\0"), ...bytes)
    assert.deepStrictEqual(setOf(ids).summary(), hash(labelled))
    assert.deepStrictEqual(setOf([]).summary(), rangeHash([], hash))
  })

  it("is the same in whichever order ids came, and however often it was asked between", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = randomOf(seed)
      const set = setOf([])
      const known = new Map<string, Uint8Array>()
      for (let i = 0; i < 100; i++) {
        const name = `${Math.floor(random() * 60)}`
        assert.strictEqual(set.has(keyOf(name)), known.has(name))
        known.set(name, keyOf(name))
        set.add(keyOf(name))
        if (random() < 0.7) continue
        const ids = [...known.values()].sort(compareBytes)
        assert.deepStrictEqual(set.between(), ids)
        const [from, to] = [Math.floor(ids.length / 4), Math.floor(ids.length / 2)]
        assert.deepStrictEqual(set.between(ids[from], ids[to]), ids.slice(from, to + 1))
        assert.deepStrictEqual(set.summary(), idsHash(ids, hash))
        assert.strictEqual(set.size, ids.length)
      }
    }
  })

  it("any two sets find every difference, in 200 seeds", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = randomOf(seed)
      const size = Math.floor(random() ** 3 * 1_500)
      const ids = Array.from({ length: size }, (_, i) => keyOf(`${i}`))
      const [a, b] = [setOf(ids.filter(() => random() < 0.98)), setOf(ids.filter(() => random() < 0.98))]
      const union = setOf([...a.between(), ...b.between()])
      joined(a, b)
      assert.deepStrictEqual(a.summary(), union.summary(), `seed ${seed}`)
      assert.deepStrictEqual(b.summary(), union.summary(), `seed ${seed}`)
    }
  })

  it("one difference among 10,000 operations takes some 50 ranges", () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => keyOf(`${i}`))
    assert.isAtMost(joined(setOf(ids), setOf(ids.slice(1))), 16 * 3 + 1)
  })

  it("ranges lie side by side from the first key to the last", () => {
    const parts = setOf(Array.from({ length: 500 }, (_, i) => keyOf(`${i}`))).split()
    assert.strictEqual(parts.length, 16)
    assert.deepStrictEqual([parts[0]!.from, parts[15]!.to], [firstKey, lastKey])
  })
})
