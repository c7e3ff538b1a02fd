/** Operations under both layers of Crypto: peers that disagreed about one signature would never converge. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as OperationStoreLayer from "../../src/layers/halo/OperationStore.ts"
import * as CryptoNoble from "../../src/layers/platform/CryptoNoble.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { OperationStore } from "../../src/services/halo/OperationStore.ts"
import { EncodedHistory } from "./EncodedHistory.ts"
import { drawer, Graph } from "./Graphs.ts"

const layers = { node: CryptoNode.layer, noble: CryptoNoble.layer }

/** Ids, standings, members and what was refused, of operations that come in some order, a few of them altered. */
const told = (layer: (typeof layers)[keyof typeof layers], space: Uint8Array, operations: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function* () {
    const platform = Layer.merge(StorageMemory.layer, KeyringMemory.layer)
    const built = OperationStoreLayer.layer.pipe(Layer.provide(platform), Layer.provide(layer))
    const store = Context.get(yield* Layer.build(Layer.fresh(built)), OperationStore)
    const held = yield* store.open(space, null)
    const { refused } = yield* held.take(operations)
    const standings = held.list().map(({ operation }) => [operation.id, held.membership.standing(operation.id)])
    return JSON.stringify([standings, held.membership.members(), Buffer.from(held.set.summary()).toString("hex"), refused])
  })

describe("Operations, by either cryptography", () => {
  it.effect("[S21] one seed comes to one state, by the same ids and the same refusals, natively and by noble", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 3; seed++) {
        const { bytes, space } = new EncodedHistory(new Graph(seed).grow(30))
        const draw = drawer(seed)
        const altered = bytes.map((each) => {
          const changed = Uint8Array.from(each)
          changed[each.length - 1 - draw(64)]! ^= 1 << draw(8)
          return changed
        })
        const operations = [...altered.slice(-10), ...bytes]
        const native = yield* told(layers.node, space, operations)
        assert.strictEqual(yield* told(layers.noble, space, operations), native, `seed ${seed}`)
        assert.include(native, "valid")
        assert.include(native, "a signature does not hold")
      }
    })
  )
})
