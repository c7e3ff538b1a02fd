/**
 * Two Peers as applications use them, in one process: LevelDB in folders of their own, connected by way of a KUBE that runs elsewhere,
 * and one space open on both. The first process in a folder writes the objects, a later one finds them. When both peers hold all, nothing
 * happens for a while, and then the process tells what it takes of the machine.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Peer, Space } from "../../src/index.ts"
import { PeerNode } from "../../src/node.ts"
import { Task } from "./Task.ts"

export interface Asked {
  readonly kube: string
  readonly folder: string
  readonly objects: number
  readonly idleSeconds: number
}

export interface Measured {
  /** Bytes that the process has in memory: when nothing but modules was loaded, when it had been idle, and at the highest. */
  readonly loaded: number
  readonly idle: number
  readonly peak: number
  /** Of `idle`, what lives and dies on the heap of JavaScript. */
  readonly heap: number
  /** Seconds of a processor that the idle while has cost. */
  readonly processor: number
}

const concurrency = 16

const fill = (space: Space, objects: number) =>
  Effect.forEach(
    Array.from({ length: objects }, (_, i) => i),
    (i) => space.create(Task, { title: `Task number ${i}`, done: i % 2 === 0, count: i, who: `user ${i % 50}`, at: 1.7e12 + i }),
    { concurrency, discard: true }
  )

const homeOf = (alice: Peer["Service"], device: string, objects: number) =>
  Effect.gen(function* () {
    const [kept] = yield* alice.spaces.list
    if (kept !== undefined) return yield* alice.spaces.open(kept.ticket)
    const home = yield* alice.spaces.create({ name: "Home", members: [device] })
    yield* fill(home, objects)
    return home
  })

/** Waits until both are connected with each other, and both have all. */
const together = Effect.fnUntraced(function* ([home, same]: readonly [Space, Space], [alice, bob]: readonly [string, string]) {
  for (const [space, other] of [
    [home, bob],
    [same, alice]
  ] as const) {
    yield* Stream.runHead(Stream.filter(space.status, ({ connected }) => connected.includes(other)))
    yield* space.synced(other)
  }
  if ((yield* home.frontier) !== (yield* same.frontier)) throw new Error("the peers have not applied the same")
})

/** Looks at every object, which costs more memory than all that is measured. */
const proven = Effect.fnUntraced(function* ([home, same]: readonly [Space, Space], objects: number) {
  const [one, other] = [yield* home.query(Task).all, yield* same.query(Task).all]
  if (one.length !== objects || other.length !== objects || (yield* home.stateHash) !== (yield* same.stateHash))
    throw new Error(`the peers hold ${one.length} and ${other.length} objects instead of ${objects} equal ones`)
})

const processorSeconds = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const measure = ({ folder, idleSeconds, kube, objects }: Asked) =>
  Effect.gen(function* () {
    const loaded = process.memoryUsage.rss()
    const alice = yield* PeerNode.open({ folder: path.join(folder, "alice"), kube })
    const bob = yield* PeerNode.open({ folder: path.join(folder, "bob"), kube })
    const home = yield* homeOf(alice, bob.device, objects)
    const same = yield* bob.spaces.open(home.ticket)
    const spaces = [home, same] as const
    const devices = [alice.device, bob.device] as const
    yield* together(spaces, devices)
    const before = processorSeconds()
    yield* Effect.sleep(`${idleSeconds} seconds`)
    const processor = processorSeconds() - before
    const { heapTotal: heap, rss: idle } = process.memoryUsage()
    const peak = process.resourceUsage().maxRSS * 1_024
    yield* together(spaces, devices)
    yield* proven(spaces, objects)
    const measured: Measured = { loaded, idle, peak, heap, processor }
    return measured
  })

const measured = await Effect.runPromise(Effect.scoped(measure(JSON.parse(process.argv[2] ?? "{}") as Asked)))
fs.writeSync(1, `${JSON.stringify(measured)}\n`)
