/**
 * `npm run bench -- membership`: what it costs to know who may do what, by 10,000 signed operations, a fifth of which take something away.
 *
 * Their signatures are verified before the clock starts. They are judged all at once, as when a space is opened, and one by one; then comes
 * one more of each kind, and the removal of an owner who has let in a thousand, as a store takes it and as who shows the members sees it. A
 * fresh process for each round, whose answers have to be one, and which has done the same in another space before: what the first time takes,
 * by code that is not compiled yet, is printed beside. Beside it: making an identity, and how long operations are.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as CryptoNode from "../src/layers/platform/CryptoNode.ts"
import { decodeOperation } from "../src/schema/halo/OperationCodec.ts"
import { Writer } from "../src/schema/platform/Codec.ts"
import { temporary } from "./src/FeedsWork.ts"
import type * as Identities from "./src/IdentitiesTroupe.ts"
import { type History, historyOf } from "./src/MembershipHistory.ts"
import type { Asked, Measured } from "./src/MembershipTroupe.ts"
import { ask, line, median, type Options, type Ratio, type Report, type Row } from "./src/Report.ts"

const size = 10_000
const evaluationSecondsMax = 1
const oneMoreSecondsMax = 0.005
const identitySecondsMax = 0.05

const crypto = CryptoNode.make()

/** How many signatures there were, and the seconds that they took. */
const verified = async ({ more, operations, space }: History) => {
  const all = [...operations, ...more.map(({ bytes }) => bytes)]
  const decoded = all.map((bytes) => Result.getOrThrow(decodeOperation(bytes, space, crypto.hash)))
  const signatures = decoded.flatMap((each) => each.signatures)
  const start = performance.now()
  const holds = await Effect.runPromise(crypto.verify(signatures))
  if (!holds.every(Boolean)) throw new Error("a signature of the history does not hold")
  return { count: signatures.length, seconds: (performance.now() - start) / 1_000 }
}

/** The history in a file, as every round reads it. */
const stored = ({ more, operations, space }: History): string => {
  const to = new Writer(2 ** 20).array(3).bytes(space)
  for (const list of [operations, more.map(({ bytes }) => bytes)]) {
    to.array(list.length)
    for (const bytes of list) to.bytes(bytes)
  }
  const file = path.join(temporary(), "history")
  fs.writeFileSync(file, to.finish())
  return file
}

const measured = async (file: string, rounds: number): Promise<ReadonlyArray<Measured>> => {
  const all: Array<Measured> = []
  for (let round = 0; round < rounds; round++) all.push(await ask<Measured>("src/MembershipTroupe.ts", { file } satisfies Asked))
  if (new Set(all.map(({ digest }) => digest)).size > 1) throw new Error("two rounds came to two answers")
  return all
}

/** A row for each kind of one more, the slowest last. */
const oneMore = ({ more }: History, all: ReadonlyArray<Measured>) => {
  const rows = more.map(({ bytes, kind }, at) => ({
    ...{ work: `one more: ${kind}`, system: "troupe", bytes: bytes.length, members: all[0]!.more[at]!.members },
    seconds: median(all.map((each) => each.more[at]!.seconds)),
    first: median(all.map((each) => each.more[at]!.first))
  }))
  return rows.sort((a, b) => a.seconds - b.seconds)
}

const milliseconds = (seconds = 0): string => (seconds * 1_000).toFixed(2)

const within = (name: string, seconds: number, most: number): Ratio => {
  const ratio = seconds / most
  return { name: `${name}, of ${most * 1_000} ms`, ratio, aim: "< 1", isMet: ratio < 1 }
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  const history = historyOf(size)
  const signatures = await verified(history)
  const file = stored(history)
  const all = await measured(file, rounds)
  const made = await ask<Identities.Measured>("src/IdentitiesTroupe.ts", { identities: 20 } satisfies Identities.Asked)
  const of = (figure: "decoding" | "atOnce" | "oneByOne"): number => median(all.map((each) => each[figure]))
  const row = (work: string, seconds: number, count: number): Row => ({
    ...{ work, system: "troupe", seconds, perSecond: count / seconds }
  })
  const [atOnce, identity] = [of("atOnce"), median(made.seconds)]
  const more = oneMore(history, all)
  const slowest = more[more.length - 1]!
  const rows: ReadonlyArray<Row> = [
    row("verify signatures, before the clock", signatures.seconds, signatures.count),
    row("read", of("decoding"), size),
    row("evaluate, all at once", atOnce, size),
    row("evaluate, one by one", of("oneByOne"), size),
    ...more.map(({ bytes, seconds, system, work }) => ({ work, system, seconds, bytes })),
    row("identity, made and synced", identity, 1)
  ]
  const ratios: ReadonlyArray<Ratio> = [
    within(`evaluate ${size} operations`, atOnce, evaluationSecondsMax),
    within(`slowest, ${slowest.work}`, slowest.seconds, oneMoreSecondsMax),
    within("make an identity", identity, identitySecondsMax)
  ]
  const standings = Object.entries(all[0]!.standings).map(([standing, count]) => `${count} ${standing}`)
  print(`${size} operations, ${history.revocations} of them revocations (${standings.join(", ")}); median of ${rounds} rounds`)
  print(line(["", "ms", "a second"], 60))
  for (const { perSecond, seconds, work } of rows)
    if (perSecond !== undefined) print(line([work, milliseconds(seconds), Math.round(perSecond).toLocaleString("en")], 60))
  print(line(["", "ms", "first, ms", "bytes", "members"], 60))
  for (const { bytes, first, members, seconds, work } of more)
    print(line([work, milliseconds(seconds), milliseconds(first), `${bytes}`, `${members}`], 60))
  for (const { aim, isMet, name, ratio } of ratios)
    print(`${name}: ${ratio.toFixed(3)} (aim ${aim}: ${isMet ? "met" : "missed"})`)
  return { rows, ratios }
}
