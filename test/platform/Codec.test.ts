/**
 * DC1: one value has one encoding, and every other spelling is refused with its place, whatever the bytes are.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import {
  compareText,
  decode,
  decodeWith,
  encode,
  type Item,
  type Malformed,
  type Reader,
  Unencodable,
  Writer
} from "../../src/schema/platform/Codec.ts"
import { depthMax } from "../../src/schema/platform/Limits.ts"
import { accepted, refused } from "./CodecVectors.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))
const valueOf = (bytes: Uint8Array): Item => Result.getOrThrow(decode(bytes))
const reasonOf = <A>(result: Result.Result<A, Malformed>): string => Result.getOrThrow(Result.flip(result)).message

const texts = Arbitrary.filter(Arbitrary.schema(Schema.String), (text) => text.isWellFormed())
const edges: ReadonlyArray<Item> = [null, true, false, -0, 0.1, Number.NaN, 2 ** 53, -(2 ** 53), 23, 24, 255, 256, 65_535, 65_536]
const leaves: Arbitrary.Arbitrary<Item> = Arbitrary.flatMap(
  Arbitrary.schema(Schema.Literals(["text", "bytes", "int", "number", "other"])),
  (kind): Arbitrary.Arbitrary<Item> => {
    if (kind === "text") return texts
    if (kind === "bytes") return Arbitrary.schema(Schema.Uint8Array)
    if (kind === "int") return Arbitrary.schema(Schema.Int)
    if (kind === "number") return Arbitrary.schema(Schema.Number)
    return Arbitrary.map(
      Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: edges.length - 1 }))),
      (i) => edges[i]!
    )
  }
)
const keys = Arbitrary.filter(texts, (key) => !["__proto__", "constructor", "prototype"].includes(key))
const items = (depth: number): Arbitrary.Arbitrary<Item> =>
  depth === 0
    ? leaves
    : Arbitrary.flatMap(Arbitrary.schema(Schema.Literals(["leaf", "array", "map"])), (kind): Arbitrary.Arbitrary<Item> => {
        if (kind === "leaf") return leaves
        if (kind === "array") return Arbitrary.array(items(depth - 1), { maxLength: 6 })
        return Arbitrary.map(Arbitrary.array(Arbitrary.all([keys, items(depth - 1)]), { maxLength: 6 }), Object.fromEntries<Item>)
      })

describe("Codec: values", () => {
  it.prop(
    "what is encoded is decoded to the same value, and that to the same bytes",
    [items(4)],
    ([item]) => {
      const bytes = encode(item)
      const back = valueOf(bytes)
      assert.deepStrictEqual(back, item)
      assert.strictEqual(hex(encode(back)), hex(bytes))
    },
    { arbitrary: { runs: 1_000, seed: 8949 } }
  )

  it("encodes and decodes the examples of RFC 8949, appendix A, that are within it", () => {
    for (const [bytes, value] of accepted) {
      assert.strictEqual(hex(encode(value)), bytes)
      assert.deepStrictEqual(valueOf(fromHex(bytes)), value, bytes)
    }
  })

  it("refuses the examples of RFC 8949, appendix A, that are not", () => {
    for (const [bytes, why] of refused) assert.match(reasonOf(decode(fromHex(bytes))), why, bytes)
  })

  it("writes integers within ±(2^53−1) as integers, and no others", () => {
    const max = Number.MAX_SAFE_INTEGER
    assert.strictEqual(hex(encode(max)), "1b001fffffffffffff")
    assert.strictEqual(hex(encode(-max)), "3b001ffffffffffffe")
    assert.strictEqual(hex(encode(max + 1)), "fb4340000000000000")
    assert.strictEqual(hex(encode(-0)), "fb8000000000000000")
    assert.isTrue(Object.is(valueOf(encode(-0)), -0))
    for (const n of [max, -max, max + 1, -max - 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1]) assert.strictEqual(valueOf(encode(n)), n)
    assert.match(reasonOf(decode(fromHex("1b0020000000000000"))), /beyond 2\^53/)
    assert.match(reasonOf(decode(fromHex("3b001fffffffffffff"))), /beyond −\(2\^53−1\)/)
    assert.throws(() => new Writer().int(max + 1), Unencodable)
    assert.throws(() => new Writer().int(0.5), Unencodable)
  })

  it("refuses to encode what has no form, and says why", () => {
    const foreign: ReadonlyArray<readonly [unknown, RegExp]> = [
      ["\ud800", /half a surrogate pair/],
      ["ab\udc00c", /half a surrogate pair/],
      [{ "\ud800": 1 }, /half a surrogate pair/],
      [undefined, /undefined is no value/],
      [[undefined], /undefined is no value/],
      [1n, /bigint is no value/],
      [() => 1, /function is no value/],
      [new Date(0), /Date is no value/],
      [new Map([["a", 1]]), /Map is no value/],
      [new Float64Array(1), /Float64Array is no value/],
      [{ constructor: 1 }, /constructor is not allowed/],
      [{ prototype: 1 }, /prototype is not allowed/],
      [JSON.parse('{"__proto__":1}'), /__proto__ is not allowed/]
    ]
    for (const [value, why] of foreign) {
      // the types forbid these; JavaScript does not
      assert.throws(() => encode(value as Item), why)
    }
    assert.strictEqual(hex(encode({ a: 1, b: undefined } as unknown as Item)), "a1616101", "an absent value is an absent key")
  })

  it("refuses keys that reach into prototypes, and decodes maps without one", () => {
    for (const key of ["__proto__", "constructor", "prototype"]) {
      assert.match(reasonOf(decode(new Writer().map(1).text(key).int(1).finish())), /is not allowed/)
    }
    assert.isNull(Object.getPrototypeOf(valueOf(fromHex("a0"))))
  })

  it("reads the same from a Buffer, and answers plain bytes", () => {
    const [bytes] = valueOf(Buffer.from("814401020304", "hex")) as [Uint8Array]
    assert.strictEqual(bytes.constructor, Uint8Array)
  })
})

describe("Codec: limits", () => {
  const nested = (depth: number): Item => (depth === 0 ? 0 : [nested(depth - 1)])
  const nestedBytes = (depth: number) => Uint8Array.from({ length: depth + 1 }, (_, i) => (i === depth ? 0 : 0x81))

  it(`nests ${depthMax} deep and not ${depthMax + 1}, in both directions`, () => {
    assert.deepStrictEqual(valueOf(encode(nested(depthMax))), nested(depthMax))
    assert.throws(() => encode(nested(depthMax + 1)), /nested deeper than 16/)
    assert.match(reasonOf(decode(nestedBytes(depthMax + 1))), /nested deeper than 16/)
    const maps = Uint8Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 0xa1 : 0x60))
    assert.match(reasonOf(decode(maps)), /nested deeper than 16/)
  })

  it("refuses 50,000 levels as fast as 17", () => {
    assert.match(reasonOf(decode(nestedBytes(50_000))), /at byte 17: nested deeper/)
  })

  it("allocates nothing for a length that is not there", () => {
    // 2^33, 2^32−1 and 2^31 items or bytes, announced in nine bytes
    for (const major of [2, 3, 4, 5]) {
      for (const length of ["1b0000000200000000", "1affffffff", "1a80000000"]) {
        const bytes = fromHex(length)
        bytes[0]! |= major << 5
        assert.match(reasonOf(decode(bytes)), /ends too early|exceeds/, hex(bytes))
      }
    }
  })

  it("takes what is at a bound and refuses one more", () => {
    const read = <A>(item: Item, reader: (reader: Reader) => A) => decodeWith(encode(item), reader)
    assert.isTrue(Result.isSuccess(read(7, (reader) => reader.uint(7))))
    assert.match(reasonOf(read(8, (reader) => reader.uint(7))), /8 exceeds 7/)
    assert.match(reasonOf(read(-1, (reader) => reader.uint())), /expected an unsigned integer/)
    assert.isTrue(Result.isSuccess(read("äb", (reader) => reader.text(3))))
    assert.match(reasonOf(read("äbc", (reader) => reader.text(3))), /a text of 4 exceeds 3/)
    assert.isTrue(Result.isSuccess(read(new Uint8Array(3), (reader) => reader.bytes(3))))
    assert.match(reasonOf(read(new Uint8Array(4), (reader) => reader.bytes(3))), /bytes of 4 exceeds 3/)
    assert.match(reasonOf(read(new Uint8Array(2), (reader) => reader.fixed(3))), /expected 3 bytes/)
    assert.match(reasonOf(read([1, 2], (reader) => reader.tuple(3))), /expected 3 items/)
    assert.match(reasonOf(read([1, 2], (reader) => reader.array(1))), /an array of 2 exceeds 1/)
    assert.match(reasonOf(read({ a: 1, b: 2 }, (reader) => reader.record((value) => value.int(), 1))), /a map of 2 exceeds 1/)
    assert.match(reasonOf(read({ abc: 1 }, (reader) => reader.record((value) => value.int(), 1, 2))), /a text of 3 exceeds 2/)
  })
})

describe("Codec: other spellings", () => {
  it("refuses a length or an integer that has a shorter form", () => {
    const longer = [
      "1817",
      "190017",
      "1900ff",
      "1a00000017",
      "1a0000ffff",
      "1b0000000000000017",
      "1b00000000ffffffff",
      "3817",
      "3a0000ffff"
    ]
    const lengths = ["5800", "590000", "5a0000000000", "7800", "790001", "9800", "9a00000000", "b800", "b90000"]
    for (const bytes of [...longer, ...lengths]) assert.match(reasonOf(decode(fromHex(bytes))), /shortest|early/, bytes)
    for (const info of [28, 29, 30, 31]) {
      for (const major of [0, 1, 2, 3, 4, 5]) assert.match(reasonOf(decode(Uint8Array.of((major << 5) | info))), /reserved/)
    }
  })

  it("refuses floats that are integers, and every other NaN", () => {
    for (const bytes of ["fb0000000000000000", "fb3ff0000000000000", "fb433fffffffffffff", "fbc33fffffffffffff"]) {
      assert.match(reasonOf(decode(fromHex(bytes))), /integer written as a float/, bytes)
    }
    for (const bytes of ["fb7ff8000000000001", "fbfff8000000000000", "fb7ff0000000000001", "fb7fffffffffffffff"]) {
      assert.match(reasonOf(decode(fromHex(bytes))), /another NaN/, bytes)
    }
  })

  it("refuses invalid UTF-8 of every kind, also where a short text is read in place", () => {
    // lone continuation, overlong forms, surrogates, beyond U+10FFFF, cut off, bytes that never occur
    const bad = [
      "80",
      "c080",
      "c1bf",
      "e08080",
      "eda080",
      "edbfbf",
      "f0808080",
      "f4908080",
      "f5808080",
      "c3",
      "e6b0",
      "f09085",
      "fe",
      "ff"
    ]
    for (const text of bad) {
      for (const [before, after] of [
        ["", ""],
        ["6162", ""],
        ["", "6162"],
        ["61".repeat(40), ""]
      ] as const) {
        const utf8 = fromHex(before + text + after)
        assert.match(
          reasonOf(
            decode(
              new Writer()
                .item(utf8)
                .finish()
                .map((byte, i) => (i === 0 ? byte + 0x20 : byte))
            )
          ),
          /UTF-8/,
          text
        )
      }
    }
    assert.strictEqual(valueOf(fromHex("63efbbbf")), "\ufeff", "a byte order mark is a character")
  })

  it("refuses keys out of order or repeated, and sorts them by their UTF-8", () => {
    const map = (...names: ReadonlyArray<string>) =>
      names.reduce((to, key) => to.text(key).nil(), new Writer().map(names.length)).finish()
    for (const names of [
      ["b", "a"],
      ["a", "a"],
      ["aa", "b", "a"],
      ["\u{10000}", "\uffff"]
    ]) {
      assert.match(reasonOf(decode(map(...names))), /not sorted, or repeated/)
    }
    const sorted = ["", "A", "a", "aa", "b", "\u00e9", "\uffff", "\u{10000}"]
    assert.isTrue(Result.isSuccess(decode(map(...sorted))))
    assert.strictEqual(hex(encode(Object.fromEntries(sorted.toReversed().map((key) => [key, null])))), hex(map(...sorted)))
  })

  it("refuses whatever follows", () => {
    assert.match(reasonOf(decode(fromHex("0000"))), /at byte 1: 1 trailing bytes/)
    assert.match(reasonOf(decode(fromHex(""))), /at byte 0: ends too early/)
  })
})

describe("Codec: order of texts", () => {
  const points = Schema.Literals([
    "a",
    "b",
    "\u007f",
    "\u0080",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "\u{10000}",
    "\u{10ffff}",
    "\u{1f600}"
  ])
  const mixed = Arbitrary.map(Arbitrary.array(Arbitrary.schema(points), { maxLength: 4 }), (all) => all.join(""))

  it.prop(
    "is the order of their UTF-8",
    [mixed, mixed],
    ([a, b]) => {
      assert.strictEqual(Math.sign(compareText(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    },
    { arbitrary: { runs: 5_000, seed: 16 } }
  )
})
