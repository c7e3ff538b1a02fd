/** Seed phrases: what is read of what people type, and what they are told. Published vectors: test/scripts/Vectors.test.ts. */
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { phraseOf, readPhrase } from "../../src/schema/halo/Mnemonic.ts"

const entropy = new Uint8Array(16).fill(0x7f)
const phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"

const read = (typed: string) => Result.getOrThrow(readPhrase(typed))
const refusal = (typed: string) => {
  const result = readPhrase(typed)
  return Result.isFailure(result) ? result.failure : assert.fail("it was taken")
}

describe("Mnemonic", () => {
  it("gives the words of some entropy, and the entropy of the words", () => {
    assert.strictEqual(phraseOf(entropy), phrase)
    assert.deepStrictEqual(read(phrase), entropy)
    assert.strictEqual(phraseOf(new Uint8Array(32)).split(" ").length, 24)
    assert.deepStrictEqual(read(phraseOf(new Uint8Array(32).fill(3))), new Uint8Array(32).fill(3))
  })

  it("reads capitals, blanks, commas, numbers and the first four letters of words", () => {
    for (const typed of [
      `  ${phrase.toUpperCase()}\n`,
      phrase.replaceAll(" ", ",  "),
      phrase
        .split(" ")
        .map((word, i) => `${i + 1}. ${word}`)
        .join("\n"),
      phrase
        .split(" ")
        .map((word, i) => `${i + 1})${word.slice(0, 4)}`)
        .join("\t")
    ])
      assert.deepStrictEqual(read(typed), entropy, typed)
  })

  it("tells how many words there are, and how many a phrase has", () => {
    assert.strictEqual(refusal("legal winner").reason, "length")
    assert.match(refusal("legal winner").message, /it has 2 words, and a phrase has 12 or 24/)
    assert.match(refusal("").message, /it has 0 words/)
    assert.match(refusal("legal").message, /it has 1 word,/)
    assert.match(refusal("a".repeat(1_025)).message, /longer than 1024 characters/)
  })

  it("names the places of words that are not in the list, and keeps what was typed and its hints to itself", () => {
    const error = refusal(phrase.replace("winner", "wniner").replace("sausage", "suasage"))
    assert.strictEqual(error.reason, "unknown")
    assert.match(error.message, /words 2, 6 are not in the list/)
    const hints = [...error.hints].map(([place, words]) => [place, Redacted.value(words)[0]])
    assert.deepStrictEqual(hints, [
      [2, "winner"],
      [6, "sausage"]
    ])
    for (const secret of ["wniner", "winner", "suasage", "sausage", "thank"])
      assert.notInclude(`${String(error)} ${JSON.stringify(error)} ${error.stack}`, secret)
  })

  it("knows words that do not belong together", () => {
    const error = refusal(phrase.replace("legal winner", "winner legal"))
    assert.strictEqual(error.reason, "checksum")
    assert.notInclude(error.message, "legal")
  })
})
