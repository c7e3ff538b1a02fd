/** What a failed command says: the sentences of its error, and no more. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import { failureText } from "../../src/cli/Failure.ts"
import { StorageDenied, StorageFull, StorageLocked, StorageNewer } from "../../src/services/platform/Storage.ts"

const said = (error: unknown): string => failureText(Cause.fail(error))

describe("a failed command", () => {
  it("names the folder, what is wrong with it, and the way out", () => {
    assert.match(said(new StorageLocked({ folder: "./data", pid: 4121 })), /^StorageLocked: \.\/data .*4121.*Close it/)
    for (const error of [
      new StorageDenied({ folder: "./data" }),
      new StorageFull({ folder: "./data" }),
      new StorageNewer({ folder: "./data", found: 9, known: 1 })
    ]) {
      assert.match(said(error), /^Storage\w+: \.\/data .*\./)
      assert.strictEqual(said(error).split("\n").length, 1)
    }
  })

  it("prints a bug of ours whole", () => {
    assert.match(failureText(Cause.die(new Error("no such thing"))), /a bug; please report[\s\S]*no such thing[\s\S]*at /)
  })
})
