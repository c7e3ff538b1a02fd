/**
 * The program that the Storage suite kills, and fills disks with, on a sealed storage: writes into the folder that its argument names.
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { keepWriting } from "../../src/testing/StorageWriter.ts"
import { sealedLevel } from "./SealedStorage.ts"

const [folder = ""] = process.argv.slice(2)
const writing = keepWriting((line) => fs.writeSync(1, line))
await Effect.runPromise(Effect.provide(writing, sealedLevel(folder)))
