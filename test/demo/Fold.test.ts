/** The fold of the demo's audit: what nobody can read ends it with a word, and neither goes on for ever nor crashes it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fold, Receipts } from "../../demo/fold.ts"
import { create } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { encodeBlock } from "../../src/schema/echo/Feed.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { Writer } from "../../src/schema/platform/Codec.ts"
import { Forger, makeDevice, open } from "../echo/FeedDevices.ts"

const plain = (first: number) =>
  encodePlain([{ first, time: first, deps: null, mutations: [create("Task", 1)] }], 0, () => new Uint8Array(32))
const newer = new Writer().array(3).int(7).text("who knows").nil().finish()

/** Folds a feed of three blocks, of which the second is the given one. */
const folded = (second: Uint8Array) =>
  Effect.gen(function* () {
    const device = yield* makeDevice()
    const { feeds } = yield* open(device, [device])
    const forger = yield* Forger.make(device)
    yield* Effect.orDie(feeds.admit(forger.manifest))
    yield* Effect.orDie(feeds.ingest(yield* forger.run([encodeBlock(plain(1)), second, encodeBlock(plain(3))], 0)))
    const receipts = new Receipts([])
    return { problems: yield* fold(feeds, new SpaceState(), receipts), changes: receipts.changes }
  })

describe("fold", () => {
  it.effect("meets every change set of what can be read", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* folded(encodeBlock(plain(2))), { problems: [], changes: 3 })
    })
  )

  it.effect("ends a feed where a newer version wrote, and says so", () =>
    Effect.gen(function* () {
      const { changes, problems } = yield* folded(newer)
      assert.strictEqual(changes, 1)
      assert.strictEqual(problems.length, 1)
      assert.match(problems[0]!, /^feed \S+ cannot be read from block 1 on/)
    })
  )

  it.effect("passes over nonsense, and says so", () =>
    Effect.gen(function* () {
      const { changes, problems } = yield* folded(encodeBlock(Uint8Array.of(0xff)))
      assert.strictEqual(changes, 2)
      assert.strictEqual(problems.length, 1)
      assert.match(problems[0]!, /^block 1 of feed \S+ is nonsense/)
    })
  )
})
