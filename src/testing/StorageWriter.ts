/**
 * What a child process does while the Storage suite kills it or fills its disk: writes numbered batches, and says which were
 * acknowledged.
 *
 * A backend's own program gives it the storage and a way to print; see `storageConformance`. It stands apart from the suite so that
 * this program does not load a test runner.
 */
import * as Effect from "effect/Effect"
import { Storage, type StorageError } from "../services/platform/Storage.ts"
import { numbersFrom } from "./Seeded.ts"

/** Keys of one batch; all carry the batch's number. */
export const writerKeys: ReadonlyArray<Uint8Array> = Array.from({ length: 50 }, (_, i) => Uint8Array.of(0x77, i))

/** The number that a value carries, 0 for none. */
export const numberOf = (value: Uint8Array | null): number =>
  value === null ? 0 : new DataView(value.buffer, value.byteOffset).getUint32(0)

/** A value of 500 bytes that carries a number. */
export const numbered = (n: number): Uint8Array => {
  const value = new Uint8Array(500).fill(n)
  new DataView(value.buffer).setUint32(0, n)
  return value
}

/** A key of a batch's own. Its value is kept and does not compress, so that any disk is full one day. */
const fillingKey = (n: number): Uint8Array => Uint8Array.of(0x79, n >>> 16, n >>> 8, n)
export const fillingRange = { from: Uint8Array.of(0x79), to: Uint8Array.of(0x7a), limit: 1_000_000 }
const filling = (n: number): Uint8Array => {
  const draw = numbersFrom(n)
  return Uint8Array.from({ length: 8_000 }, () => draw(256))
}

/**
 * Writes batch after batch, strict and relaxed by turns, going on behind the last one found, and prints `n\n` when batch n is
 * acknowledged. It ends when one is refused, and prints `refused n`, the error's tag, and the numbers that are then there.
 * `print` must hand the line to the operating system before it returns.
 */
export const keepWriting = (print: (line: string) => void): Effect.Effect<void, StorageError, Storage> =>
  Effect.gen(function* () {
    const storage = yield* Storage
    let n = numberOf(yield* storage.get(writerKeys[0]!))
    for (;;) {
      n++
      const value = numbered(n)
      const batch = [...writerKeys.map((key) => ({ key, value })), { key: fillingKey(n), value: filling(n) }]
      const written = yield* Effect.result(storage.write(batch, { durability: n % 2 === 0 ? "strict" : "relaxed" }))
      if (written._tag === "Failure") {
        const there = new Set((yield* storage.getMany(writerKeys)).map(numberOf))
        return print(`refused ${n} ${written.failure._tag} ${[...there].join(" ")}\n`)
      }
      print(`${n}\n`)
    }
  })
