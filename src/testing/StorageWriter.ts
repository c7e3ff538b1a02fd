/**
 * What a child process does while the Storage suite kills it: writes numbered batches without end, and says which were acknowledged.
 *
 * A backend's own program gives it the storage and a way to print; see `storageConformance`. It stands apart from the suite so that
 * this program does not load a test runner.
 */
import * as Effect from "effect/Effect"
import { Storage, type StorageError } from "../services/platform/Storage.ts"

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

/**
 * Writes batch after batch, strict and relaxed by turns, going on behind the last one found, and prints `n\n` when batch n is
 * acknowledged. `print` must hand the line to the operating system before it returns.
 */
export const keepWriting = (print: (line: string) => void): Effect.Effect<never, StorageError, Storage> =>
  Effect.gen(function* () {
    const storage = yield* Storage
    let n = numberOf(yield* storage.get(writerKeys[0]!))
    for (;;) {
      n++
      const value = numbered(n)
      const durability = n % 2 === 0 ? "strict" : "relaxed"
      yield* storage.write(
        writerKeys.map((key) => ({ key, value })),
        { durability }
      )
      print(`${n}\n`)
    }
  })
