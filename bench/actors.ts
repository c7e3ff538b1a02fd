/**
 * `npm run bench -- actors`: telling and asking actors, beside XState 5, a raw Effect Queue, and effect/cluster's TestRunner.
 *
 * All do the same: a counter adds what it is sent and answers the sum, which proves that every message was handled. Troupe runs it twice,
 * with handlers that answer values and handlers that answer Effects. Each system runs in a fresh process for each work and round, by turns.
 * Troupe's asks have their timeouts; those of XState and of the queue have none. Between peers each message is a call over a connection.
 */
import type { Asked, Measured } from "./src/ActorsWork.ts"
import { ask, byTurns, line, median, type Options, type Ratio, type Report, type Row, shownRatio } from "./src/Report.ts"

interface System {
  readonly name: string
  readonly program: string
  readonly handler: Asked["handler"]
}

const plain: System = { name: "troupe, plain", program: "src/ActorsTroupe.ts", handler: "plain" }
const effect: System = { name: "troupe, effects", program: "src/ActorsTroupe.ts", handler: "effect" }
const xstate: System = { name: "xstate 5.33.3", program: "rivals/xstate.mjs", handler: "plain" }
const queue: System = { name: "effect queue", program: "src/ActorsQueue.ts", handler: "effect" }
const peers: System = { name: "troupe, two peers", program: "src/ActorsPeers.ts", handler: "plain" }
const cluster: System = { name: "cluster test runner", program: "src/ActorsCluster.ts", handler: "effect" }

interface Work {
  readonly name: string
  readonly work: Asked["work"]
  readonly count: number
  /** Systems that are a hundred times slower do a share, and are compared by their speed. */
  readonly shares: ReadonlyArray<readonly [System, number]>
  readonly aims: ReadonlyArray<readonly [ours: System, theirs: System, aim: number]>
}

const all: Work["shares"] = [
  [plain, 1],
  [effect, 1],
  [xstate, 1],
  [queue, 1]
]
const asked: Work["shares"] = [...all, [cluster, 20]]

const works: ReadonlyArray<Work> = [
  {
    name: "tell",
    work: "tell",
    count: 300_000,
    shares: all,
    aims: [
      [plain, xstate, 0.3],
      [effect, queue, 0.5]
    ]
  },
  {
    name: "ask, one at a time",
    work: "ask",
    count: 100_000,
    shares: asked,
    aims: [
      [plain, cluster, 10],
      [effect, cluster, 10]
    ]
  },
  {
    name: "ask, 1,000 in flight",
    work: "asks",
    count: 200_000,
    shares: asked,
    aims: [
      [plain, cluster, 10],
      [effect, cluster, 10]
    ]
  },
  { name: "ring of 1,000", work: "ring", count: 200_000, shares: all, aims: [[effect, queue, 0.5]] },
  { name: "ping-pong between peers", work: "peers", count: 5_000, shares: [[peers, 1]], aims: [] },
  { name: "100,000 idle", work: "idle", count: 100_000, shares: all, aims: [] }
]

const idleBytesMax = 600

const measure = async ({ work, count }: Work, { handler, program }: System, share: number): Promise<number> => {
  const question: Asked = { work, count: count / share, handler }
  const { bytes, seconds, sum } = await ask<Measured>(program, question)
  if (sum !== question.count) throw new Error(`${program} handled ${sum} of ${question.count} messages (${work})`)
  return work === "idle" ? bytes : question.count / seconds
}

const taken = async (work: Work, rounds: number): Promise<ReadonlyArray<Row>> => {
  const all = await byTurns(work.shares, rounds, ([system, share]) => measure(work, system, share))
  return all.map(([[system], found]) => {
    const value = median(found)
    const measured = work.work === "idle" ? { bytes: Math.round(value) } : { perSecond: value }
    return { work: work.name, system: system.name, ...measured }
  })
}

const ratiosOf = ({ aims, name, work }: Work, rows: ReadonlyArray<Row>): ReadonlyArray<Ratio> => {
  const of = (system: System) => rows.find((row) => row.system === system.name)!
  if (work === "idle") {
    const ratio = of(plain).bytes! / idleBytesMax
    return [{ name: `${name}, bytes of each against ${idleBytesMax}`, ratio, aim: "≤ 1", isMet: ratio <= 1 }]
  }
  return aims.map(([ours, theirs, aim]) => {
    const ratio = of(ours).perSecond! / of(theirs).perSecond!
    return { name: `${name}, ${ours.name} against ${theirs.name}`, ratio, aim: `≥ ${aim}`, isMet: ratio >= aim }
  })
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  print(`median of ${rounds} rounds, a fresh process each`)
  const rows: Array<Row> = []
  const ratios: Array<Ratio> = []
  for (const work of works) {
    const found = await taken(work, rounds)
    const reached = ratiosOf(work, found)
    rows.push(...found)
    ratios.push(...reached)
    print("")
    print(line([work.name, work.work === "idle" ? "bytes/actor" : "messages/s"]))
    for (const { bytes, perSecond, system } of found)
      print(line([`  ${system}`, Math.round(perSecond ?? bytes ?? 0).toLocaleString("en")]))
    for (const ratio of reached) print(shownRatio(ratio))
  }
  return { rows, ratios }
}
