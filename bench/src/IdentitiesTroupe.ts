/**
 * Makes identities in a sealed folder that is open, as a Peer on Node does: each with its phrase, its keys and its first operation, synced.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as IdentityStoreLayer from "../../src/layers/halo/IdentityStore.ts"
import * as OperationStore from "../../src/layers/halo/OperationStore.ts"
import * as PeerFolder from "../../src/layers/peer/PeerFolder.ts"
import { IdentityStore } from "../../src/services/halo/IdentityStore.ts"
import { temporary } from "./FeedsWork.ts"

export interface Asked {
  readonly identities: number
}

export interface Measured {
  /** Of each, the first one included. */
  readonly seconds: ReadonlyArray<number>
}

const { identities } = JSON.parse(process.argv[2] ?? "{}") as Asked

const layer = IdentityStoreLayer.layer.pipe(
  Layer.provide(OperationStore.layer),
  Layer.provide(PeerFolder.layer({ folder: path.join(temporary(), "data") }))
)

const made = Effect.gen(function* () {
  const store = yield* IdentityStore
  const seconds: Array<number> = []
  for (let n = 0; n < identities; n++) {
    const start = performance.now()
    yield* store.create(12)
    seconds.push((performance.now() - start) / 1_000)
  }
  if ((yield* store.list).length !== identities) return yield* Effect.die("an identity was lost")
  return seconds
})

const seconds = await Effect.runPromise(Effect.provide(made, layer))
fs.writeSync(1, `${JSON.stringify({ seconds } satisfies Measured)}\n`)
process.exit(0)
