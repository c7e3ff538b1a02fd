/**
 * The disk of a simulated peer, as a life of it uses it: Storage and BootCounter over a platter, each operation taking its time.
 *
 * What a write does to the platter happens when its time has come, and only then its caller goes on: a crash in between leaves the
 * batch unwritten, or written and not durable. The platter outlives the life.
 */
import * as Effect from "effect/Effect"
import { OrderedBytes } from "../../schema/platform/OrderedBytes.ts"
import type { Change, Platter } from "../../schema/simulation/Disk.ts"
import type { Loop } from "../../schema/simulation/Loop.ts"
import { drawn, keyOf, type Seed } from "../../schema/simulation/Seed.ts"
import type { Counter } from "../../services/platform/BootCounter.ts"
import { Storage, type StorageError, StorageFull } from "../../services/platform/Storage.ts"
import type { WorldLife } from "./WorldLife.ts"

export interface Options {
  readonly loop: Loop
  readonly seed: Seed
  readonly life: WorldLife
  readonly platter: Platter
  readonly note: (kind: string, ...details: ReadonlyArray<string | number>) => void
  /** Called when a strict write has been written and its sync begins: where a crash hurts most. */
  readonly onSync: () => void
}

/** Microseconds that operations take, and at most so much more. */
const readMicros = 100
const writeMicros = 200
const syncMicros = 1_500
const jitterMicros = 2_000

const waiting = ({ life, loop, platter, seed }: Options) => {
  const key = keyOf(seed, "disk", life.name, life.number)
  let count = 0
  return <A>(micros: number, run: () => Effect.Effect<A, StorageError>): Effect.Effect<A, StorageError> =>
    Effect.callback((resume) => {
      const jitter = drawn(key, count++, jitterMicros)
      const timer = loop.after(micros + jitter + platter.slowness(), life, () => resume(run()))
      return Effect.sync(() => {
        timer.isCancelled = true
      })
    })
}

export const storage = (options: Options): Storage["Service"] => {
  const { life, note, onSync, platter } = options
  const after = waiting(options)
  const written = (batch: Parameters<Storage["Service"]["write"]>[0], isStrict: boolean) =>
    Effect.flatMap(
      after(writeMicros, () => {
        if (platter.refuses()) return Effect.fail(new StorageFull({ folder: life.name }))
        const bytes = batch.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0)
        note("write", life.name, batch.length, bytes, isStrict ? "strict" : "relaxed")
        return Effect.succeed(platter.write(batch))
      }),
      (makeDurable) => {
        if (!isStrict) return Effect.void
        onSync()
        return after(syncMicros, () => Effect.sync(makeDurable))
      }
    )
  return Storage.make({
    getMany: (keys) => after(readMicros, () => Effect.sync(() => keys.map((key) => platter.view.get(key)))),
    range: (range) => after(readMicros, () => Effect.sync(() => platter.view.page(range))),
    write: (batch, { durability }) => Effect.uninterruptible(written(batch, durability === "strict"))
  })
}

/** A storage without a life that would use it: nothing takes time. */
const timeless = (shown: () => OrderedBytes, write: (batch: ReadonlyArray<Change>) => void): Storage["Service"] =>
  Storage.make({
    getMany: (keys) => Effect.sync(() => keys.map((key) => shown().get(key))),
    range: (range) => Effect.sync(() => shown().page(range)),
    write: (batch) => Effect.sync(() => write(batch))
  })

/** The platter as it is. */
export const inspected = (platter: Platter): Storage["Service"] =>
  timeless(
    () => platter.view,
    (batch) => platter.write(batch)()
  )

/** A copy of what is durable at this moment. */
export const durable = (platter: Platter): Effect.Effect<Storage["Service"]> =>
  Effect.sync(() => {
    let left = platter.durable()
    let isOwn = false
    return timeless(
      () => left,
      (batch) => {
        // the platter shows the same to all who look
        if (!isOwn) left = new OrderedBytes(left)
        isOwn = true
        left.apply(batch)
      }
    )
  })

/** The number beside the storage is durable when it was written. */
export const bootCounter = (options: Options): Counter => {
  const after = waiting(options)
  return {
    read: after(readMicros, () => Effect.sync(() => options.platter.starts)),
    write: (starts) =>
      after(syncMicros, () =>
        Effect.sync(() => {
          options.platter.starts = starts
        })
      )
  }
}
