/**
 * The program that the Storage suite kills, and fills disks with: writes into the folder that its last argument names, until then.
 * The argument before names the storage, `level` or `plain`.
 */

import * as fs from "node:fs"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PlainFiles from "../../examples/custom-storage/PlainFiles.ts"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import { keepWriting } from "../../src/testing/StorageWriter.ts"

// #region writer
const [name, folder = ""] = process.argv.slice(2)
const writing = keepWriting((line) => fs.writeSync(1, line))
const plain = Layer.provide(PlainFiles.layer(folder), NodeServices.layer)
await Effect.runPromise(Effect.provide(writing, name === "plain" ? plain : StorageLevel.layer({ folder })))
// #endregion writer
