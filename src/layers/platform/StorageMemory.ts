/**
 * Storage in memory: for tests, demonstrations and peers that keep nothing.
 *
 * Both durabilities are the same here: what survives is nothing.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OrderedBytes } from "../../schema/platform/OrderedBytes.ts"
import { Storage } from "../../services/platform/Storage.ts"

/** A new, empty storage. To reopen it, hand the same value to several layers. */
export const make = (): Storage["Service"] => {
  const entries = new OrderedBytes()
  return Storage.make({
    getMany: (keys) => Effect.sync(() => keys.map((key) => entries.get(key))),
    range: (range) => Effect.sync(() => entries.page(range)),
    write: (batch) => Effect.sync(() => entries.apply(batch))
  })
}

export const layer: Layer.Layer<Storage> = Layer.sync(Storage, make)
