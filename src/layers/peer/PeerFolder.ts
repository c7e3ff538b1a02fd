/**
 * What a Peer on Node keeps in a folder: its storage, sealed, the keys in there, and the count of its starts.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ArgumentInvalid, demandObject } from "../../schema/platform/ArgumentInvalid.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import type { Keyring } from "../../services/platform/Keyring.ts"
import type { Sealing, SealingError } from "../../services/platform/Sealing.ts"
import type { Storage, StorageOpenError } from "../../services/platform/Storage.ts"
import * as BootCounterNode from "../platform/BootCounterNode.ts"
import * as CryptoNode from "../platform/CryptoNode.ts"
import * as KeyringStorage from "../platform/KeyringStorage.ts"
import * as SealingNode from "../platform/SealingNode.ts"
import * as StorageLevel from "../platform/StorageLevel.ts"
import * as StorageSealed from "../platform/StorageSealed.ts"

export interface Options {
  /** Where everything durable is kept; made when it is not there, for this user alone. */
  readonly folder: string
  /**
   * Wraps the key that all data in the folder is sealed under. Without it that key lies in the folder as it is, and protects nothing
   * from whoever reads the whole folder. A folder keeps what it was made with until `changePassphrase`.
   */
  readonly passphrase?: Redacted.Redacted<string> | undefined
  /** A storage of one's own in place of LevelDB (docs/layers.md), sealed as well. The folder then has its key alone, and the count of starts beside it. */
  readonly storage?: Layer.Layer<Storage, StorageOpenError> | undefined
}

/** What opening a folder may answer. */
export type OpenError = StorageOpenError | SealingError

export const layer = ({
  folder,
  passphrase,
  storage = StorageLevel.layer({ folder })
}: Options): Layer.Layer<Storage | Keyring | Crypto | Sealing, OpenError> =>
  KeyringStorage.layer.pipe(
    Layer.provideMerge(Layer.provide(StorageSealed.layer, storage)),
    Layer.provideMerge(Layer.provide(SealingNode.layer({ folder, passphrase }), NodeFileSystem.layer)),
    Layer.provideMerge(Layer.merge(CryptoNode.layer, BootCounterNode.layer({ folder })))
  )

/** The passphrase that a folder has, and the one that it is to have; none stands for the key in a file. */
export interface PassphraseChange {
  readonly folder: string
  readonly from?: Redacted.Redacted<string> | undefined
  readonly to?: Redacted.Redacted<string> | undefined
}

/**
 * Changes the passphrase of a folder, sets the first one (without `from`), or gives it up (without `to`). What is stored is not
 * rewritten: whoever has an old copy of the folder's file `key` still opens it as before. The folder may be open meanwhile.
 */
export const changePassphrase = (change: PassphraseChange): Effect.Effect<void, SealingError> =>
  Effect.suspend(() => {
    demandObject("changePassphrase", "{ folder, from, to }", change)
    const { folder, from, to } = change
    demand("changePassphrase", { folder, from, to })
    return SealingNode.change(change)
  }).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, CryptoNode.layer)))

/** What a folder that is there is sealed by: whether it takes a passphrase to be opened. */
export const sealedBy = (folder: string): Effect.Effect<"passphrase" | "file", SealingError> =>
  Effect.suspend(() => {
    demand("sealedBy", { folder })
    return SealingNode.sealedBy(folder)
  }).pipe(Effect.provide(NodeFileSystem.layer))

/** Throws unless there is a folder, and what else is given are passphrases. */
export const demand = (call: string, { folder, ...passphrases }: { readonly [name: string]: unknown }): void => {
  if (typeof folder !== "string" || folder === "")
    throw new ArgumentInvalid({ call, takes: "a folder (such as ./data)", given: folder })
  for (const [name, given] of Object.entries(passphrases)) {
    const text = Redacted.isRedacted(given) ? Redacted.value(given) : given
    if (given === undefined || (text !== given && typeof text === "string" && text !== "")) continue
    // what was given may be the passphrase, and is not told
    throw new ArgumentInvalid({ call, takes: `${name} as Redacted.make("…"), and not an empty one`, given: typeof given })
  }
}
