/**
 * The work that every system of `bench/objects.ts` does, the same numbers in the same order, and the digest that proves it was done.
 *
 * Objects have five properties of the usual kinds. A digest is over every cell of the peer that caught up, so a system that is fast
 * because it lost something fails instead.
 */
import { createHash } from "node:crypto"
import { median } from "./Report.ts"

export const keys = ["title", "done", "count", "who", "at"] as const
export type Cell = string | number | boolean
export type Cells = readonly [title: string, done: boolean, count: number, who: string, at: number]

export interface Update {
  readonly object: number
  readonly key: number
  readonly value: Cell
}

export interface Work {
  readonly objects: ReadonlyArray<Cells>
  /** Transactions of up to `perTransaction` updates. */
  readonly transactions: ReadonlyArray<ReadonlyArray<Update>>
}

export interface Size {
  readonly objects: number
  readonly updates: number
}

/** What one system measured. Absent phases were not asked for. */
export interface Measured {
  readonly createMs?: number
  readonly updateMs?: number
  readonly catchUpMs?: number
  readonly bytes?: number
  readonly digest?: string
  /** Median microseconds of one update in a transaction of its own. */
  readonly singleUs?: number
}

const perTransaction = 100

const randomFrom = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const cellOf = (random: () => number, key: number): Cell => {
  if (key === 0) return `Task number ${Math.floor(random() * 1e6)}`
  if (key === 1) return random() < 0.5
  if (key === 2) return Math.floor(random() * 100)
  if (key === 3) return `user ${Math.floor(random() * 50)}`
  return 1_700_000_000_000 + Math.floor(random() * 1e9)
}

export const workOf = ({ objects, updates }: Size, seed = 1): Work => {
  const random = randomFrom(seed)
  const cells = (): Cells => [0, 1, 2, 3, 4].map((key) => cellOf(random, key)) as unknown as Cells
  const made = Array.from({ length: objects }, cells)
  const transactions: Array<Array<Update>> = []
  for (let i = 0; i < updates; i++) {
    const object = Math.floor(random() * objects)
    const key = Math.floor(random() * keys.length)
    if (i % perTransaction === 0) transactions.push([])
    transactions[transactions.length - 1]!.push({ object, key, value: cellOf(random, key) })
  }
  return { objects: made, transactions }
}

/** The digest of every cell, in the order of the objects. */
export const digestOf = (count: number, cell: (object: number, key: number) => unknown): string => {
  const hash = createHash("sha256")
  for (let i = 0; i < count; i++) hash.update(JSON.stringify(keys.map((_, key) => cell(i, key))))
  return hash.digest("hex").slice(0, 16)
}

/** The digest that a correct system ends with. */
export const expectedDigest = ({ objects, transactions }: Work): string => {
  const state = objects.map((cells) => [...cells] as Array<Cell>)
  for (const updates of transactions) for (const { key, object, value } of updates) state[object]![key] = value
  return digestOf(state.length, (object, key) => state[object]![key])
}

/** Chunks of a list, for systems that create in transactions. */
export function* chunksOf<A>(list: ReadonlyArray<A>, size = perTransaction): Generator<ReadonlyArray<A>> {
  for (let i = 0; i < list.length; i += size) yield list.slice(i, i + size)
}

/** The median of repeated single writes, in microseconds; the first fifth warms up. */
export const medianOf = (times: ReadonlyArray<number>): number => median(times.slice(Math.floor(times.length / 5)))

export const milliseconds = (since: number): number => performance.now() - since

/** What a child is asked for: `shape` measures creating, updating and catching up; `single` one write at a size. */
export interface Asked extends Size {
  readonly phase: "shape" | "single"
}

/** The child's side of `bench/objects.ts`: one question as JSON in, one answer as JSON out. */
export const answer = async (measure: (asked: Asked) => Measured | Promise<Measured>): Promise<void> => {
  const asked = JSON.parse(process.argv[2] ?? "{}") as Asked
  process.stdout.write(`${JSON.stringify(await measure(asked))}\n`)
}
