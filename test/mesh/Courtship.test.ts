/**
 * Whose turn it is among peers of which nobody knows who is honest: bounds, order, rotation.
 */
import { assert, describe, it } from "@effect/vitest"
import { Courtship, trialsMax } from "../../src/schema/mesh/Courtship.ts"
import { topicPeersMax } from "../../src/schema/platform/Limits.ts"

/** All that are tried at a time. */
const tried = (courtship: Courtship, now: number) => {
  const peers: Array<string> = []
  for (let turn = courtship.next(now); turn._tag === "Try"; turn = courtship.next(now)) peers.push(turn.peer)
  return peers
}
const many = (n: number, name = "fake") => Array.from({ length: n }, (_, i) => `${name}${i}`)
const come = (courtship: Courtship, peers: ReadonlyArray<string>, now = 0) => {
  for (const peer of peers) courtship.came(peer, true, false, now)
}

describe("Courtship", () => {
  it("tries so many at a time, and each that has kept another waiting for 2 s makes room", () => {
    const courtship = new Courtship()
    come(courtship, many(100))
    assert.lengthOf(tried(courtship, 0), trialsMax)
    assert.deepStrictEqual(courtship.next(1_000), { _tag: "Wait", millis: 1_000 })
    assert.deepStrictEqual(tried(courtship, 2_000), many(100).slice(trialsMax))
    assert.strictEqual(courtship.counts().offered, trialsMax)
  })

  it("a meeting that was accepted has 4 s for its handshake", () => {
    const courtship = new Courtship()
    come(courtship, many(trialsMax + 1))
    for (const peer of tried(courtship, 0)) courtship.accepted(peer, 1_000)
    assert.deepStrictEqual(tried(courtship, 4_999), [])
    assert.deepStrictEqual(tried(courtship, 5_000), [`fake${trialsMax}`])
  })

  it("who was met before goes first, then who was never tried, then who failed, in the order in which they are due", () => {
    const courtship = new Courtship()
    come(courtship, ["failed", "friend", "gone", "gone too"])
    tried(courtship, 0)
    for (const peer of ["gone", "gone too"]) courtship.left(peer)
    courtship.failed("failed", 0)
    courtship.met("friend")
    courtship.left("friend")
    come(courtship, ["new", "friend"], 1_000)
    assert.deepStrictEqual(tried(courtship, 1_000), ["friend", "new", "failed"])
  })

  it("one try of four goes to who failed, however many are new, and a failed one gives way at once", () => {
    const courtship = new Courtship()
    come(courtship, many(trialsMax, "failed"))
    for (const peer of tried(courtship, 0)) courtship.failed(peer, 0)
    come(courtship, many(500), 10_000)
    const peers = tried(courtship, 10_000)
    assert.strictEqual(peers.slice(0, 40).filter((peer) => peer.startsWith("failed")).length, 10)
    assert.isAbove(peers.length, trialsMax)
    assert.strictEqual(courtship.counts().offered, trialsMax)
  })

  it("pauses grow to 10 s, give or take a fifth, and who refused is asked again after a minute, or when it comes again", () => {
    const courtship = new Courtship()
    come(courtship, ["a"])
    let now = 0
    for (const pause of [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      assert.deepStrictEqual(tried(courtship, now), ["a"])
      courtship.failed("a", now)
      assert.deepStrictEqual(courtship.next(now), { _tag: "Wait", millis: pause })
      now += pause
    }
    for (const [chance, pause] of [
      [0, 8_000],
      [1, 12_000]
    ] as const) {
      tried(courtship, now)
      courtship.failed("a", now, chance)
      const turn = courtship.next(now)
      assert.approximately(turn._tag === "Wait" ? turn.millis : 0, pause, 1)
      now += 12_001
    }
    tried(courtship, now)
    courtship.failed("a", now, 0, true)
    assert.deepStrictEqual(courtship.next(now), { _tag: "Wait", millis: 48_000 })
    come(courtship, ["a"], now)
    assert.deepStrictEqual(tried(courtship, now), ["a"])
  })

  it("keeps nothing of those who left, and knows a bounded number of those who stay", () => {
    const courtship = new Courtship()
    for (const peer of many(5_000)) {
      courtship.came(peer, true, false, 0)
      courtship.next(0)
      courtship.asked(peer, 0)
      courtship.left(peer)
    }
    assert.deepStrictEqual(courtship.counts(), { peers: 0, offered: 0, answered: 0, proven: 0 })
    for (const peer of many(5_000)) {
      courtship.came(peer, true, false, 0)
      courtship.next(0)
      courtship.asked(peer, 0)
      courtship.met(peer)
    }
    const { proven, ...counts } = courtship.counts()
    assert.deepStrictEqual(counts, { peers: topicPeersMax, offered: 0, answered: 0 })
    assert.strictEqual(proven, 256)
  })

  it("answers one offer of a peer at a time, so many peers, and a new one rather than those who failed", () => {
    const courtship = new Courtship()
    const peers = many(trialsMax)
    come(courtship, [...peers, "honest", "late"])
    for (const peer of peers) assert.isTrue(courtship.asked(peer, 0).isTaken)
    assert.isFalse(courtship.asked("fake0", 500).isTaken)
    assert.deepStrictEqual(courtship.asked("late", 500), { isTaken: false, isFirst: true, instead: null })
    assert.deepStrictEqual(courtship.asked("fake0", 1_000), { isTaken: true, isFirst: false, instead: "fake0" })
    // its second try counts less than the first of another
    assert.deepStrictEqual(courtship.asked("honest", 1_000), { isTaken: true, isFirst: true, instead: "fake0" })
    assert.strictEqual(courtship.asked("late", 2_000).instead, "fake1")
    assert.strictEqual(courtship.counts().answered, trialsMax)
    assert.isFalse(courtship.asked("stranger", 9_000).isTaken)
  })
})
