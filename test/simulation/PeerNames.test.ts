/** Names and numbers of peers: what is wrong of them is said before a world begins, with what to do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../src/layers/simulation/World.ts"
import * as WorldTrial from "../../src/layers/simulation/WorldTrial.ts"
import { hostile } from "../../src/schema/simulation/Faults.ts"
import { unfitName } from "../../src/schema/simulation/PeerNames.ts"
import * as Simulation from "../../src/services/simulation/Simulation.ts"

const unfit = [
  { peers: ["a", "a"], says: /two peers are called "a": give each a name of its own/ },
  { peers: ["ann", "kube"], says: /"kube" is a node that each world has already: call the peer otherwise/ },
  { peers: ["world"], says: /"world" is a node/ },
  { peers: ["ann~"], says: /"ann~" is no name of a peer: take letters, digits/ },
  { peers: [""], says: /"" is no name/ },
  { peers: ["-"], says: /"-" is no name/ },
  { peers: ["Ann Lee"], says: /"Ann Lee" is no name/ },
  { peers: ["a>b"], says: /"a>b" is no name/ },
  { peers: ["x".repeat(41)], says: /40 at most/ },
  { peers: Array.from({ length: 101 }, (_, i) => `p${i}`), says: /101 peers are too many: a world has 100 at most/ }
]

const test = (peers: Simulation.Peers, more: object = {}) => Simulation.make("a test", { peers, ...more }, () => Effect.void)

describe("peers of a world", () => {
  it.live.each(unfit)("[W34] ($says) are refused by World.run before it begins", ({ peers, says }) =>
    Effect.gen(function* () {
      let hasBegun = false
      const body = () =>
        Effect.sync(() => {
          hasBegun = true
        })
      const error = yield* Effect.flip(World.run({ peers, seed: 1 }, body))
      assert.strictEqual(error._tag, "PeersRefused")
      assert.match(error.message, says)
      assert.isFalse(hasBegun)
    })
  )

  it.live("[W34] may be called by letters of any script, and be none", () =>
    Effect.gen(function* () {
      const { value } = yield* World.run({ peers: ["買う", "zoë", "p-1.b_", "9"], seed: 1 }, (world) =>
        Effect.succeed(world.peers.map(({ name }) => name))
      )
      assert.deepStrictEqual(value, ["買う", "zoë", "p-1.b_", "9"])
      yield* World.run({ peers: [], seed: 1 }, () => Effect.void)
    })
  )

  it("[W34] are looked at where a test is defined, the number and the seeds, too", () => {
    for (const { peers, says } of unfit) assert.throws(() => test(peers), says)
    assert.throws(() => test([]), /^The test "a test" cannot be run: it has no peers: name one at least\.$/)
    const counts = [0, -1, 1.5, 101, Number.NaN]
    for (const count of counts) assert.throws(() => test(count), / is no number of peers: say a whole one from 1 to 100/)
    for (const to of [101, 2.5]) assert.throws(() => test({ from: 1, to }), / is no number of peers/)
    assert.throws(() => test({ from: 0, to: 2 }), / is no number of peers/)
    assert.throws(() => test({ from: 4, to: 2 }), /from 4 to 2 peers are none: the second number is the greater one/)
    for (const seeds of [0, -3, 0.5]) assert.throws(() => test(2, { seeds }), /is no number of seeds: say a whole one from 1 on/)
    for (const peers of [1, 100, { from: 1, to: 1 }, ["ann"]]) test(peers)
  })

  it("[W34] leave their names with ~ behind them to clones", () => {
    assert.deepStrictEqual([unfitName("ann~", true), unfitName("ann", true)], [null, null])
    assert.match(unfitName("~", true) ?? "", /is no name/)
    assert.match(unfitName("kube", true) ?? "", /already/)
  })

  it.live("[W34] may be one alone, under all faults", () =>
    Effect.gen(function* () {
      const alone = Simulation.make("alone", { peers: 1, faults: hostile }, (world) => world.play())
      for (const seed of [1, 2, 3]) {
        const plan = yield* Simulation.planOf(alone, seed)
        assert.deepStrictEqual((yield* WorldTrial.run(alone, plan)).violations, [])
      }
    })
  )
})
