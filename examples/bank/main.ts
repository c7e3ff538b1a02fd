/**
 * A bank: durable accounts, a transfer between two of them that survives a crash in the middle, and a restart of the whole process.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { Actor, PeerActors, Persistence, Supervision } from "troupe"
import { StorageLevel } from "troupe/node"

// #region account
class TooLittle extends Schema.TaggedError<TooLittle>()("TooLittle", { balance: Schema.Int }) {}

const Account = Actor.make("Account", [
  Rpc.make("Deposit", { payload: { amount: Schema.Int }, success: Schema.Int }),
  Rpc.make("Withdraw", { payload: { amount: Schema.Int }, success: Schema.Int, error: TooLittle }),
  Rpc.make("Balance", { success: Schema.Int }),
  Rpc.make("Crash")
])

class Moved extends Schema.TaggedClass<Moved>()("Moved", { amount: Schema.Int }) {}

const AccountLive = Account.toLayer(
  Effect.gen(function* () {
    const journal = yield* Persistence.journal(
      { schema: Moved },
      { initial: 0, state: Schema.Int, apply: (balance, { amount }) => balance + amount },
      { snapshotEvery: 100 }
    )
    return Account.handlers({
      Deposit: ({ amount }) => journal.append(new Moved({ amount })),
      Withdraw: ({ amount }) =>
        journal.state < amount
          ? Effect.fail(new TooLittle({ balance: journal.state }))
          : journal.append(new Moved({ amount: -amount })),
      Balance: () => journal.state,
      Crash: () => Effect.die("lightning")
    })
  }),
  { mailbox: { capacity: 1_000, overflow: "suspend" }, supervision: Supervision.restart({ times: 3, within: "10 seconds" }) }
)
// #endregion account

// #region transfer
/** Both halves carry the id of the transfer, so that the whole may be repeated until it has been done once. */
const transfer = (id: string, from: string, to: string, amount: number) =>
  Effect.gen(function* () {
    const [payer, payee] = [yield* Account.client(from), yield* Account.client(to)]
    yield* payer.Withdraw({ amount }, { command: id })
    yield* payee.Deposit({ amount }, { command: id })
  })
// #endregion transfer

const balances = Effect.gen(function* () {
  const [anna, ben] = [yield* Account.client("anna"), yield* Account.client("ben")]
  yield* Console.log("Anna has", yield* anna.Balance(), "and Ben has", yield* ben.Balance())
})

const monday = Effect.gen(function* () {
  const anna = yield* Account.client("anna")
  yield* anna.Deposit({ amount: 100 })
  const refused = yield* Effect.flip(transfer("t1", "anna", "ben", 500))
  yield* Console.log("Too much:", refused._tag)
  yield* transfer("t2", "anna", "ben", 30)
  const crashed = yield* Effect.flip(anna.Crash())
  yield* Console.log("Anna's account:", crashed._tag)
  yield* transfer("t2", "anna", "ben", 30)
  yield* balances
})

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bank-"))
/** What one process of the bank runs. */
const process = () =>
  Layer.fresh(AccountLive.pipe(Layer.provideMerge(PeerActors.layerDurable), Layer.provide(StorageLevel.layer({ folder }))))

await Effect.runPromise(Effect.provide(monday, process()))
await Effect.runPromise(Effect.provide(Effect.andThen(transfer("t2", "anna", "ben", 30), balances), process()))
fs.rmSync(folder, { recursive: true })
