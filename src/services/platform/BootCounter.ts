/**
 * The second place in which a device counts its starts, so that a storage restored from an old copy is noticed.
 *
 * Storage is written first, strictly, and this second; only a storage that is behind was rolled back (docs/format.md#rollback).
 * Without a second place (the default) a rollback shows only at a peer that knows a longer feed.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { StorageError } from "./Storage.ts"

export interface Counter {
  /** The starts counted so far; 0 when nothing was ever written. */
  readonly read: Effect.Effect<number, StorageError>
  readonly write: (starts: number) => Effect.Effect<void, StorageError>
}

export const BootCounter = Context.Reference<Counter>("troupe/platform/BootCounter", {
  defaultValue: () => ({ read: Effect.succeed(0), write: () => Effect.void })
})
