/**
 * What blocks say, judged by both opinions: one planted fault for each rule of docs/format.md#change-sets, and what is right beside it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { decodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock } from "../../src/schema/echo/Feed.ts"
import { concat, type Made, make } from "./cbor.ts"
import { judgeBlock, judgePlain } from "./content.ts"
import { envelope, feedA, feedB } from "./corpus.ts"

describe("content", () => {
  const [idA, idB] = [feedA.publicKey, feedB.publicKey].sort(Buffer.compare) as [Uint8Array, Uint8Array]
  const own = [0, 1]
  const put = (value: Made, path: Made = ["k"], obj: Made = own): Made => [3, obj, path, value]
  const create: Made = [0, "T", 1, null, Uint8Array.of(0x80)]
  const set = (mutations: Made, deps: Made = null, time: Made = 1): Made => [time, deps, mutations]
  const plain = (sets: Made, feeds: Made = [], first: Made = 1, version: Made = 0): Uint8Array =>
    make([version, first, [], feeds, sets])
  const one = (mutation: Made, feeds: Made = []) => plain([set([mutation])], feeds)
  const dep = (feed: Made, length: Made = 1, counter: Made = 1): Made => [feed, length, counter, new Uint8Array(16)]
  const nested = (levels: number, inner: Made): Made => (levels === 0 ? inner : [0, nested(levels - 1, inner)])

  type Fate = "said" | "nonsense" | "unknown"
  const contents: ReadonlyArray<readonly [what: string, content: Uint8Array, fate: Fate]> = [
    ["a create", one(create), "said"],
    [
      "a put of all kinds",
      one(put(new Map<string, Made>([["a", [0, 1, 0.5, "x", null, true, [1, 0, 1], new Uint8Array(3)]]]))),
      "said"
    ],
    ["an empty map", one(put(new Map())), "said"],
    ["dependencies", plain([set([create], [dep(1), dep(2, 5, 9)])], [idA, idB]), "said"],
    ["a path of 16 keys of 256 bytes", one(put(1, Array(16).fill("x".repeat(256)))), "said"],
    ["16 levels", one(put(nested(16, 1))), "said"],
    ["a reference below 16 levels", one(put(nested(16, [1, 0, 1]))), "said"],
    ["an empty key", one(put(1, [""])), "said"],
    ["a counter of 0 as an object", one(put(1, ["k"], [0, 0])), "said"],
    ["the greatest time", plain([set([create], null, 2 ** 53 - 1)]), "said"],
    ["the last counter of all", plain([set([create])], [], 2 ** 53 - 2), "said"],
    ["a type of 256 bytes", one([0, "x".repeat(256), 1, null, new Uint8Array(64)]), "said"],

    ["another content version", plain([set([create])], [], 1, 1), "unknown"],
    ["another content version of another shape", make([1, 2, 3]), "unknown"],
    ["another content version of six items", make([2, 1, [], [], [], []]), "unknown"],
    ["another mutation", one([1, own, null]), "unknown"],
    ["a mutation of 40 items", one([9, ...Array(39).fill(0)]), "unknown"],
    ["another value code", one(put([2, "x"])), "unknown"],
    ["another value code within", one(put([0, new Map<string, Made>([["k", [7]]])])), "unknown"],
    ["a parent", one([0, "T", 1, [0, 1], Uint8Array.of(0x80)]), "unknown"],

    ["nothing", new Uint8Array(), "nonsense"],
    ["no array", make(7), "nonsense"],
    ["a version that is no integer", make(["0", 1, [], [], []]), "nonsense"],
    ["four items", make([0, 1, [], []]), "nonsense"],
    ["a counter of 0", plain([set([create])], [], 0), "nonsense"],
    ["a counter that is none", plain([set([create])], [], "1"), "nonsense"],
    ["counters beyond the last", plain([set([create, create])], [], 2 ** 53 - 2), "nonsense"],
    ["control heads", make([0, 1, [new Uint8Array(32)], [], [set([create])]]), "nonsense"],
    ["no change sets", plain([]), "nonsense"],
    ["no mutations", plain([set([])]), "nonsense"],
    ["10,001 mutations", plain([set(Array(10_001).fill([2, own, true]))]), "nonsense"],
    ["4,097 change sets", plain(Array(4_097).fill(set([[2, own, true]]))), "nonsense"],
    ["a negative time", plain([set([create], null, -1)]), "nonsense"],
    ["a change set of four items", plain([[1, null, [create], 0]]), "nonsense"],
    ["no dependencies, as a list", plain([set([create], [])]), "nonsense"],
    ["a dependency on oneself", plain([set([create], [dep(0)])]), "nonsense"],
    ["dependencies out of order", plain([set([create], [dep(2), dep(1)])], [idA, idB]), "nonsense"],
    ["a dependency twice", plain([set([create], [dep(1), dep(1)])], [idA]), "nonsense"],
    ["a dependency on nothing", plain([set([create], [dep(1, 0)])], [idA]), "nonsense"],
    ["half a root", plain([set([create], [[1, 1, 1, new Uint8Array(15)]])], [idA]), "nonsense"],
    ["a feed that is not in the table", one(put(1, ["k"], [1, 1])), "nonsense"],
    ["a feed in the table that nobody cites", one(create, [idA]), "nonsense"],
    ["a table out of order", plain([set([create], [dep(1), dep(2)])], [idB, idA]), "nonsense"],
    ["a feed twice in the table", plain([set([create], [dep(1), dep(2)])], [idA, idA]), "nonsense"],
    ["a short feed in the table", plain([set([create], [dep(1)])], [idA.slice(1)]), "nonsense"],
    ["an empty mutation", one([]), "nonsense"],
    ["an op that is no integer", one(["0", 1]), "nonsense"],
    ["a create of four items", one([0, "T", 1, null]), "nonsense"],
    ["a type without a name", one([0, "", 1, null, Uint8Array.of(0x80)]), "nonsense"],
    ["a type of 257 bytes", one([0, "é".repeat(129), 1, null, Uint8Array.of(0x80)]), "nonsense"],
    ["a negative version of a type", one([0, "T", -1, null, Uint8Array.of(0x80)]), "nonsense"],
    ["an empty position", one([0, "T", 1, null, new Uint8Array()]), "nonsense"],
    ["a position of 65 bytes", one([0, "T", 1, null, new Uint8Array(65)]), "nonsense"],
    ["a parent that is no item", parentCutOff(), "nonsense"],
    ["a life that is no truth", one([2, own, 1]), "nonsense"],
    ["an object of three numbers", one([2, [0, 1, 1], true]), "nonsense"],
    ["an empty path", one(put(1, [])), "nonsense"],
    ["a path of 17 keys", one(put(1, Array(17).fill("k"))), "nonsense"],
    ["a key of 257 bytes", one(put(1, ["x".repeat(257)])), "nonsense"],
    ["a path through __proto__", one(put(1, ["a", "__proto__"])), "nonsense"],
    ["a removal of constructor", one([4, own, ["constructor"]]), "nonsense"],
    ["a value with prototype", one(put(new Map([["prototype", 1]]))), "nonsense"],
    ["a value with a key of 257 bytes", one(put(new Map([["x".repeat(257), 1]]))), "nonsense"],
    ["a value of 65,537 bytes", one(put("x".repeat(65_534))), "nonsense"],
    ["a value of 17 levels", one(put(nested(17, 1))), "nonsense"],
    ["an array without its code", one(put([])), "nonsense"],
    ["a code that is no integer", one(put(["x"])), "nonsense"],
    ["a reference of two items", one(put([1, 0])), "nonsense"],
    ["a reference to a feed that is not there", one(put([1, 3, 1])), "nonsense"],
    ["something behind", concat(one(create), [0]), "nonsense"],
    ["too much", concat(one(create), new Uint8Array(262_200)), "nonsense"]
  ]
  for (const [what, content, fate] of contents) {
    it(`${what}: ${fate}`, () => {
      const { isUnknown, nonsense } = judgePlain(content)
      assert.strictEqual(isUnknown ? "unknown" : nonsense === null ? "said" : "nonsense", fate, nonsense ?? "")
      assert.strictEqual(fateOf(decodePlain(content)), fate)
    })
  }

  const zero = [new Uint8Array(16), new Uint8Array(24)]
  const content = one(create)
  const blocks: ReadonlyArray<readonly [what: string, block: Uint8Array, fate: Fate]> = [
    ["a block", envelope(content), "said"],
    ["another block version", make([1, 0, ...zero, content]), "unknown"],
    ["another block version of another shape", make([7]), "unknown"],
    ["another block version of 20 items", make([1, ...Array(19).fill(0)]), "unknown"],
    ["another suite", make([0, 1, ...zero, content]), "unknown"],
    ["a key", make([0, 0, new Uint8Array(16).fill(1), zero[1]!, content]), "nonsense"],
    ["a nonce", make([0, 0, zero[0]!, new Uint8Array(24).fill(1), content]), "nonsense"],
    ["a short nonce", make([0, 0, zero[0]!, new Uint8Array(23), content]), "nonsense"],
    ["six items", make([0, 0, ...zero, content, 1]), "nonsense"],
    ["no content", make([0, 0, ...zero, null]), "nonsense"],
    ["an empty list", make([]), "nonsense"],
    ["a version that is no integer", make(["0"]), "nonsense"],
    ["content beyond its limit", make([0, 0, ...zero, new Uint8Array(262_145)]), "nonsense"],
    ["nothing at all", new Uint8Array(), "nonsense"],
    ["something behind a block", concat(envelope(content), [0]), "nonsense"]
  ]
  for (const [what, block, fate] of blocks) {
    it(`${what}: ${fate}`, () => {
      const { isUnknown, nonsense } = judgeBlock(block)
      assert.strictEqual(isUnknown ? "unknown" : nonsense === null ? "said" : "nonsense", fate, nonsense ?? "")
      const opened = decodeBlock(block)
      assert.strictEqual(fateOf(Result.isSuccess(opened) ? decodePlain(opened.success) : opened), fate)
    })
  }
})

const fateOf = (result: Result.Result<unknown, { readonly _tag: string }>): string =>
  Result.isSuccess(result) ? "said" : result.failure._tag === "Unsupported" ? "unknown" : "nonsense"

/** A create whose parent begins with a byte that begins no item. */
function parentCutOff(): Uint8Array {
  const content = make([0, 1, [], [], [[1, null, [[0, "T", 1, null, Uint8Array.of(0x80)]]]]])
  const at = content.lastIndexOf(0xf6)
  return Uint8Array.from(content, (byte, i) => (i === at ? 0xf2 : byte))
}
