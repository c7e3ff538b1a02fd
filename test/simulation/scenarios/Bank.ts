/**
 * Durable accounts on several devices, and sagas that move money between them: withdraw here, deposit there, give it back when refused.
 *
 * Every decision is an event, refusals too, so a command that is sent again gets the answer that it had: a withdrawal that was refused and
 * arrives a second time, late, must not find the money that has come in since. A saga goes on by itself in each life; its desk, which
 * remembers those that are not over, starts it after the device was restarted.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { restart } from "../../../src/schema/actor/Supervision.ts"
import * as Actor from "../../../src/services/actor/Actor.ts"
import type { ActorSystem } from "../../../src/services/actor/ActorSystem.ts"
import { Persistence } from "../../../src/services/actor/Persistence.ts"
import type { Ledger } from "./BankLedger.ts"

const Outcome = Schema.Literals(["done", "refused"])
export type Outcome = typeof Outcome.Type
const Moving = { transfer: Schema.String, amount: Schema.Int }

export const Account = Actor.make("Account", [
  Rpc.make("Open", { payload: { amount: Schema.Int } }),
  Rpc.make("Withdraw", { payload: Moving, success: Outcome }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Deposit", { payload: Moving, success: Outcome }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Refund", { payload: Moving, success: Outcome }).annotate(Actor.Callers, Actor.members),
  Rpc.make("Close"),
  Rpc.make("Balance", { success: Schema.Int })
])

/** What an account decided. `amount` is what its balance changed by: nothing when it refused. */
export class Decided extends Schema.TaggedClass<Decided>()("Decided", {
  what: Schema.Literals(["Open", "Withdraw", "Deposit", "Refund", "Close"]),
  transfer: Schema.String,
  amount: Schema.Int,
  outcome: Outcome
}) {}

const Holding = Schema.Struct({ balance: Schema.Int, isClosed: Schema.Boolean })

const holding = {
  initial: { balance: 0, isClosed: false },
  state: Holding,
  apply: ({ balance, isClosed }: typeof Holding.Type, { amount, what }: Decided) => ({
    balance: balance + amount,
    isClosed: isClosed || what === "Close"
  })
}

/** A fault in the program itself, which a checker must find. */
export type Mistake = "deposit without command" | "reply before durable" | "no resuming" | "no refund"

/** What stops working is tried again, for as long as it takes. */
const supervision = restart({ times: 1_000, backoff: { first: "50 millis", most: "2 seconds" } })

const accounts = (ledger: Ledger, mistake: Mistake | null) =>
  Account.toLayer(
    Effect.gen(function* () {
      const self = yield* Account.self
      const journal = yield* Persistence.journal({ schema: Decided }, holding, { snapshotEvery: 5 })
      const decide = (what: Decided["what"], transfer: string, amount: number, outcome: Outcome) => {
        ledger.handled(self.address, what, transfer)
        const append = journal.append(new Decided({ what, transfer, amount: outcome === "done" ? amount : 0, outcome }))
        if (mistake !== "reply before durable" || what !== "Deposit") return Effect.as(append, outcome)
        self.turn(() => append)
        return Effect.succeed(outcome)
      }
      return Account.handlers({
        Open: ({ amount }) => decide("Open", "", amount, "done"),
        Withdraw: ({ amount, transfer }) => {
          const { balance, isClosed } = journal.state
          return decide("Withdraw", transfer, -amount, isClosed || balance < amount ? "refused" : "done")
        },
        Deposit: ({ amount, transfer }) => decide("Deposit", transfer, amount, journal.state.isClosed ? "refused" : "done"),
        // what is given back is taken, whatever has become of the account
        Refund: ({ amount, transfer }) => decide("Refund", transfer, amount, "done"),
        Close: () => decide("Close", "", 0, "done"),
        Balance: () => journal.state.balance
      })
    }),
    { supervision, passivateAfter: "3 seconds" }
  )

const Order = Schema.Struct({ from: Schema.String, to: Schema.String, amount: Schema.Int })
export type Order = typeof Order.Type

/** How far a transfer has come; `declined`, `deposited` and `refunded` are ends. */
const Stage = Schema.Literals(["asked", "withdrawn", "declined", "deposited", "refused", "refunded"])
export type Stage = typeof Stage.Type
export const isEnd = (stage: Stage): boolean => stage === "declined" || stage === "deposited" || stage === "refunded"

const Transfer = Actor.make("Transfer", [Rpc.make("Start", { payload: Order.fields })])

export class Reached extends Schema.TaggedClass<Reached>()("Reached", { stage: Stage, order: Schema.optionalKey(Order) }) {}

const Course = Schema.Struct({ stage: Schema.NullOr(Stage), order: Schema.NullOr(Order) })

const course = {
  initial: { stage: null, order: null },
  state: Course,
  apply: (state: typeof Course.Type, { order, stage }: Reached): typeof Course.Type => ({ stage, order: order ?? state.order })
}

/** The next step of each stage that is not an end: what is asked of which account, and what then is reached. */
const steps = {
  asked: { what: "Withdraw", of: "from", done: "withdrawn", refused: "declined" },
  withdrawn: { what: "Deposit", of: "to", done: "deposited", refused: "refused" },
  refused: { what: "Refund", of: "from", done: "refunded", refused: "refunded" }
} as const

/** Milliseconds that an account may take to answer, and until it is asked again. */
const patience = 2_000
const pause = 400

const transfers = (ledger: Ledger, mistake: Mistake | null) =>
  Transfer.toLayer(
    Effect.gen(function* () {
      const self = yield* Transfer.self
      const transfer = self.address
      const journal = yield* Persistence.journal({ schema: Reached }, course, { snapshotEvery: 2 })
      const desk = yield* Desk.client(deskOf(transfer))
      const context = yield* Effect.context<ActorSystem>()

      const ask = (stage: keyof typeof steps, order: Order) => {
        const { of, what } = steps[stage]
        const isNamed = mistake !== "deposit without command" || what !== "Deposit"
        const options = { timeout: patience, ...(isNamed ? { command: `${transfer} ${what}` } : {}) }
        const asked = Effect.flatMap(Account.client(order[of]), (account) =>
          account[what]({ transfer, amount: order.amount }, options)
        )
        return ledger.asked(order[of], what, transfer, Effect.provide(asked, context))
      }

      /** One step, and what follows it: the next, the same again after a while, or the end. */
      const go: Effect.Effect<unknown> = Effect.suspend(() => {
        const { order, stage } = journal.state
        if (order === null || stage === null) return Effect.void
        ledger.reached(transfer, stage)
        if (isEnd(stage)) return desk.tell("Settled", { id: transfer })
        const step = stage as keyof typeof steps
        if (mistake === "no refund" && step === "refused") return journal.append(new Reached({ stage: "refunded" }))
        return Effect.matchEffect(ask(step, order), {
          onFailure: () => Effect.sync(() => self.timer("again", { after: pause }, () => go)),
          onSuccess: (outcome) =>
            Effect.map(journal.append(new Reached({ stage: steps[step][outcome] })), () => self.turn(() => go))
        })
      })
      if (mistake !== "no resuming") self.turn(() => go)
      return Transfer.handlers({
        Start: (order) =>
          Effect.gen(function* () {
            if (journal.state.stage === null) yield* journal.append(new Reached({ stage: "asked", order }))
            else if (!isEnd(journal.state.stage)) return
            self.turn(() => go)
          })
      })
    }),
    { supervision, passivateAfter: "4 seconds" }
  )

const Desk = Actor.make("Desk", [
  Rpc.make("Send", { payload: { id: Schema.String, ...Order.fields } }),
  Rpc.make("Settled", { payload: { id: Schema.String } })
])

/** A transfer that a desk was given, or that is over. */
export class Filed extends Schema.TaggedClass<Filed>()("Filed", { id: Schema.String, order: Schema.NullOr(Order) }) {}

const Pending = Schema.Record(Schema.String, Order)

const pending = {
  initial: {} as typeof Pending.Type,
  state: Pending,
  apply: (state: typeof Pending.Type, { id, order }: Filed) => {
    const { [id]: _, ...others } = state
    return order === null ? others : { ...others, [id]: order }
  }
}

/** Transfers are named after the peer whose desk was given them, as accounts are after theirs. */
export const peerOf = (address: string): string => address.split("/")[0]!
const deskOf = peerOf

const desks = Desk.toLayer(
  Effect.gen(function* () {
    const self = yield* Desk.self
    const journal = yield* Persistence.journal({ schema: Filed }, pending, { snapshotEvery: 10 })
    const context = yield* Effect.context<ActorSystem>()
    const start = (id: string, order: Order) =>
      Effect.provide(
        Effect.flatMap(Transfer.client(id), (transfer) => transfer.tell("Start", order)),
        context
      )
    const startAll = () => Effect.forEach(Object.entries(journal.state), ([id, order]) => start(id, order), { discard: true })
    self.timer("all", { every: "5 seconds" }, startAll)
    self.turn(startAll)
    return Desk.handlers({
      Send: ({ id, ...order }) =>
        Effect.gen(function* () {
          yield* journal.append(new Filed({ id, order }))
          self.turn(() => start(id, order))
        }),
      Settled: ({ id }) => (id in journal.state ? Effect.asVoid(journal.append(new Filed({ id, order: null }))) : undefined)
    })
  }),
  { supervision }
)

/** The desk of a peer, which begins by going on with what it had been given. */
export const deskAt = (peer: string) => Desk.client(peer)

/** What each life of a peer runs of the bank; `deviceOf` says which device a peer is. */
export const bank = (ledger: Ledger, deviceOf: (peer: string) => string, mistake: Mistake | null) =>
  Layer.mergeAll(accounts(ledger, mistake), transfers(ledger, mistake), desks).pipe(
    Layer.provideMerge(Account.placed((address) => deviceOf(peerOf(address))))
  )
