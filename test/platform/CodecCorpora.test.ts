/**
 * Published hostile texts and documents as values of DC1, and their bytes as input: nothing changes them, nothing throws.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { decode, encode, equalBytes, type Item, Unencodable } from "../../src/schema/platform/Codec.ts"
import { hasVectors, vectorBytes, vectorFiles, vectorText } from "../vectors.ts"

/** Encodes and decodes; answers why it has no form, or null when it came back the same. */
const roundTrip = (value: Item): string | null => {
  try {
    const bytes = encode(value)
    const back = Result.getOrThrow(decode(bytes))
    assert.deepStrictEqual(back, value)
    assert.isTrue(equalBytes(encode(back), bytes))
    return null
  } catch (error) {
    if (error instanceof Unencodable) return error.reason
    throw error
  }
}

/** The gate: what is accepted is written so. */
const gate = (bytes: Uint8Array): void => {
  const result = decode(bytes)
  if (Result.isSuccess(result)) assert.isTrue(equalBytes(encode(result.success), bytes))
}

const parse = (text: string): Item | undefined => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

describe.skipIf(!hasVectors)("Codec: published corpora", () => {
  it("JSONTestSuite: every document that JavaScript reads comes back the same, save lone surrogates and too deep nesting", () => {
    let same = 0
    let refused = 0
    for (const folder of ["json-test-suite/test_parsing", "json-test-suite/test_transform"]) {
      for (const file of vectorFiles(folder)) {
        const bytes = vectorBytes(`${folder}/${file}`)
        gate(bytes)
        const value = parse(new TextDecoder().decode(bytes))
        if (value === undefined) continue
        const reason = roundTrip(value)
        if (reason === null) same++
        else {
          assert.match(reason, /half a surrogate pair|nested deeper than 16/, file)
          refused++
        }
      }
    }
    assert.isAtLeast(same, 100)
    assert.isAtMost(refused, 20)
    console.log(
      `vectors json-test-suite: ${same} documents the same, ${refused} refused (half surrogate pairs, nesting) on codec`
    )
  })

  it("naughty strings come back the same, as texts, as keys and as bytes", () => {
    const strings: ReadonlyArray<string> = JSON.parse(vectorText("naughty-strings/blns.json"))
    for (const string of strings) {
      assert.isNull(roundTrip(string))
      const reason = roundTrip(Object.fromEntries([[string, string]]))
      if (reason !== null) assert.match(reason, /^the key .* is not allowed$/)
      gate(new TextEncoder().encode(string))
    }
    const all = encode(strings)
    assert.deepStrictEqual(Result.getOrThrow(decode(all)), strings)
    assert.isAtLeast(strings.length, 500)
    console.log(`vectors naughty-strings: ${strings.length} the same on codec`)
  })
})
