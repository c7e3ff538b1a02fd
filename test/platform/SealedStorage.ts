/**
 * Sealed storages as the suite takes them: LevelDB and plain files, each with its key in a file of the same folder, as in a Peer.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PlainFiles from "../../examples/custom-storage/PlainFiles.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as SealingNode from "../../src/layers/platform/SealingNode.ts"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import * as StorageSealed from "../../src/layers/platform/StorageSealed.ts"
import { Storage } from "../../src/services/platform/Storage.ts"

const sealing = (folder: string) => Layer.provideMerge(SealingNode.layer({ folder }), CryptoNode.layer)

/** What only a key file that is missing or altered could answer does not come, and is a defect if it does. */
const sealed = StorageSealed.layer.pipe(
  Layer.catchTag(["PassphraseWrong", "PassphraseMissing", "PassphraseUnset", "KeyFileMissing", "KeyFileDamaged"], (error) =>
    Layer.effect(Storage, Effect.die(error))
  )
)

export const sealedLevel = (folder: string) =>
  sealed.pipe(Layer.provide(StorageLevel.layer({ folder })), Layer.provide(sealing(folder)), Layer.provide(NodeFileSystem.layer))

export const sealedFiles = (folder: string) =>
  sealed.pipe(Layer.provide(PlainFiles.layer(folder)), Layer.provide(sealing(folder)))
