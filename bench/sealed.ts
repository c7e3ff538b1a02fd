/**
 * `npm run bench -- sealed`: what sealing a folder costs, beside the same work unsealed.
 *
 * Entries of 200 random bytes are appended to a feed over LevelDB, with every flush synced and with none, and read back. A folder is
 * opened up to its keys: unsealed, with its key in a file, and with a passphrase, which is meant to take a while. A process for each.
 */
import { type Asked, expectedDigest, type Measured } from "./src/FeedsWork.ts"
import type * as Opening from "./src/OpeningTroupe.ts"
import { ask, byTurns, line, median, type Options, type Ratio, type Report, type Row, shownRatio } from "./src/Report.ts"

const systems = ["unsealed", "sealed"] as const

const work = (name: string, asked: Partial<Asked>) => ({
  name,
  asked: { work: "append", batch: 1, callers: 1, feeds: 1, entries: 102_400, isStrict: false, ...asked } satisfies Asked
})

const works = [
  work("append alone, synced", { entries: 2_048, isStrict: true }),
  work("append alone", { entries: 10_240 }),
  work("append 256 callers", { callers: 256 }),
  work("append batch=256", { batch: 256 })
]

const measure = async (asked: Asked): Promise<Measured> => {
  const measured = await ask<Measured>("src/FeedsTroupe.ts", asked)
  if (measured.digest !== expectedDigest(asked)) throw new Error("it ended with other entries than were written")
  return measured
}

/** How much of its speed the work keeps. */
const ratioOf = (name: string, seconds: Readonly<Record<(typeof systems)[number], number>>): Ratio => {
  const ratio = seconds.unsealed / seconds.sealed
  return { name: `${name}, sealed against unsealed`, ratio, aim: "≥ 0.5", isMet: ratio >= 0.5 }
}

const taken = async ({ asked, name }: (typeof works)[number], rounds: number) => {
  const all = await byTurns(systems, rounds, (system) => measure({ ...asked, isSealed: system === "sealed" }))
  const rows: Array<Row> = []
  const ratios: Array<Ratio> = []
  for (const [what, figure] of [
    [name, "seconds"],
    [`${name}, read back`, "readSeconds"]
  ] as const) {
    const medians = { unsealed: 0, sealed: 0 }
    for (const [system, found] of all) {
      const seconds = median(found.map((one) => one[figure] ?? 0))
      medians[system] = seconds
      const bytes = Math.round(found[0]!.bytes / asked.entries)
      rows.push({ work: what, system, seconds, perSecond: asked.entries / seconds, bytes })
    }
    ratios.push(ratioOf(what, medians))
  }
  return { rows, ratios }
}

const openings = async (rounds: number): Promise<ReadonlyArray<Row>> => {
  const all = await byTurns(["none", "file", "passphrase"] as const, rounds, (by) =>
    ask<Opening.Measured>("src/OpeningTroupe.ts", { by } satisfies Opening.Asked)
  )
  return all.map(([by, found]) => ({ work: "opening", system: by, seconds: median(found.map((one) => one.seconds)) }))
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  print(`entries of 200 bytes, median of ${rounds} rounds; nothing is synced unless said`)
  const rows: Array<Row> = []
  const ratios: Array<Ratio> = []
  for (const each of works) {
    const found = await taken(each, rounds)
    rows.push(...found.rows)
    ratios.push(...found.ratios)
    print("")
    print(line([each.name, "entries/s", "bytes/entry"]))
    for (const { bytes = 0, perSecond = 0, system, work } of found.rows) {
      const name = work === each.name ? system : `${system}, read back`
      print(line([`  ${name}`, Math.round(perSecond).toLocaleString("en"), bytes.toLocaleString("en")]))
    }
    for (const ratio of found.ratios) print(shownRatio(ratio))
  }
  print("")
  print(line(["opening a folder", "ms"]))
  const opened = await openings(rounds)
  for (const { seconds = 0, system } of opened) print(line([`  sealed by: ${system}`, (seconds * 1_000).toFixed(1)]))
  return { rows: [...rows, ...opened], ratios }
}
