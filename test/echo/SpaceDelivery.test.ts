/** What is stored of a space comes to its state: each block is read about once, and others have their turn between blocks. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { deliverStored } from "../../src/layers/echo/SpaceDelivery.ts"
import { create, type Dep } from "../../src/schema/echo/ChangeSet.ts"
import { encodeManifest } from "../../src/schema/echo/Feed.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import type { SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import { appendBlocks, makeDevice, open, runOf, writerOf } from "./FeedDevices.ts"

const nothing = { block: () => {}, part: () => {} }
const on = (feed: number, counter: number): ReadonlyArray<Dep> | null =>
  counter === 0 ? null : [{ feed, length: counter, counter, root16: new Uint8Array(16) }]

/** The feeds of a device that has stored two, of `count` blocks each: each block depends on the one before it in the other. */
const inTurns = (count: number) =>
  Effect.gen(function* () {
    const [alice, bob] = [yield* makeDevice(), yield* makeDevice()]
    const ours = yield* open(alice, [alice, bob])
    const theirs = yield* open(bob, [alice, bob])
    const [one, two] = [yield* writerOf(ours), yield* writerOf(theirs)]
    ours.table.intern(two.feed.id)
    theirs.table.intern(one.feed.id)
    for (let i = 1; i <= count; i++) {
      yield* one.append([{ first: i, time: i, deps: on(1, i - 1), mutations: [create("T", 1)] }], "strict")
      yield* two.append([{ first: i, time: i, deps: on(1, i), mutations: [create("T", 1)] }], "strict")
    }
    yield* ours.feeds.admit(encodeManifest(theirs.feeds.find(two.feed.id)!.manifest))
    for (let at = 0; at < count; ) at += yield* ours.feeds.ingest(yield* runOf(theirs, two.feed.id, at))
    return (yield* open(alice, [alice, bob])).feeds
  })

/** The same feeds, and how many blocks of them were read. */
const counted = (feeds: SpaceFeeds) => {
  const count = { blocks: 0 }
  const read: SpaceFeeds["read"] = (feed, from, maxBytes) =>
    Effect.tap(feeds.read(feed, from, maxBytes), (blocks) =>
      Effect.sync(() => {
        count.blocks += blocks.length
      })
    )
  return { count, feeds: { ...feeds, read } }
}

describe("SpaceDelivery", () => {
  it.effect("reads each block once when two feeds cite each other block by block", () =>
    Effect.gen(function* () {
      const { count, feeds } = counted(yield* inTurns(300))
      const state = new SpaceState()
      yield* deliverStored(feeds, state, nothing)
      assert.deepStrictEqual(
        feeds.list().map((_, number) => state.delivery.length(number)),
        [300, 300]
      )
      assert.isAtMost(count.blocks, 660)
    })
  )

  it.effect("lets other fibers have their turn between the blocks of one feed", () =>
    Effect.gen(function* () {
      const alice = yield* makeDevice()
      const opened = yield* open(alice, [alice])
      yield* appendBlocks(yield* writerOf(opened), 40, 20_000)
      let turns = 0
      const other = yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            Effect.sync(() => turns++),
            Effect.yieldNow
          )
        )
      )
      let parts = 0
      yield* deliverStored(opened.feeds, new SpaceState(), { ...nothing, part: () => void parts++ })
      yield* Fiber.interrupt(other)
      assert.isAtLeast(turns, 3)
      assert.isAtLeast(parts, 10)
    })
  )
})
