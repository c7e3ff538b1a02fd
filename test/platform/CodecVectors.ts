/**
 * The examples of RFC 8949, appendix A: those within DC1 with the value that they stand for, and those that DC1 refuses.
 */
import type { Item } from "../../src/schema/platform/Codec.ts"

const upTo25 = Array.from({ length: 25 }, (_, i) => i + 1)

export const accepted: ReadonlyArray<readonly [hex: string, value: Item]> = [
  ["00", 0],
  ["01", 1],
  ["0a", 10],
  ["17", 23],
  ["1818", 24],
  ["1819", 25],
  ["1864", 100],
  ["1903e8", 1000],
  ["1a000f4240", 1_000_000],
  ["1b000000e8d4a51000", 1_000_000_000_000],
  ["20", -1],
  ["29", -10],
  ["3863", -100],
  ["3903e7", -1000],
  ["fb3ff199999999999a", 1.1],
  ["fbc010666666666666", -4.1],
  ["fb7e37e43c8800759c", 1.0e300],
  ["fb7ff0000000000000", Number.POSITIVE_INFINITY],
  ["fbfff0000000000000", Number.NEGATIVE_INFINITY],
  ["fb7ff8000000000000", Number.NaN],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["40", new Uint8Array()],
  ["4401020304", Uint8Array.of(1, 2, 3, 4)],
  ["60", ""],
  ["6161", "a"],
  ["6449455446", "IETF"],
  ["62225c", '"\\'],
  ["62c3bc", "\u00fc"],
  ["63e6b0b4", "\u6c34"],
  ["64f0908591", "\ud800\udd51"],
  ["80", []],
  ["83010203", [1, 2, 3]],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  ["98190102030405060708090a0b0c0d0e0f101112131415161718181819", upTo25],
  ["a0", {}],
  ["a26161016162820203", { a: 1, b: [2, 3] }],
  ["826161a161626163", ["a", { b: "c" }]],
  ["a56161614161626142616361436164614461656145", { a: "A", b: "B", c: "C", d: "D", e: "E" }]
]

export const refused: ReadonlyArray<readonly [hex: string, why: RegExp]> = [
  ["1bffffffffffffffff", /beyond 2\^53/],
  ["3bffffffffffffffff", /beyond 2\^53/],
  ["c249010000000000000000", /tags/],
  ["c349010000000000000000", /tags/],
  // half and single floats, and integers written as floats
  ["f90000", /expected true or false/],
  ["f98000", /expected true or false/],
  ["f93c00", /expected true or false/],
  ["f93e00", /expected true or false/],
  ["f97bff", /expected true or false/],
  ["fa47c35000", /expected true or false/],
  ["fa7f7fffff", /expected true or false/],
  ["f90001", /expected true or false/],
  ["f90400", /expected true or false/],
  ["f9c400", /expected true or false/],
  ["f97c00", /expected true or false/],
  ["f97e00", /expected true or false/],
  ["f9fc00", /expected true or false/],
  ["fa7f800000", /expected true or false/],
  ["fa7fc00000", /expected true or false/],
  ["faff800000", /expected true or false/],
  // undefined and other simple values
  ["f7", /expected true or false/],
  ["f0", /expected true or false/],
  ["f8ff", /expected true or false/],
  // tags
  ["c074323031332d30332d32315432303a30343a30305a", /tags/],
  ["c11a514b67b0", /tags/],
  ["c1fb41d452d9ec200000", /tags/],
  ["d74401020304", /tags/],
  ["d818456449455446", /tags/],
  ["d82076687474703a2f2f7777772e6578616d706c652e636f6d", /tags/],
  // maps with other keys than text
  ["a201020304", /expected a text/],
  // indefinite lengths
  ["5f42010243030405ff", /indefinite/],
  ["7f657374726561646d696e67ff", /indefinite/],
  ["9fff", /indefinite/],
  ["9f018202039f0405ffff", /indefinite/],
  ["9f01820203820405ff", /indefinite/],
  ["83018202039f0405ff", /indefinite/],
  ["83019f0203ff820405", /indefinite/],
  ["bf61610161629f0203ffff", /indefinite/],
  ["826161bf61626163ff", /indefinite/],
  ["bf6346756ef563416d7421ff", /indefinite/]
]
