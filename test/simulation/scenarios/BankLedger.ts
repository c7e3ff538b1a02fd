/**
 * What people were told by a bank, what its actors did, and whether the journals on the disks bear it out.
 *
 * It stands outside the world. The journals are read from their records, without the service that keeps them, and all accounts are read
 * at one instant, so that money can be counted at any time: what was withdrawn and neither deposited nor given back is on its way.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { decodeTurn, JournalKeys } from "../../../src/schema/actor/JournalRecords.ts"
import type { Storage } from "../../../src/services/platform/Storage.ts"
import { type Decided, type Filed, isEnd, type Outcome, peerOf, type Reached, type Stage } from "./Bank.ts"

type Disk = Storage["Service"]
type Plain<A> = { readonly [K in keyof A]: A[K] }

/** The events of one actor, oldest first; what its keys leave out is told. */
const eventsOn = <A>(disk: Disk, actor: string, address: string) => {
  const keys = new JournalKeys(actor, address)
  return Effect.map(disk.range({ from: keys.turn(0), to: keys.end, limit: 100_000 }), (entries) => {
    const events: Array<Plain<A>> = []
    for (const { key, value } of entries) {
      const index = Number(new DataView(key.buffer, key.byteOffset + key.length - 8).getBigUint64(0))
      if (index !== events.length) return { events, hole: `${actor}/${address} has no event ${events.length}` }
      for (const { event } of Result.getOrThrow(decodeTurn(value)).events) events.push(event as Plain<A>)
    }
    return { events, hole: null }
  })
}

/** What came of a call. */
interface Answered {
  readonly account: string
  readonly what: string
  readonly transfer: string
  readonly outcome: Outcome
}

/** What happened to calls and sagas, and how often. */
export interface Met {
  retry: number
  unreachable: number
  fateUnknown: number
  answeredByJournal: number
  declined: number
  refund: number
  crashWithSaga: number
}

export class Ledger {
  private readonly violations = new Set<string>()
  /** Who is told of what is wrong, once there is a trial. */
  tell: (check: string, says: string) => void = () => {}
  readonly met: Met = {
    retry: 0,
    unreachable: 0,
    fateUnknown: 0,
    answeredByJournal: 0,
    declined: 0,
    refund: 0,
    crashWithSaga: 0
  }
  /** Addresses of accounts, and what they were opened with. */
  readonly opened = new Map<string, number>()
  /** Transfers that a desk was asked to do, and whether it said that it will. */
  readonly sent = new Map<string, boolean>()
  private readonly answers: Array<Answered> = []
  /** The last stage of each transfer that somebody could know of. */
  private readonly stages = new Map<string, Stage>()
  /** Calls that were begun and not told to have never been sent: they may be handled at any time. */
  private readonly onTheirWay = new Set<string>()
  private readonly handlings = new Map<string, number>()

  /** A promise is broken: its name, and what is wrong. Said once, at once. */
  say(violation: string): void {
    if (this.violations.has(violation)) return
    this.violations.add(violation)
    const [check, ...says] = violation.split(": ")
    this.tell(check!, says.join(": "))
  }

  /** A handler ran: what is answered without it comes from the journal. */
  handled(account: string, what: string, transfer: string): void {
    const key = `${account} ${what} ${transfer}`
    this.handlings.set(key, (this.handlings.get(key) ?? 0) + 1)
  }

  /** A call of a saga, which notes what came of it. */
  asked<E extends { readonly _tag: string }>(account: string, what: string, transfer: string, call: Effect.Effect<Outcome, E>) {
    const key = `${account} ${what} ${transfer}`
    return Effect.suspend(() => {
      const before = this.handlings.get(key) ?? 0
      const isAlone = !this.onTheirWay.has(key)
      this.onTheirWay.add(key)
      return Effect.onExit(call, (exit) =>
        Effect.sync(() => {
          if (exit._tag === "Success") {
            this.answers.push({ account, what, transfer, outcome: exit.value })
            if (this.handlings.get(key) === before) this.met.answeredByJournal++
            return
          }
          this.met.retry++
          const [reason] = exit.cause.reasons
          if (reason?._tag !== "Fail" || reason.error._tag !== "ActorUnreachable") return
          if ((reason.error as unknown as { readonly isSent: boolean }).isSent) this.met.fateUnknown++
          else this.neverSent(key, isAlone, (this.handlings.get(key) ?? 0) - before)
        })
      )
    })
  }

  /** Of a call it was told that nothing happened; one before it may arrive late. */
  private neverSent(key: string, isAlone: boolean, handled: number): void {
    this.met.unreachable++
    if (!isAlone) return
    this.onTheirWay.delete(key)
    if (handled > 0) this.say(`calls: ${key} was never sent, as was told, and it was handled ${handled} times meanwhile`)
  }

  /** A saga has durably come to a stage. */
  reached(transfer: string, stage: Stage): void {
    if (this.stages.get(transfer) === stage) return
    this.stages.set(transfer, stage)
    if (stage === "declined") this.met.declined++
    if (stage === "refunded") this.met.refund++
  }

  /** The process or machine of a peer crashed. */
  crashed(peer: string): void {
    for (const [transfer, stage] of this.stages) {
      if (peerOf(transfer) !== peer || isEnd(stage)) continue
      this.met.crashWithSaga++
      return
    }
  }

  /** Counts all money, wherever it is, and looks for what no transfer may ever look like. */
  count(disks: ReadonlyMap<string, Disk>) {
    return Effect.gen({ self: this }, function* () {
      const done = new Map<string, Map<string, number>>()
      let sum = 0
      for (const account of this.opened.keys()) {
        const { events, hole } = yield* eventsOn<Decided>(disks.get(peerOf(account))!, "Account", account)
        if (hole !== null) this.say(`lost: ${hole}`)
        for (const { amount, outcome, transfer, what } of events) {
          sum += amount
          const of = done.get(transfer) ?? new Map<string, number>()
          done.set(transfer, of)
          const kind = what === "Open" || what === "Close" ? `${what} ${account}` : what
          if (of.has(kind)) this.say(`applied twice: ${what} of ${transfer} in ${account}`)
          of.set(kind, outcome === "done" ? amount : 0)
        }
      }
      let onItsWay = 0
      for (const [transfer, of] of done) {
        if (transfer === "") continue
        const [out, into, back] = ["Withdraw", "Deposit", "Refund"].map((what) => of.get(what) ?? 0) as [number, number, number]
        if (into > 0 && back > 0) this.say(`money: ${transfer} was deposited and given back`)
        if (into + back > -out) this.say(`money: ${transfer} took ${-out} and gave ${into + back}`)
        onItsWay -= out + into + back
      }
      const total = [...this.opened.values()].reduce((all, amount) => all + amount, 0)
      if (sum + onItsWay !== total) this.say(`money: there are ${sum} and ${onItsWay} on the way, and there were ${total}`)
      return onItsWay
    })
  }

  /** Transfers that a desk knows and that are not over, on the disks as they are. */
  open(disks: ReadonlyMap<string, Disk>) {
    return Effect.gen(function* () {
      const open = new Set<string>()
      for (const [peer, disk] of disks) {
        const { events } = yield* eventsOn<Filed>(disk, "Desk", peer)
        for (const { id, order } of events) {
          if (order === null) open.delete(id)
          else open.add(id)
        }
      }
      return open
    })
  }

  /** What the events of an account amount to. */
  balance(disks: ReadonlyMap<string, Disk>, account: string) {
    const read = eventsOn<Decided>(disks.get(peerOf(account))!, "Account", account)
    return Effect.map(read, ({ events }) => events.reduce((sum, { amount }) => sum + amount, 0))
  }

  /** Whether what was told is what the disks hold, now that all is over. */
  compare(disks: ReadonlyMap<string, Disk>) {
    return Effect.gen({ self: this }, function* () {
      const onItsWay = yield* this.count(disks)
      if (onItsWay !== 0) this.say(`money: ${onItsWay} are on the way although every transfer is over`)
      for (const { account, outcome, transfer, what } of this.answers) {
        const { events } = yield* eventsOn<Decided>(disks.get(peerOf(account))!, "Account", account)
        if (!events.some((event) => event.what === what && event.transfer === transfer && event.outcome === outcome))
          this.say(`lost: ${account} answered "${outcome}" to ${what} of ${transfer}, and does not know of it`)
      }
      for (const [transfer, isPromised] of this.sent) {
        const disk = disks.get(peerOf(transfer))!
        const filed = (yield* eventsOn<Filed>(disk, "Desk", peerOf(transfer))).events.filter(({ id }) => id === transfer)
        if (isPromised && filed.length === 0) this.say(`lost: the desk has taken ${transfer}, and does not know of it`)
        const { events } = yield* eventsOn<Reached>(disk, "Transfer", transfer)
        const stages = events.map(({ stage }) => stage)
        if (filed.length > 0 && !stages.some(isEnd)) this.say(`liveness: ${transfer} stopped at ${stages.at(-1) ?? "nothing"}`)
        const known = this.stages.get(transfer)
        if (known !== undefined && !stages.includes(known)) this.say(`lost: ${transfer} had ${known}, and does not know of it`)
      }
    })
  }
}
