/** Peers whose limits differ: what one of them delays, or forgets for now, changes nothing in what all end up with. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { vi } from "vitest"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { OperationStore, type SpaceOperations } from "../../src/services/halo/OperationStore.ts"
import { elapse } from "../mesh/Elapse.ts"
import { EncodedHistory } from "./EncodedHistory.ts"
import { drawer, Graph, reordered } from "./Graphs.ts"

type Limits = typeof import("../../src/schema/platform/Limits.ts")

/** A program of its own, whose limits are these where they are not the usual ones. */
const programWith = async (limits: { readonly [Name in keyof Limits]?: number }) => {
  vi.resetModules()
  vi.doMock("../../src/schema/platform/Limits.ts", async (real) => ({ ...(await real<Limits>()), ...limits }))
  const { layer } = await import("../../src/layers/halo/OperationStore.ts")
  const { letIn, person } = await import("./Household.ts")
  vi.doUnmock("../../src/schema/platform/Limits.ts")
  return { layer, letIn, person }
}

const usual = await programWith({})
/** Each of them is one that peers may set as they like: marked P in docs/format.md, or with nothing. */
const tight = await programWith({
  ...{ waitingOperationBytesMax: 3_000, forwardedOperationsMax: 2, forwardedOperationsPerMinuteMax: 30 },
  ...{ quarantineOperationsMax: 1, turnBytesMax: 1_000, windowBytesMax: 4_000 }
})

const operationsOf = Effect.fnUntraced(function* ({ layer }: typeof usual, space: Uint8Array) {
  const platform = Layer.mergeAll(StorageMemory.layer, KeyringMemory.layer).pipe(Layer.provideMerge(CryptoNode.layer))
  const services = yield* Layer.build(Layer.fresh(Layer.provide(layer, platform)))
  return yield* Context.get(services, OperationStore).open(space, null)
})

/** Who is in, and how each operation stands. */
const toldBy = ({ list, membership, set }: SpaceOperations) => ({
  members: membership.members(),
  ids: Buffer.from(set.summary()).toString("hex"),
  standings: list()
    .map(({ operation: { id } }) => `${id} ${membership.standing(id)}`)
    .sort()
})

const Task = ObjectType.make("Task", { title: Schema.String })

describe("[S56] peers with different limits", () => {
  it.effect("[S56] say the same of the same operations, once each has taken them", () =>
    Effect.gen(function* () {
      let forgotten = 0
      for (let seed = 1; seed <= 20; seed++) {
        const graph = new Graph(seed).grow(30)
        const history = new EncodedHistory(graph)
        const [roomy, narrow] = [yield* operationsOf(usual, history.space), yield* operationsOf(tight, history.space)]
        yield* roomy.take(history.bytes)
        // children first, one by one, and offered again for as long as anything is new
        const backwards = [...reordered(graph.operations, drawer(seed))].reverse().map(({ id }) => history.made.get(id)!.bytes)
        for (let added = 1, round = 0; added > 0; round++) {
          added = 0
          for (const bytes of backwards) added += (yield* narrow.take([bytes])).added.length
          if (round > 0) forgotten += added
        }
        assert.deepStrictEqual(toldBy(narrow), toldBy(roomy), `seed ${seed}`)
      }
      assert.isAbove(forgotten, 0)
    })
  )

  it.effect("[S56] come to one state over the wire, whoever of them passes on what another wrote", () =>
    Effect.gen(function* () {
      const [ann, bob, carol] = [yield* usual.person, yield* tight.person, yield* usual.person]
      const hers = yield* ann.spaces.create({ name: "Home" })
      const his = yield* usual.letIn(hers, bob, "admin")
      // carol comes in by bob, whose limits are others
      const third = yield* tight.letIn(his, carol)
      for (let n = 0; n < 12; n++) {
        yield* hers.membership!.setPolicy(n % 2 === 0 ? "locked" : "invite")
        yield* his.membership!.setPolicy(n % 3 === 0 ? "locked" : "invite")
        for (const space of [hers, his, third]) yield* space.create(Task, { title: `${n}`.padEnd(3_000, "x") })
      }
      yield* elapse("3 minutes")
      for (const space of [his, third]) {
        assert.lengthOf(yield* space.query(Task).all, 36)
        assert.strictEqual(yield* space.stateHash, yield* hers.stateHash)
        assert.strictEqual(yield* space.frontier, yield* hers.frontier)
        assert.strictEqual(yield* space.membership!.policy, yield* hers.membership!.policy)
      }
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
