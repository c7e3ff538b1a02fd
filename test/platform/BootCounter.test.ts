/**
 * The count of starts beside the storage's folder.
 */

import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as BootCounterNode from "../../src/layers/platform/BootCounterNode.ts"
import { BootCounter } from "../../src/services/platform/BootCounter.ts"

const freshFolder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "troupe-starts-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
)

describe("BootCounter", () => {
  it.effect("counts nothing unless a second place is given", () =>
    Effect.gen(function* () {
      const counter = yield* BootCounter
      yield* counter.write(5)
      assert.strictEqual(yield* counter.read, 0)
    })
  )

  it.effect("starts at 0 and keeps the last number beside the folder, for the owner alone", () =>
    Effect.gen(function* () {
      const parent = yield* freshFolder
      const folder = path.join(parent, "data")
      const read = Effect.flatMap(BootCounter, (counter) => counter.read)
      const write = (starts: number) => Effect.flatMap(BootCounter, (counter) => counter.write(starts))
      const open = <A, E>(use: Effect.Effect<A, E>) => Effect.provide(use, BootCounterNode.layer({ folder }), { local: true })
      assert.strictEqual(yield* open(read), 0)
      for (const starts of [1, 2, Number.MAX_SAFE_INTEGER]) {
        yield* open(write(starts))
        assert.strictEqual(yield* open(read), starts)
      }
      assert.deepStrictEqual(fs.readdirSync(parent), ["data.starts"])
      assert.strictEqual(fs.readFileSync(`${folder}.starts`, "utf8"), "9007199254740991\n")
      assert.strictEqual(fs.statSync(`${folder}.starts`).mode & 0o777, 0o600)
    })
  )

  it.effect("says which file does not hold a number", () =>
    Effect.gen(function* () {
      const parent = yield* freshFolder
      const counter = BootCounterNode.make({ folder: path.join(parent, "data") })
      for (const text of ["", "7", "-1\n", "07\n", "9007199254740992\n", "1e3\n", "1\n2\n"]) {
        fs.writeFileSync(path.join(parent, "data.starts"), text)
        const error = yield* Effect.flip(counter.read)
        assert.match(error.message, /^reading data\.starts in .* failed: .*data\.starts does not hold a number/)
      }
    })
  )
})
