/**
 * The pure parts of signaling: frames both ways, and what a slow listener still has to be told.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { Attendance } from "../../src/schema/mesh/Attendance.ts"
import { decodeMeeting, encodeMeeting, type MeetingSignal } from "../../src/schema/mesh/Meeting.ts"
import {
  type Asked,
  decodeAsked,
  decodeTold,
  encodeAsked,
  encodeNotice,
  pong,
  type Told
} from "../../src/schema/mesh/SignalingFrame.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { signalBytesMax, topicPeersMax } from "../../src/schema/platform/Limits.ts"

const peer = (n: number) => n.toString(16).padStart(32, "0")
const asked: ReadonlyArray<Asked> = [
  { _tag: "Join", seat: 65_535, topic: new Uint8Array(32).fill(4), peer: peer(1), secret: peer(9) },
  { _tag: "Leave", seat: 0 },
  { _tag: "Signal", seat: 3, peer: peer(2), payload: new Uint8Array(signalBytesMax) },
  { _tag: "Ping" }
]
const told: ReadonlyArray<Told> = [
  { _tag: "Pong" },
  { _tag: "Notice", seat: 1, notice: { _tag: "Present", peers: [peer(1), peer(2)] } },
  { _tag: "Notice", seat: 1, notice: { _tag: "Present", peers: Array.from({ length: topicPeersMax }, (_, i) => peer(i)) } },
  { _tag: "Notice", seat: 2, notice: { _tag: "Joined", peer: peer(3) } },
  { _tag: "Notice", seat: 2, notice: { _tag: "Left", peer: peer(3) } },
  { _tag: "Notice", seat: 2, notice: { _tag: "Signal", peer: peer(3), payload: new Uint8Array(5) } },
  { _tag: "Notice", seat: 2, notice: { _tag: "Refused", reason: "too many topics" } },
  { _tag: "Notice", seat: 2, notice: { _tag: "Refused", reason: "peer taken" } }
]
const meetings: ReadonlyArray<MeetingSignal> = [
  { _tag: "Offer", meeting: new Uint8Array(16).fill(1) },
  { _tag: "Accept", meeting: new Uint8Array(16).fill(2) },
  { _tag: "Decline", meeting: new Uint8Array(16), reason: 0 },
  { _tag: "Inner", meeting: new Uint8Array(16), payload: new Uint8Array(100) }
]
const encodeTold = (message: Told) => (message._tag === "Pong" ? pong() : encodeNotice(message.seat, message.notice))

describe("SignalingFrame", () => {
  it("what is said is what is heard, and no two say the same", () => {
    for (const message of asked) assert.deepStrictEqual(Result.getOrThrow(decodeAsked(encodeAsked(message))), message)
    for (const message of told) assert.deepStrictEqual(Result.getOrThrow(decodeTold(encodeTold(message))), message)
    for (const message of meetings) assert.deepStrictEqual(Result.getOrThrow(decodeMeeting(encodeMeeting(message))), message)
  })

  it("what is cut short, too long or of another type is refused, and nothing throws", () => {
    const bad = [
      encode([0, 65_536, new Uint8Array(32), new Uint8Array(16), new Uint8Array(16)]),
      encode([0, 0, new Uint8Array(32), new Uint8Array(16)]),
      encode([0, 0, new Uint8Array(32), new Uint8Array(16), new Uint8Array(15)]),
      encode([2, 0, new Uint8Array(16), new Uint8Array(signalBytesMax + 1)]),
      encode([9, 0]),
      encode({ a: 1 }),
      new Uint8Array(0)
    ]
    const corpus = [...asked.map(encodeAsked), ...told.map(encodeTold), ...meetings.map(encodeMeeting)].filter(
      (frame) => frame.length < 100
    )
    for (const frame of corpus) {
      for (let i = 0; i < frame.length; i++) bad.push(frame.subarray(0, i))
      bad.push(new Uint8Array([...frame, 0]))
    }
    for (const frame of bad) {
      for (const decode of [decodeAsked, decodeTold, decodeMeeting]) {
        const result: Result.Result<unknown, { readonly _tag: string }> = decode(frame)
        assert.strictEqual(Result.isFailure(result) && result.failure._tag, "Malformed")
      }
    }
  })
})

describe("Attendance", () => {
  const all = (attendance: Attendance) => {
    const events = []
    for (let event = attendance.next(); event !== null; event = attendance.next()) events.push(`${event._tag} ${event.peer}`)
    return events
  }

  it("tells who is there, once, and who left", () => {
    const attendance = new Attendance()
    attendance.reset(["a", "b"])
    assert.deepStrictEqual(all(attendance), ["Joined a", "Joined b"])
    attendance.joined("c")
    attendance.left("a")
    assert.deepStrictEqual(all(attendance), ["Left a", "Joined c"])
  })

  it("says nothing of who came and went unheard", () => {
    const attendance = new Attendance()
    for (let i = 0; i < 1_000; i++) {
      attendance.joined("a")
      attendance.signal("a", new Uint8Array(1))
      attendance.left("a")
    }
    assert.deepStrictEqual(all(attendance), [])
  })

  it("when the line is back, who left is missed and who is there is told again", () => {
    const attendance = new Attendance()
    attendance.reset(["a", "b"])
    all(attendance)
    attendance.reset(["b", "c"])
    assert.deepStrictEqual(all(attendance), ["Left a", "Joined b", "Joined c"])
  })

  it("keeps a bounded number of signals, and none of a stranger", () => {
    const attendance = new Attendance()
    attendance.signal("stranger", new Uint8Array(1))
    attendance.joined("a")
    for (let i = 0; i < 10_000; i++) attendance.signal("a", new Uint8Array(1))
    const events = all(attendance)
    assert.strictEqual(events[0], "Joined a")
    assert.lengthOf(events, 1 + 256)
  })

  it("knows a bounded number of peers", () => {
    const attendance = new Attendance()
    for (let i = 0; i < 5_000; i++) attendance.joined(peer(i))
    assert.lengthOf(all(attendance), topicPeersMax)
  })
})
