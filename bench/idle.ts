/**
 * `npm run bench -- idle`: what two peers that have nothing to do take of a machine's memory, in one process.
 *
 * A first process in two folders writes the objects and lets both peers have them; a second, fresh one opens the folders. Both connect by
 * way of a KUBE, which runs in this process, and are then left alone. They are compiled as the package is, and run by Node without
 * any option, as at a user's place: to run TypeScript directly costs some 25 MB more. Rounds run at once, since they take nothing of
 * each other but a moment at the start.
 */
import { execFileSync } from "node:child_process"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Kube from "../src/layers/kube/Kube.ts"
import { temporary } from "./src/FeedsWork.ts"
import type { Asked, Measured } from "./src/IdleTroupe.ts"
import { ask, line, median, type Options, type Ratio, type Report, type Row } from "./src/Report.ts"

const objects = 1_000
const idleSeconds = 60
const idleBytesMax = 120_000_000

const compile = (): void => {
  const tsc = path.resolve(import.meta.dirname, "../node_modules/typescript/bin/tsc")
  execFileSync(process.execPath, [tsc, "-p", import.meta.dirname], { stdio: ["ignore", 2, 2] })
}

/** Both lives of one pair of folders. */
const round = async (kube: string): Promise<{ readonly wrote: Measured; readonly opened: Measured }> => {
  const question: Asked = { kube, folder: temporary(), objects, idleSeconds }
  const live = () => ask<Measured>("built/bench/src/IdleTroupe.js", question)
  return { wrote: await live(), opened: await live() }
}

const measured = (rounds: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { url } = yield* Kube.open({ host: "127.0.0.1", port: 0 })
      return yield* Effect.promise(() => Promise.all(Array.from({ length: rounds }, () => round(url))))
    })
  )

/** What Node takes that does nothing at all. */
const bareBytes = (): number => Number(execFileSync(process.execPath, ["-p", "process.memoryUsage.rss()"]))

const megabytes = (bytes = 0): string => (bytes / 1e6).toFixed(1)

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  print(`two peers in one process, ${objects} objects on both, then ${idleSeconds} s of nothing; median of ${rounds} rounds`)
  compile()
  const all = await Effect.runPromise(measured(rounds))
  const of = (life: "wrote" | "opened", figure: keyof Measured): number => median(all.map((each) => each[life][figure]))
  const row = (work: string, bytes: number): Row => ({ work, system: "troupe", bytes })
  const rows: ReadonlyArray<Row> = [
    { work: "nothing", system: "node", bytes: bareBytes() },
    row("loaded", of("opened", "loaded")),
    { ...row("idle", of("opened", "idle")), seconds: idleSeconds },
    row("idle, heap", of("opened", "heap")),
    row("idle, at the highest", of("opened", "peak")),
    { ...row("idle after writing", of("wrote", "idle")), seconds: idleSeconds },
    row("idle after writing, at the highest", of("wrote", "peak"))
  ]
  const ratio = of("opened", "idle") / idleBytesMax
  const ratios: ReadonlyArray<Ratio> = [
    { name: "two idle peers, bytes in memory against 120 MB (DXOS: 382 MB)", ratio, aim: "≤ 1", isMet: ratio <= 1 }
  ]
  print(line(["", "MB"], 40))
  for (const { bytes, system, work } of rows) print(line([`${system}: ${work}`, megabytes(bytes)], 40))
  print(`processor, of ${idleSeconds} idle seconds: ${of("opened", "processor").toFixed(3)} s`)
  for (const { aim, isMet, name } of ratios) print(`${name}: ${ratio.toFixed(2)} (aim ${aim}: ${isMet ? "met" : "missed"})`)
  return { rows, ratios }
}
