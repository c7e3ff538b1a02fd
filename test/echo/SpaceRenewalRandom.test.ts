/**
 * Devices whose folders are copied, and copied again, at random: whatever forks, all members end at one state, and what was acknowledged
 * is shown, or something that had seen it is.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { flaggedOf, stuckOf } from "../../src/layers/echo/SpaceStatus.ts"
import { encodeManifest } from "../../src/schema/echo/Feed.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { queryAll } from "../../src/schema/echo/Query.ts"
import { stateHash } from "../../src/schema/echo/StateHash.ts"
import { countedLength, type SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import { numbersFrom } from "../../src/testing/Seeded.ts"
import { copyOf, type Device, makeDevice, Weather } from "./FeedDevices.ts"
import { type Life, lifeOf } from "./SpaceLives.ts"

const Note = ObjectType.make("Note", { text: Schema.String })

/** What was acknowledged, by its text: which texts had it seen where it was written. */
type Ledger = Map<string, ReadonlyArray<string>>

/** Every text that any object has, concurrent ones included. */
const shown = ({ space }: Life): ReadonlyArray<string> =>
  [...space.state.objects.all()].flatMap((entry) =>
    space.state.objects.conflicts(entry, "text").map(({ value }) => String(value))
  )

const hashOf = ({ device, space }: Life): string => stateHash(space.state.objects, device.crypto.hash)

/** One acknowledged change: an object, or another text of one that this copy made, or of one that was there at first. */
const write = (here: Life, ledger: Ledger, random: (below: number) => number, base: string) =>
  Effect.gen(function* () {
    const { feeds, handle, space } = here
    const text = `t${ledger.size}`
    const own = new Set(feeds.renewal.made().map((feed) => feed.text))
    const known = () =>
      queryAll(space.state.objects, Note, { orderBy: "text" }).objects.filter(({ id }) => {
        const feed = id.slice(0, id.indexOf("."))
        return own.has(feed) || feed === base
      })
    const chosen = random(1_000)
    let seen: ReadonlyArray<string> = []
    const change = handle.commit(
      (transaction) => {
        const all = known()
        seen = []
        if (all.length === 0 || chosen % 3 === 0) return void transaction.create(Note, { text })
        const object = all[chosen % all.length]!
        seen = space.state.objects.conflicts(space.state.objects.findId(object.id)!, "text").map(({ value }) => String(value))
        transaction.update(object, { text })
      },
      { durability: "strict" }
    )
    // the writer may learn of a fork while it writes
    yield* Effect.retry(change, { times: 3 })
    ledger.set(text, seen)
  })

/** Gives `to` whatever `from` has and may send. */
const send = (from: Life, to: Life) =>
  Effect.gen(function* () {
    for (const { manifest } of from.feeds.list()) yield* to.feeds.admit(encodeManifest(manifest))
    for (const proof of yield* from.feeds.forkProofs) yield* to.feeds.admitFork(proof)
    for (const { id } of from.feeds.list()) {
      const run = yield* from.feeds.run(id, 0, 1_048_576, false)
      if (run !== null) yield* Effect.ignore(to.feeds.ingest(run))
    }
  })

const clone = (device: Device): Effect.Effect<Device> =>
  Effect.map(copyOf(device.inner), (inner) => ({ ...device, inner, weather: new Weather(inner) }))

/** What counts of all feeds, as text. */
const lengths = (feeds: SpaceFeeds): string =>
  feeds
    .list()
    .map((feed) => `${feed.text} ${countedLength(feed)}`)
    .sort()
    .join()

/** A world of one seed: two devices whose folders are copied up to `clones` times in all, and one that is let alone. */
const run = (seed: number, clones: number) =>
  Effect.gen(function* () {
    const random = numbersFrom(seed)
    const members = [yield* makeDevice(), yield* makeDevice(), yield* makeDevice()]
    const ledger: Ledger = new Map()
    const copies = [...members]
    /** Copies of the folders as they were once. */
    const backups: Array<Device> = []
    let left = clones
    let base = ""
    const together = (body: (lives: ReadonlyArray<Life>) => Effect.Effect<void, unknown>) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lives: Array<Life> = []
          for (const copy of copies) lives.push(yield* lifeOf(copy, members))
          yield* body(lives)
        })
      )
    yield* together(([quiet, ...others]) =>
      Effect.gen(function* () {
        base = quiet!.feeds.renewal.made()[0]!.text
        for (let n = 0; n < 2; n++) yield* write(quiet!, ledger, random, base)
        for (const other of others) yield* send(quiet!, other)
      })
    )
    for (let round = 0; round < 6; round++) {
      const cloned = 1 + random(2)
      if (left > 0 && random(2) === 0) {
        const sources = [...copies, ...backups].filter(({ key }) => key === members[cloned]!.key)
        copies.push(yield* clone(sources[random(sources.length)]!))
        left--
      }
      if (clones > 1) for (const device of members) backups.push(yield* clone(device))
      yield* together((lives) =>
        Effect.gen(function* () {
          for (const here of lives) {
            for (let n = random(4); n > 0; n--) yield* write(here, ledger, random, base)
          }
          for (let n = random(4); n > 0; n--) {
            const [from, to] = [lives[random(lives.length)]!, lives[random(lives.length)]!]
            if (from !== to) yield* send(from, to)
          }
        })
      )
    }
    let texts: ReadonlyArray<string> = []
    let made = 0
    let isSettled = false
    for (let round = 0; !isSettled; round++) {
      assert.isBelow(round, 10, `seed ${seed}: it comes to an end`)
      yield* together((lives) =>
        Effect.gen(function* () {
          const before = lives.map(({ feeds }) => lengths(feeds))
          for (const from of lives) for (const to of lives) if (from !== to) yield* send(from, to)
          isSettled = lives.every(({ feeds }, i) => lengths(feeds) === before[i] && before[i] === before[0])
          if (!isSettled) return
          assert.strictEqual(new Set(lives.map(hashOf)).size, 1, `seed ${seed}: one state`)
          for (const { feeds, space } of lives) {
            yield* feeds.audit
            assert.deepStrictEqual([...stuckOf(space), ...flaggedOf(space)], [], `seed ${seed}`)
            made = Math.max(made, feeds.renewal.made().length)
          }
          texts = shown(lives[0]!)
        })
      )
    }
    const overruled = new Set([...ledger.values()].flat())
    const missing = [...ledger.keys()].filter((text) => !texts.includes(text) && !overruled.has(text))
    assert.deepStrictEqual(missing, [], `seed ${seed}: nothing acknowledged is lost`)
    const twice = texts.filter((text, i) => texts.indexOf(text) !== i)
    return { twice, made }
  })

describe("devices whose folders are copied at random", () => {
  it.effect("[S16] end at one state that shows what was acknowledged, once, when a folder is copied once", () =>
    Effect.gen(function* () {
      let made = 0
      for (let seed = 0; seed < 10; seed++) {
        const ended = yield* run(seed, 1)
        assert.deepStrictEqual(ended.twice, [], `seed ${seed}`)
        made = Math.max(made, ended.made)
      }
      assert.isAbove(made, 1)
    })
  )

  it.effect("[S16] lose nothing when copies are copied again, and proofs come at ever lower places", () =>
    Effect.gen(function* () {
      let made = 0
      for (let seed = 100; seed < 108; seed++) made = Math.max(made, (yield* run(seed, 4)).made)
      // what was written anew was lost once more, or more of what was before it
      assert.isAbove(made, 2)
    })
  )
})
