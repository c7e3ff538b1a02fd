/** The faults of a seed: the same each time, each kind by itself, and all of them over some seeds. */
import { assert, describe, it } from "@effect/vitest"
import { type Fault, faultText, kinds } from "../../src/schema/simulation/Fault.ts"
import { type Faults, faultsOf, hostile, lasting, none, only, swarm, without } from "../../src/schema/simulation/Faults.ts"

const peers = ["p1", "p2", "p3"]
const seeds = Array.from({ length: 200 }, (_, n) => n + 1)
const eventsOf = (faults: Faults, seed: number): ReadonlyArray<Fault> => faultsOf(faults, seed, peers).events
const met = (faults: Faults) => new Set(seeds.flatMap((seed) => eventsOf(faults, seed).map(({ kind }) => kind)))

describe("the faults of a seed", () => {
  it("are the same each time, and others for another", () => {
    for (const seed of seeds) assert.deepStrictEqual(faultsOf(hostile, seed, peers), faultsOf(hostile, seed, peers))
    assert.isAbove(new Set(seeds.map((seed) => JSON.stringify(eventsOf(hostile, seed)))).size, 190)
  })

  it("leave out what is not wanted, and nothing else", () => {
    assert.isTrue(met(hostile).has("bitRot"))
    assert.deepStrictEqual(met(without(hostile, "bitRot")), new Set([...met(hostile)].filter((kind) => kind !== "bitRot")))
  })

  it("are left as they are by one kind less", () => {
    const all = only(...kinds)
    for (const kind of kinds) {
      // it changes how long the trouble lasts, and with that when all of it happens
      if (kind === "sleep") continue
      const less = only(...kinds.filter((each) => each !== kind))
      for (const seed of [1, 2, 3])
        assert.deepStrictEqual(
          eventsOf(less, seed),
          // a rollback brings a crash of its own
          eventsOf(all, seed).filter(({ id }) => !new RegExp(`^${kind}\\d`).test(id))
        )
    }
  })

  it("are left as they are by one kind less in a swarm, too", () => {
    const less: Faults = { ...swarm, kinds: swarm.kinds.filter((kind) => kind !== "crash") }
    for (const seed of seeds)
      assert.deepStrictEqual(
        eventsOf(less, seed),
        eventsOf(swarm, seed).filter(({ id }) => !/^crash\d/.test(id))
      )
  })

  it("are of each kind over 200 seeds, and of some alone in each", () => {
    assert.sameMembers([...met(hostile)], [...kinds])
    assert.sameMembers([...met(swarm)], [...swarm.kinds])
    const counts = seeds.map((seed) => new Set(eventsOf(hostile, seed).map(({ kind }) => kind)).size)
    assert.isBelow(Math.max(...counts), kinds.length)
    assert.isBelow(Math.min(...counts), 5)
  })

  it("are those alone that were asked for, in every seed", () => {
    for (const seed of seeds)
      assert.deepStrictEqual([...new Set(eventsOf(only("crash", "clog"), seed).map(({ kind }) => kind))].sort(), [
        "clog",
        "crash"
      ])
    assert.deepStrictEqual(eventsOf(none, 1), [])
  })

  it("are more where the trouble lasts longer, of each kind, and never too many", () => {
    const countOf = (faults: Faults, seed: number) => eventsOf(faults, seed).length
    const mean = (faults: Faults) => seeds.reduce((sum, seed) => sum + countOf(faults, seed), 0) / seeds.length
    for (const kind of ["crash", "partition", "clockJump"] as const) {
      const usual = only(kind)
      assert.strictEqual(mean(lasting(usual, 5)), mean(usual))
      assert.closeTo(mean(lasting(usual, 40)), 2 * mean(usual), 0.01)
      assert.isAtLeast(mean(lasting(usual, 600)), 9.9)
      for (const seed of seeds) assert.isAtMost(countOf(lasting(usual, 100_000), seed), 10)
    }
    for (const seed of seeds) {
      assert.isAtMost(countOf(lasting(only("clone"), 600), seed), 4)
      for (const faults of [swarm, hostile]) assert.isAtMost(countOf(lasting(faults, 3_600), seed), 180)
    }
  })

  it("stand in the order of time, within it, with ids of their own, about peers that are there", () => {
    for (const seed of seeds) {
      const { events, seconds } = faultsOf(lasting(only(...kinds), 5), seed, peers)
      const times = events.map(({ at }) => at)
      assert.deepStrictEqual(
        times,
        [...times].sort((a, b) => a - b)
      )
      assert.isTrue(times.every((at) => at >= 0 && at < seconds * 1_000))
      assert.strictEqual(new Set(events.map(({ id }) => id)).size, events.length)
      for (const { kind, other, peer, side = [] } of events) {
        assert.includeMembers(peers, [peer, ...side])
        if (other !== undefined) assert.strictEqual(kind === "clone" ? other === `${peer}~` : peers.includes(other), true)
        assert.notStrictEqual(other, peer)
      }
    }
  })

  it("say what they do in words of their own", () => {
    const texts = kinds.map((kind) => faultText(eventsOf(only(kind), 1)[0]!))
    for (const text of texts) assert.notMatch(text, /undefined|NaN/)
  })
})
