/** Every assembly gives actors beside its Peer, and durable ones over the storage that its feeds are in. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import * as PeerNode from "../../src/layers/peer/PeerNode.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { JournalKeys } from "../../src/schema/actor/JournalRecords.ts"
import { Peer } from "../../src/services/peer/Peer.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { Account, accounts } from "../actor/Account.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "troupe-actors-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
)

/** Deposits into an account, and makes a space. */
const used = Effect.gen(function* () {
  const anna = yield* Account.client("anna")
  const { spaces } = yield* Peer
  yield* spaces.create({ name: "Home" })
  return yield* anna.Deposit({ amount: 5 })
})

describe("an assembly", () => {
  it.live("gives actors in memory", () => {
    const layer = accounts(100).pipe(Layer.provideMerge(PeerMemory.layer), Layer.provide(MemoryNetwork.layer))
    return Effect.provide(
      Effect.map(used, (balance) => assert.strictEqual(balance, 5)),
      Layer.fresh(layer)
    )
  })

  it.live("gives actors on Node, which are there again when it is opened again, over the one storage", () =>
    Effect.gen(function* () {
      const storage = StorageMemory.make()
      const folder = yield* temporary
      const peer = PeerNode.layer({ folder: path.join(folder, "data"), storage: Layer.succeed(Storage, storage) })
      const life = Effect.provide(used, Layer.fresh(accounts(100).pipe(Layer.provideMerge(peer))))
      assert.strictEqual(yield* life, 5)
      assert.strictEqual(yield* life, 10)
      const keys = new JournalKeys("Account", "anna")
      const turns = yield* storage.range({ from: keys.turn(0), to: keys.end, limit: 10 })
      assert.strictEqual(turns.length, 2)
    })
  )
})
