/**
 * The rules that a Storage keeps on a disk that is well, each an Effect that fails where the rule is broken: first those of one that
 * is open and empty, then those of folders.
 *
 * Their numbers are explained in Storage.ts, which runs them.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { compareBytes } from "../schema/platform/Codec.ts"
import { type Change, type Entry, Storage, type StorageError, type StorageOpenError } from "../services/platform/Storage.ts"
import { numbersFrom } from "./Seeded.ts"
import { numbered, numberOf, writerKeys } from "./StorageWriter.ts"

export type Rule = readonly [title: string, check: Effect.Effect<void, StorageError, Storage>]

const b = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)

/** Puts keys with values (null removes) in one relaxed batch. */
const write = (...changes: ReadonlyArray<readonly [key: Uint8Array, value: Uint8Array | null]>) =>
  Storage.use((storage) =>
    storage.write(
      changes.map(([key, value]) => ({ key, value })),
      { durability: "relaxed" }
    )
  )

const get = (key: Uint8Array) => Storage.use((storage) => storage.get(key))
const getMany = (...keys: ReadonlyArray<Uint8Array>) => Storage.use((storage) => storage.getMany(keys))
const range = (from: Uint8Array, to: Uint8Array, limit = 1_000, reverse = false) =>
  Storage.use((storage) => storage.range({ from, to, limit, reverse }))

/** Above every key that the rules write. */
const end = new Uint8Array(2_000).fill(0xff)
/** All entries but those of the storage itself, whose keys begin with 0x00. */
export const everything = Effect.map(range(b(), end, 100_000), (entries) => entries.filter((entry) => entry.key[0] !== 0))

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
const keysOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> => entries.map((entry) => hex(entry.key))

export const rules: ReadonlyArray<Rule> = [
  [
    "[S1] reads give what was written last, and null where nothing is",
    Effect.gen(function* () {
      assert.isNull(yield* get(b(1)))
      yield* write([b(1), b(10)])
      assert.deepStrictEqual(yield* get(b(1)), b(10))
      yield* write([b(1), b(11, 12)])
      assert.deepStrictEqual(yield* get(b(1)), b(11, 12))
      yield* write([b(1), null])
      assert.isNull(yield* get(b(1)))
    })
  ],
  [
    "[S2] getMany answers in the order asked, repeated and missing keys too",
    Effect.gen(function* () {
      yield* write([b(1), b(10)], [b(2), b(20)])
      assert.deepStrictEqual(yield* getMany(b(2), b(3), b(1), b(2)), [b(20), null, b(10), b(20)])
      assert.deepStrictEqual(yield* getMany(), [])
    })
  ],
  [
    "[S3] keys are ordered bytewise, unsigned, the shorter first",
    Effect.gen(function* () {
      const ordered = ["", "01", "0100", "010000", "010001", "0101", "7f", "7fff", "80", "c3", "fe", "ff", "ff00", "ffff"]
      const shuffled = [5, 0, 13, 7, 2, 9, 11, 1, 4, 12, 3, 8, 6, 10].map((i) => ordered[i]!)
      yield* write(...shuffled.map((text) => [b(...(text.match(/../g) ?? []).map((pair) => parseInt(pair, 16))), b(0)] as const))
      assert.deepStrictEqual(keysOf(yield* everything), ordered)
    })
  ],
  [
    "[S4] a range includes `from`, excludes `to`, and is empty when they meet or cross",
    Effect.gen(function* () {
      yield* write(...[1, 2, 3, 4, 5].map((n) => [b(n), b(n)] as const))
      assert.deepStrictEqual(
        yield* range(b(2), b(4)),
        [2, 3].map((n) => ({ key: b(n), value: b(n) }))
      )
      assert.deepStrictEqual(keysOf(yield* range(b(2, 0), b(4, 0))), ["03", "04"])
      assert.isEmpty(yield* range(b(3), b(3)))
      assert.isEmpty(yield* range(b(4), b(2)))
      assert.isEmpty(yield* range(b(4), b(2), 10, true))
      assert.isEmpty(yield* range(b(), b()))
      assert.isEmpty(yield* range(b(6), end))
    })
  ],
  [
    "[S5] a page has at most `limit` entries, and pages join without gap or repetition",
    Effect.gen(function* () {
      yield* write(...Array.from({ length: 23 }, (_, n) => [b(n + 1), b(n)] as const))
      assert.isEmpty(yield* range(b(1), end, 0))
      const found: Array<string> = []
      let from = b(1)
      for (let page = yield* range(from, end, 5); page.length > 0; page = yield* range(from, end, 5)) {
        assert.isAtMost(page.length, 5)
        found.push(...keysOf(page))
        from = b(...page[page.length - 1]!.key, 0)
      }
      assert.deepStrictEqual(found, keysOf(yield* everything))
      assert.lengthOf(found, 23)
      assert.lengthOf(yield* range(b(1), end, Number.MAX_SAFE_INTEGER), 23)
    })
  ],
  [
    "[S6] reverse counts from the end: `to` still excluded, `from` still included",
    Effect.gen(function* () {
      yield* write(...[1, 2, 3, 4, 5].map((n) => [b(n), b(n)] as const))
      assert.deepStrictEqual(keysOf(yield* range(b(2), b(5), 10, true)), ["04", "03", "02"])
      assert.deepStrictEqual(keysOf(yield* range(b(2), b(5), 2, true)), ["04", "03"])
      assert.deepStrictEqual(keysOf(yield* range(b(1), end, 1, true)), ["05"])
    })
  ],
  [
    "[S7] an empty value is a value, and only null removes",
    Effect.gen(function* () {
      yield* write([b(1), b()])
      assert.deepStrictEqual(yield* getMany(b(1), b(2)), [b(), null])
      assert.deepStrictEqual(yield* everything, [{ key: b(1), value: b() }])
    })
  ],
  [
    "[S8] any key will do: of no bytes, of 0xff alone, of 1,000 bytes",
    Effect.gen(function* () {
      const long = new Uint8Array(1_000).fill(0xff)
      yield* write([b(), b(1)], [b(0xff), b(2)], [long, b(3)])
      assert.deepStrictEqual(yield* getMany(b(), b(0xff), long), [b(1), b(2), b(3)])
      assert.deepStrictEqual(keysOf(yield* everything), ["", "ff", hex(long)])
      yield* write([b(), null], [long, null])
      assert.deepStrictEqual(keysOf(yield* everything), ["ff"])
    })
  ],
  [
    "[S9] a batch is one, and of two changes to one key the later wins",
    Effect.gen(function* () {
      yield* write([b(9), b(9)])
      yield* write([b(1), b(1)], [b(1), b(2)], [b(2), b(1)], [b(2), null], [b(9), null], [b(9), b(8)], [b(3), null], [b(4), b(4)])
      assert.deepStrictEqual(yield* getMany(b(1), b(2), b(3), b(4), b(9)), [b(2), null, null, b(4), b(8)])
    })
  ],
  [
    "[S10] an empty batch is done, and so is removing what is not there",
    Effect.gen(function* () {
      yield* write()
      yield* Storage.use((storage) => storage.write([], { durability: "strict" }))
      yield* write([b(1), null])
      assert.isEmpty(yield* everything)
    })
  ],
  [
    "[S11] reads see whole batches, and never an older one again, while batches are written",
    Effect.gen(function* () {
      const batches = 60
      const writing = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: batches }, (_, i) => i + 1),
          (n) => write(...writerKeys.map((key) => [key, numbered(n)] as const)),
          { discard: true }
        )
      )
      let last = 0
      for (let round = 0; last < batches; round++) {
        const seen =
          round % 2 === 0
            ? yield* getMany(...writerKeys)
            : (yield* range(b(0x77), b(0x78), 100, round % 4 === 1)).map((entry) => entry.value)
        const numbers = new Set(seen.map(numberOf))
        assert.lengthOf([...numbers], seen.length === 0 ? 0 : 1, "half a batch")
        const [number = 0] = numbers
        assert.isAtLeast(number, last, "an older batch")
        last = number
        // lets the writer run where both sides end at once
        yield* Effect.yieldNow
      }
      yield* Fiber.join(writing)
    })
  ],
  [
    "[S12] bytes belong to the caller again when a call has ended",
    Effect.gen(function* () {
      const key = b(1)
      const value = b(10, 11)
      yield* write([key, value])
      key.fill(9)
      value.fill(9)
      for (const read of [get(b(1)), Effect.map(everything, (entries) => entries[0]!.value)]) {
        const answer = yield* read
        assert.deepStrictEqual(answer, b(10, 11))
        answer?.fill(7)
      }
      for (const entry of yield* everything) entry.key.fill(7)
      assert.deepStrictEqual(yield* everything, [{ key: b(1), value: b(10, 11) }])
    })
  ],
  [
    "[S13] answers are plain Uint8Arrays, whose slice copies",
    Effect.gen(function* () {
      yield* write([b(1), b(10)])
      const [entry] = yield* everything
      for (const bytes of [entry!.key, entry!.value, (yield* get(b(1)))!]) assert.strictEqual(bytes.constructor, Uint8Array)
    })
  ],
  [
    "[S14] a value may have 8 MiB",
    Effect.gen(function* () {
      const large = new Uint8Array(8 * 1_048_576)
      for (let i = 0; i < large.length; i += 4) large[i] = i >>> 12
      yield* write([b(1), large], [b(2), b(2)])
      assert.isTrue(compareBytes((yield* get(b(1)))!, large) === 0)
      assert.deepStrictEqual(
        (yield* everything).map((entry) => entry.value.length),
        [large.length, 1]
      )
    })
  ],
  [
    "[S15] 20,000 keys written in no order come back in theirs",
    Effect.gen(function* () {
      const key = (n: number) => b(0x70, n >>> 16, n >>> 8, n)
      const count = 20_000
      const order = Array.from({ length: count }, (_, i) => (i * 7_919) % count)
      for (let at = 0; at < count; at += 500) {
        yield* write(...order.slice(at, at + 500).map((n) => [key(n), numbered(n).subarray(0, 20)] as const))
      }
      const entries = yield* everything
      assert.deepStrictEqual(
        entries.map((entry) => numberOf(entry.value)),
        Array.from({ length: count }, (_, i) => i)
      )
      const backwards = yield* range(b(1), end, count, true)
      assert.deepStrictEqual(keysOf(backwards), keysOf(entries).toReversed())
    })
  ],
  [
    "[S16] through 1,500 random operations it behaves as a sorted list",
    Effect.gen(function* () {
      const below = numbersFrom(16)
      const randomKey = () => Uint8Array.from({ length: below(4) }, (_, i) => [i === 0 ? 2 : 0, 1, 0x7f, 0x80, 0xff][below(5)]!)
      const model = new Map<string, Entry>()
      for (let i = 0; i < 1_500; i++) {
        if (below(2) === 0) {
          const batch = Array.from(
            { length: below(6) },
            (): Change => ({ key: randomKey(), value: below(3) === 0 ? null : b(i, i >>> 8) })
          )
          yield* Storage.use((storage) => storage.write(batch, { durability: below(50) === 0 ? "strict" : "relaxed" }))
          for (const { key, value } of batch) {
            if (value === null) model.delete(hex(key))
            else model.set(hex(key), { key, value })
          }
          continue
        }
        const key = randomKey()
        const from = key.length === 0 ? b(1) : key
        const [to, limit, isReverse] = [randomKey(), below(12), below(2) === 0]
        const expected = [...model.values()]
          .filter(({ key }) => compareBytes(key, from) >= 0 && compareBytes(key, to) < 0)
          .sort((x, y) => compareBytes(x.key, y.key))
        if (isReverse) expected.reverse()
        assert.deepStrictEqual(yield* range(from, to, limit, isReverse), expected.slice(0, limit))
        assert.deepStrictEqual(yield* get(from), model.get(hex(from))?.value ?? null)
      }
    })
  ],
  [
    "[S17] a write that is interrupted is whole or absent, also when its bytes are used again at once",
    Effect.gen(function* () {
      for (let n = 1; n <= 20; n++) {
        const first = yield* Effect.forkChild(write(...writerKeys.map((key) => [key, numbered(n)] as const)))
        const values = writerKeys.map(() => numbered(100 + n))
        // behind the first, so that it has to wait where writes do
        const second = yield* Effect.forkChild(write(...writerKeys.map((key, i) => [key, values[i]!] as const)))
        for (let turn = 0; turn < n; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(second)
        values.forEach((value, i) => value.fill(0xee - i))
        yield* Fiber.await(first)
        const numbers = [...new Set((yield* getMany(...writerKeys)).map(numberOf))]
        assert.lengthOf(numbers, 1, "half a batch")
        assert.include([n, 100 + n], numbers[0], "bytes that were never handed over")
      }
    })
  ]
]

/** Opens the storage of a folder, uses it, and closes it. */
export type Open = <A, E>(folder: string, use: Effect.Effect<A, E, Storage>) => Effect.Effect<A, E | StorageOpenError>

export const apartTitle = "[S18] two folders share nothing"
export const apart = Effect.fnUntraced(function* (one: string, other: string, open: Open) {
  assert.isEmpty(yield* open(one, Effect.andThen(write([b(0x70), b(1)]), open(other, everything))))
})

export const readNumbers = Storage.use((storage) => Effect.map(storage.getMany(writerKeys), (values) => values.map(numberOf)))

export const reopeningTitle = "[S19] what was written is there when opened again, and closing waits for what is under way"
export const reopening = (folder: string, open: Open) =>
  Effect.gen(function* () {
    for (const [n, durability] of [
      [1, "strict"],
      [2, "relaxed"]
    ] as const) {
      const batch = writerKeys.map((key) => ({ key, value: numbered(n) }))
      yield* open(
        folder,
        Storage.use((storage) => storage.write(batch, { durability }))
      )
      assert.deepStrictEqual(
        yield* open(folder, readNumbers),
        writerKeys.map(() => n)
      )
    }
    yield* open(folder, write([b(0x70), b(1)], [b(0x71), b(1)]))
    yield* open(folder, write([b(0x70), null]))
    for (let attempt = 0; attempt < 2; attempt++) {
      const values = yield* open(folder, getMany(b(0x70), b(0x71)))
      assert.deepStrictEqual(values, [null, b(1)], "what was removed is there again, or what was put is gone")
    }
    // batches that are under way when the scope closes: those that ended well are there, the others are whole or absent
    const fibers = yield* open(
      folder,
      Effect.gen(function* () {
        const fibers = yield* Effect.forEach(writerKeys, (key, i) =>
          Effect.forkDetach(write([key, numbered(100 + i)], [b(0x78, i), numbered(100 + i)]), { startImmediately: true })
        )
        return fibers
      })
    )
    const ended = yield* Effect.forEach(fibers, Fiber.await)
    const later = yield* open(
      folder,
      Storage.use((storage) => storage.getMany(writerKeys.map((_, i) => b(0x78, i))))
    )
    const numbers = yield* open(folder, readNumbers)
    ended.forEach((exit, i) => {
      assert.strictEqual(numbers[i], later[i] === null ? 2 : 100 + i, "half a batch")
      if (exit._tag === "Success") assert.isNotNull(later[i]!, "a write that had ended is gone")
    })
  })
