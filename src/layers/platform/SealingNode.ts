/**
 * Sealing by the file `key` in a folder, mode 0600: the key itself, or wrapped by scrypt over a passphrase.
 *
 * The file is replaced as a whole (written elsewhere, synced, renamed), so that after a crash the old one or the new one is there. To
 * change the passphrase wraps the same key anew and rewrites nothing else: who has kept an old file, and knows its passphrase or needs
 * none, still opens what is stored (docs/security.md). A passphrase is taken in Unicode's form NFKC, as keyboards differ.
 */
import * as crypto from "node:crypto"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import {
  costDefault,
  decodeKeyFile,
  encodeKeyFile,
  type OpenKey,
  type Stretching,
  saltBytes,
  stretchingBytes,
  type WrappedKey
} from "../../schema/platform/KeyFile.ts"
import { nonceBytes, sealKeyBytes } from "../../schema/platform/XChaCha20Poly1305.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import {
  KeyFileDamaged,
  KeyFileMissing,
  PassphraseMissing,
  PassphraseUnset,
  PassphraseWrong,
  Sealing,
  type SealingError
} from "../../services/platform/Sealing.ts"
import { StorageDenied, type StorageError, StorageFailed, StorageFull } from "../../services/platform/Storage.ts"

type Passphrase = Redacted.Redacted<string>

export interface Options {
  /** Made if it is not there, for its owner alone. */
  readonly folder: string
  /** What wraps the key; without it the key lies in the file as it is. */
  readonly passphrase?: Passphrase | undefined
  /** scrypt's N for a new file is 2 to the power of this: 17 unless said. */
  readonly cost?: number | undefined
}

export interface Change {
  readonly folder: string
  /** The passphrase that the folder has; none when it is sealed by a file. */
  readonly from?: Passphrase | undefined
  /** The one that it is to have; none to seal it by a file. */
  readonly to?: Passphrase | undefined
  readonly cost?: number | undefined
}

type Needs = FileSystem.FileSystem | Crypto

export const layer = (options: Options): Layer.Layer<Sealing, never, Needs> =>
  Layer.effect(
    Sealing,
    Effect.map(Effect.context<Needs>(), (context) => ({
      by: options.passphrase === undefined ? "file" : "passphrase",
      unlock: (storage) => Effect.provide(unlock(options, storage), context)
    }))
  )

/** What a folder that is there is sealed by, as its file `key` says. */
export const sealedBy = Effect.fnUntraced(function* (folder: string) {
  const bytes = yield* read(folder)
  if (bytes === null) return yield* new KeyFileMissing({ folder })
  const decoded = decodeKeyFile(bytes)
  return Result.isFailure(decoded) ? yield* new KeyFileDamaged({ folder }) : decoded.success.by
})

/**
 * Wraps the folder's key anew. The folder may be open meanwhile, also in another process. When the disk refuses, the old passphrase or
 * the new one is that of the folder, as after a crash.
 */
export const change = ({ cost, folder, from, to }: Change): Effect.Effect<void, SealingError, Needs> =>
  Effect.gen(function* () {
    const bytes = yield* read(folder)
    if (bytes === null) return yield* new KeyFileMissing({ folder })
    const key = yield* unwrap(folder, bytes, from)
    yield* write(folder, yield* wrap(folder, key, to, cost))
  })

const unlock = Effect.fnUntraced(function* ({ cost, folder, passphrase }: Options, storage: "new" | "sealed") {
  yield* prepare(folder)
  const bytes = yield* read(folder)
  if (bytes !== null) {
    const known = yield* unwrap(folder, bytes, passphrase)
    // it may be left from an opening that failed before it was synced, and what is sealed under it must not outlast it
    if (storage === "new") yield* write(folder, bytes)
    return known
  }
  if (storage === "sealed") return yield* new KeyFileMissing({ folder })
  const key = yield* Effect.flatMap(Crypto, ({ random }) => random(sealKeyBytes))
  yield* write(folder, yield* wrap(folder, key, passphrase, cost))
  return key
})

const unwrap = Effect.fnUntraced(function* (folder: string, bytes: Uint8Array, passphrase: Passphrase | undefined) {
  const decoded = decodeKeyFile(bytes)
  if (Result.isFailure(decoded)) return yield* new KeyFileDamaged({ folder })
  const file = decoded.success
  if (file.by === "file") return passphrase === undefined ? file.key : yield* new PassphraseUnset({ folder })
  if (passphrase === undefined) return yield* new PassphraseMissing({ folder })
  const { open } = yield* Crypto
  const stretched = yield* stretch(folder, passphrase, file)
  const key = open(stretched, file.nonce, file.wrapped, stretchingBytes(file))
  stretched.fill(0)
  return key ?? (yield* new PassphraseWrong({ folder }))
})

const wrap = Effect.fnUntraced(function* (
  folder: string,
  key: Uint8Array,
  passphrase: Passphrase | undefined,
  cost = costDefault
) {
  if (passphrase === undefined) return encodeKeyFile({ by: "file", key } satisfies OpenKey)
  const { random, seal } = yield* Crypto
  const stretching: Stretching = { cost, salt: yield* random(saltBytes) }
  const nonce = yield* random(nonceBytes)
  const stretched = yield* stretch(folder, passphrase, stretching)
  const wrapped = seal(stretched, nonce, key, stretchingBytes(stretching))
  stretched.fill(0)
  return encodeKeyFile({ by: "passphrase", ...stretching, nonce, wrapped } satisfies WrappedKey)
})

/** scrypt, off the loop: it takes some tenths of a second. */
const stretch = (folder: string, passphrase: Passphrase, { cost, salt }: Stretching): Effect.Effect<Uint8Array, StorageError> =>
  Effect.callback((resume) => {
    const bytes = Buffer.from(Redacted.value(passphrase).normalize("NFKC"), "utf8")
    const options = { N: 2 ** cost, r: 8, p: 1, maxmem: 2 ** cost * 1_024 + 65_536 }
    crypto.scrypt(bytes, salt, sealKeyBytes, options, (cause, key) => {
      bytes.fill(0)
      resume(
        cause === null
          ? Effect.succeed(new Uint8Array(key.buffer, key.byteOffset, key.length))
          : Effect.fail(new StorageFailed({ folder, operation: "stretching the passphrase", cause }))
      )
    })
  })

const keyFile = (folder: string): string => path.join(folder, "key")
/** A file that is being written; what a crash has left of one may hold a key. */
const draft = /^key\.[0-9a-f]{8}\.new$/

/** Makes the folder, and removes what changes that a crash cut short have left in it. */
const prepare = (folder: string) =>
  onDisk(
    folder,
    "opening",
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      yield* files.makeDirectory(folder, { recursive: true, mode: 0o700 })
      const left = (yield* files.readDirectory(folder)).filter((name) => draft.test(name))
      yield* Effect.forEach(left, (name) => files.remove(path.join(folder, name), { force: true }), { discard: true })
    })
  )

const read = (folder: string) =>
  onDisk(
    folder,
    "reading the key",
    Effect.flatMap(FileSystem.FileSystem, (files) =>
      Effect.catchIf(
        files.readFile(keyFile(folder)),
        (error) => error.reason._tag === "NotFound",
        () => Effect.succeed(null)
      )
    )
  )

const write = Effect.fnUntraced(function* (folder: string, bytes: Uint8Array) {
  const [files, { random }] = [yield* FileSystem.FileSystem, yield* Crypto]
  const fresh = path.join(folder, `key.${Buffer.from(yield* random(4)).toString("hex")}.new`)
  const replace = Effect.gen(function* () {
    const file = yield* files.open(fresh, { flag: "wx", mode: 0o600 })
    yield* file.writeAll(bytes)
    yield* file.sync
    yield* files.rename(fresh, keyFile(folder))
    yield* syncFolder(files, folder)
  })
  const tidied = Effect.tapError(Effect.scoped(replace), () => Effect.ignore(files.remove(fresh, { force: true })))
  yield* onDisk(folder, "writing the key", Effect.uninterruptible(tidied))
})

/** Without it the new name may be lost with the machine. Windows opens no folders, and keeps names by itself. */
const syncFolder = (files: FileSystem.FileSystem, folder: string) =>
  process.platform === "win32"
    ? Effect.void
    : Effect.scoped(Effect.flatMap(files.open(folder, { flag: "r" }), (names) => names.sync))

const onDisk = <A, R>(
  folder: string,
  operation: string,
  effect: Effect.Effect<A, PlatformError.PlatformError, R>
): Effect.Effect<A, StorageDenied | StorageError, R> =>
  Effect.mapError(effect, (error) => {
    if (error.reason._tag === "PermissionDenied") return new StorageDenied({ folder })
    const cause = error.reason.cause
    const isFull = cause instanceof Error && "code" in cause && ["ENOSPC", "EDQUOT", "EFBIG"].includes(String(cause.code))
    return isFull ? new StorageFull({ folder }) : new StorageFailed({ folder, operation, cause: error })
  })
