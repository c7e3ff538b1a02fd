/** A Peer of Node that cannot be opened: a typed reason, with the way out, and nothing made. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PeerNode from "../../src/layers/peer/PeerNode.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "troupe-peer-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
)

const failure = (options: unknown) =>
  Effect.map(Effect.exit(Effect.scoped(PeerNode.open(options as PeerNode.Options))), (exit) => {
    assert.isTrue(Exit.isFailure(exit))
    return Cause.squash((exit as Exit.Failure<unknown, unknown>).cause) as Error & { readonly _tag: string }
  })

describe("PeerNode", () => {
  it.live("refuses what can be no KUBE before it makes the folder", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporary, "data")
      for (const kube of ["not a url", "ftp://x", "", "127.0.0.1:4400", "http://", "http://a b", 5, null]) {
        const error = yield* failure({ folder, kube })
        assert.strictEqual(error._tag, "KubeInvalid", String(kube))
        assert.match(error.message, /cannot be the url of a KUBE\. Write it with http/)
      }
      assert.isFalse(fs.existsSync(folder))
    })
  )

  it.live("refuses options without a folder", () =>
    Effect.gen(function* () {
      for (const options of [{}, undefined, { folder: "" }, { folder: 5 }]) {
        const error = yield* failure(options)
        assert.strictEqual(error._tag, "ArgumentInvalid")
        assert.match(error.message, /PeerNode takes/)
      }
    })
  )

  it.live("says of a folder that is a file, and of a damaged database, what to do", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      fs.writeFileSync(path.join(root, "file"), "x")
      for (const folder of [path.join(root, "file"), path.join(root, "file", "below")]) {
        const error = yield* failure({ folder })
        assert.strictEqual(error._tag, "StorageNotFolder")
        assert.match(error.message, /is a file.*Choose another folder/)
      }
      const folder = path.join(root, "data")
      yield* Effect.scoped(PeerNode.open({ folder }))
      const storage = path.join(folder, "storage")
      for (const name of fs.readdirSync(storage))
        if (name.startsWith("MANIFEST")) fs.writeFileSync(path.join(storage, name), "rubbish")
      const damaged = yield* failure({ folder })
      assert.strictEqual(damaged._tag, "StorageDamaged")
      assert.match(damaged.message, /is damaged.*Put back a copy of the folder.*or choose another folder/)
    })
  )
})
