/**
 * What a crash leaves on a platter, in each of the ways in which a disk may have written.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Left, Platter } from "../../src/schema/simulation/Disk.ts"
import { Stream } from "../../src/schema/simulation/Seed.ts"

const key = (n: number) => Uint8Array.of(n)
const put = (n: number) => [{ key: key(n), value: key(n) }]

/** Which of the keys 0 to 3 are there: 1 and 3 were made durable, 0 and 2 not. */
const afterCrash = (left: Left, seed: number): string => {
  const platter = new Platter()
  const durable = [0, 1, 2, 3].map((n) => platter.write(put(n)))
  durable[1]!()
  durable[3]!()
  platter.crash(left, new Stream(seed))
  return [0, 1, 2, 3].filter((n) => platter.view.get(key(n)) !== null).join("")
}

const outcomes = (left: Left) => [...new Set(Array.from({ length: 60 }, (_, seed) => afterCrash(left, seed)))].sort()

describe("Disk", () => {
  it("keeps what is durable, whatever else is lost, and loses relaxed batches one by one", () => {
    assert.deepStrictEqual(outcomes("kept"), ["0123"])
    assert.deepStrictEqual(outcomes("lost"), ["13"])
    assert.deepStrictEqual(outcomes("cut"), ["0123", "013", "13"])
    assert.deepStrictEqual(outcomes("torn"), ["0123", "013", "123", "13"])
  })

  it("never shows half a batch, and a value that was overwritten comes back when the later write is lost", () => {
    const platter = new Platter()
    platter.write([...put(1), { key: key(2), value: key(9) }])()
    platter.write([
      { key: key(1), value: null },
      { key: key(2), value: key(7) }
    ])
    assert.deepStrictEqual([platter.view.get(key(1)), platter.view.get(key(2))], [null, key(7)])
    assert.strictEqual(platter.unsynced, 1)
    assert.strictEqual(platter.crash("lost", new Stream(1)), 1)
    assert.deepStrictEqual([platter.view.get(key(1)), platter.view.get(key(2))], [key(1), key(9)])
    assert.strictEqual(platter.losses, 1)
  })

  it("has on the medium what a storage shows that was opened after a crash of the process", () => {
    const platter = new Platter()
    platter.write(put(1))
    platter.open()
    platter.write(put(2))
    assert.strictEqual(platter.crash("lost", new Stream(1)), 1)
    assert.deepStrictEqual([platter.view.get(key(1)), platter.view.get(key(2))], [key(1), null])
  })

  it("copies what it is given", () => {
    const platter = new Platter()
    const value = Uint8Array.of(5)
    platter.write([{ key: key(1), value }])()
    value[0] = 6
    assert.deepStrictEqual(platter.view.get(key(1)), Uint8Array.of(5))
  })
})
