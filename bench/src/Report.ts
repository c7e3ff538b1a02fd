/**
 * What a benchmark answers, and how it is taken: rounds in which the systems follow each other, each in a process of its own.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

export interface Options {
  /** Rounds whose medians are taken. */
  readonly rounds?: number
  readonly print?: (line: string) => void
}

/** One system at one work. */
export interface Row {
  readonly work: string
  readonly system: string
  readonly seconds?: number
  readonly perSecond?: number
  readonly bytes?: number
}

/** How many times better, and what is aimed at. */
export interface Ratio {
  readonly name: string
  readonly ratio: number
  readonly aim: string
  readonly isMet: boolean
}

export interface Report {
  readonly rows: ReadonlyArray<Row>
  readonly ratios: ReadonlyArray<Ratio>
}

export const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

const timeoutMs = 10 * 60_000

/** Asks a program of the bench, in a fresh process: one question as JSON in, one answer as JSON out. */
export const ask = <A>(program: string, question: unknown): Promise<A> =>
  new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL(`../${program}`, import.meta.url))
    execFile(process.execPath, [file, JSON.stringify(question)], { timeout: timeoutMs }, (error, out, problems) => {
      if (error !== null) reject(new Error(`${program} failed: ${problems.slice(-2_000) || error.message}`))
      else resolve(JSON.parse(out) as A)
    })
  })

/** What each system measured in each round, the systems by turns, so that a busy minute hits them all. */
export const byTurns = async <S, A>(
  systems: ReadonlyArray<S>,
  rounds: number,
  measure: (system: S) => Promise<A>
): Promise<ReadonlyArray<readonly [system: S, measured: ReadonlyArray<A>]>> => {
  const all = systems.map((system): readonly [S, Array<A>] => [system, []])
  for (let round = 0; round < rounds; round++) for (const [system, measured] of all) measured.push(await measure(system))
  return all
}

/** A line of a table: the first cell on the left, the others on the right. */
export const line = (cells: ReadonlyArray<string>, first = 34): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(first) : cell.padStart(14))).join("")

export const shownRatio = ({ aim, isMet, name, ratio }: Ratio): string =>
  `${name}: ${ratio.toFixed(ratio < 10 ? 2 : 0)} × (aim ${aim}: ${isMet ? "met" : "missed"})`
