/**
 * BootCounter in a file beside the storage's folder: `<folder>.starts`, a number in decimal and a line feed.
 *
 * Beside and not inside, so that a folder copied back does not bring its old count along. The file is replaced as a whole (written
 * elsewhere, synced, renamed), so a crash leaves the old number or the new one.
 */

import * as fs from "node:fs/promises"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BootCounter, type Counter } from "../../services/platform/BootCounter.ts"
import { StorageFailed, StorageFull } from "../../services/platform/Storage.ts"

export interface Options {
  /** The storage's folder. */
  readonly folder: string
}

export const make = ({ folder }: Options): Counter => {
  const file = `${path.resolve(folder)}.starts`
  const failed = (operation: string) => (cause: unknown) =>
    codeOf(cause) === "ENOSPC" || codeOf(cause) === "EDQUOT"
      ? new StorageFull({ folder: path.dirname(file) })
      : new StorageFailed({ folder: path.dirname(file), operation, cause })
  return {
    read: Effect.tryPromise({ try: () => read(file), catch: failed(`reading ${path.basename(file)}`) }),
    write: (starts) =>
      Effect.uninterruptible(
        Effect.tryPromise({ try: () => replace(file, `${starts}\n`), catch: failed(`writing ${path.basename(file)}`) })
      )
  }
}

export const layer = (options: Options): Layer.Layer<never> => Layer.succeed(BootCounter, make(options))

const read = async (file: string): Promise<number> => {
  let text: string
  try {
    text = await fs.readFile(file, "utf8")
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return 0
    throw cause
  }
  const starts = /^(0|[1-9][0-9]{0,15})\n$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(starts)) throw new Error(`${file} does not hold a number; remove it to count anew`)
  return starts
}

const replace = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.new`
  await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  {
    await using handle = await fs.open(draft, "w", 0o600)
    await handle.writeFile(text)
    await handle.sync()
  }
  await fs.rename(draft, file)
  await syncFolder(path.dirname(file))
}

/** Without it the new name may be lost with the machine. Windows opens no folders, and keeps names by itself. */
const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === "win32") return
  await using handle = await fs.open(folder, "r")
  await handle.sync()
}

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined)
