/**
 * Storage on disk by LevelDB (classic-level): the default of Node.
 *
 * One batch is in flight at a time and those that arrive meanwhile go together with the next: callers share one sync, and nothing is
 * written behind a batch that failed. That matters because LevelDB appends to a log whose torn record would hide what follows; so
 * after a failed write the database is opened anew, which cuts the torn record off, before anything else is written.
 *
 * The folder and the database in it are made for their owner alone (mode 0700), because all that a person has is in there. A file `pid`
 * says which process has it open. `relaxed` writes reach the operating system, so they survive the process; when the machine
 * crashes, LevelDB may lose the end of one log file although later strict writes are kept in the next.
 */

import * as fs from "node:fs"
import * as path from "node:path"
import { ClassicLevel } from "classic-level"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { compareBytes, decodeWith, encode, Malformed } from "../../schema/platform/Codec.ts"
import { storageVersion, storageVersionKey } from "../../schema/platform/StorageKeys.ts"
import {
  type Change,
  type Entry,
  type Range,
  Storage,
  StorageDamaged,
  StorageDenied,
  type StorageError,
  StorageFailed,
  StorageFull,
  StorageLocked,
  StorageNewer,
  StorageNotFolder,
  StorageOlder,
  type StorageOpenError
} from "../../services/platform/Storage.ts"

export interface Options {
  /** Made if it is not there, for its owner alone. */
  readonly folder: string
}

/** Opens the folder; closing the scope waits for what is under way. */
export const make = ({ folder }: Options): Effect.Effect<Storage["Service"], StorageOpenError, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Effect.acquireRelease(
      Effect.tryPromise({ try: () => open(folder), catch: (cause) => openError(folder, cause) }),
      (database) => Effect.promise(() => database.close())
    )
    return Storage.make({
      getMany: (keys) =>
        Effect.tryPromise({ try: () => database.getMany(keys), catch: (cause) => storageError(folder, "reading", cause) }),
      range: (range) =>
        Effect.tryPromise({ try: () => database.range(range), catch: (cause) => storageError(folder, "reading", cause) }),
      // waited for in any case: the batch's bytes are its caller's again only then
      write: (batch, { durability }) =>
        Effect.uninterruptible(
          Effect.tryPromise({
            try: () => database.write(batch, durability === "strict"),
            catch: (cause) => storageError(folder, "writing", cause)
          })
        )
    })
  })

export const layer = (options: Options): Layer.Layer<Storage, StorageOpenError> => Layer.effect(Storage, make(options))

/** Folders open in this process. LevelDB must not try them twice: closing the second lock file gives up the first (fcntl). */
const openFolders = new Set<string>()

const open = async (folder: string): Promise<Database> => {
  const location = path.join(folder, "storage")
  fs.mkdirSync(location, { recursive: true, mode: 0o700 })
  const name = fs.realpathSync(location)
  if (openFolders.has(name)) throw new StorageLocked({ folder, pid: process.pid })
  openFolders.add(name)
  const level: Level = new ClassicLevel(location, { keyEncoding: "view", valueEncoding: "view", writeBufferSize })
  const pidFile = path.join(folder, "pid")
  const database = new Database(level, async () => {
    // before the lock is given up, else it could be the next owner's
    fs.rmSync(pidFile, { force: true })
    await level.close().finally(() => openFolders.delete(name))
  })
  try {
    await level.open()
    fs.writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
    await checkVersion(folder, database)
    return database
  } catch (cause) {
    if (level.status === "open") await database.close()
    openFolders.delete(name)
    throw cause
  }
}

const checkVersion = async (folder: string, database: Database): Promise<void> => {
  const [record] = await database.getMany([storageVersionKey])
  if (record === null || record === undefined) {
    return database.write([{ key: storageVersionKey, value: encode(storageVersion) }], true)
  }
  const found = decodeWith(record, (reader) => reader.uint())
  if (Result.isFailure(found)) throw found.failure
  const versions = { folder, found: found.success, known: storageVersion }
  if (found.success > storageVersion) throw new StorageNewer(versions)
  if (found.success < storageVersion) throw new StorageOlder(versions)
}

/**
 * Bytes that gather in memory before LevelDB sorts them into a file; two of these may be held. Twice its default: feeds write a small
 * record anew with each block, and with the default those rewrites cost as much as all else.
 */
const writeBufferSize = 8_388_608

type Level = ClassicLevel<Uint8Array, Uint8Array>

interface Waiting {
  readonly batch: ReadonlyArray<Change>
  readonly isStrict: boolean
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** What one LevelDB batch gathers of those that wait. */
const groupChangesMax = 10_000
/** What a page reads from the disk at once. */
const pageBytesMax = 1_048_576
const pageEntriesMax = 1_000
/** With less left on the disk, opening anew would leave nothing open at all. */
const reopenBytesMin = 16_777_216

/** An open LevelDB: its reads, the queue of its writes, and its mending. */
class Database {
  private readonly level: Level
  private readonly release: () => Promise<void>
  private readonly waiting: Array<Waiting> = []
  private draining: Promise<void> | null = null
  private failure: { readonly cause: unknown } | null = null
  private mending: Promise<void> | null = null
  private reads = 0
  private whenIdle: (() => void) | null = null

  constructor(level: Level, release: () => Promise<void>) {
    this.level = level
    this.release = release
  }

  getMany(keys: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<Uint8Array | null>> {
    return this.read(async () => {
      const values = await this.level.getMany(keys as Array<Uint8Array>)
      return values.map((value) => (value === undefined ? null : plain(value)))
    })
  }

  range({ from, limit, reverse, to }: Range): Promise<ReadonlyArray<Entry>> {
    return this.read(async () => {
      const entries: Array<Entry> = []
      if (limit <= 0 || compareBytes(from, to) >= 0) return entries
      // an iterator sees the moment at which it was made
      const options = { gte: from, lt: to, reverse: reverse === true, highWaterMarkBytes: pageBytesMax }
      const iterator = this.level.iterator(options)
      try {
        while (entries.length < limit) {
          const page = await iterator.nextv(Math.min(limit - entries.length, pageEntriesMax))
          if (page.length === 0) break
          for (const [key, value] of page) entries.push({ key: plain(key), value: plain(value) })
        }
      } finally {
        await iterator.close()
      }
      return entries
    })
  }

  write(batch: ReadonlyArray<Change>, isStrict: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ batch, isStrict, resolve, reject })
      this.draining ??= this.drain()
    })
  }

  async close(): Promise<void> {
    while (this.draining !== null) await this.draining
    await this.idle()
    await this.release()
  }

  private async read<A>(read: () => Promise<A>): Promise<A> {
    while (this.mending !== null) await this.mending.catch(() => {})
    if (this.failure !== null && this.level.status !== "open") throw this.failure.cause
    this.reads++
    try {
      return await read()
    } finally {
      this.reads--
      if (this.reads === 0) this.whenIdle?.()
    }
  }

  private async idle(): Promise<void> {
    if (this.reads > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve))
    this.whenIdle = null
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.nextGroup()
      try {
        if (this.failure !== null) await this.mend(this.failure.cause)
        await this.level.batch(
          group.flatMap((each) => each.batch.map(operation)),
          { sync: group.some((each) => each.isStrict) }
        )
        for (const each of group) each.resolve()
      } catch (cause) {
        this.failure = { cause }
        for (const each of group) each.reject(cause)
      }
    }
    this.draining = null
  }

  private nextGroup(): Array<Waiting> {
    let length = 0
    let changes = 0
    for (const each of this.waiting) {
      changes += each.batch.length
      if (length > 0 && changes > groupChangesMax) break
      length++
    }
    return this.waiting.splice(0, length)
  }

  /** Opens the database anew after a failed write. */
  private async mend(cause: unknown): Promise<void> {
    const disk = fs.statfsSync(this.level.location)
    if (isFull(cause) && disk.bavail * disk.bsize < reopenBytesMin) throw cause
    this.mending = (async () => {
      await this.idle()
      await this.level.close()
      await this.level.open()
      this.failure = null
    })()
    try {
      await this.mending
    } finally {
      this.mending = null
    }
  }
}

const operation = ({ key, value }: Change) =>
  value === null ? ({ type: "del", key } as const) : ({ type: "put", key, value } as const)

/** LevelDB answers with Buffers, whose `slice` shares memory where a Uint8Array's copies. */
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

/** The codes and messages of an error and of its causes. LevelDB's own carry only the system's text. */
const describe = (cause: unknown): string => {
  let text = ""
  for (let at = cause; at instanceof Error; at = at.cause) text += `${"code" in at ? at.code : ""} ${at.message}\n`
  return text
}

const isFull = (cause: unknown): boolean =>
  /ENOSPC|EDQUOT|EFBIG|no space left|quota exceeded|file too large|not enough space/i.test(describe(cause))

const isDenied = (cause: unknown): boolean =>
  /EACCES|EPERM|EROFS|permission denied|not permitted|read-only file system/i.test(describe(cause))

const storageError = (folder: string, operation: string, cause: unknown): StorageError =>
  isFull(cause) ? new StorageFull({ folder }) : new StorageFailed({ folder, operation, cause })

const openError = (folder: string, cause: unknown): StorageOpenError => {
  if (cause instanceof StorageLocked || cause instanceof StorageNewer || cause instanceof StorageOlder) return cause
  if (describe(cause).includes("LEVEL_LOCKED")) return new StorageLocked({ folder, pid: ownerOf(folder) })
  if (isDenied(cause)) return new StorageDenied({ folder })
  if (/\b(?:ENOTDIR|EEXIST)\b/.test(describe(cause))) return new StorageNotFolder({ folder })
  if (cause instanceof Malformed || /corrupt/i.test(describe(cause))) return new StorageDamaged({ folder, cause })
  return storageError(folder, "opening", cause)
}

/** The process that has the folder open; 0 if its file does not say so, or says it of one that has ended. */
const ownerOf = (folder: string): number => {
  let pid = 0
  try {
    pid = Number.parseInt(fs.readFileSync(path.join(folder, "pid"), "utf8"), 10)
    process.kill(pid, 0)
    return pid
  } catch (cause) {
    // a process of another user may not be signalled, which says that it lives
    return cause instanceof Error && "code" in cause && cause.code === "EPERM" ? pid : 0
  }
}
