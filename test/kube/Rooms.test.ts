/**
 * The pure parts of a KUBE: rooms, pairs and buckets, and what they owe to whom.
 */
import { assert, describe, it } from "@effect/vitest"
import { Bucket } from "../../src/schema/kube/Bucket.ts"
import { Pairs } from "../../src/schema/kube/Pairs.ts"
import { Rooms } from "../../src/schema/kube/Rooms.ts"
import { lineSeatsMax, lineTopicsMax, topicPeersMax } from "../../src/schema/platform/Limits.ts"

describe("Rooms", () => {
  it("tells who comes of those who are there, and those of who comes", () => {
    const rooms = new Rooms<string>()
    rooms.join("L1", 0, "t", "a")
    rooms.join("L2", 7, "t", "b")
    assert.deepStrictEqual(rooms.join("L3", 1, "t", "c"), [
      { line: "L3", seat: 1, notice: { _tag: "Present", peers: ["a", "b"] } },
      { line: "L1", seat: 0, notice: { _tag: "Joined", peer: "c" } },
      { line: "L2", seat: 7, notice: { _tag: "Joined", peer: "c" } }
    ])
    assert.deepStrictEqual(rooms.drop("L2"), [
      { line: "L1", seat: 0, notice: { _tag: "Left", peer: "b" } },
      { line: "L3", seat: 1, notice: { _tag: "Left", peer: "b" } }
    ])
  })

  it("a peer that comes again on another line takes its place, and the old line's end does not remove it", () => {
    const rooms = new Rooms<string>()
    rooms.join("old", 4, "t", "a", "secret")
    rooms.join("L2", 0, "t", "b", "other secret")
    assert.deepStrictEqual(rooms.join("new", 0, "t", "a", "secret"), [
      { line: "new", seat: 0, notice: { _tag: "Present", peers: ["b"] } },
      { line: "old", seat: 4, notice: { _tag: "Refused", reason: "peer taken" } },
      { line: "L2", seat: 0, notice: { _tag: "Joined", peer: "a" } }
    ])
    assert.deepStrictEqual(rooms.drop("old"), [])
    assert.strictEqual(rooms.signal("L2", 0, "a", new Uint8Array(1))?.line, "new")
  })

  it("who shows another secret takes nobody's place, and who is there is not disturbed", () => {
    const rooms = new Rooms<string>()
    rooms.join("alice", 0, "t", "a", "secret")
    for (const guess of ["another", ""]) {
      assert.deepStrictEqual(rooms.join("eve", 7, "t", "a", guess), [
        { line: "eve", seat: 7, notice: { _tag: "Refused", reason: "peer taken" } }
      ])
    }
    assert.deepStrictEqual(rooms.leave("eve", 7), [])
    assert.deepStrictEqual(rooms.drop("eve"), [])
    rooms.join("bob", 0, "t", "b", "his secret")
    assert.strictEqual(rooms.signal("bob", 0, "a", new Uint8Array(1))?.line, "alice")
    rooms.drop("alice")
    assert.strictEqual(rooms.join("eve", 7, "t", "a", "another")[0]?.notice._tag, "Present", "nobody has it any more")
  })

  it("passes signals within a topic alone, and forgets whoever has gone", () => {
    const rooms = new Rooms<string>()
    rooms.join("L1", 0, "t", "a")
    rooms.join("L2", 0, "u", "b")
    assert.isNull(rooms.signal("L1", 0, "b", new Uint8Array(1)))
    assert.isNull(rooms.signal("L1", 9, "a", new Uint8Array(1)))
    rooms.drop("L1")
    rooms.leave("L2", 0)
    assert.deepStrictEqual(rooms.counts(), { topics: 0, lines: 0 })
  })

  it(`holds ${lineTopicsMax} topics a line and ${topicPeersMax} peers a topic, and one more is refused`, () => {
    const rooms = new Rooms<number>()
    const refused = (mails: ReturnType<typeof rooms.join>) => mails[0]?.notice
    for (let i = 0; i < lineTopicsMax; i++) rooms.join(0, i, `t${i}`, "a")
    assert.deepStrictEqual(refused(rooms.join(0, 99, "one more", "a")), { _tag: "Refused", reason: "too many topics" })
    assert.deepStrictEqual(refused(rooms.join(0, 5, "t5", "b")), { _tag: "Refused", reason: "seat taken" })
    for (let i = 1; i < topicPeersMax; i++) rooms.join(i, 0, "t0", `p${i}`)
    assert.deepStrictEqual(refused(rooms.join(9_999, 0, "t0", "late")), { _tag: "Refused", reason: "topic full" })
    assert.strictEqual(refused(rooms.join(9_999, 0, "t0", "p5"))?._tag, "Present", "who replaces itself needs no room")
  })
})

describe("Rooms, and those who want too much", () => {
  const refusal = { _tag: "Refused", reason: "too many seats" } as const

  it(`a line has ${lineSeatsMax} seats of one topic, may replace its own, and has others at other topics`, () => {
    const rooms = new Rooms<string>()
    for (let i = 0; i < lineSeatsMax; i++) assert.strictEqual(rooms.join("L", i, "t", `p${i}`)[0]?.notice._tag, "Present")
    assert.deepStrictEqual(rooms.join("L", 9, "t", "p9"), [{ line: "L", seat: 9, notice: refusal }])
    assert.strictEqual(rooms.join("L", 9, "t", "p0")[0]?.notice._tag, "Present")
    assert.strictEqual(rooms.join("L", 10, "u", "p9")[0]?.notice._tag, "Present")
    assert.strictEqual(rooms.join("other", 0, "t", "p9")[0]?.notice._tag, "Present")
    rooms.leave("L", 9)
    assert.strictEqual(rooms.join("L", 11, "t", "p11")[0]?.notice._tag, "Present")
  })

  it("those who come from one place have a share of a topic, and leave the rest to others", () => {
    const rooms = new Rooms<string>({ of: (line) => line.split("/")[0]!, seatsMax: 3 })
    for (let i = 0; i < 3; i++) assert.strictEqual(rooms.join(`eve/${i}`, 0, "t", `p${i}`)[0]?.notice._tag, "Present")
    assert.deepStrictEqual(rooms.join("eve/3", 0, "t", "p3")[0]?.notice, refusal)
    assert.strictEqual(rooms.join("eve/4", 0, "t", "p1")[0]?.notice._tag, "Present", "who replaces itself needs no room")
    assert.strictEqual(rooms.join("dave/0", 0, "t", "d")[0]?.notice._tag, "Present")
    rooms.drop("eve/0")
    assert.strictEqual(rooms.join("eve/5", 0, "t", "p5")[0]?.notice._tag, "Present")
  })

  it("says who else is there when it is asked", () => {
    const rooms = new Rooms<string>()
    rooms.join("L1", 0, "t", "a")
    rooms.join("L2", 5, "t", "b")
    assert.deepStrictEqual(rooms.present("L2", 5), { line: "L2", seat: 5, notice: { _tag: "Present", peers: ["a"] } })
    assert.isNull(rooms.present("L2", 6))
  })
})

describe("Pairs", () => {
  it("pairs two, refuses a third, and frees the id when both have gone", () => {
    const pairs = new Pairs<string>(2)
    assert.strictEqual(pairs.meet("m", "a")._tag, "Waits")
    assert.deepStrictEqual(pairs.meet("m", "b"), { _tag: "Paired", other: "a" })
    assert.deepStrictEqual(pairs.meet("m", "c"), { _tag: "Refused", reason: "taken" })
    pairs.leave("m", "a")
    assert.strictEqual(pairs.meet("m", "d")._tag, "Refused")
    pairs.leave("m", "b")
    assert.deepStrictEqual(pairs.counts(), { waiting: 0, paired: 0 })
    assert.strictEqual(pairs.meet("m", "e")._tag, "Waits")
  })

  it("who stops waiting leaves nothing behind, and no more than its bound wait", () => {
    const pairs = new Pairs<string>(2)
    pairs.meet("m", "a")
    pairs.meet("n", "b")
    assert.deepStrictEqual(pairs.meet("o", "c"), { _tag: "Refused", reason: "too many wait" })
    pairs.leave("m", "a")
    assert.strictEqual(pairs.meet("o", "c")._tag, "Waits")
    assert.strictEqual(pairs.meet("m", "d")._tag, "Refused")
  })
})

describe("Bucket", () => {
  it("gives its burst at once, then its rate", () => {
    const bucket = new Bucket(5, 10, 0)
    for (let i = 0; i < 10; i++) assert.strictEqual(bucket.take(0), 0)
    assert.strictEqual(bucket.take(0), 200)
    assert.strictEqual(bucket.take(200), 200)
    assert.strictEqual(bucket.take(10_000), 0)
  })

  it("saves no more than its burst", () => {
    const bucket = new Bucket(5, 10, 0)
    let given = 0
    while (bucket.take(1_000_000) === 0) given++
    assert.strictEqual(given, 10)
  })
})
