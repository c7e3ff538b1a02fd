/**
 * A durable account that tests of persistence deposit into, and a storage that breaks when it is told to.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import * as PeerActors from "../../src/layers/peer/PeerActors.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { type Policy, restart } from "../../src/schema/actor/Supervision.ts"
import * as Actor from "../../src/services/actor/Actor.ts"
import { Persistence } from "../../src/services/actor/Persistence.ts"
import { Storage, StorageFailed } from "../../src/services/platform/Storage.ts"

class Deposited extends Schema.TaggedClass<Deposited>()("Deposited", { amount: Schema.Number }) {}
class Closed extends Schema.TaggedError<Closed>()("Closed", { balance: Schema.Number }) {}

export const Account = Actor.make("Account", [
  Rpc.make("Deposit", { payload: { amount: Schema.Number }, success: Schema.Number, error: Closed }),
  /** Appends two events, and then fails when it is told to: with its error, or by breaking. */
  Rpc.make("Twice", { payload: { amount: Schema.Number, and: Schema.String }, success: Schema.Void, error: Closed }),
  Rpc.make("Balance", { success: Schema.Number })
])

const events = { schema: Schema.Union([Deposited]) }
const fold = {
  initial: { balance: 0, deposits: 0 },
  state: Schema.Struct({ balance: Schema.Number, deposits: Schema.Number }),
  apply: (state: { readonly balance: number; readonly deposits: number }, { amount }: Deposited) => ({
    balance: state.balance + amount,
    deposits: state.deposits + 1
  })
}

export const accounts = (snapshotEvery: number, supervision: Policy = restart({ times: 1_000 })) =>
  Account.toLayer(
    Effect.gen(function* () {
      const journal = yield* Persistence.journal(events, fold, { snapshotEvery })
      return Account.handlers({
        Deposit: ({ amount }) => Effect.map(journal.append(new Deposited({ amount })), ({ balance }) => balance),
        Twice: ({ amount, and }) =>
          Effect.gen(function* () {
            yield* journal.append(new Deposited({ amount }), new Deposited({ amount }))
            if (and === "fail") return yield* new Closed({ balance: journal.state.balance })
            if (and === "break") return yield* Effect.die(new Error("broken"))
          }),
        Balance: () => journal.state.balance
      })
    }),
    { supervision }
  )

/** A storage over another, whose next write may be refused, or kept and yet reported as failed. */
export class Breaking {
  readonly inner = StorageMemory.make()
  writes = 0
  reads = 0
  /** What becomes of the write of this number, from 1. */
  at = 0
  how: "refused" | "kept" | "unread" = "refused"

  get storage(): Storage["Service"] {
    const failed = Effect.fail(new StorageFailed({ folder: "memory", operation: "write", cause: "planted" }))
    return Storage.make({
      getMany: (keys) =>
        Effect.suspend(() => (this.how === "unread" && ++this.reads === this.at ? failed : this.inner.getMany(keys))),
      range: this.inner.range,
      write: (batch, options) =>
        Effect.suspend(() => {
          if (++this.writes !== this.at || this.how === "unread") return this.inner.write(batch, options)
          return this.how === "kept" ? Effect.andThen(this.inner.write(batch, options), failed) : failed
        })
    })
  }
}

/** What a process has: actors over a storage. */
export const process = (storage: Storage["Service"], actors = accounts(3)) =>
  Layer.fresh(actors.pipe(Layer.provideMerge(PeerActors.layerDurable), Layer.provide(Layer.succeed(Storage, storage))))
