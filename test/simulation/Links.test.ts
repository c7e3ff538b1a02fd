/**
 * How long packets take: a profile's latency and jitter, and of some of them far more.
 */
import { assert, describe, it } from "@effect/vitest"
import { Links, type Profile, profiles } from "../../src/schema/simulation/Links.ts"

const delays = (profile: Profile) => {
  const links = new Links(profile)
  return Array.from({ length: 20_000 }, (_, n) => links.delay("a", "b", 7, n, 0))
}

describe("Links", () => {
  it("[W22] delay each packet within its profile, and one in so many by a tail of which most is short", () => {
    for (const profile of Object.values(profiles)) {
      const { jitterMicros, latencyMicros, tailMicros, tailOneIn } = profile
      const all = delays(profile)
      const late = all.map((micros) => micros - latencyMicros - jitterMicros).filter((micros) => micros > 0)
      assert.isAtLeast(Math.min(...all), latencyMicros)
      assert.isAtMost(Math.max(...all), latencyMicros + jitterMicros + tailMicros)
      if (tailOneIn === 0) assert.deepStrictEqual(late, [])
      else {
        assert.isAbove(late.length, 20_000 / tailOneIn / 2)
        assert.isBelow(late.length, (20_000 / tailOneIn) * 1.5)
        assert.isAbove(Math.max(...late), tailMicros * 0.9)
        const short = late.filter((micros) => micros < tailMicros / 4)
        assert.isAbove(short.length, late.length / 2)
      }
    }
  })

  it("have a tail that leaves the jitter of all other packets as it was", () => {
    const plain = delays({ ...profiles.mobile, tailOneIn: 0 })
    const tailed = delays(profiles.mobile)
    const moved = tailed.filter((micros, n) => micros !== plain[n])
    assert.isAbove(moved.length, 0)
    assert.isBelow(moved.length, 2_000)
  })

  it("are slow at a node until that is undone, whatever else heals", () => {
    const links = new Links({ ...profiles.lan, jitterMicros: 0 })
    const usual = links.delay("a", "b", 1, 0, 0)
    links.slowNode("a", 500)
    links.slow("a", "b", 30)
    assert.strictEqual(links.delay("a", "b", 1, 0, 0), usual + 530)
    links.mendAll()
    assert.deepStrictEqual([links.delay("a", "b", 1, 0, 0), links.delay("b", "a", 1, 0, 0)], [usual + 500, usual + 500])
    links.slowNode("a", 0)
    assert.strictEqual(links.delay("a", "b", 1, 0, 0), usual)
  })
})
