/**
 * `npm run bench -- replicate`: how fast objects reach another peer, and how many bytes it costs when little or nothing changes.
 *
 * Whole Peers in one process: signed feeds, handshake, mux, verification, merging. Bytes are those of every frame on the connection,
 * both directions, with all framing. The idle rounds pass in virtual time, so that heartbeats are counted as they would come.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as TestClock from "effect/testing/TestClock"
import * as MemoryNetworkLayer from "../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../src/layers/peer/PeerMemory.ts"
import { ObjectType } from "../src/schema/echo/ObjectType.ts"
import type { Space } from "../src/services/echo/SpaceService.ts"
import { MemoryNetwork } from "../src/services/mesh/MemoryNetwork.ts"
import { median, type Options, type Ratio, type Report, type Row } from "./src/Report.ts"

const Task = ObjectType.make("Task", { title: Schema.String, done: Schema.Boolean })

/** A network that counts what every connection carries. */
const counting = Effect.gen(function* () {
  const network = yield* MemoryNetworkLayer.make
  const count = { bytes: 0 }
  const counted = (socket: Socket.Socket): Socket.Socket =>
    Socket.make({
      reader: socket.reader,
      writer: Effect.map(socket.writer, ({ write, writeAll }) => ({
        write: (chunk) => {
          count.bytes += sizeOf(chunk)
          return write(chunk)
        },
        writeAll: (chunks) => {
          for (const chunk of chunks) count.bytes += sizeOf(chunk)
          return writeAll(chunks)
        }
      }))
    })
  const service = MemoryNetwork.of({ ...network, meet: (id) => Effect.map(network.meet(id), counted) })
  return { count, service }
})

const sizeOf = (chunk: Uint8Array | string | Socket.CloseEvent): number => (chunk instanceof Uint8Array ? chunk.length : 0)

const seconds = (start: number): number => (performance.now() - start) / 1_000

const same = Effect.fnUntraced(function* (a: Space, b: Space) {
  if ((yield* a.stateHash) !== (yield* b.stateHash)) throw new Error("the peers ended with other objects than were written")
})

/** Two peers in one space, connected. */
const together = Effect.gen(function* () {
  const [alice, bob] = [yield* PeerMemory.open, yield* PeerMemory.open]
  const home = yield* alice.spaces.create({ name: "Home", members: [bob.device] })
  return { alice, bob, home }
})

/** Every object is written by itself, 256 callers at a time. */
const fill = (space: Space, objects: number) =>
  Effect.forEach(
    Array.from({ length: objects }, (_, i) => i),
    (i) => space.create(Task, { title: `task ${i}`, done: false }),
    { concurrency: 256, discard: true }
  )

const fillFast = Effect.fnUntraced(function* (space: Space, objects: number) {
  for (let i = 0; i < objects; i += 500) {
    yield* space.change((transaction) => {
      for (let n = i; n < Math.min(objects, i + 500); n++) transaction.create(Task, { title: `task ${n}`, done: false })
    })
  }
})

/** From the first write until the other peer has merged the last. */
const live = (objects: number) =>
  Effect.gen(function* () {
    const { bob, home } = yield* together
    const there = yield* bob.spaces.open(home.ticket)
    yield* home.synced(bob.device)
    const start = performance.now()
    yield* fill(home, objects)
    yield* arrived(home, there)
    const took = seconds(start)
    yield* same(home, there)
    return took
  })

/** From opening a space until all that was written before is merged: connecting and proving included. */
const catchUp = (objects: number) =>
  Effect.gen(function* () {
    const { bob, home } = yield* together
    yield* fill(home, objects)
    const start = performance.now()
    const there = yield* bob.spaces.open(home.ticket)
    yield* arrived(home, there)
    const took = seconds(start)
    yield* same(home, there)
    return took
  })

const arrived = Effect.fnUntraced(function* (from: Space, to: Space) {
  const goal = yield* from.frontier
  while ((yield* to.frontier) !== goal) yield* Effect.sleep("1 millis")
})

const inMemory = <A>(body: (count: { readonly bytes: number }) => Effect.Effect<A, unknown, MemoryNetwork | Scope.Scope>) =>
  Effect.flatMap(counting, ({ count, service }) => Effect.scoped(Effect.provideService(body(count), MemoryNetwork, service)))

/** Bytes of one change to one of many objects, until the other has acknowledged it; and of meeting again after one more. */
const oneChange = (objects: number) =>
  inMemory((count) =>
    Effect.gen(function* () {
      const { alice, bob, home } = yield* together
      yield* fillFast(home, objects)
      const there = yield* bob.spaces.open(home.ticket)
      yield* arrived(home, there)
      yield* Effect.all([home.synced(bob.device), there.synced(alice.device)])
      const [task] = yield* home.query(Task).all
      yield* Effect.sleep("1 second")
      const before = count.bytes
      yield* home.update(task!, { done: true })
      yield* home.synced(bob.device)
      yield* Effect.sleep("1 second")
      const pushed = count.bytes - before
      yield* same(home, there)
      const { cut, heal } = yield* MemoryNetwork
      yield* cut("reset")
      yield* home.update(task!, { done: false })
      const cutAt = count.bytes
      yield* heal
      yield* home.synced(bob.device)
      yield* Effect.sleep("1 second")
      yield* same(home, there)
      return { pushed, met: count.bytes - cutAt }
    })
  )

/** Lets virtual time pass, in steps that give everything the turns it needs. */
const elapse = Effect.fnUntraced(function* (steps: number) {
  for (let i = 0; i < steps; i++) {
    yield* Effect.repeat(Effect.yieldNow, { times: 20 })
    yield* TestClock.adjust("250 millis")
  }
})

/** Waits in virtual time for what takes turns of the scheduler, and perhaps a pause. */
const virtually = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(effect)
  while (fiber.pollUnsafe() === undefined) yield* elapse(1)
  return yield* Exit.match(fiber.pollUnsafe()!, { onSuccess: Effect.succeed, onFailure: Effect.failCause })
})

const idleRounds = 10

/** Bytes of 30 idle seconds between two peers, in a space in which so many devices have written. */
const idle = (feeds: number) =>
  inMemory((count) =>
    Effect.gen(function* () {
      const alice = yield* PeerMemory.open
      const bob = yield* PeerMemory.open
      const writers: Array<{ readonly peer: Effect.Success<typeof PeerMemory.open>; readonly scope: Scope.Closeable }> = []
      for (let i = 2; i < feeds; i++) {
        const scope = yield* Scope.make()
        writers.push({ scope, peer: yield* Scope.provide(PeerMemory.open, scope) })
      }
      const members = [bob, ...writers.map(({ peer }) => peer)].map(({ device }) => device)
      const home = yield* alice.spaces.create({ name: "Home", members })
      for (const { peer, scope } of writers) {
        const there = yield* peer.spaces.open(home.ticket)
        yield* there.create(Task, { title: peer.device, done: false })
        yield* virtually(there.synced(alice.device))
        yield* Scope.close(scope, Exit.void)
      }
      const there = yield* bob.spaces.open(home.ticket)
      yield* there.create(Task, { title: "bob", done: false })
      yield* virtually(Effect.all([there.synced(alice.device), home.synced(bob.device)]))
      yield* elapse(240)
      yield* same(home, there)
      const found = (yield* home.query(Task).all).length
      if (found !== feeds - 1) throw new Error(`${found} devices of ${feeds - 1} were heard`)
      const before = count.bytes
      yield* elapse(idleRounds * 30 * 4)
      return (count.bytes - before) / idleRounds
    })
  ).pipe(Effect.provide(TestClock.layer()))

const atMost = (name: string, value: number, aim: number, unit: string): Ratio => ({
  name: `${name}, ${unit}`,
  ratio: value,
  aim: `< ${aim}`,
  isMet: value < aim
})

const repeated = async (rounds: number, body: Effect.Effect<number, unknown, MemoryNetwork | Scope.Scope>): Promise<number> => {
  const all: Array<number> = []
  for (let round = 0; round < rounds; round++) all.push(await Effect.runPromise(inMemory(() => body)))
  return median(all)
}

export const run = async ({ print = console.log, rounds = 5 }: Options = {}): Promise<Report> => {
  const objects = 10_000
  const many = 100_000
  const feeds = 200
  const liveSeconds = await repeated(rounds, live(objects))
  const catchUpSeconds = await repeated(rounds, catchUp(objects))
  const { met, pushed } = await Effect.runPromise(oneChange(many))
  const idleBytes = await Effect.runPromise(idle(feeds))
  const rows: ReadonlyArray<Row> = [
    { work: "10,000 objects, live", system: "troupe", seconds: liveSeconds, perSecond: objects / liveSeconds },
    { work: "10,000 objects, caught up", system: "troupe", seconds: catchUpSeconds, perSecond: objects / catchUpSeconds },
    { work: "one change among 100,000 objects", system: "troupe", bytes: pushed },
    { work: "one change among 100,000 objects, after meeting again", system: "troupe", bytes: met },
    { work: "30 idle seconds, 200 feeds", system: "troupe", bytes: idleBytes }
  ]
  const ratios = [
    atMost("10,000 objects written here until merged there (DXOS: 500 in 64 s)", liveSeconds, 2, "seconds"),
    atMost("10,000 objects from opening the space until merged", catchUpSeconds, 2, "seconds"),
    atMost("one change among 100,000 objects", pushed, 4_000, "bytes"),
    atMost("one change among 100,000 objects, with handshake, after meeting again", met, 4_000, "bytes"),
    atMost("an idle round with 200 feeds", idleBytes, 300, "bytes")
  ]
  for (const { aim, isMet, name, ratio } of ratios)
    print(`${name}: ${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0)} (aim ${aim}: ${isMet ? "met" : "missed"})`)
  return { rows, ratios }
}
