/**
 * Money moves between durable accounts on several devices, and counters crash beside them, while everything that can break does.
 *
 * Then all heals, and within a while no transfer may be on its way any more. What is checked is told at `violations`: money is conserved,
 * nothing that was acknowledged is lost, nothing is applied twice, supervision keeps its rules, and nothing runs on after a close.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { lasting, swarm } from "../../../src/schema/simulation/Faults.ts"
import { drawn, streamOf } from "../../../src/schema/simulation/Seed.ts"
import type { SpaceService } from "../../../src/services/echo/SpaceService.ts"
import { Peer } from "../../../src/services/peer/Peer.ts"
import * as Simulation from "../../../src/services/simulation/Simulation.ts"
import type { Trial } from "../../../src/services/simulation/Trial.ts"
import * as Workload from "../../../src/services/simulation/Workload.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"
import { Account, bank, deskAt, type Mistake } from "./Bank.ts"
import { Ledger } from "./BankLedger.ts"
import { type Rules, Tally } from "./Counters.ts"

/** Seconds in which all transfers must be over when everything has healed. */
const settleSeconds = 90

const accountsEach = 3
const openedWith = 100

/** Somebody sends money or closes an account, or two who do not wait for each other ask counters, break them and end them. */
const Doing = Schema.Struct({
  do: Schema.Literals(["send", "close", "count"]),
  from: Schema.Int,
  to: Schema.Int,
  amount: Schema.Int
})
type Doing = typeof Doing.Type

const workload = Workload.make<Doing, Schema.Json>({
  step: Doing,
  count: 420,
  by: (draw) => {
    const kind = draw(120)
    const doing = kind < 35 ? "send" : kind < 36 ? "close" : "count"
    return { do: doing, from: draw(1_000), to: draw(1_000_000), amount: 1 + draw(60) }
  },
  lane: (step) => (step.do === "count" ? `count ${step.from % 2}` : "send")
})

class Actors {
  readonly ledger = new Ledger()
  private readonly mistake: Mistake | null
  private trial!: Trial<Doing>
  private readonly rules: Rules
  private ticket: string | null = null
  private readonly devices = new Map<string, string>()
  /** The counters of all lives, and of each peer those of the life that it is in. */
  private readonly tallies: Array<Tally> = []
  private readonly counters = new Map<string, Tally>()

  constructor(mistake: Mistake | null, seed: number) {
    this.mistake = mistake
    const draw = streamOf(seed, "rules")
    const strategy = draw.oneIn(4) ? "all-for-one" : "one-for-one"
    this.rules = { strategy, overflow: draw.pick(["suspend", "reject", "dropOldest"] as const) }
  }

  /** What each life of a peer begins with. */
  readonly layer = (peer: string) => {
    const tally = new Tally(this.rules)
    this.tallies.push(tally)
    this.counters.set(peer, tally)
    const actors = Layer.merge(
      bank(this.ledger, (of) => this.devices.get(of) ?? "", this.mistake),
      tally.layer
    )
    const goingOn = Effect.gen({ self: this }, function* () {
      const { spaces } = yield* Peer
      if (this.ticket !== null) yield* Effect.forkScoped(opened(spaces, this.ticket))
      if (this.mistake !== "no resuming") yield* (yield* deskAt(peer)).start
    })
    return Layer.provideMerge(Layer.effectDiscard(goingOn), actors)
  }

  readonly run = (trial: Trial<Doing>) => {
    this.trial = trial
    this.ledger.tell = trial.say
    return Effect.scoped(
      Effect.andThen(
        this.happen,
        Effect.sync(() => this.count())
      )
    )
  }

  private count(): void {
    const { met, sent } = this.ledger
    const counterCrash = this.tallies.reduce((sum, { crashes }) => sum + crashes, 0)
    for (const [name, times] of Object.entries({ transfers: sent.size, counterCrash, ...met })) this.trial.met(name, times)
  }

  private readonly happen = Effect.gen({ self: this }, function* () {
    const { trial } = this
    yield* this.begin
    const scope = yield* Effect.scope
    yield* Effect.forkIn(this.look, scope)
    yield* trial.play((step, peer) => this.perform(step, peer))
    yield* this.settle
    // the last asks, in lives that began when all had healed, take 5 s at most
    yield* Effect.sleep("6 seconds")
    yield* this.check
  })

  private get disks() {
    return new Map(this.trial.peers.map(({ disk, name }) => [name, disk]))
  }

  private readonly begin = Effect.gen({ self: this }, function* () {
    for (const peer of this.trial.peers) this.devices.set(peer.name, yield* peer.run(Effect.map(Peer, ({ device }) => device)))
    this.ticket = (yield* this.trial.together("Bank")).ticket
    for (const peer of this.trial.peers)
      for (let n = 0; n < accountsEach; n++) {
        const address = `${peer.name}/${n}`
        const open = Effect.flatMap(Account.client(address), (account) => account.Open({ amount: openedWith }))
        yield* peer.run(open)
        this.ledger.opened.set(address, openedWith)
      }
  })

  private perform(step: Doing, peer: SimulatedPeer): Effect.Effect<unknown, unknown> {
    if (step.do === "send") return this.send(step, peer)
    if (step.do === "count") {
      let n = 0
      const draw = (below: number) => drawn(step.to, n++, below)
      return peer.run(Effect.suspend(() => this.counters.get(peer.name)!.act(draw)))
    }
    const address = `${peer.name}/0`
    return peer.run(Effect.flatMap(Account.client(address), (account) => account.Close(undefined, { command: "close" })))
  }

  private send(step: Doing, peer: SimulatedPeer) {
    const addresses = [...this.ledger.opened.keys()]
    const from = step.from % addresses.length
    const to = (from + 1 + (step.to % (addresses.length - 1))) % addresses.length
    const order = { from: addresses[from]!, to: addresses[to]!, amount: step.amount }
    const id = `${peer.name}/${this.ledger.sent.size}`
    this.ledger.sent.set(id, false)
    const sent = peer.run(Effect.flatMap(deskAt(peer.name), (desk) => desk.Send({ id, ...order }, { command: id })))
    return Effect.tap(sent, () => Effect.sync(() => this.ledger.sent.set(id, true)))
  }

  /** Money is conserved at every moment, and not only in the end. */
  private readonly look = Effect.gen({ self: this }, function* () {
    while (!(yield* this.trial.isCalm)) {
      yield* Effect.sleep("3 seconds")
      yield* this.ledger.count(this.disks)
    }
  })

  private readonly settle = Effect.gen({ self: this }, function* () {
    const attempt = Effect.gen({ self: this }, function* () {
      while ((yield* this.ledger.open(this.disks)).size > 0) yield* Effect.sleep("500 millis")
    })
    const isDone = yield* Effect.timeoutOption(attempt, `${settleSeconds} seconds`)
    if (isDone._tag === "Some") return
    const open = [...(yield* this.ledger.open(this.disks))]
    this.ledger.say(`liveness: ${open.join(", ")} not over ${settleSeconds} s after everything had healed`)
  })

  private readonly check = Effect.gen({ self: this }, function* () {
    yield* this.ledger.compare(this.disks)
    for (const address of this.ledger.opened.keys()) {
      const peer = this.trial.peer(address.split("/")[0]!)
      const shown = yield* peer.run(Effect.flatMap(Account.client(address), (account) => account.Balance()))
      const held = yield* this.ledger.balance(this.disks, address)
      if (shown !== held) this.ledger.say(`state: ${address} shows ${shown}, and its events amount to ${held}`)
    }
    const running = new Set(this.counters.values())
    for (const tally of this.tallies)
      for (const problem of tally.problems(!running.has(tally))) this.ledger.say(`counters: ${problem}`)
  })
}

/** Opens the space in which the devices meet, however often that takes: the disk may be full. */
const opened = (spaces: SpaceService["Service"], ticket: string) => Effect.retry(spaces.open(ticket), Schedule.spaced("1 second"))

export const actors = (mistake: Mistake | null = null): Simulation.Simulation =>
  Simulation.makeWith<Doing>("actors", { peers: 3, faults: lasting(swarm, 25), workload, seeds: 20 }, ({ seed }) => {
    const running = new Actors(mistake, seed)
    return { layer: running.layer, body: running.run, onCrash: (peer) => running.ledger.crashed(peer) }
  })
