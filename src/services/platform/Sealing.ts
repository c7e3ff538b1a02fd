/**
 * What seals the storage of a peer: a key of 32 bytes that lies in a file, or is wrapped by a passphrase.
 *
 * Only the layer that seals asks for the key. Which of the two protects it is told to the peer, and by that to people.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { StorageDenied, StorageError } from "./Storage.ts"

/** What a peer's storage is sealed by; `none` is for what keeps nothing, as in memory and in worlds. */
export type SealedBy = "passphrase" | "file" | "none"

export class Sealing extends Context.Service<
  Sealing,
  {
    readonly by: "passphrase" | "file"
    /** The key. One is made, durably, for a storage that is `new`, when there is none. */
    readonly unlock: (storage: "new" | "sealed") => Effect.Effect<Uint8Array, SealingError>
  }
>()("troupe/platform/Sealing") {}

/** The passphrase does not open the folder. Why not cannot be known: it is another one, or the file `key` is damaged. */
export class PassphraseWrong extends Schema.TaggedError<PassphraseWrong>()("PassphraseWrong", { folder: Schema.String }) {
  override get message() {
    return `this passphrase does not open ${this.folder}. Try again; if it is right, its file "key" is damaged: put back a copy of that file.`
  }
}

/** The folder is sealed by a passphrase, and none was given. */
export class PassphraseMissing extends Schema.TaggedError<PassphraseMissing>()("PassphraseMissing", { folder: Schema.String }) {
  override get message() {
    return `${this.folder} is sealed by a passphrase. Give it (option passphrase).`
  }
}

/** A passphrase was given for a folder that is sealed by a file. */
export class PassphraseUnset extends Schema.TaggedError<PassphraseUnset>()("PassphraseUnset", { folder: Schema.String }) {
  override get message() {
    return `${this.folder} is sealed by its file "key" and has no passphrase. Set one first (PeerNode.changePassphrase, or troupe folder passphrase), or open it without.`
  }
}

/** What is stored is sealed, and the key is not there. */
export class KeyFileMissing extends Schema.TaggedError<KeyFileMissing>()("KeyFileMissing", { folder: Schema.String }) {
  override get message() {
    return `the file "key" of ${this.folder} is not there, and nothing opens what is sealed there without it. Put back a copy of that file, or choose another folder, which is another device.`
  }
}

/** The key file cannot be read, or its key is not that of what is stored. */
export class KeyFileDamaged extends Schema.TaggedError<KeyFileDamaged>()("KeyFileDamaged", { folder: Schema.String }) {
  override get message() {
    return `the file "key" of ${this.folder} is damaged, or belongs to another folder. Put back the copy that was made together with the folder.`
  }
}

/** What finding the key may answer. */
export type SealingError =
  | PassphraseWrong
  | PassphraseMissing
  | PassphraseUnset
  | KeyFileMissing
  | KeyFileDamaged
  | StorageDenied
  | StorageError
