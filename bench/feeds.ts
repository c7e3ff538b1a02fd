/**
 * `npm run bench -- feeds`: appending to and taking in signed feeds, beside Hypercore.
 *
 * An entry has 200 random bytes: a block in Hypercore, a change set in Troupe. Both keep their feeds on disk and sync nothing; Troupe's
 * rows named `strict` sync every flush and every run, as its Peers do. What arrived is compared by digest before any time counts.
 * Each system runs in a fresh process for each work and round, the systems by turns.
 */
import { type Asked, expectedDigest, type Measured } from "./src/FeedsWork.ts"
import { ask, byTurns, line, median, type Options, type Ratio, type Report, type Row, shownRatio } from "./src/Report.ts"

interface System {
  readonly name: string
  readonly program: string
  readonly isStrict: boolean
  /** Entries are divided by this where the whole would take minutes; speeds are compared. */
  readonly share: number
}

const troupe: System = { name: "troupe", program: "src/FeedsTroupe.ts", isStrict: false, share: 1 }
const strict: System = { ...troupe, name: "troupe strict", isStrict: true }
const hypercore: System = { name: "hypercore 11.37.1", program: "rivals/hypercore.mjs", isStrict: false, share: 1 }

interface Work {
  readonly name: string
  readonly asked: Omit<Asked, "isStrict">
  /** What Troupe is to be against Hypercore, or null where nothing was set. */
  readonly aim: number | null
  /** Hypercore's share of the entries. */
  readonly share: number
}

const work = (name: string, asked: Partial<Asked>, aim: number | null, share = 1): Work => ({
  name,
  asked: { work: "append", batch: 1, callers: 1, feeds: 1, entries: 102_400, ...asked },
  aim,
  share
})

const works: ReadonlyArray<Work> = [
  work("append alone", { entries: 5_120 }, null),
  work("append 256 callers", { callers: 256 }, 15, 10),
  work("append batch=16", { batch: 16 }, null),
  work("append batch=256", { batch: 256 }, 3),
  work("ingest", { work: "ingest", callers: 256, entries: 100_000 }, 15),
  work("ingest two feeds", { work: "ingest", callers: 256, feeds: 2, entries: 100_000 }, null),
  work("ingest appended alone", { work: "ingest", entries: 10_000 }, null)
]

/** The same entries in both systems, verified, or a share of them where the rival is compared by its speed. */
const measure = async (system: System, { asked, share }: Work): Promise<Measured & { readonly entries: number }> => {
  const entries = system === hypercore ? asked.entries / share : asked.entries
  const question: Asked = { ...asked, entries, isStrict: system.isStrict }
  const measured = await ask<Measured>(system.program, question)
  if (measured.digest !== expectedDigest(question)) throw new Error(`${system.name} ended with other entries than were written`)
  return { ...measured, entries }
}

const taken = async (each: Work, systems: ReadonlyArray<System>, rounds: number): Promise<ReadonlyArray<Row>> => {
  const all = await byTurns(systems, rounds, (system) => measure(system, each))
  return all.map(([system, found]) => {
    const seconds = median(found.map((one) => one.seconds))
    const { bytes, entries } = found[0]!
    return { work: each.name, system: system.name, seconds, perSecond: entries / seconds, bytes: Math.round(bytes / entries) }
  })
}

const ratioOf = ({ aim, name }: Work, rows: ReadonlyArray<Row>): Ratio => {
  const speed = (system: System) => rows.find((row) => row.system === system.name)!.perSecond!
  const ratio = speed(troupe) / speed(hypercore)
  return { name: `${name}, troupe against hypercore`, ratio, aim: aim === null ? "none" : `≥ ${aim}`, isMet: ratio >= (aim ?? 0) }
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  print(`entries of 200 bytes, median of ${rounds} rounds; nothing is synced but in the rows named strict`)
  const rows: Array<Row> = []
  const ratios: Array<Ratio> = []
  for (const each of works) {
    const found = await taken(each, [troupe, hypercore, strict], rounds)
    const ratio = ratioOf(each, found)
    rows.push(...found)
    ratios.push(ratio)
    print("")
    print(line([each.name, "entries/s", "bytes/entry"]))
    for (const { bytes = 0, perSecond = 0, system } of found) {
      print(line([`  ${system}`, Math.round(perSecond).toLocaleString("en"), bytes.toLocaleString("en")]))
    }
    print(shownRatio(ratio))
  }
  return { rows, ratios }
}
