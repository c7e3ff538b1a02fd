/**
 * Where published test vectors are: in `shared/vectors` beside the repository. They are read there and never copied in.
 *
 * Where the folder is missing, as in most clones, the tests that need it are left out, and the runner says so.
 */
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"

const folder = new URL("../../shared/vectors/", import.meta.url)

/** Whether there are vectors to read. */
export const hasVectors = fs.existsSync(folder)

export const vectorPath = (file: string): string => fileURLToPath(new URL(file, folder))
export const vectorText = (file: string): string => fs.readFileSync(vectorPath(file), "utf8")
export const vectorBytes = (file: string): Uint8Array => new Uint8Array(fs.readFileSync(vectorPath(file)))
/** The names of the files in a folder of vectors. */
export const vectorFiles = (name: string): ReadonlyArray<string> => fs.readdirSync(vectorPath(name)).sort()
