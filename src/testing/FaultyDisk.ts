/**
 * A disk that loses power: what of the files and names on it is there afterwards, drawn from a seed.
 *
 * It holds everything twice, as programs see it (the cache) and as the medium has it, and between the two the edits that were not
 * synced, in order. A sync of a file carries the file's edits over to the medium; a sync of a folder, its names. When the power
 * goes, the outcome decides about each edit that is left:
 *
 * - `kept`: all are on the medium. It is also what a killed process leaves.
 * - `lost`: none is.
 * - `cut`: of each file the first few, the last of them cut at any byte; of all names the first few. This is a journal.
 * - `torn`: of each write any of its sectors of 512 bytes, of truncations and names any. A sector that is missing before one that is
 *   kept reads as zeros, or as what somebody else left there. This is what caches and disks do that write in an order of their own.
 *
 * Files are drawn for each other independently, so a later write to one may be kept where an earlier one to another is lost. The
 * name of a new file is an edit of its folder: who syncs the file and not the folder may lose all of it. A rename is one edit.
 * A sync that fails carries some of the edits over and forgets the rest, and a later sync that succeeds does not bring them back;
 * the cache goes on showing them (ext4, XFS) or reverts to the medium (Btrfs). Full is full: writes take what room there is and
 * fail, new names are refused, what was there may be overwritten, truncated and removed; removing makes no room, since somebody else
 * is filling the disk. What was synced stays: rot is not modelled, nor a disk that lies about its syncs.
 *
 * From: Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014), for what may be reordered and torn; Rebello et al.,
 * "Can Applications Recover from fsync Failures?" (ATC 2020); and "Atomic Commit in SQLite", which assumes of a sector what is
 * assumed here.
 */
import { numbersFrom } from "./Seeded.ts"

/** What is there of unsynced edits when the power has gone. */
export type Outcome = "kept" | "lost" | "cut" | "torn"
export const outcomes: ReadonlyArray<Outcome> = ["lost", "torn", "cut", "kept"]

const sectorBytes = 512

export class FaultyDisk {
  readonly root: FolderNode = new FolderNode()
  /** Bytes that may still be written behind the ends of files. */
  room: number = Number.POSITIVE_INFINITY
  private readonly files = new Set<FileNode>()
  private names: Array<NameEdit> = []

  file(): FileNode {
    const file = new FileNode()
    this.files.add(file)
    return file
  }

  folder(): FolderNode {
    return new FolderNode()
  }

  /** Sets names, or removes them (null), in one edit. */
  name(changes: NameEdit): void {
    for (const { folder, name, node } of changes) setName(folder.cached, name, node)
    this.names.push(changes)
  }

  /** Writes what there is room for, and says how many bytes that was. */
  write(file: FileNode, at: number, bytes: Uint8Array): number {
    const inside = Math.max(0, file.cached.length - at)
    const length = Math.min(bytes.length, inside + this.room)
    this.room -= Math.max(0, length - inside)
    if (length > 0) file.edit({ at, bytes: bytes.slice(0, length) })
    return length
  }

  truncate(file: FileNode, length: number): void {
    file.edit({ at: length, bytes: null })
  }

  sync(node: Node): void {
    if (node instanceof FileNode) {
      for (const edit of node.edits) node.medium.apply(edit)
      node.edits = []
      return
    }
    for (const edit of this.takeNames(node)) applyNames(edit)
  }

  /** A sync that fails: some of the edits are on the medium, the others never will be. */
  failSync(node: Node, draw: (below: number) => number): void {
    const isReverted = draw(2) === 0
    if (node instanceof FileNode) {
      tear(node, draw)
      if (isReverted) node.cached = node.medium.copy()
      return
    }
    for (const edit of this.takeNames(node)) if (draw(2) === 0) applyNames(edit)
    if (isReverted) node.cached = new Map(node.medium)
  }

  /** The power goes, and comes back. */
  crash(outcome: Outcome, seed: number): void {
    const draw = numbersFrom(seed)
    for (const file of this.files) {
      if (outcome === "torn") tear(file, draw)
      else {
        const first = outcome === "kept" ? file.edits.length : outcome === "lost" ? 0 : prefix(file.edits.length, draw)
        for (const edit of file.edits.slice(0, first)) file.medium.apply(edit)
        const next = file.edits[first]
        if (outcome === "cut" && next?.bytes) {
          file.medium.apply({ at: next.at, bytes: next.bytes.subarray(0, draw(next.bytes.length)) })
        }
      }
      file.edits = []
      file.cached = file.medium.copy()
    }
    const first = outcome === "cut" ? prefix(this.names.length, draw) : this.names.length
    for (const edit of this.names.slice(0, first)) {
      if (outcome !== "lost" && (outcome !== "torn" || draw(2) === 0)) applyNames(edit)
    }
    this.names = []
    this.forget(this.root)
    this.room = Number.POSITIVE_INFINITY
  }

  private takeNames(folder: FolderNode): ReadonlyArray<NameEdit> {
    const isOf = (edit: NameEdit) => edit.some((change) => change.folder === folder)
    const taken = this.names.filter(isOf)
    this.names = this.names.filter((edit) => !isOf(edit))
    return taken
  }

  private forget(folder: FolderNode): void {
    folder.cached = new Map(folder.medium)
    for (const node of folder.cached.values()) if (node instanceof FolderNode) this.forget(node)
  }
}

export type Node = FileNode | FolderNode

export class FileNode {
  cached = new Content()
  medium = new Content()
  edits: Array<Edit> = []

  edit(edit: Edit): void {
    this.cached.apply(edit)
    this.edits.push(edit)
  }
}

export class FolderNode {
  cached = new Map<string, Node>()
  readonly medium = new Map<string, Node>()
}

/** Bytes written at an offset; or, without bytes, a truncation to it. */
interface Edit {
  readonly at: number
  readonly bytes: Uint8Array | null
}

type NameEdit = ReadonlyArray<{ readonly folder: FolderNode; readonly name: string; readonly node: Node | null }>

/** The bytes of a file, which grow by doubling. */
class Content {
  private bytes = new Uint8Array(0)
  length = 0

  apply({ at, bytes }: Edit): void {
    const end = at + (bytes?.length ?? 0)
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2))
      grown.set(this.view())
      this.bytes = grown
    }
    if (bytes === null) {
      // what is behind the end reads as zeros when the file grows again
      this.bytes.fill(0, Math.min(at, this.length), this.length)
      this.length = at
      return
    }
    this.bytes.set(bytes, at)
    this.length = Math.max(this.length, end)
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  copy(): Content {
    const copy = new Content()
    copy.bytes = this.view().slice()
    copy.length = this.length
    return copy
  }
}

const setName = (names: Map<string, Node>, name: string, node: Node | null): void => {
  if (node === null) names.delete(name)
  else names.set(name, node)
}

const applyNames = (edit: NameEdit): void => {
  for (const { folder, name, node } of edit) setName(folder.medium, name, node)
}

/** How many of `length` come first: often none or all, since those are the cases that programs are written for. */
const prefix = (length: number, draw: (below: number) => number): number => {
  const kind = draw(4)
  return kind === 0 ? 0 : kind === 1 ? length : draw(length + 1)
}

/** Carries some sectors of a file's edits over to the medium, and forgets the others. */
const tear = (file: FileNode, draw: (below: number) => number): void => {
  // of some files nearly all is kept, of others nearly nothing
  const kept = [1, 4, 7][draw(3)]!
  const isKept = () => draw(8) < kept
  for (const { at, bytes } of file.edits) {
    if (bytes === null) {
      if (isKept()) file.medium.apply({ at, bytes })
      continue
    }
    const hasLength = isKept()
    const strangers = draw(2) === 0 ? 0 : 1 + draw(255)
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + sectorBytes - ((at + from) % sectorBytes))
      const sector = bytes.subarray(from, to)
      const isNew = at + from >= file.medium.length
      if (isKept()) file.medium.apply({ at: at + from, bytes: sector })
      else if (hasLength && isNew) file.medium.apply({ at: at + from, bytes: new Uint8Array(sector.length).fill(strangers) })
      from = to
    }
  }
  file.edits = []
}
