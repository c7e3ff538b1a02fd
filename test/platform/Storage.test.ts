/**
 * The contract of Storage on both layers that Troupe has, and what opening a folder answers when it cannot be opened.
 */

import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as ChildProcess from "effect/process/ChildProcess"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { storageConformance } from "../../src/testing/index.ts"

const program = fileURLToPath(new URL("./StorageWriter.ts", import.meta.url))

storageConformance("memory", { layer: () => StorageMemory.layer, platform: NodeServices.layer, isDurable: false })

storageConformance("level", {
  layer: (folder) => StorageLevel.layer({ folder }),
  platform: NodeServices.layer,
  isDurable: true,
  writer: (folder) => ChildProcess.make(process.execPath, [program, folder])
})
