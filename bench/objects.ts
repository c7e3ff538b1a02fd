/**
 * `npm run bench -- objects`: Troupe's objects beside Yjs, Loro, Automerge, and a bare last-writer-wins Map as the ceiling.
 *
 * Each system runs in a fresh process for each round, interleaved with the others, and proves by a digest of every cell that the peer
 * that caught up has what was written. Ratios are taken from medians. Troupe's catch-up verifies signatures; nobody else's has any.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type Asked, expectedDigest, type Measured, type Size, workOf } from "./src/Workload.ts"

interface System {
  readonly name: string
  readonly program: string
}

const troupe: System = { name: "Troupe", program: "src/ObjectsPeer.ts" }
const core: System = { name: "Troupe, core alone", program: "src/ObjectsCore.ts" }
const yjs: System = { name: "Yjs 13.6.33", program: "rivals/yjs.mjs" }
const loro: System = { name: "Loro 1.17.1", program: "rivals/loro.mjs" }
const automerge: System = { name: "Automerge 3.5.0", program: "rivals/automerge.mjs" }
const map: System = { name: "LWW Map (ceiling)", program: "rivals/lww.mjs" }

const full: Size = { objects: 10_000, updates: 100_000 }
/** Automerge takes minutes for the full shape; it is compared at a tenth of the updates, with Troupe beside it. */
const tenth: Size = { objects: 10_000, updates: 10_000 }
const single = { few: { objects: 100, updates: 1_000 }, many: { objects: 100_000, updates: 1_000 } }

export interface Options {
  /** Rounds whose medians are taken. */
  readonly rounds?: number
  readonly print?: (line: string) => void
}

export interface Ratio {
  readonly name: string
  readonly ratio: number
  readonly aim: string
  readonly isMet: boolean
}

export interface Report {
  readonly rows: ReadonlyArray<{ readonly system: string; readonly size: Size; readonly measured: Measured }>
  readonly ratios: ReadonlyArray<Ratio>
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  print(`10,000 objects × 5 properties, then random updates in transactions of 100, then an empty peer; median of ${rounds}`)
  const shape = await rounded([troupe, core, yjs, loro, map], { ...full, phase: "shape" }, rounds)
  const small = await rounded([troupe, core, automerge], { ...tenth, phase: "shape" }, rounds)
  const few = await rounded([troupe, core, yjs, map], { ...single.few, phase: "single" }, rounds)
  const many = await rounded([troupe, core, yjs, map], { ...single.many, phase: "single" }, rounds)
  printShape(print, full, shape)
  printShape(print, tenth, small)
  printSingle(print, few, many)
  const ratios = ratiosOf(shape, small, few, many)
  print("")
  for (const { aim, isMet, name, ratio } of ratios)
    print(`${name}: ${ratio.toFixed(2)} (aim ${aim}: ${isMet ? "met" : "missed"})`)
  const rows = [...rowsOf(shape, full), ...rowsOf(small, tenth), ...rowsOf(few, single.few), ...rowsOf(many, single.many)]
  return { rows, ratios }
}

type Results = ReadonlyMap<System, Measured>

const rowsOf = (results: Results, size: Size) =>
  [...results].map(([system, measured]) => ({ system: system.name, size, measured }))

const ratiosOf = (shape: Results, small: Results, few: Results, many: Results): ReadonlyArray<Ratio> => {
  const atLeast = (name: string, ratio: number, aim: number): Ratio => ({ name, ratio, aim: `≥ ${aim}`, isMet: ratio >= aim })
  const of = (results: Results, rival: System, phase: "updateMs" | "catchUpMs"): number =>
    results.get(rival)![phase]! / results.get(troupe)![phase]!
  const slope = many.get(troupe)!.singleUs! / few.get(troupe)!.singleUs!
  return [
    atLeast("updates, times faster than Yjs", of(shape, yjs, "updateMs"), 2),
    atLeast("catch-up, times faster than Yjs", of(shape, yjs, "catchUpMs"), 3),
    atLeast("catch-up, times faster than Automerge (10,000 updates)", of(small, automerge, "catchUpMs"), 15),
    {
      name: "one write at 100,000 objects against one at 100 (DXOS: 28 ms at 200, 440 ms at 1,000)",
      ratio: slope,
      aim: "0.7 to 1.3",
      isMet: slope >= 0.7 && slope <= 1.3
    }
  ]
}

// Running -----------------------------------------------------------------------------------------------------------------------

const timeoutMs = 10 * 60_000

const ask = ({ name, program }: System, asked: Asked): Promise<Measured> =>
  new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL(program, import.meta.url))
    execFile(process.execPath, [file, JSON.stringify(asked)], { timeout: timeoutMs }, (error, out, problems) => {
      if (error !== null) reject(new Error(`${name} failed: ${problems.slice(-2000) || error.message}`))
      else resolve(JSON.parse(out) as Measured)
    })
  })

const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

const medians = (rounds: ReadonlyArray<Measured>): Measured => {
  const phases = ["createMs", "updateMs", "catchUpMs", "bytes", "singleUs"] as const
  const found = phases.flatMap((phase) => {
    const values = rounds.flatMap((round) => (round[phase] === undefined ? [] : [round[phase]]))
    return values.length === 0 ? [] : [[phase, median(values)] as const]
  })
  return Object.fromEntries(found)
}

/** Rounds, the systems interleaved in each, so that a busy minute hits them all. */
const rounded = async (systems: ReadonlyArray<System>, asked: Asked, rounds: number): Promise<Results> => {
  const expected = asked.phase === "shape" ? expectedDigest(workOf(asked)) : undefined
  const all = new Map<System, Array<Measured>>(systems.map((system) => [system, []]))
  for (let round = 0; round < rounds; round++) {
    for (const system of systems) {
      const measured = await ask(system, asked)
      if (measured.digest !== expected) throw new Error(`${system.name} ended with other cells than were written`)
      all.get(system)!.push(measured)
    }
  }
  return new Map([...all].map(([system, measured]) => [system, medians(measured)]))
}

// Printing ----------------------------------------------------------------------------------------------------------------------

const row = (cells: ReadonlyArray<string>): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(20) : cell.padStart(14))).join("")

const printShape = (print: (line: string) => void, { updates }: Size, results: Results): void => {
  print("")
  print(row([`${updates.toLocaleString("en")} updates`, "create ms", "update ms", "µs each", "catch-up ms", "kB"]))
  for (const [{ name }, { bytes = 0, catchUpMs = 0, createMs = 0, updateMs = 0 }] of results) {
    const each = ((updateMs * 1000) / updates).toFixed(1)
    print(row([name, createMs.toFixed(0), updateMs.toFixed(0), each, catchUpMs.toFixed(0), (bytes / 1000).toFixed(0)]))
  }
}

const printSingle = (print: (line: string) => void, few: Results, many: Results): void => {
  print("")
  print(row(["one write, µs", "100 objects", "100,000", "slope"]))
  for (const [system, { singleUs = 0 }] of few) {
    const at = many.get(system)!.singleUs!
    print(row([system.name, singleUs.toFixed(1), at.toFixed(1), (at / singleUs).toFixed(2)]))
  }
}
