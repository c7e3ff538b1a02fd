/**
 * The port that every durable thing goes through: an ordered key-value store with atomic batches.
 *
 * It is the only contract that a custom backend implements; `troupe/testing` holds the suite that says whether it does.
 * Keys are ordered bytewise, unsigned. Values and keys belong to the caller again when a call has returned.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * `strict`: on the medium before the write ends. `relaxed`: ordered and atomic, but a crash of the machine may lose it. What a
 * storage shows when it was opened is on the medium, also what a process that was killed had left on its way there.
 */
export type Durability = "strict" | "relaxed"

/** One change of a batch: a value to put, or null to remove the key. Of two changes to one key the later wins. */
export interface Change {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** A page of keys: `from` included, `to` excluded, at most `limit` entries, from the other end when `reverse`. */
export interface Range {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly limit: number
  readonly reverse?: boolean
}

export interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** What one implements to make a backend. */
export interface Backend {
  /** The values of `keys`, in their order; null where there is none. One consistent view. */
  readonly getMany: (keys: ReadonlyArray<Uint8Array>) => Effect.Effect<ReadonlyArray<Uint8Array | null>, StorageError>
  /** One page in key order, from one consistent view. */
  readonly range: (range: Range) => Effect.Effect<ReadonlyArray<Entry>, StorageError>
  /** All changes or none, isolated from concurrent reads, at the durability asked for. */
  readonly write: (
    batch: ReadonlyArray<Change>,
    options: { readonly durability: Durability }
  ) => Effect.Effect<void, StorageError>
}

export class Storage extends Context.Service<
  Storage,
  Backend & {
    /** The value of one key, or null. */
    readonly get: (key: Uint8Array) => Effect.Effect<Uint8Array | null, StorageError>
  }
>()("troupe/platform/Storage") {
  /** A Storage from the three operations of a backend. */
  static make(backend: Backend): Storage["Service"] {
    return {
      getMany: backend.getMany,
      range: backend.range,
      write: backend.write,
      get: (key) => Effect.map(backend.getMany([key]), (values) => values[0] ?? null)
    }
  }
}

/** The medium is full. Nothing of the batch was written. */
export class StorageFull extends Schema.TaggedError<StorageFull>()("StorageFull", { folder: Schema.String }) {
  override get message() {
    return `${this.folder} is full and nothing was written. Free 16 MiB or more on that disk, then try again.`
  }
}

/** Reading or writing failed for a reason of the medium's. Nothing of a failed batch was written. */
export class StorageFailed extends Schema.TaggedError<StorageFailed>()("StorageFailed", {
  folder: Schema.String,
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.operation} in ${this.folder} failed: ${String(this.cause)}. Check the disk; nothing of this operation was kept.`
  }
}

/** The folder is open elsewhere. `pid` is 0 where the owner is not known. */
export class StorageLocked extends Schema.TaggedError<StorageLocked>()("StorageLocked", {
  folder: Schema.String,
  pid: Schema.Number
}) {
  override get message() {
    const owner = this.pid === 0 ? "another process" : `process ${this.pid}`
    return `${this.folder} is open in ${owner}. Close it, or choose another folder.`
  }
}

/** The folder may not be read or written. */
export class StorageDenied extends Schema.TaggedError<StorageDenied>()("StorageDenied", { folder: Schema.String }) {
  override get message() {
    return `${this.folder} cannot be read and written by this user. Change its owner or its rights, or choose another folder.`
  }
}

/** The folder was written by a newer Troupe. */
export class StorageNewer extends Schema.TaggedError<StorageNewer>()("StorageNewer", {
  folder: Schema.String,
  found: Schema.Number,
  known: Schema.Number
}) {
  override get message() {
    return `${this.folder} has storage version ${this.found}, and this Troupe knows up to ${this.known}. Update Troupe, or choose another folder.`
  }
}

/** The folder was written by a Troupe whose storage this one does not read. */
export class StorageOlder extends Schema.TaggedError<StorageOlder>()("StorageOlder", {
  folder: Schema.String,
  found: Schema.Number,
  known: Schema.Number
}) {
  override get message() {
    return `${this.folder} has storage version ${this.found}, which was not sealed, and this Troupe needs ${this.known}. Open it with the Troupe that wrote it, or choose another folder.`
  }
}

/** A file stands where the folder should be. */
export class StorageNotFolder extends Schema.TaggedError<StorageNotFolder>()("StorageNotFolder", { folder: Schema.String }) {
  override get message() {
    return `${this.folder} is a file, or lies below one, and a folder is needed. Choose another folder.`
  }
}

/** What the folder holds is no database any more. */
export class StorageDamaged extends Schema.TaggedError<StorageDamaged>()("StorageDamaged", {
  folder: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `the database in ${this.folder} is damaged (${String(this.cause)}). Put back a copy of the folder, and peers bring what it lacks; or choose another folder, which is another device.`
  }
}

/** What an open storage may answer. */
export type StorageError = StorageFull | StorageFailed
/** What opening a storage may answer. */
export type StorageOpenError =
  | StorageLocked
  | StorageDenied
  | StorageNewer
  | StorageOlder
  | StorageNotFolder
  | StorageDamaged
  | StorageError
