/**
 * The work that every system of `bench/feeds.ts` does: entries of 200 random bytes, and the digest that proves what has arrived.
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const entryBytes = 200

/** What a child is asked for, and how much of it. */
export interface Asked {
  readonly work: "append" | "ingest"
  /** Appending: entries of one call, and callers at a time. Ingesting: feeds that are interleaved. */
  readonly batch: number
  readonly callers: number
  readonly feeds: number
  readonly entries: number
  /** Troupe alone: whether every write is synced. */
  readonly isStrict: boolean
  /** Troupe alone: whether values are sealed before they reach LevelDB. */
  readonly isSealed?: boolean
}

export interface Measured {
  readonly seconds: number
  /** Bytes in the folder, when it is closed. */
  readonly bytes: number
  readonly digest: string
  /** Troupe alone: what reading all of it back takes. */
  readonly readSeconds?: number
}

/** The same random bytes in every system, an entry each. */
export const entriesOf = (count: number, seed: number): ReadonlyArray<Uint8Array> => {
  const bytes = new Uint8Array(count * entryBytes)
  let state = seed | 1
  for (let i = 0; i < bytes.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state
  }
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * entryBytes, (i + 1) * entryBytes))
}

/** A digest of entries in the order in which they are given. */
export const digesting = () => {
  const hash = createHash("sha256")
  return { add: (entry: Uint8Array) => void hash.update(entry), end: () => hash.digest("hex").slice(0, 16) }
}

/** The digest that a correct system ends with: every feed's entries in order, feed after feed. */
export const expectedDigest = ({ entries, feeds }: Asked): string => {
  const digest = digesting()
  for (let feed = 0; feed < feeds; feed++) for (const entry of entriesOf(entries / feeds, feed + 1)) digest.add(entry)
  return digest.end()
}

/** A folder that goes with the process. */
export const temporary = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-bench-"))
  process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const sizeOf = (folder: string): number =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .reduce((sum, file) => sum + (file.isFile() ? fs.statSync(path.join(file.parentPath, file.name)).size : 0), 0)

/** The child's side of `bench/feeds.ts`: one question as JSON in, one answer as JSON out. */
export const answer = async (measure: (asked: Asked) => Promise<Measured>): Promise<void> => {
  const measured = await measure(JSON.parse(process.argv[2] ?? "{}") as Asked)
  fs.writeSync(1, `${JSON.stringify(measured)}\n`)
  process.exit(0)
}
