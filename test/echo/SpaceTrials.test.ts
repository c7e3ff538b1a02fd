/** Connections that fail again and again: the status says what with until one has held for longer, and the log says it once. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { OpenSpace } from "../../src/layers/echo/OpenSpace.ts"
import { SpaceHandle } from "../../src/layers/echo/SpaceHandle.ts"
import { stuckOf } from "../../src/layers/echo/SpaceStatus.ts"
import { SpaceTrials } from "../../src/layers/echo/SpaceTrials.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { ReplicationFailed } from "../../src/services/echo/Replicator.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { StorageFull } from "../../src/services/platform/Storage.ts"
import { elapse } from "../mesh/Elapse.ts"
import { makeDevice, open } from "./FeedDevices.ts"
import { reach } from "./ReachedPeer.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

const stuck = (space: Space) =>
  Effect.map(Stream.runHead(space.status), (found) => (found._tag === "Some" ? found.value.stuck : []))

/** Warnings that were logged, as text. */
const listening = () => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") warnings.push(String(message))
  })
  return { warnings, layer: Logger.layer([logger]) }
}

const bench = Effect.gen(function* () {
  const device = yield* makeDevice()
  const { feeds } = yield* open(device, [device])
  const clock = yield* Clock.Clock
  const space = new OpenSpace(new SpaceHandle("home"), feeds, new SpaceState(), clock)
  const trials = new SpaceTrials(clock)
  /** A connection that holds for so long, and then fails or is cut. */
  const connection = (holds: number, reason: string | null) =>
    Effect.gen(function* () {
      const error = new ReplicationFailed({ device: "bob", reason: String(reason) })
      const run = Effect.delay(reason === null ? Effect.void : Effect.fail(error), holds)
      const fiber = yield* Effect.forkChild(Effect.exit(Effect.scoped(trials.watched(space.peers, "bob", run))), {
        startImmediately: true
      })
      yield* elapse(holds)
      assert.isDefined(fiber.pollUnsafe())
    })
  return { space, connection }
})

describe("a connection that fails", () => {
  it.effect(
    "for want of space on the disk: the status names the folder and the way out until it is over, the log says it once",
    () => {
      const { layer, warnings } = listening()
      return Effect.gen(function* () {
        const [alice, bob] = [yield* reach(), yield* reach()]
        const home = yield* alice.peer.spaces.create({ name: "Home", members: [bob.peer.device] })
        const same = yield* bob.peer.spaces.open(home.ticket)
        yield* elapse("1 second")
        assert.deepStrictEqual([yield* stuck(home), yield* stuck(same)], [[], []])

        bob.weather.error = new StorageFull({ folder: "/home/bob/troupe" })
        bob.weather.failing = "both"
        yield* home.create(Task, { title: "Milk" })
        yield* elapse("30 seconds")
        const [says, ...others] = yield* stuck(same)
        assert.include(says, alice.peer.device)
        assert.match(says!, /\/home\/bob\/troupe is full and nothing was written\. Free 16 MiB or more on that disk/)
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(warnings, [says])

        bob.weather.failing = null
        yield* elapse("40 seconds")
        assert.strictEqual((yield* same.query(Task).all).length, 1)
        assert.deepStrictEqual(yield* stuck(same), [])
      }).pipe(Effect.provide([layer, MemoryNetworkLayer.layer]))
    }
  )

  it.effect("stays in the status until one has held for longer than it did, ten seconds at least", () => {
    const { layer, warnings } = listening()
    return Effect.gen(function* () {
      const { connection, space } = yield* bench
      yield* connection(120_000, "it is owed an answer")
      assert.match(stuckOf(space).join(), /replication with bob ended: it is owed an answer/)
      yield* connection(119_000, null)
      assert.strictEqual(stuckOf(space).length, 1)
      yield* connection(121_000, null)
      assert.deepStrictEqual(stuckOf(space), [])

      yield* connection(100, "greedy")
      yield* connection(100, "greedy")
      yield* connection(9_000, null)
      assert.match(stuckOf(space).join(), /greedy/)
      yield* connection(11_000, null)
      assert.deepStrictEqual(stuckOf(space), [])
      assert.strictEqual(warnings.length, 2)
      // however long one held that failed, the next is not doubted for hours
      yield* connection(3_600_000, "greedy")
      yield* connection(151_000, null)
      assert.deepStrictEqual(stuckOf(space), [])
    }).pipe(Effect.provide(layer))
  })
})
