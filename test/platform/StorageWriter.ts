/**
 * The program that the Storage suite kills: writes into the LevelDB folder that its first argument names, until then.
 */

import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import { keepWriting } from "../../src/testing/StorageWriter.ts"

const [folder] = process.argv.slice(2)
const writing = keepWriting((line) => fs.writeSync(1, line))
await Effect.runPromise(Effect.provide(writing, StorageLevel.layer({ folder: folder! })))
