/**
 * Troupe as applications use it: two Peers in one process, spaces, transactions, and replication over the whole protocol.
 *
 * Up to 16 callers write transactions at once, each waiting until its own is signed and stored in memory (one block holds what waited);
 * single writes wait for each other. The empty peer connects, authenticates, replicates with verified signatures, merges, and reads
 * every object.
 */
import * as Effect from "effect/Effect"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import type { PatchOf } from "../../src/schema/echo/ObjectType.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { Task } from "./Task.ts"
import {
  type Asked,
  answer,
  type Cell,
  type Cells,
  chunksOf,
  digestOf,
  keys,
  type Measured,
  medianOf,
  milliseconds,
  type Update,
  workOf
} from "./Workload.ts"

const concurrency = 16

/** A patch as a program would write it down, by the key's number. */
const patches: ReadonlyArray<(value: Cell) => PatchOf<typeof Task>> = [
  (title) => ({ title: title as string }),
  (done) => ({ done: done as boolean }),
  (count) => ({ count: count as number }),
  (who) => ({ who: who as string }),
  (at) => ({ at: at as number })
]

const fill = (space: Space, objects: ReadonlyArray<Cells>) =>
  Effect.gen(function* () {
    const tasks: Array<Task> = []
    for (const chunk of chunksOf(objects)) {
      yield* space.change((transaction) => {
        for (const [title, done, count, who, at] of chunk) tasks.push(transaction.create(Task, { title, done, count, who, at }))
      })
    }
    return tasks
  })

const update = (space: Space, tasks: ReadonlyArray<Task>, updates: ReadonlyArray<Update>) =>
  space.change((transaction) => {
    for (const { key, object, value } of updates) transaction.update(tasks[object]!, patches[key]!(value))
  })

const caughtUp = (from: Space, to: Space): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const goal = yield* from.frontier
    while ((yield* to.frontier) !== goal) yield* Effect.sleep("1 millis")
  })

const measure = ({ phase, ...size }: Asked) =>
  Effect.gen(function* () {
    const work = workOf(size)
    const alice = yield* PeerMemory.open
    const bob = yield* PeerMemory.open
    const home = yield* alice.spaces.create({ name: "Home", members: [bob.device] })
    let start = performance.now()
    const tasks = yield* fill(home, work.objects)
    const createMs = milliseconds(start)
    if (phase === "single") {
      const times: Array<number> = []
      for (const each of work.transactions.flat()) {
        const before = performance.now()
        yield* update(home, tasks, [each])
        times.push(milliseconds(before) * 1000)
      }
      return { singleUs: medianOf(times) }
    }
    start = performance.now()
    yield* Effect.forEach(work.transactions, (updates) => update(home, tasks, updates), { concurrency, discard: true })
    const updateMs = milliseconds(start)
    start = performance.now()
    const same = yield* bob.spaces.open(home.ticket)
    yield* caughtUp(home, same)
    const there = yield* same.query(Task).all
    const catchUpMs = milliseconds(start)
    return { createMs, updateMs, catchUpMs, digest: digestOf(there.length, (i, key) => there[i]![keys[key]!]) }
  })

const program = (asked: Asked): Promise<Measured> =>
  Effect.runPromise(Effect.scoped(measure(asked)).pipe(Effect.provide(MemoryNetwork.layer)))

await answer(program)
