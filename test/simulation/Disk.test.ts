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

  it("rots in one bit of one durable value, wherever that is kept and whatever hides it, until it is overwritten", () => {
    const bitsAway = (value: Uint8Array | null, n: number) => ((value?.[0] ?? 0) ^ n).toString(2).replaceAll("0", "").length
    const isFirst = (found: Uint8Array) => found[0] === 1
    for (const isSettled of [true, false]) {
      const platter = new Platter()
      if (!isSettled) platter.write(put(3))
      platter.write(put(1))()
      assert.isNull(platter.rot((found) => found[0] === 9, new Stream(1)))
      platter.write([{ key: key(1), value: key(200) }])
      assert.deepStrictEqual(platter.rot(isFirst, new Stream(2)), key(1))
      assert.deepStrictEqual(platter.view.get(key(1)), key(200))
      assert.strictEqual(bitsAway(platter.durable().get(key(1)), 1), 1)
      platter.crash("lost", new Stream(1))
      assert.strictEqual(bitsAway(platter.view.get(key(1)), 1), 1)
      platter.rot(isFirst, new Stream(3))
      assert.deepStrictEqual(platter.view.get(key(1)), platter.durable().get(key(1)))
      platter.write(put(1))()
      assert.deepStrictEqual(platter.view.get(key(1)), key(1))
    }
  })

  it("is put back as it was durable, whatever was written since", () => {
    const platter = new Platter()
    platter.write(put(1))()
    platter.write(put(2))
    platter.starts = 3
    const backup = platter.backup()
    platter.write(put(2))()
    platter.write([{ key: key(1), value: null }])()
    platter.starts = 4
    platter.restore(backup)
    assert.deepStrictEqual([platter.view.get(key(1)), platter.view.get(key(2))], [key(1), null])
    assert.deepStrictEqual([backup.starts, platter.starts, platter.unsynced], [3, 4, 0])
  })

  it("shows what is durable as it was when it was asked, whatever becomes of the disk", () => {
    const platter = new Platter()
    const shownIn = (shown: ReturnType<Platter["durable"]>) => [1, 2].filter((n) => shown.get(key(n)) !== null)
    platter.write(put(1))()
    const before = platter.durable()
    const sync = platter.write(put(2))
    assert.deepStrictEqual(shownIn(platter.durable()), [1])
    sync()
    assert.deepStrictEqual([shownIn(before), shownIn(platter.durable())], [[1], [1, 2]])
    platter.restore({ entries: [], starts: 0 })
    assert.deepStrictEqual(shownIn(platter.durable()), [])
    platter.write(put(1))
    platter.crash("kept", new Stream(1))
    assert.deepStrictEqual(shownIn(platter.durable()), [1])
    platter.rot(() => true, new Stream(1))
    assert.notDeepEqual(platter.durable().get(key(1)), key(1))
    platter.write(put(2))
    platter.open()
    assert.deepStrictEqual(shownIn(platter.durable()), [1, 2])
  })

  it("copies what it is given", () => {
    const platter = new Platter()
    const value = Uint8Array.of(5)
    platter.write([{ key: key(1), value }])()
    value[0] = 6
    assert.deepStrictEqual(platter.view.get(key(1)), Uint8Array.of(5))
  })
})
