/**
 * What the Storage suite writes before it takes the power away, and what may then be found: a pure ledger of batches.
 *
 * Batches are numbered. Each puts three keys of its own, a key that others put too, and removes what an earlier one had put, so that
 * from what is found one can say of each batch whether it is there, absent, or there in part, without knowing how the storage works.
 */
import { compareBytes } from "../schema/platform/Codec.ts"
import type { Change, Durability, Entry } from "../services/platform/Storage.ts"

/** Each session opens the storage, writes groups of batches one after the other, those of a group at once, and closes it. */
export const sessions: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>> = [
  [[1], [2], [3], [4, 5], [6]],
  [[7], [8, 9, 10], [11], [12]],
  [[13], [14], [15], [16]]
]
export const lastBatch = 16

export const durabilityOf = (n: number): Durability => (n % 3 === 0 ? "strict" : "relaxed")

const valueOf = (n: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i === 0 ? n : n * 37 + i * 11))

/** The changes of a batch, in bytes that belong to the caller alone. One value is longer than a sector. */
export const batchOf = (n: number): ReadonlyArray<Change> => [
  { key: Uint8Array.of(0x74, n, 0), value: valueOf(n, 20) },
  { key: Uint8Array.of(0x72, n % 3), value: valueOf(n, 40) },
  { key: Uint8Array.of(0x74, n, 1), value: valueOf(n, 700) },
  ...(n > 4 ? [{ key: Uint8Array.of(0x74, n - 4, 2), value: null }] : []),
  { key: Uint8Array.of(0x74, n, 2), value: valueOf(n, n % 2) }
]

/** A rule that what was found breaks, and how. */
export interface Finding {
  readonly rule: string
  readonly says: string
}

interface Told {
  readonly begun: number
  ended: number | null
  isAcknowledged: boolean
  readonly durability: Durability
}

/** Which batches were begun, acknowledged and refused, in which order. */
export class Ledger {
  private readonly told = new Map<number, Told>()
  private tick = 0

  begin(n: number, durability: Durability): void {
    this.told.set(n, { begun: this.tick++, ended: null, isAcknowledged: false, durability })
  }

  end(n: number, isAcknowledged: boolean): void {
    const told = this.told.get(n)!
    told.ended = this.tick++
    told.isAcknowledged = isAcknowledged
  }

  get acknowledged(): ReadonlyArray<number> {
    return [...this.told.keys()].filter((n) => this.told.get(n)!.isAcknowledged)
  }

  /** After a crash: the batches that are there, and the rules (S22 to S25) that this breaks. */
  judge(found: ReadonlyArray<Entry>): { readonly there: ReadonlyArray<number>; readonly findings: ReadonlyArray<Finding> } {
    const findings: Array<Finding> = []
    const add = (rule: string, says: string) => findings.push({ rule, says })
    const keys = new Set(found.map((entry) => textOf(entry.key)))
    const there: Array<number> = []
    for (const [n, told] of this.told) {
      const own = [0, 1].filter((i) => keys.has(textOf(Uint8Array.of(0x74, n, i)))).length
      if (own === 1) add("S23", `batch ${n} is there in part`)
      if (own > 0) there.push(n)
      else if (told.isAcknowledged && told.durability === "strict") add("S22", `batch ${n}, acknowledged strict, is gone`)
    }
    for (const n of there) {
      const { begun } = this.told.get(n)!
      for (const [before, told] of this.told) {
        if (!told.isAcknowledged || told.ended! > begun || there.includes(before)) continue
        add("S24", `batch ${n} is there without batch ${before}, which had been acknowledged before ${n} began`)
      }
      if (this.isUndone(n)) add("S28", `batch ${n} was refused, and is there although a later batch was made durable`)
    }
    if (findings.length > 0) return { there, findings }
    for (const { isInvented, says } of differences(there, found)) {
      add(isInvented ? "S25" : "S23", isInvented ? says : `a batch is there in part: ${says}`)
    }
    return { there, findings }
  }

  /** A batch that was refused, behind which another has been acknowledged strict: whatever stood of it must be gone for good. */
  private isUndone(n: number): boolean {
    const { ended, isAcknowledged } = this.told.get(n)!
    if (ended === null || isAcknowledged) return false
    return [...this.told.values()].some((told) => told.isAcknowledged && told.durability === "strict" && told.begun > ended)
  }
}

/** A key that is not as the batches left it. */
export interface Difference {
  /** Whether what is there was never written. Else it is gone, or as it was before one of the batches. */
  readonly isInvented: boolean
  readonly says: string
}

/** How what was found differs from what these batches leave, when all that they say was done. */
export const differences = (batches: ReadonlyArray<number>, found: ReadonlyArray<Entry>): ReadonlyArray<Difference> => {
  const expected = new Map<string, { readonly value: Uint8Array; readonly by: number }>()
  for (const n of [...batches].sort((a, b) => a - b)) {
    for (const { key, value } of batchOf(n)) {
      if (value === null) expected.delete(textOf(key))
      else expected.set(textOf(key), { value, by: n })
    }
  }
  const list: Array<Difference> = []
  for (const { key, value } of found) {
    const name = textOf(key)
    const should = expected.get(name)
    expected.delete(name)
    if (should !== undefined && compareBytes(should.value, value) === 0) continue
    const by = writers(key).find((n) => batchOf(n).some((change) => isSame(change, key, value)))
    list.push(
      by === undefined
        ? { isInvented: true, says: `key ${name} has ${value.length} bytes that nobody wrote` }
        : { isInvented: false, says: `key ${name} is as batch ${by} had it, and should be ${told(should?.by)}` }
    )
  }
  for (const [name, { by }] of expected) list.push({ isInvented: false, says: `key ${name} is gone, and should be ${told(by)}` })
  return list
}

const told = (by: number | undefined): string => (by === undefined ? "gone" : `as batch ${by} has it`)

/** The batches that put a key. */
const writers = (key: Uint8Array): ReadonlyArray<number> =>
  key[0] === 0x74 ? [key[1]!] : Array.from({ length: lastBatch + 3 }, (_, i) => i + 1).filter((n) => n % 3 === key[1])

const isSame = (change: Change, key: Uint8Array, value: Uint8Array): boolean =>
  change.value !== null && compareBytes(change.key, key) === 0 && compareBytes(change.value, value) === 0

const textOf = (key: Uint8Array): string => Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join(".")
