/**
 * The contract of Storage on the layers that Troupe has, sealed and not, and on the example of plain files on a real disk. Its faults
 * are run beside the example, as a user would, and here over sealed plain files.
 */

import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import * as PlainFiles from "../../examples/custom-storage/PlainFiles.ts"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { storageConformance } from "../../src/testing/index.ts"
import { sealedFiles, sealedLevel } from "./SealedStorage.ts"

const program = fileURLToPath(new URL("./StorageWriter.ts", import.meta.url))
const sealedProgram = fileURLToPath(new URL("./SealedWriter.ts", import.meta.url))
const writer = (name: string) => (folder: string) =>
  ChildProcess.make(process.execPath, ["--conditions=troupe-source", program, name, folder])

storageConformance("memory", { layer: () => StorageMemory.layer, platform: NodeServices.layer, isDurable: false })

storageConformance("level", {
  layer: (folder) => StorageLevel.layer({ folder }),
  platform: NodeServices.layer,
  isDurable: true,
  writer: writer("level")
})

storageConformance("sealed level", {
  layer: sealedLevel,
  platform: NodeServices.layer,
  isDurable: true,
  writer: (folder) => ChildProcess.make(process.execPath, ["--conditions=troupe-source", sealedProgram, folder])
})

storageConformance("sealed plain files", { layer: sealedFiles, over: "FileSystem" })

// #region node
storageConformance("plain files on Node", {
  layer: (folder) => Layer.provide(PlainFiles.layer(folder), NodeServices.layer),
  platform: NodeServices.layer,
  isDurable: true,
  writer: writer("plain")
})
// #endregion node
