/**
 * The platter of a simulated disk: what was written, what of it is durable, and what a crash leaves.
 *
 * It outlives the lives of its peer. A batch is atomic, as the contract of Storage says; a strict one is durable when its write ends,
 * a relaxed one when the disk pleases. So after a crash of the machine any of the relaxed ones may be missing, whatever was written
 * strictly after them (LevelDB loses the end of one log file and keeps the next). A crash of the process alone loses nothing, and who
 * opens the storage next finds all of it on the medium, since he builds on it.
 */
import { equalBytes } from "../platform/Codec.ts"
import { OrderedBytes } from "../platform/OrderedBytes.ts"
import type { Stream } from "./Seed.ts"

export interface Change {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** What a crash leaves of batches that are not durable: all, none, those up to some point, or any of them. */
export type Left = "kept" | "lost" | "cut" | "torn"

/** What was durable on a disk at some time, and the number that stood beside it. */
export interface Backup {
  readonly entries: ReadonlyArray<{ readonly key: Uint8Array; readonly value: Uint8Array }>
  readonly starts: number
}

interface Written {
  batch: ReadonlyArray<Change>
  isDurable: boolean
}

export class Platter {
  /** What a reader sees. */
  view = new OrderedBytes()
  isFull = false
  /** Microseconds that each operation takes more than usual. */
  slowMicros = 0
  /** Operations that took longer because of it, and writes that found no room. */
  readonly touched = { slowed: 0, refused: 0 }
  /** The number that BootCounter keeps beside the storage. */
  starts = 0
  /** Crashes that left less than was written. */
  losses = 0
  private base = new OrderedBytes()
  /** Batches since the first that is not durable, in the order in which they were written. */
  private log: Array<Written> = []
  /** What `durable` answered, until that is something else: who looks at a disk again and again pays for what has changed. */
  private known: OrderedBytes | null = null

  /** Microseconds that an operation that begins now takes more than usual; it is counted. */
  slowness(): number {
    if (this.slowMicros > 0) this.touched.slowed++
    return this.slowMicros
  }

  /** Whether there is no room for a write now; it is counted. */
  refuses(): boolean {
    if (this.isFull) this.touched.refused++
    return this.isFull
  }

  /** Writes a batch, and answers how to make it durable. */
  write(batch: ReadonlyArray<Change>): () => void {
    const copied = batch.map(({ key, value }) => ({ key: key.slice(), value: value === null ? null : value.slice() }))
    const written: Written = { batch: copied, isDurable: false }
    this.view.apply(copied)
    this.log.push(written)
    return () => {
      written.isDurable = true
      this.settle()
    }
  }

  /** A storage was opened on it, which carries what it finds to the medium before it shows it. */
  open(): void {
    for (const written of this.log) written.isDurable = true
    this.settle()
  }

  /** Batches that a crash could take. */
  get unsynced(): number {
    return this.log.reduce((sum, { isDurable }) => sum + (isDurable ? 0 : 1), 0)
  }

  /** What would be left if everything was lost that may be. It stays as it is, and is not to be written to. */
  durable(): OrderedBytes {
    if (this.known !== null) return this.known
    const left = new OrderedBytes(this.base)
    for (const { batch, isDurable } of this.log) if (isDurable) left.apply(batch)
    this.known = left
    return left
  }

  /** The machine crashed. Answers how many batches were lost. */
  crash(left: Left, random: Stream): number {
    const open = this.log.filter(({ isDurable }) => !isDurable)
    const cut = left === "cut" ? random.below(open.length + 1) : 0
    const isLeft = (index: number): boolean =>
      left === "kept" || (left === "cut" ? index < cut : left === "torn" && random.oneIn(2))
    const kept = new Set(open.filter((_, index) => isLeft(index)))
    for (const written of this.log) if (written.isDurable || kept.has(written)) this.base.apply(written.batch)
    this.log = []
    this.known = null
    this.view = new OrderedBytes(this.base)
    const lost = open.length - kept.size
    if (lost > 0) this.losses++
    return lost
  }

  backup(): Backup {
    return { entries: this.durable().page(everything), starts: this.starts }
  }

  /** The disk is that of the backup, and nothing waits to be durable; the number beside it is left alone. Answers whether it showed anything else. */
  restore({ entries }: Backup): boolean {
    const shown = this.view.page(everything)
    const isSame = ({ key, value }: Backup["entries"][number], i: number) =>
      shown[i] !== undefined && equalBytes(shown[i].key, key) && equalBytes(shown[i].value, value)
    this.base = new OrderedBytes()
    this.base.apply(entries)
    this.log = []
    this.known = null
    this.view = new OrderedBytes(this.base)
    return shown.length !== entries.length || !entries.every(isSame)
  }

  /** Flips a bit of a durable value of such a key, wherever it is kept. Answers the key, if there is one. */
  rot(among: (key: Uint8Array) => boolean, random: Stream): Uint8Array | null {
    const entries = this.durable().page(everything)
    const found = entries.filter(({ key, value }) => value.length > 0 && among(key))
    if (found.length === 0) return null
    const { key, value } = random.pick(found)
    this.known = null
    value[random.below(value.length)]! ^= 1 << random.below(8)
    const batches = this.log.filter(({ batch }) => batch.some((change) => equalBytes(change.key, key)))
    const holder = batches.findLast(({ isDurable }) => isDurable)
    if (holder === undefined) this.base.apply([{ key, value }])
    else holder.batch = [...holder.batch, { key, value }]
    // a later write that is not durable hides it, until a crash takes that
    if (batches.at(-1) === holder) this.view.apply([{ key, value }])
    return key
  }

  private settle(): void {
    this.known = null
    let durable = 0
    while (durable < this.log.length && this.log[durable]!.isDurable) this.base.apply(this.log[durable++]!.batch)
    if (durable > 0) this.log.splice(0, durable)
  }
}

const everything = { from: new Uint8Array(), to: new Uint8Array(1_024).fill(255), limit: Number.POSITIVE_INFINITY }
