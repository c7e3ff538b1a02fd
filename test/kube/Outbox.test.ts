/**
 * What waits for one client of a KUBE, and by what address it is counted: the bounds, and who pays for them.
 */
import { assert, describe, it } from "@effect/vitest"
import { placeOf, Tally } from "../../src/schema/kube/Address.ts"
import { Outbox } from "../../src/schema/kube/Outbox.ts"
import { outboxAnswerBytesMax, outboxPresenceBytesMax, outboxSignalBytesMax } from "../../src/schema/platform/Limits.ts"

const frame = (length: number, byte = 0) => new Uint8Array(length).fill(byte)

describe("Outbox", () => {
  it("gives back in order what it was given", () => {
    const outbox = new Outbox<string>()
    outbox.answer(frame(1, 1))
    outbox.presence(0, frame(1, 2))
    outbox.signal("eve", frame(1, 3))
    assert.deepStrictEqual([outbox.next()?.[0], outbox.next()?.[0], outbox.next()?.[0], outbox.next()], [1, 2, 3, undefined])
    assert.deepStrictEqual(outbox.counts(), { frames: 0, bytes: 0 })
  })

  it("refuses a client that leaves its own answers unread, at the bound and not before", () => {
    const outbox = new Outbox<string>()
    const each = outboxAnswerBytesMax / 16
    for (let i = 0; i < 16; i++) assert.isTrue(outbox.answer(frame(each - 64)))
    assert.isFalse(outbox.answer(frame(0)))
  })

  it("whatever others send stays below its bound, and takes no room from answers", () => {
    const outbox = new Outbox<number>()
    for (let round = 0; round < 100; round++)
      for (let sender = 0; sender < 200; sender++) {
        outbox.signal(sender, frame(65_536))
        outbox.presence(sender % 64, frame(22))
      }
    assert.isAtMost(outbox.counts().bytes, outboxSignalBytesMax + outboxPresenceBytesMax)
    assert.isTrue(outbox.answer(frame(65_536)))
  })

  it("who floods leaves room for the first small signal of another, however many flood", () => {
    const outbox = new Outbox<number>()
    for (let round = 0; round < 2_000; round++) for (let sender = 0; sender < 100; sender++) outbox.signal(sender, frame(100))
    const { frames } = outbox.counts()
    outbox.signal(1_000, frame(100))
    assert.strictEqual(outbox.counts().frames, frames + 1)
  })

  it("a sender whose signals were read may send again", () => {
    const outbox = new Outbox<string>()
    for (let i = 0; i < 100; i++) outbox.signal("eve", frame(65_536))
    const before = outbox.counts().frames
    assert.isAtLeast(before, 1)
    while (outbox.next() !== undefined);
    for (let i = 0; i < 100; i++) outbox.signal("eve", frame(65_536))
    assert.strictEqual(outbox.counts().frames, before)
  })

  it("a seat of whose changes too many wait is named once, and then told of changes again", () => {
    const outbox = new Outbox<string>()
    for (let i = 0; i < 10_000; i++) outbox.presence(3, frame(22))
    assert.isAtMost(outbox.counts().bytes, outboxPresenceBytesMax)
    while (outbox.next() !== undefined);
    assert.deepStrictEqual([outbox.nextMissed(), outbox.nextMissed()], [3, undefined])
    outbox.presence(3, frame(22))
    assert.strictEqual(outbox.counts().frames, 1)
  })
})

describe("Address", () => {
  it("an IPv4 address counts by itself, however it is written, and an IPv6 address by its first 64 bits", () => {
    assert.strictEqual(placeOf("10.1.2.3"), "10.1.2.3")
    assert.strictEqual(placeOf("::ffff:10.1.2.3"), "10.1.2.3")
    assert.strictEqual(placeOf("2001:db8:0:1::5"), placeOf("2001:0DB8::1:7:8:9:a"))
    assert.notStrictEqual(placeOf("2001:db8:0:1::5"), placeOf("2001:db8:0:2::5"))
    assert.strictEqual(placeOf("fe80::1%eth0"), placeOf("fe80::2"))
    for (const text of ["", "::", "::1", ":::", "1:2:3:4:5:6:7:8:9", "unix"]) assert.isString(placeOf(text))
  })

  it("a tally takes as many as its bound, and forgets those who have gone", () => {
    const tally = new Tally<string>()
    assert.deepStrictEqual(
      [tally.add("a", 2), tally.add("a", 2), tally.add("a", 2), tally.add("b", 2)],
      [true, true, false, true]
    )
    tally.remove("a")
    assert.isTrue(tally.add("a", 2))
    for (const key of ["a", "a", "b"]) tally.remove(key)
    assert.strictEqual(tally.size, 0)
  })
})
