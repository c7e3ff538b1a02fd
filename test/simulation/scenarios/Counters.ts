/**
 * Counters that break by planted defects while others go on, and whether their supervision keeps the rules of docs/actors.md.
 *
 * Each life of a process has a `Tally`: what its counters did, in order, and how every message ended. The rules are asked of it afterwards.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type { Overflow } from "../../../src/schema/actor/Mailbox.ts"
import { type Directive, restart, type Strategy } from "../../../src/schema/actor/Supervision.ts"
import * as Actor from "../../../src/services/actor/Actor.ts"
import type { ActorError } from "../../../src/services/actor/ActorRef.ts"
import type { ActorSystem } from "../../../src/services/actor/ActorSystem.ts"
import { elapsedMillis } from "../../../src/services/platform/Elapsed.ts"

const directives = ["resume", "restart", "stop", "escalate"] as const
const Numbered = { id: Schema.Int }
class Refused extends Schema.TaggedError<Refused>()("Refused", Numbered) {}

const Counter = Actor.make("Counter", [
  Rpc.make("Add", { payload: Numbered, success: Schema.Int }),
  Rpc.make("Slow", { payload: { ...Numbered, millis: Schema.Int }, success: Schema.Int }),
  Rpc.make("Refuse", { payload: Numbered, error: Refused }),
  Rpc.make("Break", { payload: { ...Numbered, how: Schema.Literals(directives) } })
])

/** A fault in a handler, and what its supervisor is to do about it. */
class Planted extends Error {
  readonly how: Directive
  constructor(how: Directive) {
    super(`planted: ${how}`)
    this.how = how
  }
}

type Entry = { readonly at: number; readonly address: string } & (
  | { readonly kind: "on" | "off" | "told to end or start" }
  | { readonly kind: "begins" | "ends"; readonly id: number; readonly total: number }
  | { readonly kind: "breaks"; readonly id: number; readonly how: Directive }
)

/** A message: how it ended when it was asked, and what is known of its fate when it was told. */
interface Sent {
  readonly address: string
  exit: Exit.Exit<unknown, ActorError | Refused> | null
  told: Actor.Told | null
}

const never = "it never ended"
/** Fates of messages whose turn had begun. */
const begunFates: ReadonlyArray<string> = ["handled", "failed", "crashed"]

export interface Rules {
  readonly strategy: Strategy
  readonly overflow: Overflow
}

const passivateMillis = 1_500
const firstPause = 50
/** How long it may take until all are ended or restarted of whom one crashed. */
const carriedOutMillis = 5_000
const addresses = ["a", "b", "c", "d"]

/** The counters of one life of a process. */
export class Tally {
  readonly layer: Layer.Layer<never, never, ActorSystem>
  private readonly rules: Rules
  private readonly log: Array<Entry> = []
  /** By their ids. */
  private readonly messages: Array<Sent> = []

  constructor(rules: Rules) {
    this.rules = rules
    const { log } = this
    const build = Effect.gen(function* () {
      const { address } = yield* Counter.self
      const clock = yield* Clock.Clock
      const note = (entry: { readonly [key: string]: unknown; readonly kind: Entry["kind"] }) =>
        log.push({ at: elapsedMillis(clock), address, ...entry } as Entry)
      let total = 0
      note({ kind: "on" })
      yield* Effect.addFinalizer(() => Effect.sync(() => note({ kind: "off" })))
      const ended = (id: number): number => {
        note({ kind: "ends", id, total })
        return total
      }
      return Counter.handlers({
        Add: ({ id }) => {
          total++
          note({ kind: "begins", id, total })
          return ended(id)
        },
        Slow: ({ id, millis }) => {
          note({ kind: "begins", id, total })
          return Effect.map(Effect.sleep(millis), () => ended(id))
        },
        Refuse: ({ id }) => {
          note({ kind: "begins", id, total })
          return Effect.fail(new Refused({ id }))
        },
        Break: ({ how, id }) => {
          total += 1_000
          note({ kind: "begins", id, total })
          note({ kind: "breaks", id, how })
          throw new Planted(how)
        }
      })
    })
    this.layer = Counter.toLayer(build, {
      mailbox: { capacity: 4, overflow: rules.overflow },
      strategy: rules.strategy,
      passivateAfter: passivateMillis,
      supervision: restart({
        times: 6,
        backoff: { first: firstPause, most: "1 second" },
        decide: (defect) => (defect instanceof Planted ? defect.how : "restart")
      })
    })
  }

  /** Messages that were sent. */
  get sent(): number {
    return this.messages.length
  }

  get crashes(): number {
    return this.log.filter(({ kind }) => kind === "breaks").length
  }

  /** Does one thing to one of the counters: asks, breaks, or ends it, or many of these at once. */
  act(draw: (below: number) => number): Effect.Effect<void, never, ActorSystem> {
    const address = addresses[draw(addresses.length)]!
    const kind = draw(20)
    if (kind < 2) return this.burst(address, draw)
    if (kind < 5) return this.told(address, (["stop", "kill", "start", "start", "start"] as const)[draw(5)]!)
    return this.send(address, draw)
  }

  /** More at once than it has room for; every other one of them is ended meanwhile. */
  private burst(address: string, draw: (below: number) => number): Effect.Effect<void, never, ActorSystem> {
    const sends = Array.from({ length: 8 }, () => this.send(address, draw))
    const [how, millis] = [(["stop", "kill"] as const)[draw(4)], draw(300)]
    const ended = how === undefined ? [] : [Effect.delay(this.told(address, how), millis)]
    return Effect.all([...sends, ...ended], { concurrency: "unbounded", discard: true })
  }

  private told(address: string, what: "stop" | "kill" | "start"): Effect.Effect<void, never, ActorSystem> {
    return Effect.gen({ self: this }, function* () {
      const counter = yield* Counter.client(address)
      this.log.push({
        kind: "told to end or start",
        address,
        at: yield* Effect.clockWith((clock) => Effect.succeed(elapsedMillis(clock)))
      })
      yield* counter[what]
    })
  }

  private send(address: string, draw: (below: number) => number): Effect.Effect<void, never, ActorSystem> {
    const id = this.messages.length
    const sent: Sent = { address, exit: null, told: null }
    this.messages.push(sent)
    const kind = draw(12)
    const millis = draw(400)
    // some defects are rarer, since they leave little to be asked
    const how = directives[[0, 0, 1, 1, 1, 1, 2, 3][draw(draw(3) === 0 ? 8 : 6)]!]!
    const options = { timeout: [100, 1_000, 5_000][draw(3)]! }
    return Effect.gen(function* () {
      const counter = yield* Counter.client(address)
      if (kind > 9) {
        sent.told = yield* counter.tell("Add", { id })
        return
      }
      const asked =
        kind < 5
          ? counter.Add({ id }, options)
          : kind < 7
            ? counter.Slow({ id, millis }, options)
            : kind < 8
              ? counter.Refuse({ id }, options)
              : counter.Break({ id, how }, options)
      sent.exit = yield* Effect.exit(asked as Effect.Effect<unknown, ActorError | Refused>)
    })
  }

  /** What is wrong; of a process that was killed it is not known how its last messages ended. */
  problems(wasKilled: boolean): ReadonlyArray<string> {
    return [...this.messageProblems(wasKilled), ...addresses.flatMap((address) => this.lifeProblems(address))]
  }

  private messageProblems(wasKilled: boolean): ReadonlyArray<string> {
    const problems: Array<string> = []
    for (const [id, sent] of this.messages.entries()) {
      const begun = this.log.filter((entry) => entry.kind === "begins" && entry.id === id).length
      if (begun > 1) problems.push(`handled twice: message ${id} of ${sent.address}`)
      const problem = this.endProblem(id, sent, begun > 0)
      if (problem === null || (problem === never && wasKilled)) continue
      problems.push(`${problem}: message ${id} of ${sent.address}, which was ${begun > 0 ? "" : "not "}begun`)
    }
    return problems
  }

  private endProblem(id: number, { address, exit, told }: Sent, isBegun: boolean): string | null {
    if (told !== null) {
      if (!told.isSettled) return never
      return begunFates.includes(told.fate) === isBegun ? null : `its fate was ${told.fate}`
    }
    if (exit === null) return never
    if (Exit.isSuccess(exit)) {
      const isSame = this.log.some((entry) => entry.kind === "ends" && entry.id === id && entry.total === exit.value)
      return isSame ? null : `it was answered ${String(exit.value)}, and not by its handler`
    }
    const [reason] = exit.cause.reasons
    if (reason?._tag !== "Fail") return `it ended with a defect (${String(exit.cause)})`
    const { error } = reason
    const wasBegun = error._tag === "AskTimeout" ? error.isBegun : error._tag === "ActorCrashed" || error._tag === "Refused"
    if (wasBegun !== isBegun) return `it ended with ${error._tag}`
    return error._tag === "ActorCrashed" && !this.isExcused(address, id) ? "a crash that was not its own ended it" : null
  }

  /** Whether a message broke its actor, or something ended that while it was handled. */
  private isExcused(address: string, id: number): boolean {
    const from = this.log.findIndex((entry) => entry.kind === "begins" && entry.id === id)
    const to = this.log.findIndex((entry, at) => at > from && entry.kind === "off" && entry.address === address)
    const isDuring = (at: number) => at > from && (to === -1 || at < to)
    return this.log.some((entry, at) => {
      if (entry.kind === "breaks" && entry.id === id) return true
      return this.mayEnd(entry, address) && (isDuring(at) || this.isRecent(entry, this.log[from]!))
    })
  }

  /** Whether something touched all so shortly before that it may still be carried out: they fall together one time after the other. */
  private isRecent(entry: Entry, now: Entry): boolean {
    return entry.kind === "breaks" && this.touchesAll(entry) && entry.at <= now.at && entry.at >= now.at - carriedOutMillis
  }

  private touchesAll({ how }: { readonly how: Directive }): boolean {
    return how === "escalate" || (this.rules.strategy === "all-for-one" && how !== "resume")
  }

  /** Whether something ends or restarts the actor of an address. */
  private mayEnd(entry: Entry, address: string): boolean {
    if (entry.kind === "told to end or start") return entry.address === address
    if (entry.kind !== "breaks" || entry.how === "resume") return false
    return this.touchesAll(entry) || entry.address === address
  }

  private lifeProblems(address: string): ReadonlyArray<string> {
    const problems: Array<string> = []
    let [lives, since, lastAt, mayBegin, broke] = [0, 0, 0, true, null as (Entry & { readonly kind: "breaks" }) | null]
    for (const [at, entry] of this.log.entries()) {
      if (this.mayEnd(entry, address)) mayBegin = true
      if (entry.address !== address) continue
      if (entry.kind === "off" && entry.at >= lastAt + passivateMillis) mayBegin = true
      if (entry.kind === "breaks") broke = entry
      if (entry.kind === "begins") {
        if (lives === 0) problems.push(`${address} handled a message before it was made`)
        if (broke !== null && broke.how !== "resume")
          problems.push(`${address} went on after a crash whose answer was ${broke.how}`)
        broke = null
      }
      if (entry.kind === "on") {
        const others = this.log.slice(since, at).filter((other) => other !== broke && this.mayEnd(other, address))
        const isByOthers = this.log.slice(0, at).some((other) => other !== broke && this.isRecent(other, entry))
        if (!mayBegin && !isByOthers) problems.push(`${address} was made anew, and nothing had ended it`)
        // a clock that begins to drift in a pause measures it otherwise than it was slept
        if (broke?.how === "restart" && others.length === 0 && !isByOthers && entry.at < broke.at + 0.9 * firstPause)
          problems.push(`${address} was restarted ${entry.at - broke.at} ms after its crash`)
        lives++
        since = at
        mayBegin = false
        broke = null
      }
      if (entry.kind !== "told to end or start") lastAt = entry.at
    }
    return problems
  }
}
