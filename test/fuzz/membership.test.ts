/**
 * Mutants of operations, certificates, texts that admit, control messages and stored records: what is accepted is written so, and all else is
 * refused without a crash. And what is hostile to every one of them: published vectors, lengths that lie, and depth.
 */

import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { hasVectors, vectorBytes, vectorFiles, vectorPath } from "../vectors.ts"
import { concat } from "./cbor.ts"
import { forms, summed } from "./membership.ts"
import { mutators } from "./mutators.ts"
import { Random } from "./random.ts"

const ofEach = 1_000
const seed = Number(process.env["TROUPE_SEED"] ?? 1)
const millisecondsMax = 50
const bytesMax = 16 * 2 ** 20

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 4_096)).toString("hex")

const hexOrNull = (bytes: Uint8Array | null): string | null => (bytes === null ? null : hex(bytes))

/** Offers bytes to every decoder, within time and memory: beside what the copy and the text of large bytes cost, which this test makes. */
const offered = (bytes: Uint8Array, what: string): void => {
  for (const [name, { again }] of Object.entries(forms)) {
    const before = process.memoryUsage()
    const start = performance.now()
    const written = again(bytes)
    let took = performance.now() - start
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    assert.isBelow(
      heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers,
      bytesMax + 8 * bytes.length,
      `${name}, ${what}`
    )
    // other processes may have had the processor: what is slow is so each time
    const most = millisecondsMax + bytes.length / 50_000
    for (let tries = 0; took >= most && tries < 10; tries++) {
      const start = performance.now()
      again(bytes)
      took = performance.now() - start
    }
    assert.isBelow(took, most, `${name}, ${what}`)
    if (written !== null) assert.strictEqual(hex(written), hex(bytes), `${name}, ${what}`)
  }
}

describe("fuzz: membership", () => {
  it("every example is read, and written as it was", () => {
    for (const [name, { again, examples }] of Object.entries(forms))
      for (const each of examples) assert.strictEqual(hex(again(each) ?? new Uint8Array()), hex(each), name)
  })

  it(`${ofEach} mutants of each form, seed ${seed}: what is accepted is what would be written`, { timeout: 120_000 }, () => {
    const random = new Random(seed)
    const names = Object.keys(mutators)
    for (const [name, { again, examples, isSummed }] of Object.entries(forms)) {
      let [accepted, refused] = [0, 0]
      for (let n = 0; n < ofEach; n++) {
        const mutant = mutators[names[n % names.length]!]!(random.pick(examples), random, examples).bytes
        const bytes = isSummed && random.below(4) > 0 ? summed(mutant) : mutant
        const written = again(bytes)
        if (written === null) refused++
        else {
          accepted++
          assert.strictEqual(hex(written), hex(bytes), `${name}, ${names[n % names.length]}`)
        }
      }
      assert.isAbove(accepted, 0, name)
      assert.isAbove(refused, ofEach / 10, name)
    }
  })

  it.skipIf(!hasVectors)(
    "[S22] published vectors, as bytes, crash no decoder, and take neither time nor memory",
    { timeout: 120_000 },
    () => {
      let files = 0
      for (const folder of fs.readdirSync(vectorPath("."))) {
        if (!fs.statSync(vectorPath(folder)).isDirectory()) continue
        for (const file of vectorFiles(folder)) {
          const path = `${folder}/${file}`
          if (fs.statSync(vectorPath(path)).isDirectory()) continue
          offered(vectorBytes(path), path)
          files++
        }
      }
      assert.isAbove(files, 10)
    }
  )

  it("[S23] 100 MiB, an array of 2^33 and 50,000 levels are refused without being taken in", { timeout: 120_000 }, () => {
    const lying = [
      ["a claim of 100 MiB", concat([0x5a, 0x06, 0x40, 0, 0])],
      ["a claim of 100 MiB within", concat([0x82, 0x5a, 0x06, 0x40, 0, 0, 0x40])],
      ["an array of 2^33", concat([0x9b, 0, 0, 0, 2, 0, 0, 0, 0])],
      ["an array of 2^33 within", concat([0x82, 0x01, 0x9b, 0, 0, 0, 2, 0, 0, 0, 0])],
      ["50,000 arrays", new Uint8Array(50_000).fill(0x81)],
      ["50,000 arrays within", concat([0x82], new Uint8Array(50_000).fill(0x81))],
      ["100 MiB of zeros", new Uint8Array(100 * 2 ** 20)]
    ] as const
    for (const [what, bytes] of lying) offered(bytes, what)
    for (const [name, { again, examples }] of Object.entries(forms)) {
      const [example] = examples
      for (let at = 1; at < Math.min(example!.length, 64); at++) {
        const hostile = concat(example!.subarray(0, at), [0x9b, 0, 0, 0, 2, 0, 0, 0, 0])
        // within the bytes of a hash it is what any other bytes are
        for (const bytes of [hostile, summed(hostile)])
          assert.include([null, hex(bytes)], hexOrNull(again(bytes)), `${name} at ${at}`)
      }
    }
  })
})
