/**
 * A Storage of plain append-only files: how one writes a backend of one's own.
 *
 * All entries are in memory, sorted. The folder holds one file, `log`, to which each batch is appended as one record (LogRecord.ts).
 *
 * Opening reads the log up to the first record that is not whole, which is where a crash cut it, and then writes all of it anew: into
 * `log.new`, synced, renamed over `log`, the folder synced. This one step cuts off the torn end, gets rid of what was overwritten, and
 * makes durable what of the old log was only in the system's cache. A write that failed may have left anything, also of the batches
 * before it; so what it left is cut off, and the same step mends the log.
 *
 * What it costs: a start reads and writes everything, all entries have to fit into memory, and nothing keeps a second process out.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import { type Change, type Entry, Storage, StorageDenied, type StorageError, StorageFailed, StorageFull } from "troupe"
import { changesIn, recordOf } from "./LogRecord.ts"

const make = Effect.fnUntraced(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const log = `${folder}/log`
  const entries: Array<Entry> = []
  const turn = yield* Semaphore.make(1)
  /** What of the log is known to be good; whether that is all of it. */
  let length = 0
  let isWhole = false
  let isClosed = false

  // #region rewrite
  const rewrite = Effect.scoped(
    Effect.gen(function* () {
      const fresh = yield* files.open(`${log}.new`, { flag: "w" })
      const record = recordOf(entries)
      yield* fresh.writeAll(record)
      yield* fresh.sync
      yield* files.rename(`${log}.new`, log)
      length = record.length
      const names = yield* files.open(folder, { flag: "r" })
      yield* names.sync
      isWhole = true
    })
  )
  // #endregion rewrite

  // #region append
  const append = (batch: ReadonlyArray<Change>, isStrict: boolean) =>
    Effect.scoped(
      Effect.gen(function* () {
        if (!isWhole) yield* rewrite
        isWhole = false
        const record = recordOf(batch)
        const file = yield* files.open(log, { flag: "a" })
        yield* file.writeAll(record)
        if (isStrict) yield* file.sync
        length += record.length
        isWhole = true
        apply(entries, batch)
      })
    )
  // on a full disk one can still cut off; the rest has to wait until there is room
  const mend = Effect.suspend(() => Effect.andThen(Effect.ignore(files.truncate(log, length)), Effect.ignore(rewrite)))
  // #endregion append

  if (yield* files.exists(log)) apply(entries, changesIn(yield* files.readFile(log)))
  yield* rewrite
  // closing waits for the write that is under way
  yield* Effect.addFinalizer(() =>
    turn.withPermit(
      Effect.suspend(() => {
        isClosed = true
        return isWhole ? Effect.void : mend
      })
    )
  )

  // #region backend
  return Storage.make({
    getMany: (keys) => Effect.sync(() => keys.map((key) => valueOf(entries, key))),
    range: ({ from, limit, reverse, to }) =>
      Effect.sync(() => {
        const first = find(entries, from)
        const last = Math.max(first, find(entries, to))
        const page = reverse
          ? entries.slice(Math.max(first, last - limit), last).reverse()
          : entries.slice(first, Math.min(last, first + limit))
        return page.map(({ key, value }) => ({ key: copy(key), value: copy(value) }))
      }),
    write: (batch, { durability }) =>
      Effect.suspend(() => {
        if (isClosed) return Effect.fail(new StorageFailed({ folder, operation: "writing", cause: "it is closed" }))
        if (batch.length === 0) return Effect.void
        return append(batch, durability === "strict").pipe(
          Effect.tapError(() => mend),
          Effect.mapError((error) => errorOf(folder, "writing", error)),
          Effect.uninterruptible
        )
      }).pipe(turn.withPermit)
  })
  // #endregion backend
})

/** The storage kept in a folder that is there. */
export const layer = (folder: string) =>
  Layer.effect(
    Storage,
    Effect.catchTag(make(folder), "PlatformError", (error) =>
      Effect.fail(error.reason._tag === "PermissionDenied" ? new StorageDenied({ folder }) : errorOf(folder, "opening", error))
    )
  )

/** The system's code is in the cause. */
const errorOf = (folder: string, operation: string, error: PlatformError.PlatformError): StorageError => {
  const cause = error.reason.cause
  const isFull = cause instanceof Error && "code" in cause && ["ENOSPC", "EDQUOT", "EFBIG"].includes(String(cause.code))
  return isFull ? new StorageFull({ folder }) : new StorageFailed({ folder, operation, cause: error })
}

const apply = (entries: Array<Entry>, changes: ReadonlyArray<Change>): void => {
  for (const { key, value } of changes) {
    const at = find(entries, key)
    const isThere = at < entries.length && compare(entries[at]!.key, key) === 0
    entries.splice(at, isThere ? 1 : 0, ...(value === null ? [] : [{ key: copy(key), value: copy(value) }]))
  }
}

const valueOf = (entries: ReadonlyArray<Entry>, key: Uint8Array): Uint8Array | null => {
  const entry = entries[find(entries, key)]
  return entry !== undefined && compare(entry.key, key) === 0 ? copy(entry.value) : null
}

/** The index of the first entry whose key is not before this one. */
const find = (entries: ReadonlyArray<Entry>, key: Uint8Array): number => {
  let low = 0
  for (let high = entries.length; low < high; ) {
    const middle = (low + high) >>> 1
    if (compare(entries[middle]!.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

const compare = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** A plain copy, also of a Buffer, whose own `slice` would share memory. */
const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
