/**
 * The counter of program.ts in three worlds, all of them or the one that is named: `node`, `two-processes` or `simulated`.
 */
import { fork } from "node:child_process"
import type { EventEmitter } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as Effect from "effect/Effect"
import { Kube } from "troupe/kube"
import { PeerNode } from "troupe/node"
import { World } from "troupe/simulation"
import { count, device, make } from "./program.ts"

const node = (folder: string) =>
  Effect.flatMap(make([]), (ticket) => Effect.all([count(ticket, 3, 3)])).pipe(
    Effect.provide(PeerNode.layer({ folder: `${folder}/alice` }))
  )

const next = (from: EventEmitter, event = "message") =>
  Effect.callback<string>((resume) => void from.once(event, (said) => resume(Effect.succeed(said))))

const twoProcesses = Effect.fnUntraced(function* (folder: string) {
  const { url } = yield* Kube.open({ host: "127.0.0.1", port: 0 })
  const other = fork(import.meta.filename, ["bob", `${folder}/bob`, url])
  const alice = Effect.gen(function* () {
    const ticket = yield* make([yield* next(other)])
    other.send(ticket)
    return yield* Effect.all([count(ticket, 3, 6), next(other)], { concurrency: 2 })
  })
  const counts = yield* Effect.provide(alice, PeerNode.layer({ folder: `${folder}/alice`, kube: url }))
  other.disconnect()
  yield* next(other, "exit")
  return counts
}, Effect.scoped)

const bob = (folder: string, kube: string) =>
  Effect.gen(function* () {
    process.send!(yield* device)
    process.send!(yield* count(yield* next(process), 3, 6))
    yield* next(process, "disconnect")
  }).pipe(Effect.provide(PeerNode.layer({ folder, kube })))

const world = World.run({ peers: ["alice", "bob"], seed: 7 }, ({ heal, partition, peer }) =>
  Effect.gen(function* () {
    const [alice, bob] = [peer("alice").run, peer("bob").run]
    const ticket = yield* alice(make([yield* bob(device)]))
    yield* partition([["alice"], ["bob", "kube"]])
    const counting = count(ticket, 3, 6)
    return yield* Effect.all([alice(counting), bob(counting), Effect.delay(heal, "30 minutes")], { concurrency: 3 })
  })
)

const simulated = () =>
  Effect.zipWith(world, world, ({ trace, value: [alice, bob] }, again) => {
    return [alice, `${bob} after half an hour apart; the same trace again: ${trace === again.trace}`]
  })

type Run = (folder: string) => Effect.Effect<ReadonlyArray<number | string>, unknown>
const worlds: Record<string, Run> = { node, "two-processes": twoProcesses, simulated }
const [name, ...given] = process.argv.slice(2)
if (name === "bob") await Effect.runPromise(bob(given[0]!, given[1]!))
else
  for (const each of name === undefined ? Object.keys(worlds) : [name]) {
    const folder = fs.mkdtempSync(`${os.tmpdir()}/counter-`)
    console.log(`${each}: ${(await Effect.runPromise(worlds[each]!(folder))).join(" and ")}`)
    fs.rmSync(folder, { recursive: true })
  }
