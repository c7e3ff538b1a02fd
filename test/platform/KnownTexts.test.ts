/** The cache of short texts: it may save work, and never changes what bytes read as. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { decodeWith, Malformed, type Reader, Writer } from "../../src/schema/platform/Codec.ts"
import { KnownTexts } from "../../src/schema/platform/KnownTexts.ts"

const readKnown = (known: KnownTexts<string>) => (from: Reader) => {
  const found = from.known(known)
  if (found !== undefined) return found
  const text = from.text(1000)
  known.set(text, text)
  return text
}

describe("KnownTexts", () => {
  it("reads the same texts as without it, whatever it holds", () => {
    const known = new KnownTexts<string>()
    const texts = ["", "a", "title", "title", "é", "\u007f", "𝒳", "x".repeat(23), "x".repeat(24), "done", "title"]
    for (let i = 0; i < 2000; i++) texts.push(`key ${i % 700}`, "title")
    for (const text of texts) {
      assert.strictEqual(Result.getOrThrow(decodeWith(new Writer().text(text).finish(), readKnown(known))), text)
    }
  })

  it("a byte that is no UTF-8 is refused although a kept text has a character of the same number", () => {
    const known = new KnownTexts<string>()
    for (let code = 0; code < 0x100; code++) known.set(String.fromCharCode(code), "kept")
    for (let byte = 0x80; byte < 0x100; byte++) {
      const read = decodeWith(Uint8Array.of(0x61, byte), readKnown(known))
      assert.isTrue(Result.isFailure(read) && read.failure instanceof Malformed)
    }
  })

  it("what is cut short, or is no text, is left to the reader", () => {
    const known = new KnownTexts<string>()
    known.set("ab", "kept")
    for (const bytes of [[], [0x62], [0x62, 0x61], [0x42, 0x61, 0x62], [0x82, 0x61, 0x62], [0x78, 2, 0x61, 0x62]]) {
      assert.isTrue(Result.isFailure(decodeWith(Uint8Array.from(bytes), readKnown(known))), String(bytes))
    }
    assert.strictEqual(Result.getOrThrow(decodeWith(Uint8Array.of(0x62, 0x61, 0x62), readKnown(known))), "kept")
  })
})
