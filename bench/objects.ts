/**
 * `npm run bench -- objects`: Troupe's objects beside Yjs, Loro, Automerge, and a bare last-writer-wins Map as the ceiling.
 *
 * Each system runs in a fresh process for each round, interleaved with the others, and proves by a digest of every cell that the peer
 * that caught up has what was written. Ratios are taken from medians. Troupe's catch-up verifies signatures; nobody else's has any.
 */
import { ask, byTurns, line, median, type Options, type Ratio, type Report, type Row, shownRatio } from "./src/Report.ts"
import { type Asked, expectedDigest, type Measured, type Size, workOf } from "./src/Workload.ts"

interface System {
  readonly name: string
  readonly program: string
}

const troupe: System = { name: "troupe", program: "src/ObjectsPeer.ts" }
const core: System = { name: "troupe core", program: "src/ObjectsCore.ts" }
const yjs: System = { name: "yjs 13.6.33", program: "rivals/yjs.mjs" }
const loro: System = { name: "loro 1.17.1", program: "rivals/loro.mjs" }
const automerge: System = { name: "automerge 3.5.0", program: "rivals/automerge.mjs" }
const map: System = { name: "lww map (ceiling)", program: "rivals/lww.mjs" }

const full: Size = { objects: 10_000, updates: 100_000 }
/** Automerge takes minutes for the full shape; it is compared at a tenth of the updates, with Troupe beside it. */
const tenth: Size = { objects: 10_000, updates: 10_000 }
const single = { few: { objects: 100, updates: 1_000 }, many: { objects: 100_000, updates: 1_000 } }

type Results = ReadonlyMap<System, Measured>

const phases = ["createMs", "updateMs", "catchUpMs", "bytes", "singleUs"] as const

const medians = (rounds: ReadonlyArray<Measured>): Measured => {
  const found = phases.flatMap((phase) => {
    const values = rounds.flatMap((round) => round[phase] ?? [])
    return values.length === 0 ? [] : [[phase, median(values)] as const]
  })
  return Object.fromEntries(found)
}

const taken = async (systems: ReadonlyArray<System>, asked: Asked, rounds: number): Promise<Results> => {
  const expected = asked.phase === "shape" ? expectedDigest(workOf(asked)) : undefined
  const all = await byTurns(systems, rounds, async ({ name, program }) => {
    const measured = await ask<Measured>(program, asked)
    if (measured.digest !== expected) throw new Error(`${name} ended with other cells than were written`)
    return measured
  })
  return new Map(all.map(([system, measured]) => [system, medians(measured)]))
}

const shown = (count: number): string => count.toLocaleString("en")

/** What was measured of a size: an object is created with five properties, and a single write is an update in its own transaction. */
const rowsOf = (results: Results, { objects, updates }: Size): ReadonlyArray<Row> => {
  const row = (work: string, system: System, count: number, milliseconds: number, bytes?: number): Row => {
    const seconds = milliseconds / 1_000
    return { work, system: system.name, seconds, perSecond: count / seconds, ...(bytes === undefined ? {} : { bytes }) }
  }
  return [...results].flatMap(([system, { bytes, catchUpMs, createMs, singleUs, updateMs }]) => [
    ...(createMs === undefined ? [] : [row(`create ${shown(objects)}`, system, objects, createMs)]),
    ...(updateMs === undefined ? [] : [row(`update ${shown(updates)} times`, system, updates, updateMs)]),
    ...(catchUpMs === undefined ? [] : [row(`catch-up after ${shown(updates)} updates`, system, updates, catchUpMs, bytes)]),
    ...(singleUs === undefined ? [] : [row(`update one of ${shown(objects)}`, system, 1, singleUs / 1_000)])
  ])
}

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

const printShape = (print: (line: string) => void, { updates }: Size, results: Results): void => {
  print("")
  print(line([`${shown(updates)} updates`, "create ms", "update ms", "µs each", "catch-up ms", "kB"], 20))
  for (const [{ name }, { bytes, catchUpMs = 0, createMs = 0, updateMs = 0 }] of results) {
    const each = ((updateMs * 1000) / updates).toFixed(1)
    const kilobytes = bytes === undefined ? "–" : (bytes / 1000).toFixed(0)
    print(line([name, createMs.toFixed(0), updateMs.toFixed(0), each, catchUpMs.toFixed(0), kilobytes], 20))
  }
}

const printSingle = (print: (line: string) => void, few: Results, many: Results): void => {
  print("")
  print(line(["one write, µs", "100 objects", "100,000", "slope"], 20))
  for (const [system, { singleUs = 0 }] of few) {
    const at = many.get(system)!.singleUs!
    print(line([system.name, singleUs.toFixed(1), at.toFixed(1), (at / singleUs).toFixed(2)], 20))
  }
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  print(`10,000 objects × 5 properties, then random updates in transactions of 100, then an empty peer; median of ${rounds}`)
  const shape = await taken([troupe, core, yjs, loro, map], { ...full, phase: "shape" }, rounds)
  const small = await taken([troupe, core, automerge], { ...tenth, phase: "shape" }, rounds)
  const few = await taken([troupe, core, yjs, map], { ...single.few, phase: "single" }, rounds)
  const many = await taken([troupe, core, yjs, map], { ...single.many, phase: "single" }, rounds)
  printShape(print, full, shape)
  printShape(print, tenth, small)
  printSingle(print, few, many)
  const ratios = ratiosOf(shape, small, few, many)
  print("")
  for (const ratio of ratios) print(shownRatio(ratio))
  const rows = [...rowsOf(shape, full), ...rowsOf(small, tenth), ...rowsOf(few, single.few), ...rowsOf(many, single.many)]
  return { rows, ratios }
}
