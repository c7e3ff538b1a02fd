/** That `strict` reaches LevelDB: what a crash of the machine would take is decided by one option of one call. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ClassicLevel } from "classic-level"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { vi } from "vitest"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"

const change = (n: number) => [{ key: Uint8Array.of(9, n), value: Uint8Array.of(n) }]

describe("StorageLevel", () => {
  it.effect("syncs what is strict, and what goes along with it, and nothing else", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped({ prefix: "troupe-sync-" })
      const storage = yield* StorageLevel.make({ folder })
      const batch = yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(ClassicLevel.prototype, "batch")),
        (spy) => Effect.sync(() => spy.mockRestore())
      )
      const write = (n: number, durability: "relaxed" | "strict") => storage.write(change(n), { durability })
      const synced = () => batch.mock.calls.map((call) => (call as ReadonlyArray<unknown>)[1])
      yield* write(1, "strict")
      yield* write(2, "relaxed")
      assert.deepStrictEqual(synced(), [{ sync: true }, { sync: false }])
      // the first goes alone, and what gathers meanwhile goes in one batch
      yield* Effect.all([write(3, "relaxed"), write(4, "relaxed"), write(5, "strict")], { concurrency: "unbounded" })
      assert.deepStrictEqual(synced().slice(2), [{ sync: false }, { sync: true }])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
