/**
 * Effect's `FileSystem` over a `FaultyDisk`: files in memory, whose operations are counted, and one of which may meet a fault.
 *
 * An *operation* is what changes the disk or syncs it: making, renaming or removing a name, truncating, writing, syncing. They are
 * numbered from 1, also over crashes, so that a number and a seed say where a run went wrong. What a fault does to its operation:
 *
 * - `crash`: the power goes while it is under way. It and all that come after it never end, and nothing that runs in this life is
 *   told, finalizers included. `crash(outcome, seed)` gives the next life what is left.
 * - `full`: from here on the disk is full (ENOSPC) until `heal`. A write takes the bytes that still fit, and `write` then says how
 *   many those were, as the system call does. A sync fails too, as on Btrfs and NFS, which look for room only then; it forgets nothing.
 * - `failing`: this one fails (EIO). A write has written any part, a sync carried over any part, all else nothing.
 *
 * Folders are synced as on Linux and macOS: open the folder with the flag `r` and sync the file that one gets. Errors look as those of
 * Node: a `PlatformError` whose reason has the system's code in its cause. What is read is, as on Node, no plain Uint8Array, for its
 * `slice` shares memory. A slow disk lets other fibers run for some turns, drawn from the seed, during each operation and read; there
 * is no clock in it. Links, owners, rights, times, watching and temporary files are not modelled, and say so.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { FaultyDisk, FileNode, FolderNode, type Node, type Outcome } from "./FaultyDisk.ts"
import { numbersFrom } from "./Seeded.ts"
import { systemError } from "./SystemError.ts"

export type FaultKind = "crash" | "full" | "failing"

/** What happens to the operation with the number `at`. */
export interface Fault {
  readonly kind: FaultKind
  readonly at: number
}

export class FaultyFileSystem {
  readonly disk = new FaultyDisk()
  /** What each operation was, in order; the first is number 1. */
  readonly operations: Array<string> = []
  /** Called when the power goes. */
  onCrash: () => void = () => {}
  private fault: Fault | null = null
  private life = 0
  private readonly draw: (below: number) => number
  private readonly isSlow: boolean

  constructor(options: { readonly seed: number; readonly isSlow?: boolean }) {
    this.draw = numbersFrom(options.seed)
    this.isSlow = options.isSlow ?? false
  }

  /** Plans the one fault that is to come. */
  plan(fault: Fault): void {
    this.fault = fault
  }

  /** Whether the operation has come that the fault was planned for. */
  get hasMet(): boolean {
    return this.fault !== null && this.operations.length >= this.fault.at
  }

  /** Makes room again, and forgets a fault that has not come yet. */
  heal(): void {
    this.fault = null
    this.disk.room = Number.POSITIVE_INFINITY
  }

  /** The power goes between two operations. */
  powerOff(): void {
    this.life++
    this.onCrash()
  }

  /** Ends this life, and leaves the disk as the outcome has it. */
  crash(outcome: Outcome, seed: number): void {
    this.life++
    this.heal()
    this.disk.crash(outcome, seed)
  }

  /** The files as this life sees them; after a crash there is another. */
  files(): FileSystem.FileSystem {
    const { disk, life } = this

    const turns = Effect.suspend(() => {
      const count = this.isSlow ? this.draw(4) : 0
      return count === 0 ? Effect.void : Effect.repeat(Effect.yieldNow, { times: count - 1 })
    })
    /** What the act answers or throws; nothing at all when the power is gone, or goes during it. */
    const alive = <A>(act: () => A): Effect.Effect<A, PlatformError.PlatformError> =>
      Effect.suspend(() => {
        if (life !== this.life) return Effect.never
        try {
          return Effect.succeed(act())
        } catch (error) {
          if (error === powerGone) return Effect.never
          return PlatformError.isPlatformError(error) ? Effect.fail(error) : Effect.die(error)
        }
      })
    const later = <A>(act: () => A) => Effect.andThen(turns, alive(act))

    /** Counts an operation, and hands its fault to `act`. */
    const operate = <A>(name: string, path: string, act: (fault: FaultKind | null) => A): A => {
      this.operations.push(`${name} ${path}`)
      const fault = this.fault?.at === this.operations.length ? this.fault.kind : null
      const answer = act(fault)
      if (fault !== "crash") return answer
      this.powerOff()
      throw powerGone
    }

    const names = (name: string, path: string, changes: Parameters<FaultyDisk["name"]>[0], needsRoom: boolean) =>
      operate(name, path, (fault) => {
        if (fault === "failing") throw systemError("EIO", name, path)
        if (fault === "full") disk.room = 0
        if (needsRoom && disk.room <= 0) throw systemError("ENOSPC", name, path)
        disk.name(changes)
      })
    const truncate = (file: FileNode, length: number, path: string) =>
      operate("truncate", path, (fault) => {
        if (fault === "failing") throw systemError("EIO", "ftruncate", path)
        if (fault === "full") disk.room = 0
        disk.truncate(file, length)
      })
    const write = (file: FileNode, at: number, bytes: Uint8Array, path: string) =>
      operate("write", path, (fault) => {
        if (fault === "failing") {
          disk.write(file, at, bytes.subarray(0, this.draw(bytes.length + 1)))
          throw systemError("EIO", "write", path)
        }
        if (fault === "full") disk.room = this.draw(Math.max(1, bytes.length))
        return disk.write(file, at, bytes)
      })
    const sync = (node: Node, path: string) =>
      operate("sync", path, (fault) => {
        if (fault === "full") {
          disk.room = 0
          throw systemError("ENOSPC", "fsync", path)
        }
        if (fault === "failing") {
          disk.failSync(node, this.draw)
          throw systemError("EIO", "fsync", path)
        }
        if (fault === null) disk.sync(node)
      })

    const at = (path: string, method: string) => place(disk, path, method)
    const there = (path: string, method: string): Node => at(path, method).node ?? missing(method, path)
    const make = (path: string, flag: FileSystem.OpenFlag): Node => {
      const found = at(path, "open")
      if (found.node === null) {
        if (flag.startsWith("r")) return missing("open", path)
        const node = disk.file()
        names("create", path, [{ folder: found.folder, name: found.name, node }], true)
        return node
      }
      if (flag.includes("x")) throw systemError("EEXIST", "open", path)
      if (flag !== "r") fileOf(found.node, "open", path)
      if (flag.startsWith("w") && found.node instanceof FileNode && found.node.cached.length > 0) truncate(found.node, 0, path)
      return found.node
    }

    const open = (
      path: string,
      flag: FileSystem.OpenFlag
    ): Effect.Effect<FileSystem.File, PlatformError.PlatformError, Scope.Scope> => {
      let isOpen = true
      let position = 0
      const isAppending = flag.startsWith("a")
      const opened = (node: Node): FileSystem.File => {
        const use = <A>(method: string, act: (file: FileNode) => A) => {
          if (!isOpen) throw systemError("EBADF", method, path)
          return act(fileOf(node, method, path))
        }
        const read = (size: number, from: bigint | undefined): Uint8Array =>
          use("read", (file) => {
            const start = from === undefined ? position : Number(from)
            const bytes = ReadBytes.from(file.cached.view().subarray(start, start + size))
            if (from === undefined) position += bytes.length
            return bytes
          })
        const put = (bytes: Uint8Array): number =>
          use("write", (file) => {
            if (flag === "r") throw systemError("EBADF", "write", path)
            const start = isAppending ? file.cached.length : position
            const length = write(file, start, bytes, path)
            if (!isAppending) position += length
            if (length === 0 && bytes.length > 0) throw systemError("ENOSPC", "write", path)
            return length
          })
        return {
          [FileSystem.FileTypeId]: FileSystem.FileTypeId,
          stat: later(() => infoOf(node)),
          seek: (offset, from) => later(() => BigInt((position = Number(offset) + (from === "start" ? 0 : position)))),
          // what is written while a sync is under way is not synced by it
          sync: alive(() => {
            if (!isOpen) throw systemError("EBADF", "fsync", path)
            sync(node, path)
          }).pipe(Effect.andThen(later(() => {}))),
          read: (buffer, options) =>
            later(() => {
              const bytes = read(buffer.length, options?.position)
              buffer.set(bytes)
              return bytes.length
            }),
          readAlloc: (size, options) =>
            later(() => {
              const bytes = read(size, options?.position)
              return bytes.length === 0 ? Option.none() : Option.some(bytes)
            }),
          truncate: (length = 0) =>
            later(() =>
              use("ftruncate", (file) => {
                truncate(file, length, path)
                if (!isAppending) position = Math.min(position, length)
              })
            ),
          write: (bytes) => later(() => put(bytes)),
          writeAll: (bytes) =>
            later(() => {
              if (bytes.length > 0 && put(bytes) < bytes.length) throw systemError("ENOSPC", "write", path)
            })
        }
      }
      return Effect.acquireRelease(
        Effect.map(
          later(() => make(path, flag)),
          opened
        ),
        () => Effect.sync(() => (isOpen = false))
      )
    }

    const readFile = (path: string) => ReadBytes.from(fileOf(there(path, "open"), "read", path).cached.view())
    const writeFile = (path: string, bytes: Uint8Array, flag: FileSystem.OpenFlag = "w") =>
      Effect.scoped(Effect.flatMap(open(path, flag), (file) => file.writeAll(bytes)))
    const entries = (path: string) => [...folderOf(there(path, "scandir"), "scandir", path).cached]

    const remove = (path: string, isRecursive: boolean): void => {
      const { folder, name, node } = at(path, "rm")
      if (node === null) throw systemError("ENOENT", "rm", path)
      if (node instanceof FolderNode && !isRecursive) throw systemError("EISDIR", "rm", path)
      if (node instanceof FolderNode) for (const below of [...node.cached.keys()]) remove(`${path}/${below}`, true)
      names("remove", path, [{ folder, name, node: null }], false)
    }
    const makeDirectory = (path: string, isRecursive: boolean): void => {
      const parent = path.replace(/\/+[^/]+\/*$/, "")
      if (isRecursive && parent !== "" && parent !== path && !isThere(disk, parent)) makeDirectory(parent, true)
      const { folder, name, node } = at(path, "mkdir")
      if (node instanceof FolderNode && isRecursive) return
      if (node !== null) throw systemError("EEXIST", "mkdir", path)
      names("mkdir", path, [{ folder, name, node: new FolderNode() }], true)
    }
    const rename = (from: string, to: string): void => {
      const old = at(from, "rename")
      const next = at(to, "rename")
      const node = old.node ?? missing("rename", from)
      if (next.node instanceof FolderNode || (next.node !== null && node instanceof FolderNode))
        throw systemError(next.node instanceof FolderNode ? "EISDIR" : "ENOTDIR", "rename", to)
      names(
        "rename",
        `${from} ${to}`,
        [
          { ...old, node: null },
          { ...next, node }
        ],
        false
      )
    }
    const existing = (method: string) => (path: string) => later(() => void there(path, method))

    return FileSystem.make({
      access: existing("access"),
      chmod: existing("chmod"),
      chown: existing("chown"),
      utimes: existing("utimes"),
      copy: () => unknown("copy"),
      copyFile: (from, to) =>
        Effect.flatMap(
          later(() => readFile(from)),
          (bytes) => writeFile(to, bytes)
        ),
      link: () => unknown("link"),
      symlink: () => unknown("symlink"),
      readLink: () => unknown("readLink"),
      makeTempDirectory: () => unknown("makeTempDirectory"),
      makeTempDirectoryScoped: () => unknown("makeTempDirectoryScoped"),
      makeTempFile: () => unknown("makeTempFile"),
      makeTempFileScoped: () => unknown("makeTempFileScoped"),
      watch: () => Stream.fromEffect(unknown("watch")),
      lstat: (path) => later(() => infoOf(there(path, "lstat"))),
      stat: (path) => later(() => infoOf(there(path, "stat"))),
      realPath: (path) =>
        later(() => {
          there(path, "realpath")
          return `/${partsOf(path).join("/")}`
        }),
      open: (path, options) => open(path, options?.flag ?? "r"),
      readFile: (path) => later(() => readFile(path)),
      readDirectory: (path, options) =>
        options?.recursive === true
          ? unknown("readDirectory, recursive")
          : later(() =>
              entries(path)
                .map(([name]) => name)
                .sort()
            ),
      readDirectoryEntries: (path) => later(() => entries(path).map(([name, node]) => ({ name, type: typeOf(node) }))),
      writeFile: (path, bytes, options) => writeFile(path, bytes, options?.flag),
      truncate: (path, length = 0) => later(() => truncate(fileOf(there(path, "open"), "truncate", path), length, path)),
      makeDirectory: (path, options) => later(() => makeDirectory(path, options?.recursive === true)),
      remove: (path, options) =>
        later(() => {
          if (options?.force !== true || isThere(disk, path)) remove(path, options?.recursive === true)
        }),
      rename: (from, to) => later(() => rename(from, to))
    })
  }
}

/** Thrown to end a life in the middle of an operation. */
const powerGone = new Error("the power is gone")

/** Bytes that were read: like Node's Buffer, and unlike a plain Uint8Array, their `slice` shares memory. */
class ReadBytes extends Uint8Array {
  override slice(start?: number, end?: number) {
    return this.subarray(start, end)
  }
}

const partsOf = (path: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  for (const part of path.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return parts
}

/** The folder that holds or would hold a path, the path's name in it, and what is there. */
const place = (disk: FaultyDisk, path: string, method: string) => {
  const parts = partsOf(path)
  const name = parts.at(-1) ?? "."
  let folder = disk.root
  for (const part of parts.slice(0, -1)) folder = folderOf(folder.cached.get(part) ?? missing(method, path), method, path)
  return { folder, name, node: parts.length === 0 ? disk.root : (folder.cached.get(name) ?? null) }
}

const isThere = (disk: FaultyDisk, path: string): boolean => {
  let node: Node | undefined = disk.root
  for (const part of partsOf(path)) node = node instanceof FolderNode ? node.cached.get(part) : undefined
  return node !== undefined
}

const fileOf = (node: Node, method: string, path: string): FileNode => {
  if (node instanceof FileNode) return node
  throw systemError("EISDIR", method, path)
}

const folderOf = (node: Node, method: string, path: string): FolderNode => {
  if (node instanceof FolderNode) return node
  throw systemError("ENOTDIR", method, path)
}

const typeOf = (node: Node) => (node instanceof FileNode ? "File" : "Directory")

const infoOf = (node: Node): FileSystem.File.Info => ({
  type: typeOf(node),
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: node instanceof FileNode ? 0o600 : 0o700,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: ByteSize.bytes(node instanceof FileNode ? node.cached.length : 0),
  blksize: Option.none(),
  blocks: Option.none()
})

const missing = (method: string, path: string): never => {
  throw systemError("ENOENT", method, path)
}

const unknown = (method: string): Effect.Effect<never, PlatformError.PlatformError> =>
  Effect.fail(
    PlatformError.badArgument({ module: "FileSystem", method, description: "the faulty file system does not model this" })
  )
