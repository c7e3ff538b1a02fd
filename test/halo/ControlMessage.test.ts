/**
 * The messages about control operations: each comes back as it was, nothing is read loosely, and every bound is one.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { decodeMessage } from "../../src/schema/echo/ReplicationMessage.ts"
import { type ControlMessage, decodeControl, encodeControl, isControl } from "../../src/schema/halo/ControlMessage.ts"
import { compareBytes, encode, type Item } from "../../src/schema/platform/Codec.ts"
import {
  deviceFeedsMax,
  lateBytesMax,
  messageOperationBytesMax,
  messageOperationsMax,
  rangeItemsMax
} from "../../src/schema/platform/Limits.ts"
import { firstKey, lastKey } from "../../src/schema/platform/RangeSet.ts"
import { keyOf } from "../echo/ReplicationNetwork.ts"

const ids = Array.from({ length: 40 }, (_, i) => keyOf(`${i}`)).sort(compareBytes)

const corpus: ReadonlyArray<ControlMessage> = [
  { _tag: "Standing", standing: "stranger", ops: keyOf("o") },
  { _tag: "Standing", standing: "former", ops: keyOf("o") },
  { _tag: "Range", from: firstKey, to: lastKey, count: 300, content: keyOf("h") },
  { _tag: "Range", from: firstKey, to: lastKey, count: 3, content: ids.slice(0, 3) },
  { _tag: "Range", from: firstKey, to: lastKey, count: 0, content: [] },
  { _tag: "Ops", operations: [new Uint8Array(300), new Uint8Array(2).fill(7)] },
  { _tag: "Want", ids: ids.slice(0, 2) },
  { _tag: "Refuse", reason: "not a member" },
  { _tag: "HandIn", feeds: ids.slice(0, 3).map((feed, length) => ({ feed, length })) },
  { _tag: "Held", bytesLeft: lateBytesMax, feeds: [{ feed: ids[0]!, length: 70_000 }] },
  { _tag: "Held", bytesLeft: 0, feeds: [] }
]

const isRefused = (item: Item) => assert.isTrue(Result.isFailure(decodeControl(encode(item))), JSON.stringify(item))
const isRead = (item: Item) => assert.isTrue(Result.isSuccess(decodeControl(encode(item))), JSON.stringify(item).slice(0, 99))

describe("ControlMessage", () => {
  it("each comes back as it was", () => {
    for (const message of corpus) assert.deepStrictEqual(Result.getOrThrow(decodeControl(encodeControl(message))), message)
  })

  it("a Standing is [12, 0 | 1 | 2, opsHash32]", () => {
    const frame = encodeControl({ _tag: "Standing", standing: "member", ops: keyOf("o") })
    assert.deepStrictEqual(frame, encode([12, 1, keyOf("o")]))
    isRefused([12, 3, keyOf("o")])
  })

  it("late work is offered as [13, feeds] and answered as [15, bytesLeft, feeds], 1,000 feeds at most", () => {
    const feeds = Array.from({ length: deviceFeedsMax + 1 }, (_, n): Item => [keyOf(`${n}`), n])
    isRead([13, feeds.slice(1)])
    isRefused([13, feeds])
    isRead([15, lateBytesMax, feeds.slice(1)])
    isRefused([15, lateBytesMax + 1, []])
    isRefused([15, 0, feeds])
    isRefused([13, [[keyOf("f"), -1]]])
    isRefused([13, [[keyOf("f"), 1, 1]]])
    isRefused([13, [[new Uint8Array(31), 1]]])
  })

  it("what is cut short or longer is refused", () => {
    for (const frame of corpus.map(encodeControl)) {
      for (let end = 0; end < Math.min(frame.length, 200); end++)
        assert.isTrue(Result.isFailure(decodeControl(frame.slice(0, end))))
      assert.isTrue(Result.isFailure(decodeControl(Uint8Array.of(...frame, 0))))
    }
  })

  it("ranges of another set, out of order or beyond their keys are refused", () => {
    const [a, b, c] = ids as [Uint8Array, Uint8Array, Uint8Array]
    isRead([1, 1, a, c, 3, [a, b, c]])
    isRefused([1, 0, a, c, 3, [a, b, c]])
    isRefused([1, 2, a, c, 3, [a, b, c]])
    isRefused([1, 1, a, c, 3, [b, a, c]])
    isRefused([1, 1, a, c, 2, [b, b]])
    isRefused([1, 1, a, c, 2, [a, b, c]])
    isRefused([1, 1, b, c, 2, [a, c]])
    isRefused([1, 1, a, b, 2, [a, c]])
    isRefused([1, 1, c, a, 0, []])
  })

  it("a message has at most 32 listed ids, 4,096 operations of 1 MiB, 4,096 wanted ids, and never none", () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => keyOf(`${i}`)).sort(compareBytes)
    isRead([1, 1, firstKey, lastKey, rangeItemsMax, many(rangeItemsMax)])
    isRefused([1, 1, firstKey, lastKey, rangeItemsMax + 1, many(rangeItemsMax + 1)])
    const some = new Uint8Array(1)
    isRead([6, Array.from({ length: messageOperationsMax }, () => some)])
    isRefused([6, Array.from({ length: messageOperationsMax + 1 }, () => some)])
    isRead([6, [new Uint8Array(messageOperationBytesMax - 1), some]])
    isRefused([6, [new Uint8Array(messageOperationBytesMax), some]])
    isRefused([6, []])
    isRead([14, many(messageOperationsMax)])
    isRefused([14, many(messageOperationsMax + 1)])
    isRefused([14, []])
    isRefused([10, "x".repeat(65), null])
    isRefused([10, "forked", keyOf("f")])
  })

  it("is told from the messages about feeds by its first bytes", () => {
    for (const message of corpus.filter(({ _tag }) => _tag !== "Refuse")) {
      assert.isTrue(isControl(encodeControl(message)))
      assert.isTrue(Result.isFailure(decodeMessage(encodeControl(message))))
    }
    for (const item of [
      [0, keyOf("s"), keyOf("f"), keyOf("o")],
      [1, 0, firstKey, lastKey, 0, []],
      [2, []],
      [10, "", null],
      [11, 1]
    ])
      assert.isFalse(isControl(encode(item)))
    assert.isFalse(isControl(new Uint8Array(0)))
  })
})
